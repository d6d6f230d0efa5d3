//! The host's policies, which are not part of the state.

use core::time::Duration;

/// The host's policies for a device. They are not part of the state: each host sets its own at construction, with
/// [`I8042::with_config`](crate::I8042::with_config) or [`I8042::from_state`](crate::I8042::from_state).
///
/// ```
/// use core::time::Duration;
/// use devstate_core::{Instant, NoInterrupt};
/// use devstate_i8042::{Config, I8042, Key, NoControl, NoEvents};
///
/// let config = Config { byte_time: Duration::from_millis(1), ..Config::DEFAULT };
/// let mut i8042 = I8042::with_config(NoInterrupt, NoInterrupt, NoControl, NoEvents, config);
/// i8042.advance(Instant::from_millis(5));
/// i8042.key(Key::Up, true);
///
/// // A guest that reads twice within a millisecond gets the same byte twice.
/// assert_eq!([i8042.read(0), i8042.read(0)], [0xe0, 0xe0]);
///
/// // The host sets a timer for the deadline. Then the next byte is there.
/// assert_eq!(i8042.next_deadline(), Some(Instant::from_millis(6)));
/// i8042.advance(Instant::from_millis(6));
/// assert_eq!(i8042.read(0), 0x75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// The transfer time of a byte between the controller and a device. Zero, the default, delivers bytes at once.
    ///
    /// Real keyboards and mice take about 1 ms. Some guests (`SeaBIOS` among them) read the data port twice within that
    /// time and expect the same byte.
    ///
    /// With a time above zero, the next byte of keyboard or mouse does not appear at once. It appears this long after the guest
    /// has read a byte, or has sent one to a device. The host then calls
    /// [`I8042::advance`](crate::I8042::advance) before each access and at
    /// [`I8042::next_deadline`](crate::I8042::next_deadline).
    pub byte_time: Duration,
}

impl Config {
    /// Bytes are delivered at once.
    pub const DEFAULT: Self = Self {
        byte_time: Duration::ZERO,
    };
}

impl Default for Config {
    /// Returns [`Config::DEFAULT`].
    fn default() -> Self {
        Self::DEFAULT
    }
}
