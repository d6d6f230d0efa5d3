//! Reads the known fields of a section, and checks them against the description.

use devstate_qemu_section::{Field as KnownField, Layout};

use crate::bytes::Bytes;
use crate::description::{Field, Part, subsection_header};
use crate::error::{QemuError, Unknown};
use crate::migration::{Migration, Section};

/// Decides about what is not known: `true` drops it.
pub(crate) type Drop<'v> = &'v mut dyn FnMut(&Unknown) -> bool;

impl Migration<'_> {
    /// Reads a section as a struct. `drop` is called with each unknown field or subsection. If it returns `true`, the
    /// field is left out. Otherwise the section is refused.
    ///
    /// # Errors
    ///
    /// The section is not the known section, or its bytes do not match the description.
    pub fn read<S: devstate_qemu_section::Section>(
        &self,
        section: &Section,
        drop: &mut dyn FnMut(&Unknown) -> bool,
    ) -> Result<S, QemuError> {
        let mut walk = Walk {
            file: &self.bytes,
            at: section.body.start,
            section: section.label(),
            kept: Vec::with_capacity(section.body.len()),
            drop,
        };
        walk.version(S::LAYOUT, section.device.version)?;
        walk.part(S::LAYOUT, &section.device.fields, &section.device.subsections)?;
        let kept = walk.kept;
        S::parse(&kept).map_err(|error| QemuError::Section {
            section: section.label(),
            error,
        })
    }
}

/// A walk through the description and the bytes of a section side by side.
struct Walk<'w> {
    file: &'w Bytes<'w>,
    at: usize,
    section: String,
    /// The bytes of what is known.
    kept: Vec<u8>,
    drop: Drop<'w>,
}

impl Walk<'_> {
    fn version(&self, layout: &Layout, found: u32) -> Result<(), QemuError> {
        if found == layout.version {
            return Ok(());
        }
        Err(QemuError::Version {
            section: format!("{} ({})", self.section, layout.name),
            found,
            known: layout.version,
        })
    }

    fn part(&mut self, layout: &Layout, fields: &[Field], subsections: &[Part]) -> Result<(), QemuError> {
        let mut known = layout.fields.iter();
        let mut wanted = known.next();
        for field in fields {
            match wanted {
                Some(here) if here.names.contains(&field.name.as_str()) => {
                    self.field(here, field)?;
                    wanted = known.next();
                }
                _ if layout
                    .fields
                    .iter()
                    .any(|known| known.names.contains(&field.name.as_str())) =>
                {
                    return Err(self.missing(wanted, Some(&field.name)));
                }
                _ => self.unknown(&field.name, false, field.len())?,
            }
        }
        if wanted.is_some() {
            return Err(self.missing(wanted, None));
        }
        for part in subsections {
            match layout.subsections.iter().find(|known| known.name == part.vmsd_name) {
                Some(known) => {
                    self.version(known, part.version)?;
                    self.keep(subsection_header(&part.vmsd_name))?;
                    self.part(known, &part.fields, &part.subsections)?;
                }
                None => {
                    let size = part
                        .len()
                        .and_then(|len| len.checked_add(subsection_header(&part.vmsd_name)));
                    self.unknown(&part.vmsd_name, true, size)?;
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, known: &KnownField, field: &Field) -> Result<(), QemuError> {
        let found = field.len().unwrap_or(usize::MAX);
        let size = |known| QemuError::Size {
            section: self.section.clone(),
            field: field.name.clone(),
            found,
            known,
        };
        match (known.inner, &field.part) {
            (Some(layout), Some(part)) => {
                self.version(layout, part.version)?;
                if field.array_len.is_some() || part.len() != Some(found) {
                    return Err(size(part.len().unwrap_or(usize::MAX)));
                }
                self.part(layout, &part.fields, &part.subsections)
            }
            (None, None) if found == known.size => self.keep(found),
            _ => Err(size(known.size)),
        }
    }

    fn keep(&mut self, size: usize) -> Result<(), QemuError> {
        // The section's length is the sum of these, and it lies within the file.
        let end = self.at.saturating_add(size);
        let bytes = self.file.get(self.at..end).ok_or_else(|| QemuError::Place {
            section: self.section.clone(),
            offset: end,
            expected: "more than the whole file",
        })?;
        self.kept.extend_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    fn unknown(&mut self, name: &str, is_subsection: bool, size: Option<usize>) -> Result<(), QemuError> {
        let unknown = Unknown {
            section: self.section.clone(),
            name: name.to_owned(),
            is_subsection,
            offset: self.at,
            size: size.unwrap_or(usize::MAX),
        };
        if !(self.drop)(&unknown) {
            return Err(QemuError::Unknown(unknown));
        }
        self.at = self.at.saturating_add(unknown.size);
        Ok(())
    }

    fn missing(&self, wanted: Option<&KnownField>, found: Option<&str>) -> QemuError {
        let name = wanted.and_then(|wanted| wanted.names.first().copied());
        QemuError::Missing {
            section: self.section.clone(),
            field: name.unwrap_or("nothing").to_owned(),
            found: found.map(str::to_owned),
        }
    }
}
