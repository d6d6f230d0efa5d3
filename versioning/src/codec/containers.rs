//! The containers of heapless. A sequence is encoded as its length and its elements, text as its length and UTF-8.

use heapless::{Deque, String, Vec};

use super::borrowed::utf8;
use super::{Blank, Wire, check_read, check_written};
use crate::at::Versions;
use crate::error::ConversionError;
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::schema_data::Type;
use crate::writer::{Writer, length_len};

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Vec<T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>, const N: usize> Wire<'de, V> for Vec<T, N> {
    #[inline]
    fn encoded_len(&self, at: V) -> usize {
        length_len::<N>(self.len()) + T::slice_encoded_len(self, at)
    }

    #[inline]
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        T::encode_vec::<N, W>(self, at, writer);
    }

    #[inline]
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        if const { N < 0x80 } {
            T::decode_vec::<false>(self, at, reader)
        } else {
            T::decode_vec::<true>(self, at, reader)
        }
    }

    #[inline]
    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.iter_mut().try_for_each(|item| item.downgrade(at))
    }

    #[inline]
    fn upgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.iter_mut().try_for_each(|item| item.upgrade(at))
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        if self.len() == other.len() {
            T::slice_differ(self, other, at, differ);
        } else {
            differ.leaf(false);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Deque<T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>, const N: usize> Wire<'de, V> for Deque<T, N> {
    #[inline]
    fn encoded_len(&self, at: V) -> usize {
        let (front, back) = self.as_slices();
        length_len::<N>(self.len()) + T::slice_encoded_len(front, at) + T::slice_encoded_len(back, at)
    }

    #[inline]
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        let (front, back) = self.as_slices();
        writer.length::<N>(self.len());
        check_written(at, self.len(), front.first(), writer);
        T::encode_slice(front, at, writer);
        T::encode_slice(back, at, writer);
    }

    #[inline]
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let length = reader.length(N)?;
        check_read::<V, T>(at, start, length, reader)?;
        self.clear();
        while self.len() < length && self.push_back(T::blank()).is_ok() {}
        let (front, back) = self.as_mut_slices();
        T::decode_slice(front, at, reader)?;
        T::decode_slice(back, at, reader)
    }

    #[inline]
    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.iter_mut().try_for_each(|item| item.downgrade(at))
    }

    #[inline]
    fn upgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.iter_mut().try_for_each(|item| item.upgrade(at))
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        if self.len() == other.len() {
            differ.elements(self.iter().zip(other.iter()), |(item, other), differ| {
                item.differ(other, at, differ);
            });
        } else {
            differ.leaf(false);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<const N: usize> Layout for String<N> {
    const TYPE: &'static Type = &Type::Str(N);
}

impl<'de, V: Versions, const N: usize> Wire<'de, V> for String<N> {
    #[inline]
    fn encoded_len(&self, _at: V) -> usize {
        length_len::<N>(self.len()) + self.len()
    }

    #[inline]
    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.run::<N>(self.as_bytes());
    }

    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let text = utf8::<N>(reader)?;
        self.clear();
        // It fits: the length was checked against the capacity.
        let _ = self.push_str(text);
        Ok(())
    }

    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}
