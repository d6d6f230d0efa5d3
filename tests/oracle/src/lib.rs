//! QEMU 7.2, running live, as the second implementation: the same script goes into its device and into ours, and every
//! value read and every edge of an interrupt line is compared.

#![forbid(unsafe_code)]
// Tests say what they expect by panicking, and this is a part of them.
#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a library for tests alone"
)]

mod campaign;
mod failure;
mod i8042;
mod lines;
mod machines;
mod qemu;
mod rows;
mod rtc;
mod saves;
pub mod script;
mod serial;
mod stalled;
mod subject;
mod travel;

pub use campaign::{Report, Settings};
pub use machines::machine_types;
pub use saves::Saves;
pub use stalled::stalled_output;
pub use subject::Saving;
use subject::Subject as _;
pub use travel::{TravelReport, Travels};

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

/// Calls something of the device's subject.
macro_rules! with_subject {
    ($device:expr, $S:ident => $call:expr) => {
        match $device {
            Device::Serial => {
                type $S = serial::Subject;
                $call
            }
            Device::Rtc => {
                type $S = rtc::Subject;
                $call
            }
            Device::I8042 => {
                type $S = i8042::Subject;
                $call
            }
        }
    };
}

impl Device {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Serial, Self::Rtc, Self::I8042];

    /// Its folder below `devices/`, the rows of its list of differences that scripts reach, and the rows that no script
    /// can reach, with the reason.
    pub const fn list(
        self,
    ) -> (
        &'static str,
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ) {
        with_subject!(self, S => (S::FOLDER, S::ROWS, S::BEYOND))
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
    /// The first difference that no row of the device's table explains; or what is wrong with QEMU.
    pub fn compare(self, settings: Settings) -> Result<Report> {
        with_subject!(self, S => campaign::run::<S>(settings))
    }

    /// Runs scripts in whose middle the device moves out of QEMU, or into another one.
    ///
    /// # Errors
    ///
    /// The first difference that no row of the device's table explains, or what is wrong with QEMU.
    pub fn travel(self, travels: Travels) -> Result<TravelReport> {
        with_subject!(self, S => travel::run::<S>(travels))
    }

    /// The fields of QEMU's sections that are others after a way through our device, and why.
    #[must_use]
    pub const fn around(self) -> &'static [(&'static str, &'static str)] {
        with_subject!(self, S => <S as travel::Traveller>::AROUND)
    }
}
