//! The frame of a character and its length in time.

use core::time::Duration;

use crate::spec::{INPUT_CLOCK_HZ, lcr};

/// The frame and the speed that the guest programmed.
///
/// ```
/// use core::time::Duration;
/// use devstate_core::{Instant, NoInterrupt};
/// use devstate_serial_16550::{AlwaysReady, Parity, Serial, StopBits};
///
/// let mut serial = Serial::new(NoInterrupt, AlwaysReady(&mut [][..]));
/// let now = Instant::EPOCH;
/// serial.write(3, 0x83, now);
/// serial.write(0, 1, now);
/// serial.write(3, 0x1b, now);
/// let line = serial.line_parameters();
/// assert_eq!((line.data_bits, line.parity, line.stop_bits), (8, Parity::Even, StopBits::One));
/// assert_eq!(line.baud_rate(), 115_200);
/// assert_eq!(line.character_time(), Duration::from_nanos(95_487));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineParameters {
    /// The divisor latch. The manual does not allow 0. Here 0 counts as 65,536.
    pub divisor: u16,
    /// Data bits in a character: 5 to 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
    /// The stop bits.
    pub stop_bits: StopBits,
    /// The frequency of the crystal in hertz, from the host's [`Config`](crate::Config).
    pub input_clock_hz: u32,
}

/// The parity bit of a frame (section 8.1, bits 3 to 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Parity {
    /// No parity bit.
    None,
    /// Makes the number of ones odd.
    Odd,
    /// Makes the number of ones even.
    Even,
    /// Always 1.
    Mark,
    /// Always 0.
    Space,
}

/// The stop bits of a frame (section 8.1, bit 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StopBits {
    /// One.
    One,
    /// One and a half, with characters of 5 bits.
    OneAndHalf,
    /// Two.
    Two,
}

impl LineParameters {
    pub(crate) const fn new(divisor: u16, lcr: u8, input_clock_hz: u32) -> Self {
        Self {
            divisor,
            data_bits: 5 + (lcr & lcr::WORD_LENGTH),
            parity: match (
                lcr & lcr::PARITY_ENABLE != 0,
                lcr & lcr::STICK_PARITY != 0,
                lcr & lcr::EVEN_PARITY != 0,
            ) {
                (false, _, _) => Parity::None,
                (true, false, false) => Parity::Odd,
                (true, false, true) => Parity::Even,
                (true, true, false) => Parity::Mark,
                (true, true, true) => Parity::Space,
            },
            stop_bits: match (lcr & lcr::STOP_BITS != 0, lcr & lcr::WORD_LENGTH) {
                (false, _) => StopBits::One,
                (true, 0) => StopBits::OneAndHalf,
                (true, _) => StopBits::Two,
            },
            input_clock_hz,
        }
    }

    /// Returns the bits per second, rounded down.
    #[must_use]
    pub const fn baud_rate(self) -> u32 {
        self.input_clock_hz / (16 * clocks_per_16th(self.divisor))
    }

    /// Returns the time that one character takes, start and stop bits included, rounded up to whole nanoseconds.
    #[must_use]
    pub const fn character_time(self) -> Duration {
        Duration::from_nanos(nanos(1, self.half_bits(), self.divisor, self.input_clock_hz))
    }

    const fn half_bits(self) -> u32 {
        let parity = match self.parity {
            Parity::None => 0,
            _ => 2,
        };
        let stop = match self.stop_bits {
            StopBits::One => 2,
            StopBits::OneAndHalf => 3,
            StopBits::Two => 4,
        };
        2 + 2 * self.data_bits as u32 + parity + stop
    }
}

/// Returns the nanoseconds that some characters take, rounded up, straight from the register's bits.
pub(crate) const fn characters_nanos(characters: u32, divisor: u16, lcr: u8, input_clock_hz: u32) -> u64 {
    let word = (lcr & lcr::WORD_LENGTH) as u32;
    let parity = if lcr & lcr::PARITY_ENABLE == 0 { 0 } else { 2 };
    let stop = match (lcr & lcr::STOP_BITS != 0, word) {
        (false, _) => 0,
        (true, 0) => 1,
        (true, _) => 2,
    };
    let half_bits = SHORTEST_HALF_BITS + 2 * word + parity + stop;
    nanos(characters, half_bits, divisor, input_clock_hz)
}

/// Start bit, five bits, stop bit.
const SHORTEST_HALF_BITS: u32 = 14;

/// Nanoseconds that eight periods of a PC's crystal take, as a fraction in its lowest terms.
const EIGHT_CLOCKS: (u32, u32) = (78_125, 18);
const _: () = assert!(EIGHT_CLOCKS.0 as u64 * INPUT_CLOCK_HZ as u64 == EIGHT_CLOCKS.1 as u64 * 8_000_000_000);

const fn nanos(characters: u32, half_bits: u32, divisor: u16, input_clock_hz: u32) -> u64 {
    // Half a bit is eight periods of the baud generator's output.
    let eights = characters * half_bits * clocks_per_16th(divisor);
    if input_clock_hz == INPUT_CLOCK_HZ {
        // Divided before it is multiplied, and so in 32 bits: a small processor takes half a kilobyte of code to divide
        // 64.
        let (whole, rest) = (eights / EIGHT_CLOCKS.1, eights % EIGHT_CLOCKS.1);
        whole as u64 * EIGHT_CLOCKS.0 as u64 + (rest * EIGHT_CLOCKS.0).div_ceil(EIGHT_CLOCKS.1) as u64
    } else {
        let clock = if input_clock_hz == 0 { 1 } else { input_clock_hz };
        (eights as u64 * 8_000_000_000).div_ceil(clock as u64)
    }
}

const fn clocks_per_16th(divisor: u16) -> u32 {
    if divisor == 0 { 0x1_0000 } else { divisor as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pc(divisor: u16, lcr: u8) -> LineParameters {
        LineParameters::new(divisor, lcr, INPUT_CLOCK_HZ)
    }

    #[test]
    fn the_manuals_longest_character_at_300_baud_makes_160_ms_of_four() {
        let line = pc(384, 0x0f);
        assert_eq!(line.baud_rate(), 300);
        assert_eq!(
            nanos(4, line.half_bits(), line.divisor, line.input_clock_hz),
            160_000_000
        );
    }

    #[test]
    fn every_frame_has_its_bits() {
        for (lcr, data_bits, parity, stop_bits, half_bits) in [
            (0x00, 5, Parity::None, StopBits::One, 14),
            (0x04, 5, Parity::None, StopBits::OneAndHalf, 15),
            (0x05, 6, Parity::None, StopBits::Two, 18),
            (0x0a, 7, Parity::Odd, StopBits::One, 20),
            (0x1b, 8, Parity::Even, StopBits::One, 22),
            (0x2b, 8, Parity::Mark, StopBits::One, 22),
            (0x3f, 8, Parity::Space, StopBits::Two, 24),
            (0xf3, 8, Parity::None, StopBits::One, 20),
        ] {
            let line = pc(1, lcr);
            assert_eq!(
                (line.data_bits, line.parity, line.stop_bits, line.half_bits()),
                (data_bits, parity, stop_bits, half_bits),
                "LCR {lcr:#x}"
            );
        }
    }

    #[test]
    fn the_short_way_to_four_characters_is_no_other() {
        for lcr in 0..=0xff {
            for divisor in [0, 1, 12, 384, 0xffff] {
                let line = pc(divisor, lcr);
                assert_eq!(
                    characters_nanos(4, divisor, lcr, INPUT_CLOCK_HZ),
                    nanos(4, line.half_bits(), line.divisor, line.input_clock_hz),
                    "LCR {lcr:#x}"
                );
            }
        }
    }

    #[test]
    fn every_time_is_the_exact_one_rounded_up() {
        for (divisor, hz) in
            (0..=0xffff).flat_map(|divisor| [INPUT_CLOCK_HZ, 3_686_400, 24_000_000].map(|hz| (divisor, hz)))
        {
            for half_bits in 14..=24 {
                let clocks = 4 * 8 * u64::from(half_bits) * u64::from(clocks_per_16th(divisor));
                assert_eq!(
                    nanos(4, half_bits, divisor, hz),
                    (clocks * 1_000_000_000).div_ceil(u64::from(hz)),
                    "{half_bits} half bits at {divisor}"
                );
            }
        }
    }

    #[test]
    fn another_crystal_changes_speed_and_times() {
        let line = LineParameters::new(13, 0x03, 24_000_000);
        assert_eq!(line.baud_rate(), 115_384);
        assert_eq!(line.character_time(), Duration::from_nanos(86_667));
        let nothing = LineParameters::new(13, 0x03, 0);
        assert_eq!(
            (nothing.baud_rate(), nothing.character_time()),
            (0, Duration::from_secs(2_080))
        );
    }

    #[test]
    fn a_divisor_of_zero_counts_as_the_counter_wraps() {
        let slowest = pc(0, 0x0f);
        assert_eq!(slowest.baud_rate(), 1);
        assert_eq!(slowest.character_time(), Duration::from_nanos(6_826_666_667));
    }
}
