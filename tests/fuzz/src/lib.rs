//! What the targets share: every mirror there is, at every release that has it.

use devstate_tests::matrix::Root;
use devstate_tests::published::Release;
use devstate_tests::{published, sample};
use devstate_versioning::ReleaseTable;

/// The byte that chooses the mirror that borrows from its input. It came later, and the corpus goes on meaning the others.
const BORROWED: u8 = 0xff;

/// Takes a mirror and a release from the first two bytes, and gives them and the rest to one of the two.
pub fn choose(
    data: &[u8],
    on_sample: impl FnOnce(&Root<sample::Release>, sample::Release, &[u8]),
    on_device: impl FnOnce(&Root<Release>, Release, &[u8]),
) {
    let [mirror, release, rest @ ..] = data else { return };
    if *mirror == BORROWED {
        return with_release(&sample::borrowed_root(), *release, |root, release| {
            on_sample(root, release, rest);
        });
    }
    let (samples, devices) = (sample::roots(), published::roots());
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
