//! The host's policies for a UART.

use core::time::Duration;

use crate::spec::INPUT_CLOCK_HZ;

/// The host's policies for a UART. They are not part of [`SerialState`](crate::SerialState) and are not saved.
///
/// [`DEFAULT`](Self::DEFAULT) serves a host without a timer, such as one that was written for vm-superio.
///
/// ```
/// use core::time::Duration;
/// use devstate_core::NoInterrupt;
/// use devstate_serial_16550::{AlwaysReady, Config, NoEvents, OutputPolicy, Serial};
///
/// let config = Config {
///     stalled_output: OutputPolicy::DiscardAfter(Duration::from_secs(1)),
///     ..Config::WITH_TIMER
/// };
/// let mut console = [0; 80];
/// let serial = Serial::with_config(NoInterrupt, AlwaysReady(&mut console[..]), NoEvents, config);
/// assert_eq!(serial.config(), config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// `true` if the host calls [`advance`](crate::Serial::advance) at [`next_deadline`](crate::Serial::next_deadline).
    ///
    /// Without a timer, the receive time-out is due at once: characters below the trigger level interrupt when they
    /// arrive. If a guest does not read IIR, its THR-empty interrupt rises again with each character. With a timer, it
    /// rises again one character time after the last character.
    pub timer: bool,
    /// The policy for characters while the output is not ready or takes nothing.
    pub stalled_output: OutputPolicy,
    /// The policy for characters while the output returns errors.
    pub failed_output: OutputPolicy,
    /// `true` if [`receive`](crate::Serial::receive) takes characters only while the guest asserts DTR and RTS.
    ///
    /// Flow control saves the characters that the host has before the guest opens the port. Without it they are lost,
    /// because drivers clear the FIFO when they open the port.
    pub flow_control: bool,
    /// `true` if [`receive`](crate::Serial::receive) takes characters at most at the programmed speed: one for each
    /// character time that has passed, and at most 16 after a long pause. This needs a timer, because the event
    /// [`receive_ready`](crate::SerialEvents::receive_ready) comes at a deadline.
    pub receive_at_line_rate: bool,
    /// The frequency of the crystal in hertz. The divisor divides it. 0 counts as 1.
    ///
    /// A receive time-out is at most [`MAX_TIMEOUT_NANOS`](crate::SerialState::MAX_TIMEOUT_NANOS) long.
    pub input_clock_hz: u32,
}

impl Config {
    /// No timer; stalled output waits, failed output is discarded; no flow control, no pacing, a PC's crystal.
    pub const DEFAULT: Self = Self {
        timer: false,
        stalled_output: OutputPolicy::Keep,
        failed_output: OutputPolicy::Discard,
        flow_control: false,
        receive_at_line_rate: false,
        input_clock_hz: INPUT_CLOCK_HZ,
    };

    /// The default for a host with a timer.
    pub const WITH_TIMER: Self = Self {
        timer: true,
        ..Self::DEFAULT
    };
}

impl Default for Config {
    /// Returns [`DEFAULT`](Self::DEFAULT).
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The policy for a character that the output did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OutputPolicy {
    /// It waits in the transmitter until [`drain_output`](crate::Serial::drain_output) sends it. The guest sees that the
    /// transmitter is full, and waits as well.
    Keep,
    /// It is discarded, and [`output_discarded`](crate::SerialEvents::output_discarded) counts it.
    Discard,
    /// It waits until the output has taken nothing for this long. Then all waiting characters are discarded and counted.
    /// After that, each character that the output does not take at once is discarded too, until the output takes one again.
    ///
    /// With a timer, the characters are discarded at the deadline. Without a timer, they are discarded at the guest's
    /// next access after it.
    DiscardAfter(Duration),
}
