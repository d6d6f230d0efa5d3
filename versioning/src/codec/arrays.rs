//! Arrays, tuples and `Option`.

use super::window::fixed_len;
use super::{BadValue, Blank, Fixed, Wire};
use crate::at::Versions;
use crate::error::{ConversionError, Expected};
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::schema_data::Type;
use crate::writer::Writer;

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for [T; N] {
    const TYPE: &'static Type = &Type::Array(T::TYPE, N);
    const FIXED_LEN: Option<usize> = match T::FIXED_LEN {
        Some(len) => len.checked_mul(N),
        None => None,
    };
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

impl<'de, V: Versions, T: Wire<'de, V>, const N: usize> Wire<'de, V> for [T; N] {
    #[inline]
    fn encoded_len(&self, at: V) -> usize {
        T::slice_encoded_len(self, at)
    }

    #[inline]
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        T::encode_slice(self, at, writer);
    }

    #[inline]
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        T::decode_slice(self, at, reader)
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
        T::slice_differ(self, other, at, differ);
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout> Layout for Option<T> {
    const TYPE: &'static Type = &Type::Option(T::TYPE);
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V>> Wire<'de, V> for Option<T> {
    #[inline]
    fn encoded_len(&self, at: V) -> usize {
        1 + self.as_ref().map_or(0, |value| value.encoded_len(at))
    }

    #[inline]
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        writer.byte(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode(at, writer);
        }
    }

    // Inlined, it takes less time and more flash, of which small targets are short.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let offset = reader.offset();
        match reader.byte()? {
            0 => {
                *self = None;
                Ok(())
            }
            1 => self.insert(T::blank()).decode_into(at, reader),
            found => Err(reader.refuse_at(offset, Expected::OptionTag, found.into())),
        }
    }

    #[inline]
    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.as_mut().map_or(Ok(()), |value| value.downgrade(at))
    }

    #[inline]
    fn upgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.as_mut().map_or(Ok(()), |value| value.upgrade(at))
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        match (self, other) {
            (Some(value), Some(other)) => value.differ(other, at, differ),
            (value, other) => differ.leaf(value.is_some() == other.is_some()),
        }
    }
}

macro_rules! tuples {
    ($($(($T:ident $index:tt)),+;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($T: Layout),+> Layout for ($($T,)+) {
            const TYPE: &'static Type = &Type::Tuple(&[$($T::TYPE),+]);
            const FIXED_LEN: Option<usize> = fixed_len(&[$($T::FIXED_LEN),+]);
        }

        impl<'de, Source: Versions, $($T: Wire<'de, Source>),+> Wire<'de, Source> for ($($T,)+) {
            #[inline]
            fn encoded_len(&self, at: Source) -> usize {
                0 $(+ self.$index.encoded_len(at))+
            }

            #[inline]
            fn encode<W: Writer>(&self, at: Source, writer: &mut W) {
                $(self.$index.encode(at, writer);)+
            }

            #[inline]
            fn decode_into(&mut self, at: Source, reader: &mut Reader<'de>) -> Result<(), Malformed> {
                $(self.$index.decode_into(at, reader)?;)+
                Ok(())
            }

            #[inline]
            fn downgrade(&mut self, at: Source) -> Result<(), ConversionError> {
                $(self.$index.downgrade(at)?;)+
                Ok(())
            }

            #[inline]
            fn upgrade(&mut self, at: Source) -> Result<(), ConversionError> {
                $(self.$index.upgrade(at)?;)+
                Ok(())
            }

            fn differ(&self, other: &Self, at: Source, differ: &mut Differ<'_>) {
                $(differ.field($index, |differ| self.$index.differ(&other.$index, at, differ));)+
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
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6), (H 7);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6), (H 7), (I 8);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6), (H 7), (I 8), (J 9);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6), (H 7), (I 8), (J 9), (K 10);
    (A 0), (B 1), (C 2), (D 3), (E 4), (F 5), (G 6), (H 7), (I 8), (J 9), (K 10), (L 11);
}
