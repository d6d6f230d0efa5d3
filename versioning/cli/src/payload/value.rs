//! The results of a walk: values with their places.

use std::fmt;

use super::inner::Within;
use super::walk::Why;
use crate::schema::Type;

/// One value in a payload, such as a number, a text, a tag or a length.
///
/// Items follow each other without a gap, and together they are the payload. A sequence, an option or an enum is an item
/// for its length or tag. Its content follows as further items.
#[derive(Clone, Copy, Debug)]
pub struct Item<'w, 's, 'p> {
    /// The path of the field or element that has the value.
    pub path: &'w Path<'s>,
    /// The offset of the first byte of the value in the snapshot.
    pub offset: usize,
    /// The number of bytes.
    pub len: usize,
    /// The type.
    pub ty: &'s Type,
    /// The unit of each number in the value, if the schema has one.
    pub unit: Option<&'s str>,
    /// The value.
    pub value: Value<'s, 'p>,
}

/// The steps from the root to a value. It prints as `serial[1].rx`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path<'s>(pub(super) Vec<Step<'s>>);

/// One step of a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step<'s> {
    /// A field.
    Field {
        /// The variant that has the field, for an enum.
        variant: Option<&'s str>,
        /// The name.
        name: &'s str,
    },
    /// An element of an array or a sequence.
    Element(usize),
    /// A part of a tuple.
    Part(usize),
}

impl<'s> Path<'s> {
    /// Returns the steps.
    #[must_use]
    pub fn steps(&self) -> &[Step<'s>] {
        &self.0
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            if position > 0 && !matches!(step, Step::Element(_)) {
                f.write_str(".")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field {
                variant: Some(variant),
                name,
            } => write!(f, "{variant}.{name}"),
            Self::Field { variant: None, name } => f.write_str(name),
            Self::Element(index) => write!(f, "[{index}]"),
            Self::Part(index) => write!(f, "{index}"),
        }
    }
}

/// The value of an [`Item`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'s, 'p> {
    /// A `bool`.
    Bool(bool),
    /// A character.
    Char(char),
    /// An unsigned integer, and its width in bytes.
    Uint(u128, usize),
    /// A signed integer.
    Int(i128),
    /// Text.
    Str(&'p str),
    /// An array or a sequence of bytes.
    Bytes(&'p [u8]),
    /// The bytes that postcard wrote for a foreign type, undecoded.
    Foreign(&'p [u8]),
    /// An option without a value.
    Absent,
    /// An option whose value follows.
    Present,
    /// The number of elements of a sequence. The elements follow.
    Elements(usize),
    /// The wire name of a variant of an enum. The fields follow.
    Variant(&'s str),
    /// The length and the header of a snapshot within the payload. Its values follow, and its checksum.
    Snapshot(Within<'s>),
    /// The correct checksum of a snapshot within the payload.
    Checksum(u64),
    /// Bytes of a snapshot within the payload that are damaged or could not be read.
    Unread(Why),
}

/// Prints registers in hexadecimal, counts in decimal, and bytes also as text where all of them are printable ASCII.
impl fmt::Display for Value<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Char(value) => write!(f, "{value:?}"),
            Self::Uint(value, len) => {
                let width = 2 + 2 * len;
                write!(f, "{value:#0width$x}")?;
                if *value >= 10 {
                    write!(f, " ({value})")?;
                }
                Ok(())
            }
            Self::Int(value) => write!(f, "{value}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) | Self::Foreign(bytes) => {
                f.write_str("[")?;
                for (position, byte) in bytes.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if position == 0 { "" } else { " " })?;
                }
                f.write_str("]")?;
                let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
                match std::str::from_utf8(bytes) {
                    Ok(text) if !text.is_empty() && bytes.iter().all(is_text) => write!(f, " {text:?}"),
                    _ => Ok(()),
                }
            }
            Self::Absent => f.write_str("none"),
            Self::Present => f.write_str("some"),
            Self::Elements(1) => f.write_str("1 element"),
            Self::Elements(count) => write!(f, "{count} elements"),
            Self::Variant(name) => f.write_str(name),
            Self::Snapshot(within) => within.fmt(f),
            Self::Checksum(checksum) => write!(f, "checksum {checksum:#018x}, right"),
            Self::Unread(why) => why.fmt(f),
        }
    }
}
