//! Text and bytes that stay in the buffer that they were decoded from.

use core::ops::Deref;

use super::Wire;
use crate::at::Versions;
use crate::error::Expected;
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::schema_data::Type;
use crate::writer::{Writer, length_len};

/// A text field of at most `N` bytes of UTF-8. Loading does not copy the text: it stays in the buffer of the snapshot.
///
/// Use it for long texts. A `heapless::String<N>` takes `N` bytes in the mirror; this takes a pointer and a length. Both
/// have the same encoding. [`Sequence`](crate::Sequence) has an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Str<'de, const N: usize>(&'de str);

/// A field of at most `N` bytes. Loading does not copy them: they stay in the buffer of the snapshot.
///
/// Use it for long byte strings, or for bytes that a program forwards without reading them. A `heapless::Vec<u8, N>`
/// takes `N` bytes in the mirror; this takes a pointer and a length. Both have the same encoding.
///
/// ```
/// use devstate_versioning::{Bytes, ReleaseTable, Versioned, buffer, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct PacketSer<'a> {
///     pub content: Bytes<'a, 1500>,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     PacketSer<'_> => [1],
/// }
///
/// let content = Bytes::new(b"ping").expect("at most 1500 bytes");
/// let mut memory = buffer!(PacketSer<'_>);
/// let snapshot = Release::save(&PacketSer { content }, &mut memory)?;
///
/// let mut packet = PacketSer::default();
/// Release::load(snapshot, &mut packet)?;
/// assert_eq!(packet.content.get(), b"ping");
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bytes<'de, const N: usize>(&'de [u8]);

impl<'de, const N: usize> Str<'de, N> {
    /// Creates the value. Returns `None` for text longer than `N` bytes.
    #[must_use]
    pub const fn new(text: &'de str) -> Option<Self> {
        if text.len() <= N { Some(Self(text)) } else { None }
    }

    /// Returns the text, with the lifetime of its buffer.
    #[must_use]
    pub const fn get(self) -> &'de str {
        self.0
    }
}

impl<'de, const N: usize> Bytes<'de, N> {
    /// Creates the value. Returns `None` for more than `N` bytes.
    #[must_use]
    pub const fn new(bytes: &'de [u8]) -> Option<Self> {
        if bytes.len() <= N { Some(Self(bytes)) } else { None }
    }

    /// Returns the bytes, with the lifetime of their buffer.
    #[must_use]
    pub const fn get(self) -> &'de [u8] {
        self.0
    }
}

impl<const N: usize> Deref for Str<'_, N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl<const N: usize> Deref for Bytes<'_, N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

#[diagnostic::do_not_recommend]
impl<const N: usize> Layout for Str<'_, N> {
    const TYPE: &'static Type = &Type::Str(N);
}

#[diagnostic::do_not_recommend]
impl<const N: usize> Layout for Bytes<'_, N> {
    const TYPE: &'static Type = &Type::Seq(&Type::UInt(1), N);
}

impl<'de, V: Versions, const N: usize> Wire<'de, V> for Str<'de, N> {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        length_len::<N>(self.0.len()) + self.0.len()
    }

    #[inline]
    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.run::<N>(self.0.as_bytes());
    }

    #[inline]
    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.0 = utf8::<N>(reader)?;
        Ok(())
    }

    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}

impl<'de, V: Versions, const N: usize> Wire<'de, V> for Bytes<'de, N> {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        length_len::<N>(self.0.len()) + self.0.len()
    }

    #[inline]
    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.run::<N>(self.0);
    }

    #[inline]
    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length(N)?;
        self.0 = reader.bytes(length)?;
        Ok(())
    }

    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}

/// Reads a length of at most `N` and as many bytes of UTF-8.
pub(super) fn utf8<'de, const N: usize>(reader: &mut Reader<'de>) -> Result<&'de str, Malformed> {
    let length = reader.length(N)?;
    utf8_of(reader, length)
}

/// Reads `length` bytes of UTF-8.
pub(super) fn utf8_of<'de>(reader: &mut Reader<'de>, length: usize) -> Result<&'de str, Malformed> {
    let start = reader.offset();
    let bytes = reader.bytes(length)?;
    core::str::from_utf8(bytes).map_err(|error| {
        let bad = error.valid_up_to();
        reader.refuse_at(start + bad, Expected::Utf8, bytes.get(bad).copied().unwrap_or(0).into())
    })
}
