//! QEMU 7.2, running live, as the second implementation: the same script goes into its device and into ours, and every
//! value read and every edge of an interrupt line is compared.

mod campaign;
mod failure;
mod i8042;
mod machines;
mod qemu;
mod rows;
mod rtc;
mod saves;
mod serial;
mod stalled;
mod subject;
mod travel;
mod wire;

pub use campaign::{Report, Settings};
pub use i8042::{I8042Rows, Lines};
pub use machines::machine_types;
pub use rtc::RtcRows;
pub use saves::{Saves, from_hex, through_bytes};
pub use serial::SerialRows;
pub use stalled::stalled_output;
pub use subject::Saving;
pub use travel::{TravelReport, Travels};
pub use wire::Wire;

use anyhow::Result;

/// A device that both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Device {
    /// The 16550A, four of them on `-M pc`.
    Serial,
    /// The PL031 of `-M virt`.
    Rtc,
    /// The i8042 of `-M pc`, with keyboard and mouse.
    I8042,
}

impl Device {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Serial, Self::Rtc, Self::I8042];

    /// Its folder below `devices/`.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Serial => "serial-16550",
            Self::Rtc => "rtc-pl031",
            Self::I8042 => "i8042",
        }
    }

    /// The rows of its list of differences that scripts reach.
    #[must_use]
    pub const fn reachable_rows(self) -> &'static [&'static str] {
        match self {
            Self::Serial => SerialRows::NAMES,
            Self::Rtc => RtcRows::NAMES,
            Self::I8042 => I8042Rows::NAMES,
        }
    }

    /// The rows that no script can reach, and why.
    #[must_use]
    pub const fn rows_beyond(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Serial => SerialRows::BEYOND,
            Self::Rtc => RtcRows::BEYOND,
            Self::I8042 => I8042Rows::BEYOND,
        }
    }

    /// Whether a long run should have saved at an older release, and did not. The UART alone has an older release that
    /// loses nothing of some states: the RTC's has the time relative to the host's clock, and the i8042 is in none.
    #[must_use]
    pub fn misses_older_releases(self, saves: &Saves) -> bool {
        self == Self::Serial && saves.counts().any(|(_, count)| count == 0)
    }

    /// Runs scripts against QEMU.
    ///
    /// # Errors
    ///
    /// The first difference that no row of the device's table explains, as a unit test; or what is wrong with QEMU.
    pub fn compare(self, settings: Settings) -> Result<Report> {
        match self {
            Self::Serial => campaign::run::<serial::Subject>(settings),
            Self::Rtc => campaign::run::<rtc::Subject>(settings),
            Self::I8042 => campaign::run::<i8042::Subject>(settings),
        }
    }

    /// Runs scripts in whose middle the device moves out of QEMU, or into another one.
    ///
    /// # Errors
    ///
    /// The first difference that no row of the device's table explains, or what is wrong with QEMU.
    pub fn travel(self, travels: Travels) -> Result<TravelReport> {
        match self {
            Self::Serial => travel::run::<serial::Subject>(travels),
            Self::Rtc => travel::run::<rtc::Subject>(travels),
            Self::I8042 => travel::run::<i8042::Subject>(travels),
        }
    }

    /// The fields of QEMU's sections that are others after a way through our device, and why.
    #[must_use]
    pub const fn around(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Serial => <serial::Subject as travel::Traveller>::AROUND,
            Self::Rtc => <rtc::Subject as travel::Traveller>::AROUND,
            Self::I8042 => <i8042::Subject as travel::Traveller>::AROUND,
        }
    }
}
