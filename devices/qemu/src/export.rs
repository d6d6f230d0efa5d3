//! Exports devices from a snapshot into a migration file.

use std::io::Cursor;

use devstate_i8042::I8042State;
use devstate_i8042_ser::qemu::{I8042Sections, PckbdSection, Ps2KbdSection, Ps2MouseSection};
use devstate_qemu_section::{Refused, Section as Known};
use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::qemu::Pl031Section;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::qemu::{SerialSection, UartSection};
use serde_json::Value;

use crate::devices::QemuDevicesSer;
use crate::edits::Edits;
use crate::error::QemuError;
use crate::import::{losing, name};
use crate::merge::Merge;
use crate::migration::{Migration, Section};
use crate::notice::Notice;

impl Migration<'_> {
    /// Exports devices into the file, and returns the whole new file. [`edits`](Self::edits) lists the changes.
    ///
    /// # Errors
    ///
    /// The errors of `edits`. [`QemuError::NotWhole`] after [`parse_file`](Self::parse_file): use `edits` in this case,
    /// and apply the edits to the file.
    pub fn export(
        &self,
        devices: &QemuDevicesSer,
        icount_shift: Option<u8>,
        visit: &mut dyn FnMut(Notice<'_>) -> bool,
    ) -> Result<Vec<u8>, QemuError> {
        let edits = self.edits(devices, icount_shift, visit)?;
        let (all, mut out) = (self.bytes.all().ok_or(QemuError::NotWhole)?, Vec::new());
        let applied = edits.apply(&mut Cursor::new(all), &mut out);
        applied.map(|()| out).map_err(|error| QemuError::Io {
            reason: error.to_string(),
        })
    }

    /// Returns the edits that export devices into the file. Everything else in the file stays unchanged, except for the
    /// description.
    ///
    /// The file should come from a machine of the same type and arguments as the one that will load it. If the file has
    /// a device that the snapshot does not have, the device stays unchanged in the file.
    ///
    /// [`virtual_time`](Self::virtual_time) describes `icount_shift`. The visitor is called with each loss and with
    /// each unknown field, and returns `true` to continue. Unknown fields stay unchanged.
    ///
    /// # Errors
    ///
    /// The snapshot has a device that the file does not have, a section of the file is wrong, a state is impossible, or
    /// the visitor refused.
    pub fn edits(
        &self,
        devices: &QemuDevicesSer,
        icount_shift: Option<u8>,
        visit: &mut dyn FnMut(Notice<'_>) -> bool,
    ) -> Result<Edits, QemuError> {
        let QemuDevicesSer {
            virtual_time: _,
            serial,
            i8042,
            rtc,
        } = devices;
        let mut file = Edited::new(self)?;
        let uarts = self.named(name::SERIAL);
        let has_time = serial.is_empty() && rtc.is_none();
        let now = if has_time {
            Ok(devstate_core::Instant::EPOCH)
        } else {
            self.virtual_time(icount_shift)
        }?;
        if uarts.len() < serial.len() {
            return Err(devices_differ("serial", uarts.len(), serial.len()));
        }
        for (index, (mirror, section)) in serial.iter().zip(uarts).enumerate() {
            let device = format!("serial[{index}]");
            let state = valid(&device, SerialState::try_from(mirror))?;
            let state = losing(&device, visit, |visit| SerialSection::from_state(&state, now, visit))?;
            file.replace(section, &UartSection { state }, visit)?;
        }
        if let Some(mirror) = i8042 {
            let state = valid("i8042", I8042State::try_from(mirror))?;
            let before = self.i8042(visit)?.ok_or_else(|| devices_differ("i8042", 0, 1))?;
            let extended = before.controller.kbd.extended_state.is_some();
            let I8042Sections {
                controller,
                keyboard,
                mouse,
            } = losing("i8042", visit, |visit| {
                I8042Sections::from_state(&state, extended, visit)
            })?;
            file.replace_only::<PckbdSection>(name::CONTROLLER, &controller, visit)?;
            file.replace_only::<Ps2KbdSection>(name::KEYBOARD, &keyboard, visit)?;
            file.replace_only::<Ps2MouseSection>(name::MOUSE, &mouse, visit)?;
        }
        if let Some(mirror) = rtc {
            let state = valid("rtc", RtcState::try_from(mirror))?;
            if self.only(name::RTC)?.is_none() {
                return Err(devices_differ("rtc", 0, 1));
            }
            let section = losing("rtc", visit, |visit| Pl031Section::from_state(&state, now, visit))?;
            file.replace_only(name::RTC, &section, visit)?;
        }
        file.finish()
    }
}

const fn devices_differ(device: &'static str, in_file: usize, in_snapshot: usize) -> QemuError {
    QemuError::Devices {
        device,
        in_file,
        in_snapshot,
    }
}

fn valid<T, E: Into<Refused>>(device: &str, state: Result<T, E>) -> Result<T, QemuError> {
    state.map_err(|error| QemuError::Refused {
        device: device.to_owned(),
        error: error.into(),
    })
}

/// A file with other sections in it.
struct Edited<'f> {
    file: &'f Migration<'f>,
    description: Value,
    /// For each section of the file its new bytes, if there are some.
    bodies: Vec<Option<Vec<u8>>>,
}

impl<'f> Edited<'f> {
    fn new(file: &'f Migration<'f>) -> Result<Self, QemuError> {
        Ok(Self {
            file,
            description: file.description()?,
            bodies: vec![None; file.sections.len()],
        })
    }

    fn replace_only<S: Known>(
        &mut self,
        name: &'static str,
        new: &S,
        visit: &mut dyn FnMut(Notice<'_>) -> bool,
    ) -> Result<(), QemuError> {
        match self.file.only(name)? {
            Some(section) => self.replace(section, new, visit),
            None => Err(devices_differ(name, 0, 1)),
        }
    }

    fn replace<S: Known>(
        &mut self,
        section: &Section,
        new: &S,
        visit: &mut dyn FnMut(Notice<'_>) -> bool,
    ) -> Result<(), QemuError> {
        // It has to be what is known before a part of it stays as it is.
        let _: S = self
            .file
            .read(section, &mut |unknown| visit(Notice::Unknown(unknown)))?;
        let mut known = vec![0; S::MAX_LEN];
        let len = new.write(&mut known).map_err(|error| QemuError::Section {
            section: section.label(),
            error,
        })?;
        known.truncate(len);
        let index = self.file.sections.iter().position(|other| std::ptr::eq(other, section));
        let old = self.file.bytes.get(section.body.clone()).unwrap_or_default();
        let devices = self.description.get_mut("devices");
        let described = index.and_then(|index| Some((index, devices?.get_mut(index)?)));
        if let Some((index, description)) = described {
            let body = Merge::section(S::LAYOUT, &known, old, description);
            if let Some(place) = self.bodies.get_mut(index) {
                *place = Some(body);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Edits, QemuError> {
        let bodies = self.file.sections.iter().zip(self.bodies);
        let mut all: Vec<_> = bodies
            .filter_map(|(section, body)| Some((section.body.clone(), body?)))
            .collect();
        let description = self.file.description_at + 1..self.file.bytes.len();
        all.push((description, with_length(&self.description)?));
        Ok(Edits { all })
    }
}

/// What stands behind the description's mark.
pub(crate) fn with_length(description: &Value) -> Result<Vec<u8>, QemuError> {
    let refused = |reason: String| QemuError::Description { reason };
    let json = serde_json::to_vec(description).map_err(|error| refused(error.to_string()))?;
    let len = u32::try_from(json.len()).map_err(|error| refused(error.to_string()))?;
    Ok([&len.to_be_bytes()[..], &json].concat())
}
