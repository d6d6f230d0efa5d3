//! Imports devices from a migration file.

use devstate_core::Instant;
use devstate_i8042_ser::I8042StateSer;
use devstate_i8042_ser::qemu::I8042Sections;
use devstate_qemu_section::{Loss, Refused};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_rtc_pl031_ser::qemu::Pl031Section;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_serial_16550_ser::qemu::UartSection;

use crate::devices::QemuDevicesSer;
use crate::error::QemuError;
use crate::migration::{Migration, Section};
use crate::notice::Notice;

/// The names of the sections.
pub(crate) mod name {
    pub(crate) const SERIAL: &str = "serial";
    pub(crate) const CONTROLLER: &str = "pckbd";
    pub(crate) const KEYBOARD: &str = "ps2kbd";
    pub(crate) const MOUSE: &str = "ps2mouse";
    pub(crate) const RTC: &str = "pl031";
}

pub(crate) type Visit<'v> = &'v mut dyn FnMut(Notice<'_>) -> bool;

impl Migration<'_> {
    /// Returns the devices of the machine: every UART, the keyboard controller and the real-time clock. The machine
    /// need not have all of them.
    ///
    /// [`virtual_time`](Self::virtual_time) describes `icount_shift`. The visitor is called with each loss and with
    /// each unknown field, and returns `true` to continue.
    ///
    /// # Errors
    ///
    /// The file has none of these devices, a section is wrong, a state is impossible, or the visitor refused.
    pub fn import(
        &self,
        icount_shift: Option<u8>,
        visit: &mut dyn FnMut(Notice<'_>) -> bool,
    ) -> Result<QemuDevicesSer, QemuError> {
        let (uarts, clock) = (self.named(name::SERIAL), self.only(name::RTC)?);
        let i8042 = self.i8042(visit)?;
        if uarts.is_empty() && clock.is_none() && i8042.is_none() {
            return Err(QemuError::Nothing);
        }
        let mut devices = QemuDevicesSer::default();
        let now = if uarts.is_empty() && clock.is_none() {
            Instant::EPOCH
        } else {
            self.virtual_time(icount_shift)?
        };
        devices.virtual_time = now.as_nanos();
        for (index, section) in uarts.iter().enumerate() {
            let UartSection { state } = self.read(section, &mut |unknown| visit(Notice::Unknown(unknown)))?;
            let state = losing(&format!("serial[{index}]"), visit, |visit| state.to_state(now, visit))?;
            let full = devices.serial.push(SerialStateSer::new(&state));
            full.map_err(|_| QemuError::Devices {
                device: "serial",
                in_file: uarts.len(),
                in_snapshot: devices.serial.capacity(),
            })?;
        }
        if let Some(sections) = i8042 {
            let state = losing("i8042", visit, |visit| sections.to_state(visit))?;
            devices.i8042 = Some(I8042StateSer::new(&state));
        }
        if let Some(section) = clock {
            let section: Pl031Section = self.read(section, &mut |unknown| visit(Notice::Unknown(unknown)))?;
            let state = losing("rtc", visit, |visit| section.to_state(now, visit))?;
            devices.rtc = Some(RtcStateSer::new(&state));
        }
        Ok(devices)
    }

    /// The three sections of a keyboard controller, if the machine has one.
    pub(crate) fn i8042(&self, visit: Visit<'_>) -> Result<Option<I8042Sections>, QemuError> {
        let [controller, keyboard, mouse] = [name::CONTROLLER, name::KEYBOARD, name::MOUSE].map(|name| self.only(name));
        let Some(controller) = controller? else { return Ok(None) };
        let missing = |section: &str| QemuError::Missing {
            section: section.to_owned(),
            field: "section".to_owned(),
            found: None,
        };
        let keyboard = keyboard?.ok_or_else(|| missing(name::KEYBOARD))?;
        let mouse = mouse?.ok_or_else(|| missing(name::MOUSE))?;
        let drop = &mut |unknown: &_| visit(Notice::Unknown(unknown));
        Ok(Some(I8042Sections {
            controller: self.read(controller, drop)?,
            keyboard: self.read(keyboard, drop)?,
            mouse: self.read(mouse, drop)?,
        }))
    }

    /// The only section of its name.
    pub(crate) fn only(&self, name: &'static str) -> Result<Option<&Section>, QemuError> {
        match self.named(name)[..] {
            [] => Ok(None),
            [section] => Ok(Some(section)),
            ref more => Err(QemuError::Devices {
                device: name,
                in_file: more.len(),
                in_snapshot: 1,
            }),
        }
    }
}

/// Converts, and calls the visitor with each loss of the device.
pub(crate) fn losing<T>(
    device: &str,
    visit: Visit<'_>,
    convert: impl FnOnce(&mut dyn FnMut(&Loss) -> bool) -> Result<T, Refused>,
) -> Result<T, QemuError> {
    convert(&mut |loss| visit(Notice::Loss { device, loss })).map_err(|error| QemuError::Refused {
        device: device.to_owned(),
        error,
    })
}
