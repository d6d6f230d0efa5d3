//! The description at the end of a migration file: JSON with the fields of every section.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::QemuError;

/// The mark after the last section.
const END: u8 = 0x00;
/// The mark before the description.
const DESCRIPTION: u8 = 0x06;

/// Bytes of a number.
pub(crate) const NUMBER: usize = 4;

/// Returns the place of the mark before the description. A length and exactly this number of bytes of JSON follow the
/// mark, up to the end of the file.
pub(crate) fn find_description(bytes: &[u8]) -> Option<usize> {
    let json_at = bytes.len().checked_sub(1)?;
    // JSON has no byte 06 in it, so the last one is the mark or a part of the length.
    let candidates = (1..json_at).rev().filter(|at| bytes.get(*at) == Some(&DESCRIPTION));
    candidates.take(NUMBER + 1).find(|at| {
        let len = bytes.get(at + 1..).and_then(<[u8]>::first_chunk);
        let left = (bytes.len() - at - 1).checked_sub(NUMBER);
        len.is_some_and(|len| Some(u32::from_be_bytes(*len) as usize) == left) && bytes.get(at - 1) == Some(&END)
    })
}

/// Reads the JSON of a description: as this module's types, or with all that it has.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, QemuError> {
    serde_json::from_slice(json).map_err(|error| QemuError::Description {
        reason: error.to_string(),
    })
}

/// The whole description.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    pub(crate) devices: Vec<Device>,
}

/// A section: of a device, or of something else that is saved.
#[derive(Debug, Deserialize)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) instance_id: u32,
    pub(crate) version: u32,
    #[serde(default)]
    pub(crate) fields: Vec<Field>,
    #[serde(default)]
    pub(crate) subsections: Vec<Part>,
}

/// A struct or a subsection.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    pub(crate) vmsd_name: String,
    pub(crate) version: u32,
    #[serde(default)]
    pub(crate) fields: Vec<Field>,
    #[serde(default)]
    pub(crate) subsections: Vec<Part>,
}

/// A field.
#[derive(Debug, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Bytes of one element.
    pub(crate) size: usize,
    /// Elements, if it is an array of equal ones.
    pub(crate) array_len: Option<usize>,
    #[serde(rename = "struct")]
    pub(crate) part: Option<Part>,
}

impl Device {
    /// The bytes of the section between its header and its footer, if they are less than all memory.
    pub(crate) fn len(&self) -> Option<usize> {
        len(&self.fields, &self.subsections)
    }

    /// Bytes before the fields: a mark, the section's number, its name with a length, its instance, its version.
    pub(crate) fn header_len(&self) -> usize {
        1 + NUMBER + 1 + self.name.len() + NUMBER + NUMBER
    }

    /// The bytes of the section with its header and a footer.
    pub(crate) fn whole_len(&self) -> Option<usize> {
        self.len()?.checked_add(self.header_len() + footer_len(true))
    }
}

/// Bytes after the fields of a section: a mark and the section's number.
pub(crate) const fn footer_len(with_footers: bool) -> usize {
    if with_footers { 1 + NUMBER } else { 0 }
}

impl Part {
    /// Its bytes behind a subsection's header.
    pub(crate) fn len(&self) -> Option<usize> {
        len(&self.fields, &self.subsections)
    }
}

impl Field {
    /// Its bytes.
    pub(crate) fn len(&self) -> Option<usize> {
        self.size.checked_mul(self.array_len.unwrap_or(1))
    }
}

fn len(fields: &[Field], subsections: &[Part]) -> Option<usize> {
    let mut all = 0_usize;
    for field in fields {
        all = all.checked_add(field.len()?)?;
    }
    for part in subsections {
        all = all.checked_add(subsection_header(&part.vmsd_name))?;
        all = all.checked_add(part.len()?)?;
    }
    Some(all)
}

/// Bytes before a subsection's fields: a mark, the length of its name, the name, its version.
pub(crate) const fn subsection_header(name: &str) -> usize {
    1 + 1 + name.len() + 4
}
