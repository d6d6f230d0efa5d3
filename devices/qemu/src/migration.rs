//! Finds the sections of a migration file.

use std::io::{Read, Seek};
use std::ops::Range;

use serde_json::Value;

use crate::bytes::{Bytes, MAGIC};
use crate::description::{self, Description, Device, NUMBER, footer_len};
use crate::error::QemuError;

/// The mark before the name of the machine.
const CONFIGURATION: u8 = 0x07;
/// The mark before a whole section.
const SECTION: u8 = 0x04;
/// The mark after a section.
const FOOTER: u8 = 0x7e;

/// A migration file of QEMU's `migrate exec:cat>FILE`, with the places of all sections.
///
/// A section does not store its length. The description at the end of the file gives the length of each section, so the
/// sections are found from the last to the first. The header and footer of each section are checked.
#[derive(Debug)]
pub struct Migration<'f> {
    pub(crate) bytes: Bytes<'f>,
    pub(crate) sections: Vec<Section>,
    /// The mark before the description.
    pub(crate) description_at: usize,
    pub(crate) with_footers: bool,
    /// Where the first section may begin: behind the format's mark and the machine's name.
    pub(crate) sections_at: usize,
    machine: Option<String>,
}

/// A section of a migration file.
#[derive(Debug)]
pub struct Section {
    pub(crate) device: Device,
    pub(crate) body: Range<usize>,
}

impl Section {
    /// Returns QEMU's name of the section, such as `serial`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Returns the instance number among the sections with this name. It starts at 0 for most devices.
    #[must_use]
    pub const fn instance(&self) -> u32 {
        self.device.instance_id
    }

    /// Returns the place of the section's fields in the file. They follow its header.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.body.clone()
    }

    /// Its name in messages.
    pub(crate) fn label(&self) -> String {
        format!("{}[{}]", self.device.name, self.device.instance_id)
    }
}

impl<'f> Migration<'f> {
    /// Finds all sections of a migration file.
    ///
    /// # Errors
    ///
    /// The file is not a migration file, is cut off, or does not match its description.
    pub fn parse(bytes: &'f [u8]) -> Result<Self, QemuError> {
        Self::of(Bytes::whole(bytes))
    }

    /// Finds all sections of a migration file without reading the machine's memory. Keeps the beginning of the file,
    /// and the end from the first section in the description on.
    ///
    /// # Errors
    ///
    /// The errors of [`parse`](Self::parse). [`QemuError::Io`] if the file cannot be read. [`QemuError::TooLong`] if
    /// the sections and the description together have more than 256 MiB.
    pub fn parse_file(file: &mut (impl Read + Seek)) -> Result<Migration<'static>, QemuError> {
        Migration::of(Bytes::ends_of(file)?)
    }

    fn of(bytes: Bytes<'f>) -> Result<Self, QemuError> {
        if bytes.get(0..MAGIC.len()) != Some(MAGIC) {
            return Err(QemuError::NoMigration);
        }
        let description_at = bytes.description_at().ok_or(QemuError::NoDescription)?;
        let Description { devices } = description::parse(bytes.json(description_at))?;
        let end = description_at - 1;
        let with_footers = devices.last().is_none_or(|last| has_footer(&bytes, end, last));
        let mut sections = Vec::with_capacity(devices.len());
        let mut end = end;
        for device in devices.into_iter().rev() {
            let body = place(&bytes, end, &device, with_footers)?;
            end = body.start - device.header_len();
            sections.push(Section { device, body });
        }
        if end < MAGIC.len() {
            let section = sections.last().map_or_else(String::new, Section::label);
            return Err(QemuError::Place {
                section,
                offset: end,
                expected: "no header",
            });
        }
        sections.reverse();
        let machine = machine(&bytes).map(str::to_owned);
        Ok(Self {
            bytes,
            sections,
            description_at,
            with_footers,
            sections_at: MAGIC.len() + machine.as_ref().map_or(0, |name| 1 + NUMBER + name.len()),
            machine,
        })
    }

    /// Returns the machine type, such as `pc-i440fx-7.2`, if the file has it.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        self.machine.as_deref()
    }

    /// Returns all sections in the description, in order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The description as JSON, with all that it has.
    pub(crate) fn description(&self) -> Result<Value, QemuError> {
        description::parse(self.bytes.json(self.description_at))
    }

    /// Returns the sections of one name, by their instance.
    pub(crate) fn named(&self, name: &str) -> Vec<&Section> {
        let mut found: Vec<_> = self
            .sections
            .iter()
            .filter(|section| section.device.name == name)
            .collect();
        found.sort_by_key(|section| section.device.instance_id);
        found
    }
}

fn has_footer(bytes: &Bytes<'_>, end: usize, last: &Device) -> bool {
    place(bytes, end, last, true).is_ok()
}

/// The fields of the section that ends at `end`.
fn place(bytes: &Bytes<'_>, end: usize, device: &Device, with_footer: bool) -> Result<Range<usize>, QemuError> {
    let wrong = |offset, expected| QemuError::Place {
        section: format!("{}[{}]", device.name, device.instance_id),
        offset,
        expected,
    };
    let footer = footer_len(with_footer);
    let too_long = || wrong(0, "more than the whole file");
    let body_end = end.checked_sub(footer).ok_or_else(too_long)?;
    let start = device
        .len()
        .and_then(|len| body_end.checked_sub(len))
        .ok_or_else(too_long)?;
    let header_at = start.checked_sub(device.header_len()).ok_or_else(too_long)?;
    let mut header = vec![SECTION];
    let id = number(bytes, header_at + 1).unwrap_or_default();
    header.extend(id.to_be_bytes());
    header.push(device.name.len() as u8);
    header.extend(device.name.as_bytes());
    header.extend(device.instance_id.to_be_bytes());
    header.extend(device.version.to_be_bytes());
    if bytes.get(header_at..start) != Some(&header[..]) {
        return Err(wrong(header_at, "its header"));
    }
    if with_footer && (bytes.get(body_end..body_end + 1) != Some(&[FOOTER]) || number(bytes, body_end + 1) != Some(id))
    {
        return Err(wrong(body_end, "its footer"));
    }
    Ok(start..body_end)
}

fn machine<'b>(bytes: &'b Bytes<'_>) -> Option<&'b str> {
    let name_at = MAGIC.len() + 1 + NUMBER;
    if bytes.get(MAGIC.len()..MAGIC.len() + 1) != Some(&[CONFIGURATION]) {
        return None;
    }
    let len = number(bytes, MAGIC.len() + 1)? as usize;
    std::str::from_utf8(bytes.get(name_at..name_at.checked_add(len)?)?).ok()
}

fn number(bytes: &Bytes<'_>, at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(NUMBER)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
