//! The PL031 real-time clock.

use core::cell::Cell;
use core::ops::Deref;
use std::sync::Arc;

use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_rtc_pl031 as pl031;
use devstate_rtc_pl031_ser::{RtcStateSer, VmSuperioRtcState as SavedState};

use crate::host_time::unix_time;

/// Receives the events of a clock.
pub trait RtcEvents {
    /// The guest read an offset that cannot be read.
    fn invalid_read(&self);

    /// The guest wrote to an offset that cannot be written.
    fn invalid_write(&self);
}

/// Ignores all events.
#[derive(Clone, Copy, Debug)]
pub struct NoEvents;

impl RtcEvents for NoEvents {
    fn invalid_read(&self) {}

    fn invalid_write(&self) {}
}

impl<EV: RtcEvents> RtcEvents for Arc<EV> {
    fn invalid_read(&self) {
        self.deref().invalid_read();
    }

    fn invalid_write(&self) {
        self.deref().invalid_write();
    }
}

/// The fields of a clock that vm-superio saves. The alarm and the fraction of a second are missing:
/// [`devstate_rtc_pl031_ser::RtcStateSer`] has them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RtcState {
    /// The last value written to RTCLR.
    pub lr: u32,
    /// Seconds from the host's Unix time to the clock's value.
    pub offset: i64,
    /// RTCMR.
    pub mr: u32,
    /// RTCIMSC.
    pub imsc: u32,
    /// RTCRIS.
    pub ris: u32,
}

/// A PL031 that shows the host's time. Register accesses have four bytes.
///
/// Here its alarm has no interrupt line. If you need the line, use [`devstate_rtc_pl031::Rtc`].
///
/// ```
/// use devstate_vm_superio::Rtc;
///
/// let mut rtc = Rtc::new();
/// rtc.write(0x08, &1_767_323_046_u32.to_le_bytes());
/// let mut value = [0; 4];
/// rtc.read(0x08, &mut value);
/// assert_eq!(u32::from_le_bytes(value), 1_767_323_046);
/// ```
#[derive(Debug)]
pub struct Rtc<EV: RtcEvents> {
    device: pl031::Rtc<NoInterrupt, Forward<EV>>,
}

/// Forwards the device's events, and remembers that a read was invalid.
#[derive(Debug)]
struct Forward<EV> {
    events: EV,
    invalid: Cell<bool>,
}

impl<EV: RtcEvents> pl031::RtcEvents for Forward<EV> {
    fn invalid_read(&self, _offset: u16) {
        self.invalid.set(true);
        self.events.invalid_read();
    }

    fn invalid_write(&self, _offset: u16, _value: u32) {
        self.events.invalid_write();
    }
}

/// Returns the moment of an access. It is the host's Unix time, so the clock follows it.
fn now() -> Instant {
    Instant::EPOCH.saturating_add(unix_time())
}

/// Returns the device's state at `now`. A value that does not fit 32 bits becomes the host's time.
fn state_at(saved: &SavedState, now: Instant) -> pl031::RtcState {
    let unix_time = now.since_epoch();
    let state = RtcStateSer::try_from(saved).ok().and_then(|mut mirror| {
        mirror.resolve(unix_time, now);
        pl031::RtcState::try_from(&mirror).ok()
    });
    state.unwrap_or_else(|| pl031::RtcState::at_unix_time(unix_time, now))
}

impl Default for Rtc<NoEvents> {
    fn default() -> Self {
        Self::new()
    }
}

impl Rtc<NoEvents> {
    /// Creates a clock that shows the host's time.
    #[must_use]
    pub fn new() -> Self {
        Self::with_events(NoEvents)
    }
}

impl<EV: RtcEvents> Rtc<EV> {
    /// Like [`new`](Rtc::new), with an event handler.
    pub fn with_events(events: EV) -> Self {
        Self::from_state(&RtcState::default(), events)
    }

    /// Creates a clock in a saved state. Only bit 0 of `imsc` and `ris` is used. If the clock's value does not fit 32
    /// bits, the clock shows the host's time.
    pub fn from_state(state: &RtcState, events: EV) -> Self {
        let RtcState {
            lr,
            offset,
            mr,
            imsc,
            ris,
        } = *state;
        let saved = SavedState {
            lr,
            offset,
            mr,
            imsc: imsc & 1,
            ris: ris & 1,
        };
        let events = Forward {
            events,
            invalid: Cell::new(false),
        };
        let now = now();
        let state = state_at(&saved, now);
        let mut device = pl031::Rtc::with_events(NoInterrupt, events);
        // The state is valid: it has a whole number of seconds, and registers of one bit.
        let restored = device.restore(&state, now, Clock::Wall);
        debug_assert!(restored.is_ok(), "{restored:?}");
        Self { device }
    }

    /// Returns the fields of the clock that vm-superio saves.
    pub fn state(&self) -> RtcState {
        let mirror = RtcStateSer::new(&self.device.state(now()));
        let SavedState {
            lr,
            offset,
            mr,
            imsc,
            ris,
        } = SavedState::try_from(&mirror).unwrap_or_default();
        RtcState {
            lr,
            offset,
            mr,
            imsc,
            ris,
        }
    }

    /// Returns the event handler.
    pub fn events(&self) -> &EV {
        &self.device.events().events
    }

    /// Writes the register at `offset` for the guest.
    pub fn write(&mut self, offset: u16, data: &[u8; 4]) {
        self.device.write(offset, u32::from_le_bytes(*data), now());
    }

    /// Reads the register at `offset` for the guest. At an offset that cannot be read, `data` is unchanged.
    pub fn read(&mut self, offset: u16, data: &mut [u8; 4]) {
        let offset = match offset {
            // The identification registers are read at any of their four bytes.
            pl031::spec::RTCPERIPHID0.. => offset & !3,
            _ => offset,
        };
        let value = self.device.read(offset, now());
        if !self.device.events().invalid.take() {
            *data = value.to_le_bytes();
        }
    }
}
