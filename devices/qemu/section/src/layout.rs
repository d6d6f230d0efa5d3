//! Sections as constant data: names, sizes and order of their fields.

/// The layout of a section, of a struct within a section, or of a subsection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// QEMU's name.
    pub name: &'static str,
    /// The only known version.
    pub version: u32,
    /// The fields, in order.
    pub fields: &'static [Field],
    /// The subsections that may follow, in the order in which QEMU writes them.
    pub subsections: &'static [&'static Layout],
}

/// A field of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// QEMU's names for the field, newest first.
    pub names: &'static [&'static str],
    /// The length of the field in bytes, without subsections.
    pub size: usize,
    /// The layout of the field, if it is a struct.
    pub inner: Option<&'static Layout>,
}

/// Bytes before a subsection's fields: a mark, the length of its name, the name, its version.
const fn subsection_header(name: &str) -> usize {
    1 + 1 + name.len() + 4
}

impl Layout {
    /// Returns the length in bytes of the fields, without subsections.
    #[must_use]
    pub const fn size(&self) -> usize {
        let (mut size, mut rest) = (0, self.fields);
        while let [field, others @ ..] = rest {
            size += field.size;
            rest = others;
        }
        size
    }

    /// Returns the length in bytes with all subsections.
    #[must_use]
    pub const fn max_len(&self) -> usize {
        let (mut len, mut rest) = (0, self.fields);
        while let [field, others @ ..] = rest {
            len += match field.inner {
                Some(inner) => inner.max_len(),
                None => field.size,
            };
            rest = others;
        }
        let mut rest = self.subsections;
        while let [subsection, others @ ..] = rest {
            len += subsection_header(subsection.name) + subsection.max_len();
            rest = others;
        }
        len
    }
}
