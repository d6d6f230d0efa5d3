//! The mirror of a PL031's state, with the fields of all versions.

use core::time::Duration;
use devstate_core::{Instant, InvalidState};
use devstate_rtc_pl031::RtcState;
use devstate_versioning::{ConversionError, Versioned};

const NANOSECONDS: u64 = 1_000_000_000;

/// The wire form of [`RtcState`].
///
/// | version | fields |
/// |---|---|
/// | 1 | `lr`, `offset`, `mr`, `imsc`, `ris`: the same fields and bytes that vm-superio-ser 0.4 writes with bincode |
/// | 2 | the whole state |
///
/// # Version 1 and the host's clock
///
/// Version 1 does not have the clock's value. It has the distance of the clock from the host's time, in seconds:
/// *value = Unix time + `offset`*. A mirror that was read from version 1 keeps that distance in
/// [`host_offset`](Self::host_offset) until [`resolve`](Self::resolve) supplies the host's time. Until then the
/// conversion to a state fails.
///
/// For a write at version 1, `saved_at` must be nanoseconds since the Unix epoch. A host with another epoch must first
/// move the state to Unix time with `RtcState::resumed`.
#[derive(Versioned, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[versioned(version = 2, layouts(0xdf8f_e952_ba7b_6ae7, 0x150a_2294_2c33_3652))]
pub struct RtcStateSer {
    /// The last value written to RTCLR.
    #[versioned(unit = "s")]
    pub lr: u32,
    /// Version 1 only: seconds from the host's Unix time to the clock's value. 0 in a mirror of the latest version.
    #[versioned(end = 2, ser_fn = relate_to_host, de_fn = keep_host_offset, unit = "s")]
    pub offset: i64,
    /// RTCMR.
    #[versioned(unit = "s")]
    pub mr: u32,
    /// RTCIMSC: 0 or 1.
    pub imsc: u32,
    /// RTCRIS: 0 or 1.
    pub ris: u32,
    /// RTCDR: the clock's value in seconds.
    #[versioned(start = 2, unit = "s")]
    pub counter: u32,
    /// Nanoseconds since the last tick.
    #[versioned(start = 2, unit = "ns")]
    pub sub_second_ns: u32,
    /// RTCCR: the clock runs. In version 1 it always runs.
    #[versioned(start = 2, default_fn = always_running)]
    pub enabled: bool,
    /// The moment of the save: nanoseconds since the caller's epoch.
    #[versioned(start = 2, unit = "ns")]
    pub saved_at: u64,
    /// The `offset` of version 1, if the mirror was read from version 1 and is not yet [resolved](Self::resolve).
    #[versioned(start = 2, unit = "s")]
    pub host_offset: Option<i64>,
}

impl RtcStateSer {
    /// Creates the mirror of `state`.
    #[must_use]
    pub const fn new(state: &RtcState) -> Self {
        let RtcState {
            counter,
            sub_second_ns,
            lr,
            mr,
            enabled,
            imsc,
            ris,
            saved_at,
        } = *state;
        Self {
            lr,
            offset: 0,
            mr,
            imsc: imsc as u32,
            ris: ris as u32,
            counter,
            sub_second_ns,
            enabled,
            saved_at: saved_at.as_nanos(),
            host_offset: None,
        }
    }

    /// Computes the clock's value in a mirror that was read from version 1. `unix_time` is the host's time at the
    /// moment `now`. Any other mirror is unchanged.
    ///
    /// As in vm-superio, the clock ticks with the host's seconds, and shows the host's time if the sum does not fit 32
    /// bits. The clock counts the time between save and restore, even if the restore uses `Clock::Frozen`, because
    /// version 1 has no other information. No alarm goes off for that time, because vm-superio has no alarm.
    ///
    /// ```
    /// use core::time::Duration;
    /// use devstate_core::{Clock, Instant, NoInterrupt};
    /// use devstate_rtc_pl031::{NoEvents, Rtc, RtcState, spec};
    /// use devstate_rtc_pl031_ser::RtcStateSer;
    ///
    /// # let mut mirror = RtcStateSer { host_offset: Some(-3600), enabled: true, ..RtcStateSer::default() };
    /// // Read from version 1, of a guest whose clock is an hour behind its host's.
    /// assert_eq!(mirror.host_offset, Some(-3600));
    /// // `SystemTime::now().duration_since(UNIX_EPOCH)` where there is a `std`.
    /// let unix_time = Duration::from_secs(1_767_323_046);
    /// let now = Instant::from_nanos(5_000);
    /// mirror.resolve(unix_time, now);
    ///
    /// let state = RtcState::try_from(&mirror)?;
    /// let mut rtc = Rtc::from_state(&state, NoInterrupt, NoEvents, now, Clock::Wall)?;
    /// assert_eq!(rtc.read(spec::RTCDR, now), 1_767_323_046 - 3600);
    /// # Ok::<(), devstate_core::InvalidState>(())
    /// ```
    pub const fn resolve(&mut self, unix_time: Duration, now: Instant) {
        let Some(offset) = self.host_offset.take() else {
            return;
        };
        let seconds = unix_time.as_secs();
        self.counter = match seconds.checked_add_signed(offset) {
            Some(value) if value <= u32::MAX as u64 => value as u32,
            _ => seconds as u32,
        };
        self.sub_second_ns = unix_time.subsec_nanos();
        self.saved_at = now.as_nanos();
    }

    /// Seconds from the host's Unix time at the moment of the save to the clock's value.
    fn offset_from_host(&self) -> i64 {
        let unix_seconds = (self.saved_at / NANOSECONDS).cast_signed();
        self.host_offset.unwrap_or(i64::from(self.counter) - unix_seconds)
    }
}

impl From<&RtcState> for RtcStateSer {
    fn from(state: &RtcState) -> Self {
        Self::new(state)
    }
}

impl TryFrom<&RtcStateSer> for RtcState {
    type Error = InvalidState;

    /// Converts a mirror to a state, and validates the state.
    ///
    /// # Errors
    ///
    /// - `imsc` or `ris` is neither 0 nor 1.
    /// - `host_offset` is not [resolved](RtcStateSer::resolve).
    /// - [`RtcState::validate`] refuses the state.
    fn try_from(mirror: &RtcStateSer) -> Result<Self, InvalidState> {
        let RtcStateSer {
            lr,
            offset: _,
            mr,
            imsc,
            ris,
            counter,
            sub_second_ns,
            enabled,
            saved_at,
            host_offset,
        } = *mirror;
        if let Some(offset) = host_offset {
            let reason = "relative to the host's clock: call `resolve` with the host's time";
            return Err(InvalidState::new("host_offset", offset.cast_unsigned(), reason));
        }
        if imsc | ris > 1 {
            return Err(not_a_bit(imsc, ris));
        }
        let state = Self {
            counter,
            sub_second_ns,
            lr,
            mr,
            enabled,
            imsc: imsc != 0,
            ris: ris != 0,
            saved_at: Instant::from_nanos(saved_at),
        };
        state.validate()?;
        Ok(state)
    }
}

/// Returns the error about the first register that is neither 0 nor 1.
#[cold]
fn not_a_bit(imsc: u32, ris: u32) -> InvalidState {
    let (field, value) = if imsc > 1 { ("imsc", imsc) } else { ("ris", ris) };
    InvalidState::new(field, value.into(), "a register of one bit")
}

const fn always_running(_version: u16) -> bool {
    true
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
const fn keep_host_offset(mirror: &mut RtcStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.host_offset = Some(mirror.offset);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
fn relate_to_host(mirror: &mut RtcStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.offset = mirror.offset_from_host();
    Ok(())
}
