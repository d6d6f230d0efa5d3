//! Sections as structs: the traits, and the macro that implements them.

use crate::error::SectionError;
use crate::layout::Layout;
use crate::reader::Reader;
use crate::writer::Writer;

/// The type of a field: an integer, bytes, or a struct of fields.
pub trait Value: Sized {
    /// The length in bytes, without subsections.
    const SIZE: usize;
    /// The layout of the type, if it is a struct.
    const INNER: Option<&'static Layout>;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// The bytes end too early, or a subsection of the value is wrong.
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, SectionError>;

    /// Writes the value.
    ///
    /// # Errors
    ///
    /// The buffer is too small.
    fn write(&self, writer: &mut Writer<'_>, field: &'static str) -> Result<(), SectionError>;
}

/// Reads and writes a section, a struct within a section, or a subsection. [`section!`](crate::section) implements it.
pub trait Section: Sized {
    /// The names, sizes and order of the fields.
    const LAYOUT: &'static Layout;
    /// The length in bytes with all subsections.
    const MAX_LEN: usize = Self::LAYOUT.max_len();

    /// Reads the fields and the subsections. It does not read the bytes after them.
    ///
    /// # Errors
    ///
    /// The bytes end too early, or a subsection is wrong.
    fn read_from(reader: &mut Reader<'_>) -> Result<Self, SectionError>;

    /// Writes the fields and the subsections.
    ///
    /// # Errors
    ///
    /// The buffer is too small.
    fn write_to(&self, writer: &mut Writer<'_>) -> Result<(), SectionError>;

    /// Reads it as a subsection into `place`, if it comes next, and returns `true` if it does.
    ///
    /// # Errors
    ///
    /// The section has the subsection twice, the subsection has another version, or the bytes end too early.
    fn read_subsection(reader: &mut Reader<'_>, place: &mut Option<Self>) -> Result<bool, SectionError> {
        let is_next = reader.subsection(Self::LAYOUT, place.is_some())?;
        if is_next {
            *place = Some(Self::read_from(reader)?);
        }
        Ok(is_next)
    }

    /// Writes it as a subsection, with its header.
    ///
    /// # Errors
    ///
    /// The buffer is too small.
    fn write_subsection(&self, writer: &mut Writer<'_>) -> Result<(), SectionError> {
        writer.subsection(Self::LAYOUT)?;
        self.write_to(writer)
    }

    /// Reads a whole section.
    ///
    /// # Errors
    ///
    /// The bytes end too early, bytes are left, or a subsection is wrong.
    fn parse(bytes: &[u8]) -> Result<Self, SectionError> {
        let mut reader = Reader::new(bytes);
        let section = Self::read_from(&mut reader)?;
        reader.finish(Self::LAYOUT.name)?;
        Ok(section)
    }

    /// Writes a whole section, and returns its length in bytes. A buffer of [`MAX_LEN`](Self::MAX_LEN) bytes is always
    /// large enough.
    ///
    /// # Errors
    ///
    /// The buffer is too small.
    fn write(&self, buffer: &mut [u8]) -> Result<usize, SectionError> {
        let mut writer = Writer::new(buffer);
        self.write_to(&mut writer)?;
        Ok(writer.len())
    }
}

macro_rules! integers {
    ($($integer:ty),*) => { $(
        impl Value for $integer {
            const SIZE: usize = size_of::<Self>();
            const INNER: Option<&'static Layout> = None;

            fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, SectionError> {
                reader.array(field).map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer<'_>, field: &'static str) -> Result<(), SectionError> {
                writer.bytes(field, &self.to_be_bytes())
            }
        }
    )* };
}

integers!(u8, u16, u32, u64, i32, i64);

impl<const N: usize> Value for [u8; N] {
    const SIZE: usize = N;
    const INNER: Option<&'static Layout> = None;

    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, SectionError> {
        reader.array(field)
    }

    fn write(&self, writer: &mut Writer<'_>, field: &'static str) -> Result<(), SectionError> {
        writer.bytes(field, self)
    }
}

/// Declares a plain struct for a section, and implements [`Section`] and [`Value`] for it. A subsection is an `Option`
/// of its own struct.
///
/// See the example in the documentation of the crate.
#[macro_export]
macro_rules! section {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident = $wire:literal, version $version:literal {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty $(= $($field_name:literal)|+)?, )*
        }
        $(subsections {
            $( $(#[$sub_meta:meta])* $sub_vis:vis $sub:ident: $sub_type:ty, )*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type, )*
            $($( $(#[$sub_meta])* $sub_vis $sub: ::core::option::Option<$sub_type>, )*)?
        }

        impl $crate::Section for $name {
            const LAYOUT: &'static $crate::Layout = &$crate::Layout {
                name: $wire,
                version: $version,
                fields: &[$( $crate::Field {
                    names: $crate::section!(@names $field $(= $($field_name)|+)?),
                    size: <$type as $crate::Value>::SIZE,
                    inner: <$type as $crate::Value>::INNER,
                }, )*],
                subsections: &[$($( <$sub_type as $crate::Section>::LAYOUT, )*)?],
            };

            fn read_from(reader: &mut $crate::Reader<'_>) -> ::core::result::Result<Self, $crate::SectionError> {
                #[allow(unused_mut, reason = "only subsections are set later")]
                let mut section = Self {
                    $( $field: <$type as $crate::Value>::read(
                        reader,
                        $crate::section!(@name $field $(= $($field_name)|+)?),
                    )?, )*
                    $($( $sub: ::core::option::Option::None, )*)?
                };
                $( while $( $crate::Section::read_subsection(reader, &mut section.$sub)? || )* false {} )?
                Ok(section)
            }

            fn write_to(&self, writer: &mut $crate::Writer<'_>) -> ::core::result::Result<(), $crate::SectionError> {
                let Self { $($field,)* $($($sub,)*)? } = self;
                $( $crate::Value::write(
                    $field,
                    writer,
                    $crate::section!(@name $field $(= $($field_name)|+)?),
                )?; )*
                $($( if let ::core::option::Option::Some(subsection) = $sub {
                    $crate::Section::write_subsection(subsection, writer)?;
                } )*)?
                Ok(())
            }
        }

        impl $crate::Value for $name {
            const SIZE: usize = <Self as $crate::Section>::LAYOUT.size();
            const INNER: ::core::option::Option<&'static $crate::Layout> =
                ::core::option::Option::Some(<Self as $crate::Section>::LAYOUT);

            fn read(
                reader: &mut $crate::Reader<'_>,
                _field: &'static str,
            ) -> ::core::result::Result<Self, $crate::SectionError> {
                <Self as $crate::Section>::read_from(reader)
            }

            fn write(
                &self,
                writer: &mut $crate::Writer<'_>,
                _field: &'static str,
            ) -> ::core::result::Result<(), $crate::SectionError> {
                <Self as $crate::Section>::write_to(self, writer)
            }
        }
    };
    (@names $field:ident) => { &[::core::stringify!($field)] };
    (@names $field:ident = $($name:literal)|+) => { &[$($name),+] };
    (@name $field:ident) => { ::core::stringify!($field) };
    (@name $field:ident = $name:literal $(| $other:literal)*) => { $name };
}
