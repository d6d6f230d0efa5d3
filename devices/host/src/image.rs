//! The image of a guest's memory, in a file or on a stream: the chunks that are not all zeros, with a checksum.
//!
//! | size in bytes | field |
//! |---|---|
//! | 8 | `DVMMRAM1` |
//! | 8 | image ID, which is also in the snapshot of the machine |
//! | 8 | length of the memory in bytes |
//! | 8 + 65,536 each | for each chunk that is not all zeros: its offset in bytes, then its bytes; the offsets ascend |
//! | 8 | end marker: 2⁶⁴ - 1 |
//! | 8 | CRC-64/XZ of everything before |
//!
//! Numbers are little-endian.
//!
//! ```
//! use devstate_host::image::{self, GuestMemory};
//! use std::cell::RefCell;
//!
//! struct Ram(RefCell<Vec<u8>>);
//!
//! impl GuestMemory for Ram {
//!     type Error = std::convert::Infallible;
//!
//!     fn len(&self) -> u64 {
//!         self.0.borrow().len() as u64
//!     }
//!
//!     fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Self::Error> {
//!         bytes.copy_from_slice(&self.0.borrow()[offset as usize..][..bytes.len()]);
//!         Ok(())
//!     }
//!
//!     fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Self::Error> {
//!         self.0.borrow_mut()[offset as usize..][..bytes.len()].copy_from_slice(bytes);
//!         Ok(())
//!     }
//! }
//!
//! let (before, after) = (Ram(RefCell::new(vec![0; 1 << 20])), Ram(RefCell::new(vec![0; 1 << 20])));
//! before.write(70_000, b"guest")?;
//! let mut file = Vec::new();
//! image::write(&before, 7, &mut file)?;
//! image::read(&after, 7, &mut file.as_slice())?;
//! assert_eq!(before.0, after.0);
//! assert_eq!(file.len(), 24 + 8 + image::CHUNK_LEN + 16);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::{error, fmt};

use crc::{CRC_64_XZ, Crc, Table};

/// The length of a chunk in bytes. The length of a guest's memory must be a multiple of it.
pub const CHUNK_LEN: usize = 64 << 10;
const MAGIC: [u8; 8] = *b"DVMMRAM1";
const END: u64 = u64::MAX;
static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// A guest's memory, as one range that starts at offset 0. Methods take `&self`, like the methods of a mapping.
///
/// The guest must not run while an image is written or read.
#[expect(clippy::len_without_is_empty, reason = "no guest has an empty memory")]
pub trait GuestMemory {
    /// The error of an access.
    type Error;

    /// Returns the length of the memory in bytes.
    fn len(&self) -> u64;

    /// Reads the bytes from `offset` on. They lie below [`len`](Self::len).
    ///
    /// # Errors
    ///
    /// Returns the reason if the bytes cannot be read.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes the bytes from `offset` on. They lie below [`len`](Self::len).
    ///
    /// # Errors
    ///
    /// Returns the reason if the bytes cannot be written.
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Writes the image of a memory. `id` ties it to the snapshot of its machine: choose it at random, and store it in that
/// snapshot.
///
/// # Errors
///
/// Returns [`ImageError`] if the memory cannot be read, if its length is not a multiple of [`CHUNK_LEN`], or if `out` takes no
/// more.
pub fn write<M: GuestMemory>(memory: &M, id: u64, out: &mut (impl Write + ?Sized)) -> Result<(), ImageError<M::Error>> {
    let len = whole_chunks(memory)?;
    let mut sum = CHECKSUM.digest();
    let mut put = |bytes: &[u8]| {
        sum.update(bytes);
        out.write_all(bytes).map_err(ImageError::Io)
    };
    put([MAGIC, id.to_le_bytes(), len.to_le_bytes()].as_flattened())?;
    let mut chunk = vec![0; CHUNK_LEN];
    for offset in (0..len).step_by(CHUNK_LEN) {
        memory.read(offset, &mut chunk).map_err(ImageError::Memory)?;
        if chunk.iter().any(|byte| *byte != 0) {
            put(&offset.to_le_bytes())?;
            put(&chunk)?;
        }
    }
    put(&END.to_le_bytes())?;
    let sum = sum.finalize();
    out.write_all(&sum.to_le_bytes()).map_err(ImageError::Io)?;
    out.flush().map_err(ImageError::Io)
}

/// Fills a memory from the image that belongs to the snapshot with `id`. `memory` must be all zeros: zero chunks are not in
/// the image. Stops at the checksum and reads nothing after it.
///
/// # Errors
///
/// Returns [`ImageError`] if the input fails, if it is not a complete image with this ID and this memory length, or if the
/// memory cannot be written. The memory may have been filled in part: drop it.
pub fn read<M: GuestMemory>(memory: &M, id: u64, input: &mut (impl Read + ?Sized)) -> Result<(), ImageError<M::Error>> {
    let own = whole_chunks(memory)?;
    let mut sum = CHECKSUM.digest();
    let mut take = |bytes: &mut [u8]| {
        input.read_exact(bytes).map_err(truncated)?;
        sum.update(bytes);
        Ok(())
    };
    let mut header = [[0; 8]; 3];
    take(header.as_flattened_mut())?;
    let [magic, found, len] = header;
    if magic != MAGIC {
        return Err(ImageError::Magic { found: magic });
    }
    let found = u64::from_le_bytes(found);
    if found != id {
        return Err(ImageError::OtherMachine { found, expected: id });
    }
    let found = u64::from_le_bytes(len);
    if found != own {
        return Err(ImageError::Length { found, expected: own });
    }
    let (mut word, mut chunk, mut next) = ([0; 8], vec![0; CHUNK_LEN], 0);
    loop {
        take(&mut word)?;
        let offset = u64::from_le_bytes(word);
        if offset == END {
            break;
        }
        if !(next..own).contains(&offset) || !offset.is_multiple_of(CHUNK_LEN as u64) {
            return Err(ImageError::Chunk { offset });
        }
        next = offset + CHUNK_LEN as u64;
        take(&mut chunk)?;
        memory.write(offset, &chunk).map_err(ImageError::Memory)?;
    }
    let computed = sum.finalize();
    input.read_exact(&mut word).map_err(truncated)?;
    let found = u64::from_le_bytes(word);
    if found != computed {
        return Err(ImageError::Checksum { found, computed });
    }
    Ok(())
}

fn whole_chunks<M: GuestMemory>(memory: &M) -> Result<u64, ImageError<M::Error>> {
    let len = memory.len();
    if len.is_multiple_of(CHUNK_LEN as u64) {
        Ok(len)
    } else {
        Err(ImageError::PartOfAChunk { len })
    }
}

fn truncated<E>(error: io::Error) -> ImageError<E> {
    match error.kind() {
        ErrorKind::UnexpectedEof => ImageError::Truncated,
        _ => ImageError::Io(error),
    }
}

/// Why an image could not be written or read. `E` is [`GuestMemory::Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ImageError<E> {
    /// The file or the stream fails.
    Io(io::Error),
    /// The memory fails.
    Memory(E),
    /// The length of the memory is not a multiple of [`CHUNK_LEN`].
    PartOfAChunk {
        /// The length of the memory in bytes.
        len: u64,
    },
    /// The image ends too early.
    Truncated,
    /// This is not an image of a memory.
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// The image belongs to another machine.
    OtherMachine {
        /// The ID in the image.
        found: u64,
        /// The ID in the snapshot of the machine.
        expected: u64,
    },
    /// The image's memory length differs.
    Length {
        /// The memory length in the image, in bytes.
        found: u64,
        /// The length of the memory in bytes.
        expected: u64,
    },
    /// A chunk is out of range, does not begin at a multiple of [`CHUNK_LEN`], or comes twice or out of order.
    Chunk {
        /// The offset of the chunk in bytes.
        offset: u64,
    },
    /// The image is damaged.
    Checksum {
        /// The checksum in the image.
        found: u64,
        /// The checksum of the bytes.
        computed: u64,
    },
}

impl<E: fmt::Display> fmt::Display for ImageError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Memory(error) => write!(f, "cannot access the guest's memory: {error}"),
            Self::PartOfAChunk { len } => {
                write!(f, "{len} bytes of memory are not a multiple of {CHUNK_LEN}")
            }
            Self::Truncated => f.write_str("the memory image is truncated"),
            Self::Magic { found } => {
                write!(
                    f,
                    "this is no memory image: it starts with \"{}\"",
                    found.escape_ascii()
                )
            }
            Self::OtherMachine { found, expected } => write!(
                f,
                "the memory image belongs to another machine state: {found:#018x}, not {expected:#018x}"
            ),
            Self::Length { found, expected } => {
                write!(f, "the memory image has {found} bytes, the machine {expected}")
            }
            Self::Chunk { offset } => write!(
                f,
                "the memory image has a chunk at {offset:#x}, which is out of range, unaligned or out of order"
            ),
            Self::Checksum { found, computed } => write!(
                f,
                "the memory image is damaged: checksum {found:#018x}, computed {computed:#018x}"
            ),
        }
    }
}

impl<E: error::Error + 'static> error::Error for ImageError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Memory(error) => error.source(),
            _ => None,
        }
    }
}

/// Keeps an I/O error as it is, so that `Layout::save` of `devstate-file` sees a full disk.
impl<E: error::Error + Send + Sync + 'static> From<ImageError<E>> for io::Error {
    fn from(error: ImageError<E>) -> Self {
        match error {
            ImageError::Io(error) => error,
            error => Self::other(error),
        }
    }
}

#[cfg(test)]
mod tests;
