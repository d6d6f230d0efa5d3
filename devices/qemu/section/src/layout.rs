//! Sections as constant data: names, sizes and order of their fields.

/// A section, a struct within a section, or a subsection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// QEMU's name for it.
    pub name: &'static str,
    /// The only version that is known.
    pub version: u32,
    /// Its fields, in order.
    pub fields: &'static [Field],
    /// The subsections that may follow, in the order in which QEMU writes them.
    pub subsections: &'static [&'static Layout],
}

/// A field of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// QEMU's names for it, the newest first.
    pub names: &'static [&'static str],
    /// The bytes that it has, without subsections.
    pub size: usize,
    /// The fields in it, if it is a struct.
    pub inner: Option<&'static Layout>,
}

/// Bytes before a subsection's fields: a mark, the length of its name, the name, its version.
const fn subsection_header(name: &str) -> usize {
    1 + 1 + name.len() + 4
}

impl Layout {
    /// Returns the bytes of its fields, without subsections.
    #[must_use]
    pub const fn size(&self) -> usize {
        let (mut size, mut rest) = (0, self.fields);
        while let [field, others @ ..] = rest {
            size += field.size;
            rest = others;
        }
        size
    }

    /// Returns the bytes that it has with all subsections.
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
