//! The errors of import and export.

use std::error::Error;
use std::fmt;

use devstate_qemu_section::{Refused, SectionError};

/// Why a migration file could not be read, or a device could not be imported or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QemuError {
    /// The file cannot be read.
    Io {
        /// The error text of the operating system.
        reason: String,
    },
    /// The description and the sections together are too long.
    TooLong {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// The call needs the whole file, but the file was read without the machine's memory.
    NotWhole,
    /// The file is not a migration file of the known version.
    NoMigration,
    /// The file has no description at its end. It is cut off, or the machine writes no description (before version 2.3,
    /// or with `suppress-vmdesc=on`).
    NoDescription,
    /// The description cannot be parsed.
    Description {
        /// The error text of the JSON parser.
        reason: String,
    },
    /// A section is not at the place that the description gives.
    Place {
        /// The section.
        section: String,
        /// The expected offset of its header or footer, in bytes from the start of the file.
        offset: usize,
        /// The expected content at this offset.
        expected: &'static str,
    },
    /// A section, or a struct or subsection in it, has an unknown version.
    Version {
        /// The section, struct or subsection.
        section: String,
        /// The version in the file.
        found: u32,
        /// The known version.
        known: u32,
    },
    /// The section has an unknown field or subsection. The caller can decide to drop it.
    Unknown(Unknown),
    /// The section does not have a field that is required at this place.
    Missing {
        /// The section.
        section: String,
        /// The field.
        field: String,
        /// The field that was found at its place.
        found: Option<String>,
    },
    /// A field has an unknown size.
    Size {
        /// The section.
        section: String,
        /// The field.
        field: String,
        /// The size in bytes according to the description.
        found: usize,
        /// The known size in bytes.
        known: usize,
    },
    /// The bytes of a section do not match its description.
    Section {
        /// The section.
        section: String,
        /// What is wrong.
        error: SectionError,
    },
    /// The machine's virtual time is not in the file.
    Clock {
        /// The reason.
        reason: &'static str,
    },
    /// The state of a device was refused.
    Refused {
        /// The device, such as `serial[1]`.
        device: String,
        /// The reason.
        error: Refused,
    },
    /// The snapshot and the file do not have the same devices.
    Devices {
        /// The device.
        device: &'static str,
        /// The number of these devices in the file.
        in_file: usize,
        /// The number of these devices in the snapshot, or the maximum number that it can have.
        in_snapshot: usize,
    },
    /// The file has no device that can be imported.
    Nothing,
}

/// An unknown field or subsection in a section. A newer version of QEMU may have added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The section.
    pub section: String,
    /// The name of the field or subsection.
    pub name: String,
    /// `true` for a subsection, `false` for a field.
    pub is_subsection: bool,
    /// The offset in bytes from the start of the file.
    pub offset: usize,
    /// The size in bytes.
    pub size: usize,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_subsection { "subsection" } else { "field" };
        write!(
            f,
            "section {}: the {what} {} ({} bytes at offset {}) is not known",
            self.section, self.name, self.size, self.offset
        )
    }
}

impl fmt::Display for QemuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { reason } => write!(f, "the file cannot be read: {reason}"),
            Self::TooLong { limit } => write!(f, "the sections of the devices have more than {limit} bytes"),
            Self::NotWhole => f.write_str("the file was read without its memory: write its edits into a copy"),
            Self::NoMigration => f.write_str("not a migration file of QEMU: it does not begin with QEVM and version 3"),
            Self::NoDescription => f.write_str(
                "no description at the end: the file is cut off, or the machine does not write one (before version 2.3)",
            ),
            Self::Description { reason } => write!(f, "the description at the end cannot be read: {reason}"),
            Self::Place {
                section,
                offset,
                expected,
            } => write!(
                f,
                "section {section}: the description places {expected} at offset {offset}, but it is not there"
            ),
            Self::Version { section, found, known } => {
                write!(f, "section {section}: version {found}, but only version {known} is known")
            }
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::Missing {
                section,
                field,
                found: Some(found),
            } => write!(f, "section {section}: the field {found} is at the place of {field}"),
            Self::Missing {
                section,
                field,
                found: None,
            } => write!(f, "section {section}: it ends before the field {field}"),
            Self::Size {
                section,
                field,
                found,
                known,
            } => write!(
                f,
                "section {section}: the field {field} has {found} bytes, but should have {known}"
            ),
            Self::Section { section, error } => write!(f, "section {section}: {error}"),
            Self::Clock { reason } => write!(f, "the machine's virtual time is not known: {reason}"),
            Self::Refused { device, error } => write!(f, "{device}: {error}"),
            Self::Devices {
                device,
                in_file,
                in_snapshot,
            } => write!(f, "{device}: the file has {in_file}, the snapshot {in_snapshot}"),
            Self::Nothing => f.write_str("no PL031, 16550A or i8042 is in the file"),
        }
    }
}

impl Error for QemuError {}
