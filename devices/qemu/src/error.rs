//! Why a migration file or a snapshot cannot be used.

use std::error::Error;
use std::fmt;

use devstate_qemu_section::{Refused, SectionError};

/// A migration file cannot be read, or a device not be taken out of it or put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QemuError {
    /// The file cannot be read.
    Io {
        /// What the system says.
        reason: String,
    },
    /// The description and its sections are too long to be kept.
    TooLong {
        /// How many bytes they may have.
        limit: usize,
    },
    /// The file was read without the machine's memory, and all of it is needed.
    NotWhole,
    /// It is no migration file of the one version that is known.
    NoMigration,
    /// There is no description at its end: the file is cut off, or the machine writes none (before version 2.3, or with
    /// `suppress-vmdesc=on`).
    NoDescription,
    /// The description is no description.
    Description {
        /// What the JSON reader says.
        reason: String,
    },
    /// A section is not where it is by the description.
    Place {
        /// The section.
        section: String,
        /// Where its header or its footer should be, in bytes from the file's first.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// The version of a section, or of a struct or subsection in it.
    Version {
        /// Which.
        section: String,
        /// The version in the file.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// The section has something that is not known. The caller may say that it is to be dropped.
    Unknown(Unknown),
    /// The section does not have a field that it must have here.
    Missing {
        /// The section.
        section: String,
        /// The field.
        field: String,
        /// The field that stands in its place.
        found: Option<String>,
    },
    /// A field has another size than the one that is known.
    Size {
        /// The section.
        section: String,
        /// The field.
        field: String,
        /// Its bytes by the description.
        found: usize,
        /// Its bytes.
        known: usize,
    },
    /// The bytes of a section are not what its description says.
    Section {
        /// The section.
        section: String,
        /// What is wrong.
        error: SectionError,
    },
    /// The machine's virtual time is not in the file.
    Clock {
        /// Why.
        reason: &'static str,
    },
    /// The state of a device was refused.
    Refused {
        /// The device, as `serial[1]`.
        device: String,
        /// Why.
        error: Refused,
    },
    /// The snapshot and the file do not have the same devices.
    Devices {
        /// Which.
        device: &'static str,
        /// So many are in the file.
        in_file: usize,
        /// So many are in the snapshot, or fit there.
        in_snapshot: usize,
    },
    /// There is no device in the file that could be taken out.
    Nothing,
}

/// Something in a section that QEMU has added since the last version that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The section.
    pub section: String,
    /// The name of the field or subsection.
    pub name: String,
    /// It is a subsection.
    pub is_subsection: bool,
    /// Where, in bytes from the file's first.
    pub offset: usize,
    /// Its bytes.
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
            Self::NoMigration => f.write_str("no migration file of QEMU: it does not begin with QEVM and version 3"),
            Self::NoDescription => f.write_str(
                "no description at the end: the file is cut off, or the machine writes none (before version 2.3)",
            ),
            Self::Description { reason } => write!(f, "the description at the end cannot be read: {reason}"),
            Self::Place {
                section,
                offset,
                expected,
            } => write!(
                f,
                "section {section}: {expected} should be at offset {offset} by the description"
            ),
            Self::Version { section, found, known } => {
                write!(f, "section {section}: version {found}, and version {known} is known")
            }
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::Missing {
                section,
                field,
                found: Some(found),
            } => write!(f, "section {section}: the field {found} stands where {field} should be"),
            Self::Missing {
                section,
                field,
                found: None,
            } => write!(f, "section {section}: it ends where the field {field} should be"),
            Self::Size {
                section,
                field,
                found,
                known,
            } => write!(
                f,
                "section {section}: the field {field} has {found} bytes, and should have {known}"
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
