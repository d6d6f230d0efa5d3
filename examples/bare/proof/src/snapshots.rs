//! Everything between states and bytes, with each checksum.

use crate::devices::Anywhere;
use bare_machine::{BUFFER_LEN, MachineSer, Release};
use core::hint::black_box;
use core::time::Duration;
use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::{Instant, RtcState};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::checksum::{Checksum, Crc64, Crc64Nibbles, Crc64NoTable};
use devstate_versioning::inspect::{Item, PayloadSchema};
use devstate_versioning::wire::{VersionOf, Wire, downgrade_to, reencode, upgrade_from};
use devstate_versioning::{Architecture, Header, Loss, Options, ReleaseTable, Translated, locate};

pub fn prove(bytes: &mut [u8]) {
    prove_mirrors();
    prove_options::<Crc64>(bytes);
    prove_options::<Crc64NoTable>(bytes);
    prove_options::<Crc64Nibbles>(bytes);
    prove_payload(bytes);
    prove_inspection(bytes);
}

fn prove_mirrors() {
    let mut mirror = black_box(MachineSer::default());
    mirror.rtc.resolve(black_box(Duration::ZERO), black_box(Instant::EPOCH));
    black_box(mirror.serial.take_backlog());
    black_box(RtcState::try_from(&mirror.rtc).is_ok());
    black_box(SerialState::try_from(&mirror.serial).is_ok());
    black_box(I8042State::try_from(&mirror.i8042).is_ok());
    black_box(RtcStateSer::new(&black_box(RtcState::RESET)));
    black_box(SerialStateSer::new(&black_box(SerialState::RESET)));
    black_box(I8042StateSer::new(&black_box(I8042State::RESET)));
}

fn prove_options<C: Checksum>(bytes: &mut [u8]) {
    let options = Options::<C>::new(black_box(Architecture::Any));
    let foreign = options.load_any_architecture();
    let release = black_box(Release::LATEST);
    let mut mirror = black_box(MachineSer::default());
    let scratch = &mut black_box(MachineSer::default());

    black_box(options.verify(bytes).is_ok());
    black_box(Release::load(bytes, &mut mirror).is_ok());
    black_box(Release::load_with(options, bytes, &mut mirror).is_ok());
    black_box(Release::load_with(foreign, bytes, &mut mirror).is_ok());
    black_box(Release::save(&mirror, bytes).is_ok());
    prove_writing(&Release::latest(&mirror).with_options(options), bytes);
    if let Ok(older) = release.downgrade(&mirror, scratch) {
        prove_writing(&older.with_options(options), bytes);
    }
    let lossy = release.downgrade_lossy(&mirror, scratch, &mut |loss| black_box(*loss).ignorable);
    if let Ok(older) = lossy {
        prove_writing(&older.with_options(options), bytes);
    }
    if let Ok(older) = Release::downgrade_compatible(&mirror, release, scratch) {
        black_box(older.release());
        prove_writing(&older.with_options(options), bytes);
    }

    let mut memory = black_box([0; BUFFER_LEN]);
    let Some(buffer) = memory.get_mut(..black_box(7)) else {
        return;
    };
    black_box(options.read_from(&mut Anywhere, buffer).is_ok());
}

fn prove_writing<V, C>(translated: &Translated<'_, MachineSer, V, C>, bytes: &mut [u8])
where
    V: VersionOf<MachineSer>,
    C: Checksum,
    MachineSer: for<'de> Wire<'de, V>,
{
    black_box((translated.payload_len(), translated.snapshot_len()));
    black_box(translated.save(bytes).is_ok());
    black_box(translated.encode(bytes).is_ok());
    let mut memory = black_box([0; BUFFER_LEN]);
    let Some(gather) = memory.get_mut(..black_box(7)) else {
        return;
    };
    black_box(translated.write_to(&mut Anywhere, gather).is_ok());
}

fn prove_payload(bytes: &mut [u8]) {
    let release = black_box(Release::LATEST);
    let mut mirror = black_box(MachineSer::default());
    let scratch = &mut black_box(MachineSer::default());
    black_box(Header::peek(bytes).is_ok());
    black_box(release.decode(bytes, &mut mirror).is_ok());
    black_box(Release::decode_latest(bytes, &mut mirror).is_ok());
    let visit = &mut |loss: &Loss| {
        black_box(*loss);
    };
    black_box(release.losses(&mirror, scratch, visit).is_ok());
    Release::differences(&mirror, scratch, visit);
    black_box(release.fingerprint::<MachineSer>());
    let mut copy = black_box([0; BUFFER_LEN]);
    black_box(reencode(release, bytes, &mut mirror, &mut copy).is_ok());
    black_box(upgrade_from(&mut mirror.serial, black_box(1)).is_ok());
    black_box(downgrade_to(&mut mirror.serial, black_box(1)).is_ok());
}

/// By the schema alone, and where an error is.
fn prove_inspection(bytes: &[u8]) {
    let release = black_box(Release::LATEST);
    let visit = &mut |item: &Item<'_>| {
        black_box(*item);
    };
    let start = black_box(0);
    let schema = PayloadSchema::of::<_, MachineSer>(release);
    black_box(schema.walk(bytes, start, visit).is_ok());
    if let Ok(header) = Header::peek(bytes)
        && let Some(schema) = PayloadSchema::identify::<Release>(&header)
    {
        black_box((schema.root(), schema.version_of(schema.root())));
        black_box(schema.walk(bytes, start, visit).is_ok());
    }
    let mut mirror = black_box(MachineSer::default());
    if let Err(error) = Release::load(bytes, &mut mirror) {
        let error = black_box(error);
        black_box(locate::<Release, MachineSer>(bytes, &error));
        black_box(schema.locate(bytes, start, &error));
    }
}
