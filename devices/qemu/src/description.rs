//! The description at the end of a migration file: JSON that says which fields every section has.

use serde::Deserialize;

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
