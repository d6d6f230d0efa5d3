//! Values of foreign serde types: the number of bytes, then what postcard writes.
//!
//! `bound` is the maximum number of bytes at the version on the wire, and `MAX` that of the latest version.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ConversionError, Expected, SaveError};
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::writer::{Writer, length_len};

/// How often the encoding of a value is decoded and encoded again. A `HashMap` gives its entries in a new order each time,
/// and with few entries that can be the old one.
const ROUNDS: usize = 6;

/// Returns the number of bytes that [`foreign_encode`] writes. A value that it cannot write counts as empty.
pub fn foreign_len<T: Serialize, const MAX: usize>(value: &T) -> usize {
    let mut scratch = [0; MAX];
    let length = postcard::to_slice(value, &mut scratch).map_or(0, |bytes| bytes.len());
    length_len::<MAX>(length) + length
}

/// Writes a foreign value of at most `bound` bytes. Saving fails for a longer value, for one that postcard cannot write, and
/// for one whose encoding is not always the same.
pub fn foreign_encode<T, W, const MAX: usize>(value: &T, bound: usize, writer: &mut W)
where
    T: Serialize + DeserializeOwned,
    W: Writer,
{
    let mut scratch = [0; MAX];
    match postcard::to_slice(value, &mut scratch) {
        Ok(bytes) if bytes.len() <= bound => {
            if !(0..ROUNDS).all(|_| decoded::<T, MAX>(bytes).is_some()) {
                writer.fail(SaveError::ForeignChanges);
            }
            writer.run::<MAX>(bytes);
        }
        _ => writer.fail(SaveError::Foreign { max: bound.min(MAX) }),
    }
}

/// Reads a foreign value of at most `bound` bytes, and accepts only the bytes that its own encoder writes for it.
///
/// # Errors
///
/// [`Malformed`] for a length above `bound` or `MAX`, and for bytes that its encoder does not write.
pub fn foreign_decode<T: Serialize + DeserializeOwned, const MAX: usize>(
    value: &mut T,
    bound: usize,
    reader: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let start = reader.offset();
    let length = reader.length_within(bound, MAX)?;
    let bytes = reader.bytes(length)?;
    match decoded::<T, MAX>(bytes) {
        Some(decoded) => {
            *value = decoded;
            Ok(())
        }
        None => Err(reader.refuse_at(start, Expected::Foreign, length as u64)),
    }
}

/// Makes a foreign value what comes back from the wire: without what its encoder skips.
///
/// # Errors
///
/// [`ConversionError`] for a value of more than `bound` bytes, because nobody can shorten it.
pub fn foreign_downgrade<T: Serialize + DeserializeOwned, const MAX: usize>(
    value: &mut T,
    bound: usize,
) -> Result<(), ConversionError> {
    let mut scratch = [0; MAX];
    // The encoder reports a value that it cannot write.
    if let Ok(bytes) = postcard::to_slice(value, &mut scratch) {
        if bytes.len() > bound {
            return Err(ConversionError::new(
                "the foreign value has more bytes than that version allows",
            ));
        }
        if let Some(decoded) = decoded::<T, MAX>(bytes) {
            *value = decoded;
        }
    }
    Ok(())
}

/// Reports a foreign value that differs from what came back from the wire, or has another encoding: a zero is equal to a
/// negative zero. A value that differs from itself, such as a NaN, is compared by its encoding alone.
#[allow(clippy::eq_op, reason = "a NaN differs from itself")]
pub fn foreign_differ<T: Serialize + PartialEq, const MAX: usize>(here: &T, there: &T, differ: &mut Differ<'_>) {
    let (mut one, mut other) = ([0; MAX], [0; MAX]);
    let one = postcard::to_slice(here, &mut one).ok();
    let other = postcard::to_slice(there, &mut other).ok();
    differ.leaf(one == other && (here == there || (here != here && one.is_some())));
}

/// Returns the value of the bytes, if its encoder writes the same bytes for it.
fn decoded<T: Serialize + DeserializeOwned, const MAX: usize>(bytes: &[u8]) -> Option<T> {
    let value = postcard::from_bytes(bytes).ok()?;
    let mut scratch = [0; MAX];
    let again = postcard::to_slice(&value, &mut scratch).ok()?;
    (*again == *bytes).then_some(value)
}
