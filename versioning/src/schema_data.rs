//! Mirrors in all their versions, as constant data.

use crate::fnv::fnv1a;
use crate::history::History;

/// The maximum number of steps from a mirror to a field: see [`FieldPath`](crate::FieldPath). A field, an element of a
/// sequence and an element of a tuple are one step each.
pub const MAX_DEPTH: usize = 8;

/// The maximum number of elements in a sequence whose elements take no bytes: a length of one byte.
pub(crate) const MAX_EMPTY: usize = 127;

/// Describes a mirror in all its versions: its name, its fields or variants, and its history. `#[derive(Versioned)]`
/// generates it as [`Mirror::SCHEMA`](crate::Mirror::SCHEMA). Tools walk it without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The wire name: the name of the type, or its old name if the type was renamed (`name = "…"`).
    pub name: &'static str,
    /// The FNV-1a hash of the name. Searches compare the hash only.
    pub name_hash: u64,
    /// The latest version.
    pub version: u16,
    /// The parent of each version.
    pub history: History,
    /// Fields or variants.
    pub shape: Shape,
    /// `true` if a field is a [part](Field::parts) or an [inner snapshot](Field::inner).
    pub has_parts: bool,
}

/// A row of a release table: a mirror and its version in each release.
/// [`TableData::ROWS`](crate::schema::TableData::ROWS) has all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The mirror.
    pub schema: &'static Schema,
    /// The fingerprints of the versions of the mirror, from version 1.
    pub layouts: &'static [u64],
    /// The version in each release. Zero if the release does not have the mirror.
    pub versions: &'static [u16],
}

/// The kind of a mirror: a struct with its fields, or an enum with its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All fields of all versions, in wire order.
    Struct(&'static [Field]),
    /// All variants of all versions, by ascending tag.
    Enum(&'static [Variant]),
}

/// A field of a mirror or of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The wire name. Tuple fields are called `0`, `1`, ….
    pub name: &'static str,
    /// The type on the wire.
    pub ty: &'static Type,
    /// The versions of the mirror that have the field.
    pub versions: Presence,
    /// `true` if older readers may ignore the field.
    pub ignorable: bool,
    /// For a part: the version of the mirrors in the field, for each version of the owner from version 1. Zero if the
    /// owner's version does not have the field. Empty if those mirrors have rows in the release table.
    pub parts: &'static [u16],
    /// For an inner snapshot: the number of its release, for each version of the owner from version 1. Zero if the
    /// owner's version does not have the field. Empty for every other field.
    pub inner: &'static [u16],
    /// For a field whose bound changed: the bound for each version of the owner from version 1. Zero if the owner's
    /// version does not have the field. Empty if every version has the bound of the type.
    pub bounds: &'static [usize],
    /// The unit of the number, or of each number in the field, such as `ns`. Tools print it. It is not part of the layout.
    pub unit: Option<&'static str>,
}

/// A variant of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The wire name.
    pub name: &'static str,
    /// The tag on the wire.
    pub tag: u8,
    /// The fields, in wire order.
    pub fields: &'static [Field],
    /// The versions of the enum that have the variant.
    pub versions: Presence,
}

/// Says which versions have a field or a variant: those from `start` up to, but not including, `end`, and those in `more`.
///
/// ```
/// use devstate_versioning::schema::Presence;
///
/// let presence = Presence { end: Some(4), ..Presence::since(2) };
/// assert!(presence.contain(2) && presence.contain(3));
/// assert!(!presence.contain(1) && !presence.contain(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The first version with the field or variant.
    pub start: u16,
    /// The first later version without it. `None` if all later versions have it.
    pub end: Option<u16>,
    /// Further versions with the field or variant, in ascending order. The versions in the gaps belong to a branch
    /// without it. Most fields have no further versions.
    pub more: &'static [Span],
}

/// A range of versions without a gap: an entry of [`Presence::more`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first version.
    pub start: u16,
    /// The first version after the span. `None` if the span includes the latest version.
    pub end: Option<u16>,
}

/// A type on the wire. Lengths are in elements, or in bytes for text and foreign values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One byte, 0 or 1.
    Bool,
    /// A Unicode scalar value: the number of UTF-8 bytes, then the bytes.
    Char,
    /// An unsigned integer, little-endian. The number is its width in bytes.
    UInt(u8),
    /// A two's complement integer, little-endian. The number is its width in bytes.
    Int(u8),
    /// An array: the elements in order. The number is their count.
    Array(&'static Type, usize),
    /// An option: a byte 0, or a byte 1 and the value.
    Option(&'static Type),
    /// A tuple: the values in order.
    Tuple(&'static [&'static Type]),
    /// A sequence: the number of elements, then the elements. The number is the maximum.
    Seq(&'static Type, usize),
    /// Text: the number of bytes, then UTF-8. The number is the maximum in bytes.
    Str(usize),
    /// Another mirror. Its row in the release table gives its version. For a part, the owner gives the version: see
    /// [`Field::parts`].
    Mirror(&'static Schema),
    /// A snapshot of another release table: the number of bytes, then the bytes.
    Inner(&'static InnerSchema),
    /// A foreign serde type: the number of bytes, then the encoding of postcard.
    Foreign {
        /// The name of its layout, from `layout = "…"`.
        layout: &'static str,
        /// The maximum number of bytes.
        max: usize,
    },
}

/// Describes the snapshot in an [`Inner`](crate::Inner) field: its mirror and its release table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerSchema {
    /// The maximum number of bytes.
    pub max: usize,
    /// The mirror.
    pub root: &'static Schema,
    /// The rows of its release table.
    pub rows: &'static [Row],
    /// For each row and each release, the fingerprint of a snapshot whose root is that mirror.
    pub roots: &'static [&'static [u64]],
    /// The numbers of the releases.
    pub numbers: &'static [u16],
}

impl InnerSchema {
    /// Returns the position of the release with that number, or the number of releases if none has it.
    pub(crate) const fn position(&self, number: u16) -> usize {
        let mut rest = self.numbers;
        while let [first, tail @ ..] = rest {
            if *first == number {
                break;
            }
            rest = tail;
        }
        self.numbers.len() - rest.len()
    }
}

impl Field {
    /// Creates a field that has no part and no unit, with the bound of its type. Use it in a hand-written schema.
    #[must_use]
    pub const fn new(name: &'static str, ty: &'static Type, versions: Presence) -> Self {
        Self {
            name,
            ty,
            versions,
            ignorable: false,
            parts: &[],
            inner: &[],
            bounds: &[],
            unit: None,
        }
    }

    /// Returns the version of the part in this field at a version of the owner. Zero if the field is not a part, or if
    /// that version does not have the field.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the length is compared first")]
    pub const fn part_at(&self, version: u16) -> u16 {
        let at = version.wrapping_sub(1) as usize;
        if at < self.parts.len() { self.parts[at] } else { 0 }
    }

    /// Returns the number of the release of the inner snapshot in this field at a version of the owner. Zero if the
    /// field is not an inner snapshot, or if that version does not have the field.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the length is compared first")]
    pub const fn inner_at(&self, version: u16) -> u16 {
        let at = version.wrapping_sub(1) as usize;
        if at < self.inner.len() { self.inner[at] } else { 0 }
    }

    /// Returns the bound of the field at a version of the owner. `None` if the bound never changed: then the type has
    /// the bound.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the length is compared first")]
    pub const fn bound_at(&self, version: u16) -> Option<usize> {
        let at = version.wrapping_sub(1) as usize;
        if at < self.bounds.len() {
            Some(self.bounds[at])
        } else {
            None
        }
    }
}

impl Variant {
    /// Returns the variant with a tag.
    #[must_use]
    pub const fn with_tag(variants: &'static [Self], tag: u8) -> Option<&'static Self> {
        let mut rest = variants;
        while let [variant, tail @ ..] = rest {
            if variant.tag == tag {
                return Some(variant);
            }
            rest = tail;
        }
        None
    }
}

impl Presence {
    /// All versions.
    pub const ALWAYS: Self = Self::since(1);

    /// Returns `start` and all later versions.
    #[must_use]
    pub const fn since(start: u16) -> Self {
        Self {
            start,
            end: None,
            more: &[],
        }
    }

    /// Returns `true` if `version` has the field or variant.
    #[must_use]
    pub const fn contain(self, version: u16) -> bool {
        if version < self.start {
            return false;
        }
        match self.end {
            None => return true,
            Some(end) if version < end => return true,
            Some(_) => {}
        }
        let mut rest = self.more;
        while let [span, tail @ ..] = rest {
            if span.contains(version) {
                return true;
            }
            rest = tail;
        }
        false
    }
}

impl Span {
    const fn contains(self, version: u16) -> bool {
        version >= self.start
            && match self.end {
                Some(end) => version < end,
                None => true,
            }
    }
}

impl Schema {
    /// Creates the description of a mirror.
    #[must_use]
    pub const fn new(name: &'static str, version: u16, shape: Shape) -> Self {
        Self {
            name,
            name_hash: fnv1a(name.as_bytes()),
            version,
            history: History::LINE,
            shape,
            has_parts: has_parts(shape),
        }
    }

    /// Returns the same description with another history.
    #[must_use]
    pub const fn with_history(self, history: History) -> Self {
        Self { history, ..self }
    }

    /// Returns `true` if this source reads and writes that version.
    #[must_use]
    pub const fn has(&self, version: u16) -> bool {
        version >= 1 && version <= self.version && !self.history.lacks(version)
    }

    /// Returns `true` if a field holds a mirror whose version comes from a release table.
    #[must_use]
    pub const fn needs_rows(&self) -> bool {
        match self.shape {
            Shape::Struct(fields) => fields_need_rows(fields),
            Shape::Enum(variants) => {
                let mut rest = variants;
                while let [variant, tail @ ..] = rest {
                    if fields_need_rows(variant.fields) {
                        return true;
                    }
                    rest = tail;
                }
                false
            }
        }
    }
}

const fn has_parts(shape: Shape) -> bool {
    match shape {
        Shape::Struct(fields) => fields_have_parts(fields),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                if fields_have_parts(variant.fields) {
                    return true;
                }
                rest = tail;
            }
            false
        }
    }
}

const fn fields_have_parts(fields: &[Field]) -> bool {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if !field.parts.is_empty() || !field.inner.is_empty() {
            return true;
        }
        rest = tail;
    }
    false
}

const fn fields_need_rows(fields: &[Field]) -> bool {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if field.parts.is_empty() && field.ty.holds_mirrors() {
            return true;
        }
        rest = tail;
    }
    false
}

impl Type {
    /// Returns the bound of the type: of an array, a sequence, text or a foreign value, also inside an option. `None`
    /// for other types.
    #[must_use]
    pub const fn bound(&self) -> Option<usize> {
        match self {
            Self::Array(_, n) | Self::Seq(_, n) | Self::Str(n) | Self::Foreign { max: n, .. } => Some(*n),
            Self::Option(value) => value.bound(),
            _ => None,
        }
    }

    /// Returns `true` if a value of the type is a number, or has numbers and nothing else in it.
    pub(crate) const fn holds_numbers(&self) -> bool {
        match self {
            Self::UInt(_) | Self::Int(_) => true,
            Self::Array(inner, _) | Self::Option(inner) | Self::Seq(inner, _) => inner.holds_numbers(),
            Self::Tuple(parts) => {
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    if !part.holds_numbers() {
                        return false;
                    }
                    rest = tail;
                }
                !parts.is_empty()
            }
            _ => false,
        }
    }

    pub(crate) const fn holds_mirrors(&self) -> bool {
        match self {
            Self::Mirror(_) => true,
            Self::Array(inner, _) | Self::Option(inner) | Self::Seq(inner, _) => inner.holds_mirrors(),
            Self::Tuple(parts) => {
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    if part.holds_mirrors() {
                        return true;
                    }
                    rest = tail;
                }
                false
            }
            _ => false,
        }
    }
}
