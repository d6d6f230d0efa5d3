//! What the targets share: every mirror there is, at every release that has it.

use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::{MachineStateSer, Release};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_tests::matrix::Root;
use devstate_tests::sample;
use devstate_versioning::ReleaseTable;

/// Takes a mirror and a release from the first two bytes, and gives them and the rest to one of the two.
pub fn choose(
    data: &[u8],
    on_sample: impl FnOnce(&Root<sample::Release>, sample::Release, &[u8]),
    on_device: impl FnOnce(&Root<Release>, Release, &[u8]),
) {
    let [mirror, release, rest @ ..] = data else { return };
    let samples = [
        Root::of::<sample::QueueSer>(),
        Root::of::<sample::LinkSer>(),
        Root::of::<sample::PairSer>(),
        Root::of::<sample::MachineSer>(),
    ];
    let devices = [
        Root::of::<RtcStateSer>(),
        Root::of::<SerialStateSer>(),
        Root::of::<KeyboardStateSer>(),
        Root::of::<MouseStateSer>(),
        Root::of::<I8042StateSer>(),
        Root::of::<MachineStateSer>(),
    ];
    let mirror = usize::from(*mirror) % (samples.len() + devices.len());
    match samples.get(mirror) {
        Some(root) => with_release(root, *release, |root, release| on_sample(root, release, rest)),
        None => {
            let root = &devices[mirror - samples.len()];
            with_release(root, *release, |root, release| on_device(root, release, rest));
        }
    }
}

fn with_release<R: ReleaseTable>(root: &Root<R>, byte: u8, then: impl FnOnce(&Root<R>, R)) {
    let release = R::ALL[usize::from(byte) % R::ALL.len()];
    if (root.version)(release) != 0 {
        then(root, release);
    }
}
