//! The error for bytes that are no section.

use core::fmt;

/// The bytes are not this section, or there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SectionError {
    /// Where, in bytes from the section's first.
    pub offset: usize,
    /// The field or subsection, by QEMU's name.
    pub field: &'static str,
    /// What is wrong.
    pub problem: SectionProblem,
}

/// What is wrong with the bytes of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SectionProblem {
    /// The bytes end within the field.
    Truncated {
        /// The field has so many bytes.
        needed: usize,
        /// So many are there.
        left: usize,
    },
    /// Bytes follow that belong to no field and to no subsection that is known.
    Unknown {
        /// So many.
        left: usize,
    },
    /// The version of a subsection.
    Version {
        /// The one in the bytes.
        found: u32,
        /// The one that is known.
        known: u32,
    },
    /// The subsection is there twice.
    Twice,
    /// The buffer ends within the field.
    NoRoom {
        /// The field has so many bytes.
        needed: usize,
        /// There is room for so many.
        left: usize,
    },
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: ", self.field, self.offset)?;
        match self.problem {
            SectionProblem::Truncated { needed, left } => {
                write!(f, "{needed} bytes are needed, and {left} are left")
            }
            SectionProblem::Unknown { left } => write!(f, "{left} bytes follow that belong to nothing known"),
            SectionProblem::Version { found, known } => write!(f, "version {found}, and version {known} is known"),
            SectionProblem::Twice => f.write_str("there twice"),
            SectionProblem::NoRoom { needed, left } => {
                write!(f, "{needed} bytes are needed, and there is room for {left}")
            }
        }
    }
}

impl core::error::Error for SectionError {}
