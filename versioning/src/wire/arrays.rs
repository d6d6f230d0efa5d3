//! Arrays, tuples and `Option`.

use super::{BadValue, Fixed, Layout, Wire};
use crate::error::{Expected, Refused};
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::schema::Type;
use crate::writer::Writer;

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for [T; N] {
    const TYPE: &'static Type = &Type::Array(T::TYPE, N);
}

impl<T: Fixed, const N: usize> Fixed for [T; N] {
    const LEN: usize = N * T::LEN;

    #[inline]
    fn store(&self, out: &mut [u8]) {
        T::store_slice(self, out);
    }

    #[inline]
    fn load(&mut self, bytes: &[u8]) -> Result<(), BadValue> {
        T::load_slice(self, bytes)
    }
}

impl<'de, R: Copy, T: Wire<'de, R>, const N: usize> Wire<'de, R> for [T; N] {
    #[inline]
    fn encoded_len(&self, release: R) -> usize {
        T::slice_encoded_len(self, release)
    }

    #[inline]
    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        T::encode_slice(self, release, writer);
    }

    #[inline]
    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        T::decode_slice(self, release, reader)
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
        differ.elements(self.iter().zip(other), |(item, other), differ| {
            item.differ(other, differ);
        });
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout> Layout for Option<T> {
    const TYPE: &'static Type = &Type::Option(T::TYPE);
}

impl<'de, R: Copy, T: Wire<'de, R> + Default> Wire<'de, R> for Option<T> {
    #[inline]
    fn encoded_len(&self, release: R) -> usize {
        1 + self.as_ref().map_or(0, |value| value.encoded_len(release))
    }

    #[inline]
    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        writer.byte(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(release, writer);
        }
    }

    #[inline]
    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let offset = reader.offset();
        match reader.byte()? {
            0 => {
                *self = None;
                Ok(())
            }
            1 => self.insert(T::default()).decode_into(release, reader),
            found => Err(reader.refuse_at(offset, Expected::OptionTag, found.into())),
        }
    }

    #[inline]
    fn lower(&mut self, release: R) -> Result<(), Refused> {
        self.as_mut().map_or(Ok(()), |value| value.lower(release))
    }

    #[inline]
    fn raise(&mut self, release: R) -> Result<(), Refused> {
        self.as_mut().map_or(Ok(()), |value| value.raise(release))
    }

    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        match (self, other) {
            (Some(value), Some(other)) => value.differ(other, differ),
            (value, other) => differ.leaf(value.is_some() == other.is_some()),
        }
    }
}

macro_rules! tuples {
    ($($(($T:ident $index:tt)),+;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($T: Layout),+> Layout for ($($T,)+) {
            const TYPE: &'static Type = &Type::Tuple(&[$($T::TYPE),+]);
        }

        impl<'de, Release: Copy, $($T: Wire<'de, Release>),+> Wire<'de, Release> for ($($T,)+) {
            #[inline]
            fn encoded_len(&self, release: Release) -> usize {
                0 $(+ self.$index.encoded_len(release))+
            }

            #[inline]
            fn encode<W: Writer>(&self, release: Release, writer: &mut W) {
                $(self.$index.encode(release, writer);)+
            }

            #[inline]
            fn decode_into(&mut self, release: Release, reader: &mut Reader<'de>) -> Result<(), Malformed> {
                $(self.$index.decode_into(release, reader)?;)+
                Ok(())
            }

            #[inline]
            fn lower(&mut self, release: Release) -> Result<(), Refused> {
                $(self.$index.lower(release)?;)+
                Ok(())
            }

            #[inline]
            fn raise(&mut self, release: Release) -> Result<(), Refused> {
                $(self.$index.raise(release)?;)+
                Ok(())
            }

            fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
                $(differ.field($index, |differ| self.$index.differ(&other.$index, differ));)+
            }
        }
    )+};
}

tuples! {
    (A 0);
    (A 0), (B 1);
    (A 0), (B 1), (C 2);
    (A 0), (B 1), (C 2), (D 3);
    (A 0), (B 1), (C 2), (D 3), (E 4);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5);
}
