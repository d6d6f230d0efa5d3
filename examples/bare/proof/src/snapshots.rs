//! Everything between states and bytes, with each checksum.

use bare_machine::{BUFFER_LEN, MachineSer, Release};
use core::hint::black_box;
use core::time::Duration;
use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::{Instant, RtcState};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::inspect::{Item, PayloadSchema};
use devstate_versioning::checksum::{Checksum, Crc64, Crc64Nibbles, Crc64NoTable};
use devstate_versioning::{Architecture, Header, Loss, Options, ReleaseTable, locate};

pub fn prove(bytes: &mut [u8]) {
    prove_mirrors();
    prove_container::<Crc64>(bytes);
    prove_container::<Crc64NoTable>(bytes);
    prove_container::<Crc64Nibbles>(bytes);
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

fn prove_container<C: Checksum>(bytes: &mut [u8]) {
    let container = Options::<C>::new(black_box(Architecture::Any));
    let foreign = container.load_any_architecture();
    let release = black_box(Release::LATEST);
    let mut mirror = black_box(MachineSer::default());
    let scratch = &mut black_box(MachineSer::default());

    black_box(container.verify(bytes).is_ok());
    black_box(container.load::<Release, _>(bytes, &mut mirror).is_ok());
    black_box(foreign.load::<Release, _>(bytes, &mut mirror).is_ok());
    black_box(container.save::<Release, _>(&mirror, bytes).is_ok());
    black_box(container.save_as(&mirror, release, bytes).is_ok());
    black_box(container.save_as_in(&mirror, release, bytes, scratch).is_ok());
    let lossy = container.save_lossy(&mirror, release, bytes, &mut |loss| {
        black_box(*loss);
    });
    black_box(lossy.is_ok());
    black_box(container.save_widest(&mirror, release, bytes).is_ok());

    let mut memory = black_box([0; BUFFER_LEN]);
    let Some(buffer) = memory.get_mut(..black_box(7)) else {
        return;
    };
    let mut stream = &mut bytes[..];
    black_box(container.save_to::<Release, _, _>(&mirror, buffer, &mut stream).is_ok());
    let mut stream = &mut bytes[..];
    black_box(container.save_as_to(&mirror, release, buffer, &mut stream).is_ok());
    let mut stream = &bytes[..];
    black_box(
        container
            .load_from::<Release, _, _>(&mut stream, buffer, &mut mirror)
            .is_ok(),
    );
}

fn prove_payload(bytes: &mut [u8]) {
    let release = black_box(Release::LATEST);
    let mut mirror = black_box(MachineSer::default());
    black_box(Header::peek(bytes).is_ok());
    black_box(encoded_len(&mirror, release));
    black_box(release.decode(bytes, &mut mirror).is_ok());
    black_box(payload::encode(&mirror, release, bytes).is_ok());
    let visit = &mut |loss: &Loss| {
        black_box(*loss);
    };
    black_box(release.losses(&mirror, &mut mirror.clone(), visit).is_ok());
    let scratch = &mut black_box(MachineSer::default());
    black_box(plan_in(&mirror, release, scratch, visit).is_ok());
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
    if let Err(error) = Options::<Crc64>::new(black_box(Architecture::Any)).load::<Release, _>(bytes, &mut mirror) {
        let error = black_box(error);
        black_box(locate::<Release, MachineSer>(bytes, &error));
        black_box(schema.locate(bytes, start, &error));
    }
}
