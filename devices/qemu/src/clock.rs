//! The machine's virtual time at the moment of the save.

use devstate_core::Instant;

use crate::bytes::Bytes;
use crate::description::{Field, Part, subsection_header};
use crate::error::QemuError;
use crate::migration::Migration;

impl Migration<'_> {
    /// Returns the machine's virtual time, in nanoseconds since it started.
    ///
    /// With `-icount`, QEMU counts this time in instructions. `icount_shift` is the `shift` of QEMU's command line.
    /// With `shift=auto`, pass `None`: the file has the shift.
    ///
    /// # Errors
    ///
    /// The file has no section `timer` with the time, or the shift is needed but not given.
    pub fn virtual_time(&self, icount_shift: Option<u8>) -> Result<Instant, QemuError> {
        let unknown = |reason| QemuError::Clock { reason };
        let section = self.named("timer").into_iter().next();
        let section = section.ok_or_else(|| unknown("there is no section timer"))?;
        let mut values = Values {
            file: &self.bytes,
            at: section.body.start,
            found: Vec::new(),
        };
        values.walk(&section.device.fields, &section.device.subsections);
        let value = |name| {
            values
                .found
                .iter()
                .find(|(found, _)| *found == name)
                .map(|(_, value)| *value)
        };
        let nanoseconds = match (value("qemu_icount_bias"), value("qemu_icount")) {
            (Some(bias), Some(instructions)) => {
                let given = icount_shift.map(i64::from);
                let shift = value("icount_time_shift")
                    .or(given)
                    .or((instructions == 0).then_some(0));
                let reason = "its processors count instructions (-icount), and the shift is not given";
                let shift = shift.ok_or_else(|| unknown(reason))?;
                u32::try_from(shift)
                    .ok()
                    .and_then(|shift| instructions.checked_mul(1_i64.checked_shl(shift)?))
                    .and_then(|counted| counted.checked_add(bias))
            }
            _ => value("cpu_clock_offset"),
        };
        let nanoseconds = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
        let nanoseconds = nanoseconds.ok_or_else(|| unknown("section timer has no time that can be"))?;
        Ok(Instant::from_nanos(nanoseconds))
    }
}

/// The signed integers of a section, by name.
struct Values<'w> {
    file: &'w Bytes<'w>,
    at: usize,
    found: Vec<(&'w str, i64)>,
}

impl<'w> Values<'w> {
    fn walk(&mut self, fields: &'w [Field], subsections: &'w [Part]) {
        for field in fields {
            let end = self.at.saturating_add(field.len().unwrap_or(usize::MAX));
            if let Some(value) = self.file.get(self.at..end).and_then(signed) {
                self.found.push((&field.name, value));
            }
            self.at = end;
        }
        for part in subsections {
            self.at = self.at.saturating_add(subsection_header(&part.vmsd_name));
            self.walk(&part.fields, &part.subsections);
        }
    }
}

fn signed(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [a, b] => Some(i16::from_be_bytes([a, b]).into()),
        _ => bytes.try_into().ok().map(i64::from_be_bytes),
    }
}
