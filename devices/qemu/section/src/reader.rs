//! Reads the bytes of a section.

use crate::error::{SectionError, SectionProblem};
use crate::layout::Layout;

/// What comes before a subsection.
pub(crate) const SUBSECTION: u8 = 0x05;

/// Reads the fields of a section, one after the other.
#[derive(Debug)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    offset: usize,
}

impl<'b> Reader<'b> {
    /// Creates a reader of a section's bytes.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Reads the bytes of a field.
    ///
    /// # Errors
    ///
    /// [`SectionProblem::Truncated`] if the bytes end within the field.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], SectionError> {
        let rest = self.rest();
        let Some(bytes) = rest.first_chunk() else {
            return Err(self.error(
                field,
                SectionProblem::Truncated {
                    needed: N,
                    left: rest.len(),
                },
            ));
        };
        self.offset += N;
        Ok(*bytes)
    }

    /// Reads the header of a subsection, if it comes next, and returns `true` if it does. Set `again` to `true` if the
    /// section had this subsection before.
    ///
    /// # Errors
    ///
    /// The section has the subsection twice, the subsection has another version, or the bytes end too early.
    pub fn subsection(&mut self, layout: &Layout, again: bool) -> Result<bool, SectionError> {
        let Layout { name, version, .. } = *layout;
        if !self.next_is(name) {
            return Ok(false);
        }
        if again {
            return Err(self.error(name, SectionProblem::Twice));
        }
        self.offset += 2 + name.len();
        let version_at = self.offset;
        let found = u32::from_be_bytes(self.array(name)?);
        if found == version {
            return Ok(true);
        }
        Err(SectionError {
            offset: version_at,
            field: name,
            problem: SectionProblem::Version { found, known: version },
        })
    }

    /// Ends the section.
    ///
    /// # Errors
    ///
    /// [`SectionProblem::Unknown`] if bytes are left.
    pub fn finish(&self, section: &'static str) -> Result<(), SectionError> {
        match self.rest().len() {
            0 => Ok(()),
            left => Err(self.error(section, SectionProblem::Unknown { left })),
        }
    }

    fn next_is(&self, subsection: &str) -> bool {
        let [SUBSECTION, len, name @ ..] = self.rest() else {
            return false;
        };
        usize::from(*len) == subsection.len() && name.starts_with(subsection.as_bytes())
    }

    fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    const fn error(&self, field: &'static str, problem: SectionProblem) -> SectionError {
        SectionError {
            offset: self.offset,
            field,
            problem,
        }
    }
}
