//! The errors of reading and writing a section.

use core::fmt;

/// Why a section could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SectionError {
    /// The offset in bytes from the start of the section.
    pub offset: usize,
    /// The field or subsection, with QEMU's name.
    pub field: &'static str,
    /// What is wrong.
    pub problem: SectionProblem,
}

/// What is wrong with the bytes of a section, or with the buffer for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SectionProblem {
    /// The bytes end within the field.
    Truncated {
        /// The length of the field in bytes.
        needed: usize,
        /// The number of bytes that are left.
        left: usize,
    },
    /// The section continues with bytes that belong to no known field or subsection.
    Unknown {
        /// The number of these bytes.
        left: usize,
    },
    /// The subsection has an unknown version.
    Version {
        /// The version in the bytes.
        found: u32,
        /// The known version.
        known: u32,
    },
    /// The section has the subsection twice.
    Twice,
    /// The buffer ends within the field.
    NoRoom {
        /// The length of the field in bytes.
        needed: usize,
        /// The number of free bytes.
        left: usize,
    },
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: ", self.field, self.offset)?;
        match self.problem {
            SectionProblem::Truncated { needed, left } => {
                write!(f, "{needed} bytes are needed, but {left} are left")
            }
            SectionProblem::Unknown { left } => write!(f, "{left} bytes follow that belong to no known field"),
            SectionProblem::Version { found, known } => write!(f, "version {found}, but only version {known} is known"),
            SectionProblem::Twice => f.write_str("there twice"),
            SectionProblem::NoRoom { needed, left } => {
                write!(f, "{needed} bytes are needed, but there is room for {left}")
            }
        }
    }
}

impl core::error::Error for SectionError {}
