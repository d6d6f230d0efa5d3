//! Values of foreign serde types: the number of bytes, then what postcard writes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Expected, SaveError};
use crate::reader::{Malformed, Reader};
use crate::writer::{Writer, length_len};

/// Returns the number of bytes that [`foreign_encode`] writes. A value that it cannot write counts as empty.
pub fn foreign_len<T: Serialize, const MAX: usize>(value: &T) -> usize {
    let mut scratch = [0; MAX];
    let length = postcard::to_slice(value, &mut scratch).map_or(0, |bytes| bytes.len());
    length_len::<MAX>(length) + length
}

/// Writes a foreign value of at most `MAX` bytes. Saving fails for a longer value and for one that postcard cannot write.
pub fn foreign_encode<T: Serialize, W: Writer, const MAX: usize>(value: &T, writer: &mut W) {
    let mut scratch = [0; MAX];
    match postcard::to_slice(value, &mut scratch) {
        Ok(bytes) => {
            writer.length::<MAX>(bytes.len());
            writer.bytes(bytes);
        }
        Err(_) => writer.fail(SaveError::Foreign { max: MAX }),
    }
}

/// Reads a foreign value and accepts only the bytes that its own encoder writes for it.
///
/// # Errors
///
/// [`Malformed`] for a length above `MAX`, and for bytes that its encoder does not write.
pub fn foreign_decode<T: Serialize + DeserializeOwned, const MAX: usize>(
    value: &mut T,
    reader: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let start = reader.offset();
    let length = reader.length(MAX)?;
    let bytes = reader.bytes(length)?;
    if let Ok(decoded) = postcard::from_bytes(bytes) {
        let mut scratch = [0; MAX];
        if postcard::to_slice(&decoded, &mut scratch).is_ok_and(|encoded| encoded == bytes) {
            *value = decoded;
            return Ok(());
        }
    }
    Err(reader.refuse_at(start, Expected::Foreign, length as u64))
}
