//! Integers of a fixed width, `bool` and `char`.

use heapless::VecView;

use super::{BadValue, Fixed, Wire};
use crate::at::Versions;
use crate::error::Expected;
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::schema_data::Type;
use crate::writer::{Writer, copy};

macro_rules! integers {
    ($($int:ty: $type:expr),+) => {$(
        #[diagnostic::do_not_recommend]
        impl Layout for $int {
            const TYPE: &'static Type = &$type;
            const FIXED_LEN: Option<usize> = Some(size_of::<$int>());
        }

        impl Fixed for $int {
            const LEN: usize = size_of::<$int>();

            #[inline]
            fn store(&self, out: &mut [u8]) {
                if let Some(out) = out.first_chunk_mut() {
                    *out = self.to_le_bytes();
                }
            }

            #[inline]
            fn load(&mut self, bytes: &[u8]) -> Result<(), BadValue> {
                if let Some(bytes) = bytes.first_chunk() {
                    *self = Self::from_le_bytes(*bytes);
                }
                Ok(())
            }
        }

        impl<'de, V: Versions> Wire<'de, V> for $int {
            #[inline]
            fn encoded_len(&self, _at: V) -> usize {
                size_of::<$int>()
            }

            #[inline]
            fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
                if let Some(window) = writer.window() {
                    *window = self.to_le_bytes();
                }
            }

            #[inline]
            fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
                *self = Self::from_le_bytes(*reader.array()?);
                Ok(())
            }

            #[inline]
            fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
                differ.leaf(self == other);
            }
        }
    )+};
}

integers!(
    u16: Type::UInt(2), u32: Type::UInt(4), u64: Type::UInt(8), u128: Type::UInt(16),
    i8: Type::Int(1), i16: Type::Int(2), i32: Type::Int(4), i64: Type::Int(8), i128: Type::Int(16)
);

#[diagnostic::do_not_recommend]
impl Layout for u8 {
    const TYPE: &'static Type = &Type::UInt(1);
    const FIXED_LEN: Option<usize> = Some(1);
}

impl Fixed for u8 {
    const LEN: usize = 1;

    #[inline]
    fn store(&self, out: &mut [u8]) {
        if let [out, ..] = out {
            *out = *self;
        }
    }

    #[inline]
    fn load(&mut self, bytes: &[u8]) -> Result<(), BadValue> {
        if let [byte, ..] = bytes {
            *self = *byte;
        }
        Ok(())
    }

    // Bytes are copied in one go.
    #[inline]
    fn store_slice(items: &[Self], out: &mut [u8]) {
        copy(items, out);
    }

    #[inline]
    fn load_slice(items: &mut [Self], bytes: &[u8]) -> Result<(), BadValue> {
        copy(bytes, items);
        Ok(())
    }
}

impl<'de, V: Versions> Wire<'de, V> for u8 {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        1
    }

    #[inline]
    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.byte(*self);
    }

    #[inline]
    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        *self = reader.byte()?;
        Ok(())
    }

    #[inline]
    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }

    #[inline]
    fn slice_encoded_len(items: &[Self], _at: V) -> usize {
        items.len()
    }

    #[inline]
    fn encode_slice<W: Writer>(items: &[Self], _at: V, writer: &mut W) {
        writer.bytes(items);
    }

    #[inline]
    fn encode_vec<const N: usize, W: Writer>(items: &[Self], _at: V, writer: &mut W) {
        writer.run::<N>(items);
    }

    #[inline]
    fn decode_slice(items: &mut [Self], _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let bytes = reader.bytes(items.len())?;
        copy(bytes, items);
        Ok(())
    }

    /// Compares the whole slices first, because most are equal.
    #[inline]
    fn slice_differ(items: &[Self], others: &[Self], at: V, differ: &mut Differ<'_>) {
        if items != others {
            differ.elements(items.iter().zip(others), |(item, other), differ| {
                <Self as Wire<'de, V>>::differ(item, other, at, differ);
            });
        }
    }

    #[inline]
    fn decode_vec<const LONG: bool>(
        items: &mut VecView<Self>,
        _at: V,
        reader: &mut Reader<'de>,
    ) -> Result<(), Malformed> {
        decode_bytes::<LONG>(items, reader)
    }
}

/// The same code for all releases and capacities, where flash is short. Elsewhere it is inlined.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::inline_always, reason = "the reader stays in registers")
)]
fn decode_bytes<const LONG: bool>(items: &mut VecView<u8>, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let length = reader.length_up_to::<LONG>(items.capacity())?;
    if cfg!(target_pointer_width = "64") {
        if length == 0 {
            items.clear();
            return Ok(());
        }
        if copy_start::<16>(items, length, reader.rest()) || copy_start::<8>(items, length, reader.rest()) {
            reader.skip(length);
            return Ok(());
        }
    }
    replace_bytes(items, length, reader)
}

/// Replaces `items` by the next `length` bytes, which fit.
#[cfg_attr(target_pointer_width = "64", inline(never))]
fn replace_bytes(items: &mut VecView<u8>, length: usize, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let bytes = reader.bytes(length)?;
    items.clear();
    // They fit: the length was checked against the capacity.
    let _ = items.extend_from_slice(bytes);
    Ok(())
}

/// Replaces `items` by the first `length` of `bytes` with one copy of `N` bytes, which takes less than a call for a copy of
/// fewer. Returns `false` if there are more items, or less space or bytes than `N`.
#[inline]
fn copy_start<const N: usize>(items: &mut VecView<u8>, length: usize, bytes: &[u8]) -> bool {
    match bytes.first_chunk::<N>() {
        Some(chunk) if length <= N && N <= items.capacity() => {
            items.clear();
            let _ = items.extend_from_slice(chunk);
            items.truncate(length);
            true
        }
        _ => false,
    }
}

#[diagnostic::do_not_recommend]
impl Layout for bool {
    const TYPE: &'static Type = &Type::Bool;
    const FIXED_LEN: Option<usize> = Some(1);
}

impl Fixed for bool {
    const LEN: usize = 1;

    #[inline]
    fn store(&self, out: &mut [u8]) {
        u8::from(*self).store(out);
    }

    #[inline]
    fn load(&mut self, bytes: &[u8]) -> Result<(), BadValue> {
        match bytes {
            [byte @ 0..=1, ..] => {
                // The byte itself, which takes less code than a comparison.
                *self = *byte & 1 != 0;
                Ok(())
            }
            [found, ..] => Err(BadValue {
                position: 0,
                found: *found,
            }),
            [] => Ok(()),
        }
    }
}

impl<'de, V: Versions> Wire<'de, V> for bool {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        1
    }

    #[inline]
    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.byte(u8::from(*self));
    }

    #[inline]
    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let offset = reader.offset();
        let byte = reader.byte()?;
        if byte > 1 {
            return Err(reader.refuse_at(offset, Expected::Bool, byte.into()));
        }
        *self = byte & 1 != 0;
        Ok(())
    }

    #[inline]
    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}

#[diagnostic::do_not_recommend]
impl Layout for char {
    const TYPE: &'static Type = &Type::Char;
}

impl<'de, V: Versions> Wire<'de, V> for char {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        1 + self.len_utf8()
    }

    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        let mut utf8 = [0; 4];
        let utf8 = self.encode_utf8(&mut utf8).as_bytes();
        writer.length::<4>(utf8.len());
        writer.bytes(utf8);
    }

    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let length = reader.length(4)?;
        let bytes = reader.bytes(length)?;
        let mut chars = core::str::from_utf8(bytes).unwrap_or_default().chars();
        match (chars.next(), chars.next()) {
            (Some(only), None) => {
                *self = only;
                Ok(())
            }
            _ => Err(reader.refuse_at(start, Expected::Char, length as u64)),
        }
    }

    #[inline]
    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}
