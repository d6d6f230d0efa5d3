//! A migration file: where its sections are.

use std::ops::Range;

use serde_json::Value;

use crate::description::{Description, Device};
use crate::error::QemuError;

/// The first bytes of a migration file: a mark and the version of the format.
const MAGIC: &[u8] = b"QEVM\0\0\0\x03";
/// What comes before the name of the machine.
const CONFIGURATION: u8 = 0x07;
/// What comes before a whole section.
const SECTION: u8 = 0x04;
/// What comes after one.
const FOOTER: u8 = 0x7e;
/// What comes after the last one.
const END: u8 = 0x00;
/// What comes before the description.
const DESCRIPTION: u8 = 0x06;

/// Bytes of a number.
const NUMBER: usize = 4;

/// A migration file, as QEMU's `migrate exec:cat>FILE` writes it, with all sections found.
///
/// Sections carry no length. The description at the file's end says how long each is, so they are found from the last one
/// to the first. Each one's header and footer are checked on the way.
#[derive(Debug)]
pub struct Migration<'f> {
    pub(crate) bytes: &'f [u8],
    pub(crate) sections: Vec<Section>,
    /// The mark before the description.
    pub(crate) description_at: usize,
    pub(crate) with_footers: bool,
    /// Where the first section may begin: behind the format's mark and the machine's name.
    pub(crate) sections_at: usize,
    machine: Option<&'f str>,
}

/// A section of a migration file.
#[derive(Debug)]
pub struct Section {
    pub(crate) device: Device,
    pub(crate) body: Range<usize>,
}

impl Section {
    /// Returns QEMU's name for it, such as `serial`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Returns which one of its name it is, counted from 0 for most devices.
    #[must_use]
    pub const fn instance(&self) -> u32 {
        self.device.instance_id
    }

    /// Returns where its fields are in the file, behind its header.
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
    /// The file is no migration file, is cut off, or is not as its description says.
    pub fn parse(bytes: &'f [u8]) -> Result<Self, QemuError> {
        if !bytes.starts_with(MAGIC) {
            return Err(QemuError::NoMigration);
        }
        let description_at = find_description(bytes).ok_or(QemuError::NoDescription)?;
        let json = bytes.get(description_at + 1 + NUMBER..).unwrap_or_default();
        let Description { devices } = serde_json::from_slice(json).map_err(|error| QemuError::Description {
            reason: error.to_string(),
        })?;
        let end = description_at - 1;
        let with_footers = devices.last().is_none_or(|last| has_footer(bytes, end, last));
        let mut sections = Vec::with_capacity(devices.len());
        let mut end = end;
        for device in devices.into_iter().rev() {
            let body = place(bytes, end, &device, with_footers)?;
            end = body.start - header_len(&device);
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
        let machine = machine(bytes);
        Ok(Self {
            bytes,
            sections,
            description_at,
            with_footers,
            sections_at: MAGIC.len() + machine.map_or(0, |name| 1 + NUMBER + name.len()),
            machine,
        })
    }

    /// Returns the machine type, such as `pc-i440fx-7.2`, if the file has it.
    #[must_use]
    pub const fn machine(&self) -> Option<&'f str> {
        self.machine
    }

    /// Returns all sections that the description tells of, in order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The description as JSON, with all that it has.
    pub(crate) fn description(&self) -> Result<Value, QemuError> {
        let json = self.bytes.get(self.description_at + 1 + NUMBER..).unwrap_or_default();
        serde_json::from_slice(json).map_err(|error| QemuError::Description {
            reason: error.to_string(),
        })
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

/// Where the mark is behind which a length and exactly so many bytes of JSON come. No other byte of the file follows them.
fn find_description(bytes: &[u8]) -> Option<usize> {
    let json_at = bytes.len().checked_sub(1)?;
    // JSON has no byte 06 in it, so the last one is the mark or a part of the length.
    let candidates = (1..json_at).rev().filter(|at| bytes.get(*at) == Some(&DESCRIPTION));
    candidates.take(NUMBER + 1).find(|at| {
        let left = bytes.len() - at - 1;
        let is_length = number(bytes, at + 1).is_some_and(|len| Some(len as usize) == left.checked_sub(NUMBER));
        is_length && bytes.get(at - 1) == Some(&END)
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

/// Bytes before the fields: a mark, the section's number, its name with a length, its instance, its version.
pub(crate) fn header_len(device: &Device) -> usize {
    1 + NUMBER + 1 + device.name.len() + NUMBER + NUMBER
}

/// Bytes behind the fields: a mark and the section's number.
pub(crate) const fn footer_len(with_footers: bool) -> usize {
    if with_footers { 1 + NUMBER } else { 0 }
}

fn has_footer(bytes: &[u8], end: usize, last: &Device) -> bool {
    place(bytes, end, last, true).is_ok()
}

/// The fields of the section that ends at `end`.
fn place(bytes: &[u8], end: usize, device: &Device, with_footer: bool) -> Result<Range<usize>, QemuError> {
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
    let header_at = start.checked_sub(header_len(device)).ok_or_else(too_long)?;
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
    if with_footer && (bytes.get(body_end) != Some(&FOOTER) || number(bytes, body_end + 1) != Some(id)) {
        return Err(wrong(body_end, "its footer"));
    }
    Ok(start..body_end)
}

fn machine(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.get(MAGIC.len()..)?;
    let [CONFIGURATION, rest @ ..] = rest else { return None };
    let len = number(rest, 0)? as usize;
    let name = rest.get(NUMBER..)?.get(..len)?;
    std::str::from_utf8(name).ok()
}
