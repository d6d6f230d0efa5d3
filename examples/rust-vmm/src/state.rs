//! What is saved, and which releases there are.

use anyhow::Result;
use devstate_core::Clock;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_rust_vmm::{Waiting, access, lock};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{ReleaseTable, Versioned, release_table};

use crate::Vmm;

/// Everything that is saved.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x2307_2dae_986a_b2b9, open))]
pub struct MachineSer {
    /// The UART.
    pub serial: SerialStateSer,
    /// The clock.
    pub rtc: RtcStateSer,
    /// Input that the UART has not taken.
    pub typed: Waiting,
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

impl Vmm {
    /// Writes the state at the latest release into `buffer`, and returns the written part. Stop the vCPUs before.
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
        // What is typed meanwhile waits: it is either in the UART or here.
        let input = lock(&self.input);
        MachineSer {
            serial: access(&self.serial, |serial, now| (&serial.state(now)).into()),
            rtc: access(&self.rtc, |rtc, now| (&rtc.state(now)).into()),
            typed: input.waiting().clone(),
            i8042: access(&self.i8042, |i8042, _| (&i8042.state()).into()),
        }
    }

    /// Enters the state of a snapshot of any release. After an error everything is as it was.
    ///
    /// # Errors
    ///
    /// The bytes are no snapshot of this program's, or no machine can be in that state.
    pub fn restore(&self, snapshot: &[u8]) -> Result<Release> {
        let mut mirror = MachineSer::default();
        let release = Release::load(snapshot, &mut mirror)?;
        let serial = (&mirror.serial).try_into()?;
        let rtc = (&mirror.rtc).try_into()?;
        let i8042 = (&mirror.i8042).try_into()?;
        // All states are valid, so nothing fails from here on.
        let mut input = lock(&self.input);
        access(&self.serial, |device, now| device.restore(&serial, now, Clock::Frozen))?;
        access(&self.rtc, |device, now| device.restore(&rtc, now, Clock::Wall))?;
        access(&self.i8042, |device, _| device.restore(&i8042))?;
        input.restore(mirror.typed);
        Ok(release)
    }
}
