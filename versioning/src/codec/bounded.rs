//! Fields whose bound changed with a version of their mirror: `bound(1 = 8, 3 = 16)`.
//!
//! The type has the bound of the latest version. At a version with a smaller bound, a longer value is a loss, and its first
//! elements are kept. At a version with a larger bound, a value that is too long for the type is refused when it is loaded.

use heapless::{Deque, String, Vec};

use super::borrowed::utf8_of;
use super::{Blank, Bytes, Str, Wire, check_read};
use crate::at::Versions;
use crate::error::{ConversionError, Expected, SaveError};
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::writer::Writer;

/// Encodes a field with a bound that differs from the bound of its type. The type of a field with `#[versioned(bound(1
/// = 8, 2 = 16))]` must implement it.
///
/// Arrays, sequences, text, bytes and an `Option` of them implement it. Implement it for a container of your own if its
/// bound can change. Each method does the same as the method of [`Wire`] with the similar name, with `bound` as the
/// maximum.
///
/// ```
/// use devstate_versioning::schema::Type;
/// use devstate_versioning::wire::{Bounded, Differ, Layout, Malformed, Reader, Versions, Wire, Writer};
/// use devstate_versioning::{ConversionError, Versioned};
/// use heapless::Vec;
///
/// /// The last output of a console.
/// #[derive(Clone, Debug, Default)]
/// pub struct Log<const N: usize>(pub Vec<u8, N>);
///
/// impl<const N: usize> Layout for Log<N> {
///     const TYPE: &'static Type = Vec::<u8, N>::TYPE;
/// }
///
/// impl<'de, V: Versions, const N: usize> Wire<'de, V> for Log<N> {
///     fn encoded_len(&self, at: V) -> usize {
///         self.0.encoded_len(at)
///     }
///     fn encode<W: Writer>(&self, at: V, writer: &mut W) {
///         self.0.encode(at, writer);
///     }
///     fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
///         self.0.decode_into(at, reader)
///     }
///     fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
///         self.0.differ(&other.0, at, differ);
///     }
/// }
///
/// impl<'de, V: Versions, const N: usize> Bounded<'de, V> for Log<N> {
///     fn encoded_len_within(&self, at: V, bound: usize) -> usize {
///         self.0.encoded_len_within(at, bound)
///     }
///     fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
///         self.0.encode_within(at, bound, writer);
///     }
///     fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
///         self.0.decode_within(at, bound, reader)
///     }
///     fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
///         // A product may keep the last lines here instead.
///         self.0.downgrade_within(at, bound)
///     }
///     fn upgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
///         self.0.upgrade_within(at, bound)
///     }
/// }
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 2, layouts(0x8591_cc2a_49fe_e1cd, open))]
/// pub struct ConsoleSer {
///     #[versioned(bound(1 = 8, 2 = 16))]
///     pub log: Log<16>,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no bound that could change",
    label = "`bound(..)` is for a field with a bound",
    note = "arrays, `heapless::{{Vec, String, Deque}}`, `devstate_versioning::{{Str, Bytes, Sequence}}`, foreign types, and an `Option` of them have a bound"
)]
pub trait Bounded<'de, V: Versions>: Wire<'de, V> {
    /// Returns the number of bytes that `encode_within` writes.
    fn encoded_len_within(&self, at: V, bound: usize) -> usize;

    /// Writes the value. It has at most `bound` elements, because a downgrade has shortened it.
    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W);

    /// Reads at most `bound` elements.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for bytes that the encoder does not write, and for a value that is too long for this type.
    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed>;

    /// Keeps the first `bound` elements, and downgrades them.
    ///
    /// # Errors
    ///
    /// [`ConversionError`] for a value that cannot be shortened.
    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError>;

    /// Upgrades a value that was read with `bound`.
    ///
    /// # Errors
    ///
    /// The errors of [`Wire::upgrade`].
    fn upgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError>;
}

/// Fails a value beyond the bound, which a downgrade should have shortened.
pub(crate) fn check_len<W: Writer>(len: usize, bound: usize, writer: &mut W) {
    if len > bound {
        writer.fail(SaveError::Value {
            expected: Expected::LengthUpTo(bound),
            found: len as u64,
        });
    }
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>, const N: usize> Bounded<'de, V> for Vec<T, N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        self.encoded_len(at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        self.encode(at, writer);
    }

    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let length = reader.length_within(bound, N)?;
        check_read::<V, T>(at, start, length, reader)?;
        self.truncate(length);
        while self.len() < length && self.push(T::blank()).is_ok() {}
        T::decode_slice(self, at, reader)
    }

    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        self.truncate(bound);
        self.downgrade(at)
    }

    fn upgrade_within(&mut self, at: V, _bound: usize) -> Result<(), ConversionError> {
        self.upgrade(at)
    }
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>, const N: usize> Bounded<'de, V> for Deque<T, N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        self.encoded_len(at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        self.encode(at, writer);
    }

    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let length = reader.length_within(bound, N)?;
        check_read::<V, T>(at, start, length, reader)?;
        self.clear();
        while self.len() < length && self.push_back(T::blank()).is_ok() {}
        let (front, back) = self.as_mut_slices();
        T::decode_slice(front, at, reader)?;
        T::decode_slice(back, at, reader)
    }

    /// The oldest elements are the first.
    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        self.truncate(bound);
        self.downgrade(at)
    }

    fn upgrade_within(&mut self, at: V, _bound: usize) -> Result<(), ConversionError> {
        self.upgrade(at)
    }
}

/// Returns the length of the longest beginning of `text` with at most `bound` bytes and whole characters.
fn whole_characters(text: &str, bound: usize) -> usize {
    let mut end = bound.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

impl<'de, V: Versions, const N: usize> Bounded<'de, V> for String<N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        Wire::<V>::encoded_len(self, at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        Wire::<V>::encode(self, at, writer);
    }

    fn decode_within(&mut self, _at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length_within(bound, N)?;
        let text = utf8_of(reader, length)?;
        self.clear();
        // It fits: the length was checked against the capacity.
        let _ = self.push_str(text);
        Ok(())
    }

    /// No character is cut in two.
    fn downgrade_within(&mut self, _at: V, bound: usize) -> Result<(), ConversionError> {
        let end = whole_characters(self, bound);
        self.truncate(end);
        Ok(())
    }

    fn upgrade_within(&mut self, _at: V, _bound: usize) -> Result<(), ConversionError> {
        Ok(())
    }
}

impl<'de, V: Versions, const N: usize> Bounded<'de, V> for Str<'de, N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        self.encoded_len(at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        self.encode(at, writer);
    }

    fn decode_within(&mut self, _at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length_within(bound, N)?;
        *self = Self::new(utf8_of(reader, length)?).unwrap_or_default();
        Ok(())
    }

    /// No character is cut in two.
    fn downgrade_within(&mut self, _at: V, bound: usize) -> Result<(), ConversionError> {
        let text = self.get();
        let text = text.get(..whole_characters(text, bound)).unwrap_or_default();
        *self = Self::new(text).unwrap_or_default();
        Ok(())
    }

    fn upgrade_within(&mut self, _at: V, _bound: usize) -> Result<(), ConversionError> {
        Ok(())
    }
}

impl<'de, V: Versions, const N: usize> Bounded<'de, V> for Bytes<'de, N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        self.encoded_len(at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        self.encode(at, writer);
    }

    fn decode_within(&mut self, _at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length_within(bound, N)?;
        *self = Self::new(reader.bytes(length)?).unwrap_or_default();
        Ok(())
    }

    fn downgrade_within(&mut self, _at: V, bound: usize) -> Result<(), ConversionError> {
        let bytes = self.get();
        *self = Self::new(bytes.get(..bound).unwrap_or(bytes)).unwrap_or_default();
        Ok(())
    }

    fn upgrade_within(&mut self, _at: V, _bound: usize) -> Result<(), ConversionError> {
        Ok(())
    }
}

/// An array has no length on the wire. Elements beyond the length of the array or of the version have the default
/// value.
impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>, const N: usize> Bounded<'de, V> for [T; N] {
    fn encoded_len_within(&self, at: V, bound: usize) -> usize {
        let (there, _) = split(self, bound);
        let mut len = T::slice_encoded_len(there, at);
        for _ in N..bound {
            let mut missing = T::blank();
            let _ = missing.downgrade(at);
            len = len.saturating_add(missing.encoded_len(at));
        }
        len
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        let (there, _) = split(self, bound);
        T::encode_slice(there, at, writer);
        for _ in N..bound {
            let mut missing = T::blank();
            if let Err(error) = missing.downgrade(at) {
                return writer.fail(SaveError::Conversion(error));
            }
            missing.encode(at, writer);
        }
    }

    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let (there, _) = split_mut(self, bound);
        T::decode_slice(there, at, reader)?;
        for position in N..bound {
            let start = reader.offset();
            let mut item = T::blank();
            item.decode_into(at, reader)?;
            if !is_default(item, at) {
                return Err(reader.refuse_at(start, Expected::DefaultElement, position as u64));
            }
        }
        Ok(())
    }

    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        let (there, missing) = split_mut(self, bound);
        missing.fill_with(T::blank);
        there.iter_mut().try_for_each(|item| item.downgrade(at))?;
        // The encoder writes defaults for the elements that the array does not have.
        if N < bound { T::blank().downgrade(at) } else { Ok(()) }
    }

    fn upgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        let (there, missing) = split_mut(self, bound);
        missing.fill_with(T::blank);
        there.iter_mut().try_for_each(|item| item.upgrade(at))
    }
}

fn split<T>(items: &[T], bound: usize) -> (&[T], &[T]) {
    items.split_at_checked(bound).unwrap_or((items, &[]))
}

fn split_mut<T>(items: &mut [T], bound: usize) -> (&mut [T], &mut [T]) {
    let bound = bound.min(items.len());
    items.split_at_mut(bound)
}

/// Returns `true` for an item that is the default at the latest version. An item that cannot be upgraded is not.
fn is_default<'de, V: Versions, T: Wire<'de, V> + Blank<V>>(mut item: T, at: V) -> bool {
    let mut equal = item.upgrade(at).is_ok();
    item.differ(&T::blank(), at, &mut Differ::new(&mut |_| equal = false));
    equal
}

impl<'de, V: Versions, T: Bounded<'de, V> + Blank<V>> Bounded<'de, V> for Option<T> {
    fn encoded_len_within(&self, at: V, bound: usize) -> usize {
        1 + self.as_ref().map_or(0, |value| value.encoded_len_within(at, bound))
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        writer.byte(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode_within(at, bound, writer);
        }
    }

    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let offset = reader.offset();
        match reader.byte()? {
            0 => {
                *self = None;
                Ok(())
            }
            1 => self.insert(T::blank()).decode_within(at, bound, reader),
            found => Err(reader.refuse_at(offset, Expected::OptionTag, found.into())),
        }
    }

    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        self.as_mut().map_or(Ok(()), |value| value.downgrade_within(at, bound))
    }

    fn upgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        self.as_mut().map_or(Ok(()), |value| value.upgrade_within(at, bound))
    }
}
