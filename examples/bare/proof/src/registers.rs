//! Buses, and hardware that says anything.

use core::hint::black_box;
use core::time::Duration;
use devstate_core::{
    ByteRegisters, Clock, Instant, InterruptLine, NoInterrupt, Region, RegisterIo, RepeatedAccess, RisingEdge, Trigger,
    WordRegisters,
};
use devstate_i8042::I8042State;
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;

/// Hardware of which nothing is known.
struct Anything;

impl<W: Default> RegisterIo<W> for Anything {
    fn read(&mut self, offset: u16) -> W {
        black_box(offset);
        black_box(W::default())
    }

    fn write(&mut self, offset: u16, value: W) {
        black_box((offset, value));
    }
}

impl Trigger for Anything {
    type E = u8;

    fn trigger(&self) -> Result<(), u8> {
        black_box(Err(0))
    }
}

pub fn prove(bytes: &mut [u8]) {
    let (address, shift) = black_box((0, 0));
    let len = black_box(8);
    let bus = ByteRegisters::with_shift(shift);
    if let Some(data) = bytes.get_mut(..len) {
        bus.read(address, data, |offset| black_box(offset as u8));
        bus.write(address, data, |offset, value| {
            black_box((offset, value));
        });
        let repeated = RepeatedAccess::of_size(black_box(0));
        repeated.read(data, |access| black_box(access).fill(1));
        repeated.write(data, |access| {
            black_box(access);
        });
        WordRegisters.read(address, data, |offset| black_box(offset.into()));
        black_box(WordRegisters.write(address, data, |offset, value| {
            black_box((offset, value));
        }));
    }
    let mut region = Region::from(bytes);
    black_box(region.resize(len).is_ok());
    black_box(region.as_mut_bytes());
    black_box(region.seal().into_bytes());

    let mut edge = RisingEdge::new(Anything);
    edge.set_level(black_box(true));
    black_box(edge.take_error());
    NoInterrupt.set_level(black_box(true));
    let now = black_box(Instant::EPOCH);
    black_box(black_box(Clock::Wall).elapsed(black_box(now), black_box(now)));
    prove_instant(now, black_box(Duration::ZERO));

    black_box(RtcState::capture(&mut Anything, now));
    black_box(black_box(RtcState::RESET).apply(&mut Anything).is_ok());
    black_box(SerialState::capture(&mut Anything, black_box(0), now));
    black_box(black_box(SerialState::RESET).apply(&mut Anything).is_ok());
    let known = black_box(I8042State::RESET);
    black_box(I8042State::capture(&mut Anything, &known).is_ok());
    black_box(known.apply(&mut Anything).is_ok());
}

fn prove_instant(at: Instant, by: Duration) {
    let nanos = black_box(0);
    black_box((Instant::from_millis(nanos), Instant::from_secs(nanos), at.since_epoch()));
    black_box((at.saturating_add(by), at.saturating_sub(by)));
    black_box((at.checked_add(by), at.checked_sub(by)));
    let other = black_box(at);
    black_box((at.saturating_duration_since(other), at.checked_duration_since(other)));
    black_box((
        at.saturating_nanos_since(other),
        at.saturating_add_nanos(nanos),
        at.checked_add_nanos(nanos),
    ));
}
