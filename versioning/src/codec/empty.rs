//! Sequences whose elements take no bytes.
//!
//! Nothing but their number is on the wire, so a length of a few bytes could announce billions of them. A sequence has at most
//! `MAX_EMPTY` of them, and the work of a reader stays in proportion to the bytes.

use super::{Blank, Wire};
use crate::at::Versions;
use crate::error::{Expected, SaveError};
use crate::reader::{Malformed, Reader};
use crate::schema_data::MAX_EMPTY;
use crate::writer::Writer;

/// Refuses a length of too many elements without bytes. `start` is the offset of the length.
#[inline]
pub(crate) fn check_read<'de, V, T>(
    at: V,
    start: usize,
    length: usize,
    reader: &mut Reader<'de>,
) -> Result<(), Malformed>
where
    V: Versions,
    T: Wire<'de, V> + Blank<V>,
{
    if const { T::TYPE.may_be_empty() } && length > MAX_EMPTY && T::blank().encoded_len(at) == 0 {
        return Err(reader.refuse_at(start, Expected::LengthUpTo(MAX_EMPTY), length as u64));
    }
    Ok(())
}

/// Fails the writing of too many elements without bytes. `first` is one of them.
#[inline]
pub(crate) fn check_written<'de, V, T, W>(at: V, length: usize, first: Option<&T>, writer: &mut W)
where
    V: Versions,
    T: Wire<'de, V>,
    W: Writer,
{
    if const { T::TYPE.may_be_empty() } && length > MAX_EMPTY && first.is_some_and(|first| first.encoded_len(at) == 0) {
        writer.fail(SaveError::Value {
            expected: Expected::LengthUpTo(MAX_EMPTY),
            found: length as u64,
        });
    }
}
