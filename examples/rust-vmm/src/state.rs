//! What is saved, and which releases there are.

use anyhow::Result;
use devstate_core::Clock;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{ReleaseTable, Versioned, release_table};
use heapless::Vec;

use crate::Devices;

/// How much input is read ahead at most.
pub const TYPED: usize = 64;

/// Everything that is saved.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x2307_2dae_986a_b2b9, open))]
pub struct MachineSer {
    /// The UART.
    pub serial: SerialStateSer,
    /// The clock.
    pub rtc: RtcStateSer,
    /// Input that the UART has not taken.
    pub typed: Vec<u8, TYPED>,
    /// The keyboard controller. The first release had none.
    #[versioned(start = 2)]
    pub i8042: I8042StateSer,
}

release_table! {
    /// What this VMM has shipped.
    pub enum Release { V1 = 1 @ 0x11b1_ffd3_06f3_6950, V2 = 2 @ open }
    MachineSer => [1, 2],
    SerialStateSer => [2, 2],
    RtcStateSer => [2, 2],
    I8042StateSer => [_, 2],
}

impl Devices {
    /// Writes the state at the latest release into `buffer`, and returns the written part.
    ///
    /// # Errors
    ///
    /// The buffer is too small: `buffer!(MachineSer)` makes one.
    pub fn save<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        Ok(Release::save(&self.mirror(), buffer)?)
    }

    /// Returns the state. Another release is written from it: `Release::V1.downgrade(&mirror, &mut scratch)`.
    #[must_use]
    pub fn mirror(&self) -> MachineSer {
        let now = self.now();
        MachineSer {
            serial: (&self.serial.state(now)).into(),
            rtc: (&self.rtc.state(now)).into(),
            typed: self.typed.iter().copied().collect(),
            i8042: (&self.i8042.state()).into(),
        }
    }

    /// Enters the state of a snapshot of any release. After an error everything is as it was.
    ///
    /// # Errors
    ///
    /// The bytes are no snapshot of this program's, or no machine can be in that state.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<Release> {
        let mut mirror = MachineSer::default();
        let release = Release::load(snapshot, &mut mirror)?;
        let serial = (&mirror.serial).try_into()?;
        let rtc = (&mirror.rtc).try_into()?;
        let i8042 = (&mirror.i8042).try_into()?;
        // All states are valid, so nothing fails from here on.
        let now = self.now();
        self.serial.restore(&serial, now, Clock::Frozen)?;
        self.rtc.restore(&rtc, now, Clock::Wall)?;
        self.i8042.restore(&i8042)?;
        self.typed = mirror.typed.to_vec();
        self.serial.output_mut().stalled = self.serial.output_pending() > 0;
        self.settle();
        Ok(release)
    }
}
