//! heapless' containers: a sequence with a bound is a length and the elements, text a length and the UTF-8.

use heapless::{Deque, String, Vec};

use super::borrowed::utf8;
use super::{Layout, Wire};
use crate::error::Refused;
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::schema::Type;
use crate::writer::{Writer, length_len};

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Vec<T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, R: Copy, T: Wire<'de, R> + Default, const N: usize> Wire<'de, R> for Vec<T, N> {
    #[inline]
    fn encoded_len(&self, release: R) -> usize {
        length_len::<N>(self.len()) + T::slice_encoded_len(self, release)
    }

    #[inline]
    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        writer.length::<N>(self.len());
        T::encode_slice(self, release, writer);
    }

    #[inline]
    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length(N)?;
        T::decode_vec(self, length, release, reader)
    }

    #[inline]
    fn lower(&mut self, release: R) -> Result<(), Refused> {
        self.iter_mut().try_for_each(|item| item.lower(release))
    }

    #[inline]
    fn raise(&mut self, release: R) -> Result<(), Refused> {
        self.iter_mut().try_for_each(|item| item.raise(release))
    }

    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        if self.len() == other.len() {
            differ.elements(self.iter().zip(other), |(item, other), differ| {
                item.differ(other, differ);
            });
        } else {
            differ.leaf(false);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Deque<T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, R: Copy, T: Wire<'de, R> + Default, const N: usize> Wire<'de, R> for Deque<T, N> {
    #[inline]
    fn encoded_len(&self, release: R) -> usize {
        let (front, back) = self.as_slices();
        length_len::<N>(self.len()) + T::slice_encoded_len(front, release) + T::slice_encoded_len(back, release)
    }

    #[inline]
    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        let (front, back) = self.as_slices();
        writer.length::<N>(self.len());
        T::encode_slice(front, release, writer);
        T::encode_slice(back, release, writer);
    }

    #[inline]
    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length(N)?;
        self.clear();
        while self.len() < length && self.push_back(T::default()).is_ok() {}
        let (front, back) = self.as_mut_slices();
        T::decode_slice(front, release, reader)?;
        T::decode_slice(back, release, reader)
    }

    #[inline]
    fn lower(&mut self, release: R) -> Result<(), Refused> {
        self.iter_mut().try_for_each(|item| item.lower(release))
    }

    #[inline]
    fn raise(&mut self, release: R) -> Result<(), Refused> {
        self.iter_mut().try_for_each(|item| item.raise(release))
    }

    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        if self.len() == other.len() {
            differ.elements(self.iter().zip(other.iter()), |(item, other), differ| {
                item.differ(other, differ);
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

impl<'de, R: Copy, const N: usize> Wire<'de, R> for String<N> {
    #[inline]
    fn encoded_len(&self, _release: R) -> usize {
        length_len::<N>(self.len()) + self.len()
    }

    #[inline]
    fn encode<W: Writer>(&self, _release: R, writer: &mut W) {
        writer.length::<N>(self.len());
        writer.bytes(self.as_bytes());
    }

    fn decode_into(&mut self, _release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let text = utf8::<N>(reader)?;
        self.clear();
        // It fits: the length was checked against the capacity.
        let _ = self.push_str(text);
        Ok(())
    }

    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}
