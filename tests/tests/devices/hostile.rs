//! States that nobody saved: every byte of every field at every value, from used devices. A refusal names field and
//! value, and the device that was to be restored has not been touched.

use crate::states;
use devstate_core::{Clock, Instant, InterruptLine, InvalidState};
use devstate_i8042::{I8042, I8042State, SystemControl};
use devstate_models::{Named, i8042, rtc, serial};
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_serial_16550::{AlwaysReady, Config, Serial, SerialState};
use std::cell::Cell;
use std::fmt::Debug;

/// Anything that a device drives, and how often it did.
struct Wire<'a>(&'a Cell<usize>);

impl Wire<'_> {
    fn driven(&self) {
        self.0.set(self.0.get() + 1);
    }
}

impl InterruptLine for Wire<'_> {
    fn set_level(&mut self, _asserted: bool) {
        self.driven();
    }
}

impl SystemControl for Wire<'_> {
    fn set_a20(&mut self, _enabled: bool) {
        self.driven();
    }

    fn reset(&mut self) {
        self.driven();
    }
}

/// How many states were accepted and refused.
#[derive(Debug, Default)]
struct Outcome {
    accepted: usize,
    refused: usize,
}

impl Outcome {
    fn count<State: Named + PartialEq + Debug>(
        &mut self,
        state: &State,
        restored: Result<(), InvalidState>,
        created: Option<InvalidState>,
        untouched: impl FnOnce() -> bool,
    ) {
        assert_eq!(restored.err(), created, "from_state and restore agree");
        if let Err(error) = restored {
            state.assert_named(&error);
            assert!(untouched(), "touched by a refused state: {error}");
            self.refused += 1;
        } else {
            self.accepted += 1;
        }
    }
}

/// Used devices: as many as make the test last for seconds.
fn some<Mirror, State>(lived: impl Iterator<Item = Mirror>) -> Vec<State>
where
    State: for<'a> TryFrom<&'a Mirror, Error = InvalidState>,
{
    lived
        .step_by(23)
        .map(|mirror| State::try_from(&mirror).unwrap())
        .collect()
}

#[test]
fn of_the_clock() {
    let mut outcome = Outcome::default();
    for base in some::<_, RtcState>(states::rtcs()) {
        let driven = Cell::new(0);
        let mut device = Rtc::new(Wire(&driven));
        device.restore(&base, base.saved_at, Clock::Frozen).unwrap();
        for field in 0..rtc::FIELDS {
            for byte in 0..=u8::MAX {
                for shift in [0, 8, 16, 24, 32, 40, 48, 56] {
                    let mut state = base;
                    rtc::poke(&mut state, field, u64::from(byte) << shift);
                    driven.set(0);
                    let restored = device.restore(&state, base.saved_at, Clock::Frozen);
                    let no_events = devstate_rtc_pl031::NoEvents;
                    let created =
                        Rtc::from_state(&state, Wire(&Cell::new(0)), no_events, Instant::EPOCH, Clock::Wall).err();
                    outcome.count(&state, restored, created, || {
                        driven.get() == 0 && device.state(base.saved_at) == base
                    });
                    device.restore(&base, base.saved_at, Clock::Frozen).unwrap();
                }
            }
        }
    }
    assert!(outcome.accepted > 0 && outcome.refused > 1_000, "{outcome:?}");
}

#[test]
fn of_the_uart() {
    let mut outcome = Outcome::default();
    for base in some::<_, SerialState>(states::serials()) {
        let driven = Cell::new(0);
        let mut device = Serial::with_config(
            Wire(&driven),
            AlwaysReady(&mut [][..]),
            devstate_serial_16550::NoEvents,
            Config::WITH_TIMER,
        );
        device.restore(&base, base.saved_at, Clock::Frozen).unwrap();
        for field in 0..serial::FIELDS {
            for index in 0..16 {
                for byte in 0..=u8::MAX {
                    let mut state = base;
                    // Of wider fields, another byte for each index.
                    serial::poke(
                        &mut state,
                        field,
                        index,
                        u64::from(byte).rotate_left(8 * (index as u32 % 8)) | u64::from(byte),
                    );
                    driven.set(0);
                    let restored = device.restore(&state, base.saved_at, Clock::Frozen);
                    let (no_events, output) = (devstate_serial_16550::NoEvents, AlwaysReady(&mut [][..]));
                    let unused = Cell::new(0);
                    let created = Serial::from_state(
                        &state,
                        Wire(&unused),
                        output,
                        no_events,
                        Config::WITH_TIMER,
                        Instant::EPOCH,
                        Clock::Wall,
                    )
                    .err();
                    assert!(created.is_none() || unused.get() == 0, "driven by a refused state");
                    outcome.count(&state, restored, created, || {
                        driven.get() == 0 && device.state(base.saved_at) == base
                    });
                    device.restore(&base, base.saved_at, Clock::Frozen).unwrap();
                }
            }
        }
    }
    assert!(outcome.accepted > 10_000 && outcome.refused > 100_000, "{outcome:?}");
}

#[test]
fn of_the_keyboard_controller() {
    let mut outcome = Outcome::default();
    for base in some::<_, I8042State>(states::i8042s()) {
        let driven = Cell::new(0);
        let mut device = I8042::new(Wire(&driven), Wire(&driven), Wire(&driven));
        device.restore(&base).unwrap();
        for field in 0..i8042::FIELDS {
            for index in 0..32 {
                for byte in 0..=u8::MAX {
                    let mut state = base;
                    i8042::poke(
                        &mut state,
                        field,
                        index,
                        u16::from(byte).rotate_left(8 * (index as u32 / 4 % 2)),
                    );
                    driven.set(0);
                    let restored = device.restore(&state);
                    let unused = Cell::new(0);
                    let wire = || Wire(&unused);
                    let no_events = devstate_i8042::NoEvents;
                    let created = I8042::from_state(
                        &state,
                        wire(),
                        wire(),
                        wire(),
                        no_events,
                        devstate_i8042::Config::DEFAULT,
                    )
                    .err();
                    assert!(created.is_none() || unused.get() == 0, "driven by a refused state");
                    outcome.count(&state, restored, created, || {
                        driven.get() == 0 && device.state() == base
                    });
                    device.restore(&base).unwrap();
                }
            }
        }
    }
    assert!(outcome.accepted > 10_000 && outcome.refused > 100_000, "{outcome:?}");
}
