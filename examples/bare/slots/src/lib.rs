//! Two slots in a flash. Whenever the power fails, one of them holds a complete snapshot.
//!
//! A save erases the slot that is not in use, writes the snapshot, and last of all the slot's header: a sequence
//! number and a length under a checksum of their own. A header that is whole therefore stands before a snapshot that is
//! whole, which the snapshot's own checksum (its last eight bytes, see FORMAT.md) confirms. The slot in use is not
//! touched until the other one has become the newest.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | sequence number, little-endian, wraps |
//! | 4 | 4 | bytes of the snapshot |
//! | 8 | 8 | CRC-64/XZ of these eight bytes |
//! | 16, or the flash's write size if that is more | | snapshot |

#![no_std]
#![forbid(unsafe_code)]

mod header;
mod ram;

use core::fmt;
use devstate_versioning::{Checksum, Crc64, TRAILER_LEN};
use embedded_storage::nor_flash::NorFlash;
use header::Header;

pub use ram::{RamFlash, RamFlashError};

/// The two slots, in the two halves of a flash.
///
/// `C` computes the checksums.
#[derive(Debug)]
pub struct Slots<F, C = Crc64> {
    flash: F,
    /// The slot that was loaded or saved last: not to be touched by the next save.
    in_use: Option<Slot>,
    checksum: core::marker::PhantomData<C>,
}

/// Why there is no snapshot, or none could be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The flash failed.
    Flash(E),
    /// The snapshot does not fit: a slot, or the buffer it is to be loaded into.
    TooLong {
        /// Bytes of the snapshot.
        len: usize,
        /// Bytes that there are for it.
        available: usize,
    },
    /// What was written does not read back. The other slot is as it was.
    NotKept,
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::TooLong { len, available } => write!(f, "{len} bytes do not fit into {available}"),
            Self::NotKept => f.write_str("what was written does not read back"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    First,
    Second,
}

/// A slot whose content is complete.
type Found = Option<(Slot, Header)>;

/// What is read and written at a time, on the stack.
const CHUNK: usize = 64;

impl<F: NorFlash> Slots<F> {
    /// Checksums with the default implementation.
    pub const fn new(flash: F) -> Self {
        Self::with_checksum(flash)
    }
}

impl<F: NorFlash, C: Checksum> Slots<F, C> {
    /// Checksums with the implementation `C`.
    pub const fn with_checksum(flash: F) -> Self {
        const {
            assert!(CHUNK.is_multiple_of(F::WRITE_SIZE) && CHUNK.is_multiple_of(F::READ_SIZE));
        }
        Self {
            flash,
            in_use: None,
            checksum: core::marker::PhantomData,
        }
    }

    /// Reads the newest complete snapshot that `accept` says yes to, or `None`.
    ///
    /// # Errors
    ///
    /// `Flash`, or `TooLong` where the buffer is too small.
    pub fn load<'b>(
        &mut self,
        buffer: &'b mut [u8],
        mut accept: impl FnMut(&[u8]) -> bool,
    ) -> Result<Option<&'b [u8]>, Error<F::Error>> {
        for (slot, header) in self.newest_first()?.into_iter().flatten() {
            let (len, available) = (header.len as usize, buffer.len());
            let Some(snapshot) = buffer.get_mut(..len) else {
                return Err(Error::TooLong { len, available });
            };
            self.read_snapshot(slot, snapshot)?;
            if accept(snapshot) {
                self.in_use = Some(slot);
                return Ok(buffer.get(..len));
            }
        }
        Ok(None)
    }

    /// Writes a snapshot over the older slot. When it returns, this is the newest; when the power fails before, what was
    /// loaded or saved last still is.
    ///
    /// # Errors
    ///
    /// `TooLong` with nothing changed; `Flash` or `NotKept` where the flash fails.
    pub fn save(&mut self, snapshot: &[u8]) -> Result<(), Error<F::Error>> {
        let available = self.slot_len() as usize - Self::snapshot_offset() as usize;
        let len = snapshot.len();
        if len > available {
            return Err(Error::TooLong { len, available });
        }
        let [newest, _] = self.newest_first()?;
        let in_use = self.in_use.or(newest.map(|(slot, _)| slot));
        let target = in_use.map_or(Slot::First, Slot::other);
        let header = Header {
            sequence: newest.map_or(0, |(_, header)| header.sequence.wrapping_add(1)),
            len: len as u32,
        };

        let start = self.start_of(target);
        self.flash.erase(start, start + self.slot_len()).map_err(Error::Flash)?;
        self.write(start + Self::snapshot_offset(), snapshot)?;
        self.write(start, &header.to_bytes::<C>())?;
        if self.complete(target)? != Some(header) {
            return Err(Error::NotKept);
        }
        self.in_use = Some(target);
        Ok(())
    }

    /// The flash, given back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// The complete slots, the newest first. Of two with the same number it is the first slot.
    fn newest_first(&mut self) -> Result<[Found; 2], Error<F::Error>> {
        let first = self.complete(Slot::First)?.map(|header| (Slot::First, header));
        let second = self.complete(Slot::Second)?.map(|header| (Slot::Second, header));
        Ok(match (first, second) {
            (Some((_, a)), Some((_, b))) if b.is_newer_than(a) => [second, first],
            (None, Some(_)) => [second, None],
            _ => [first, second],
        })
    }

    /// The header of a slot whose header and snapshot are whole.
    fn complete(&mut self, slot: Slot) -> Result<Option<Header>, Error<F::Error>> {
        let mut chunk = [0; CHUNK];
        let start = self.start_of(slot);
        self.flash.read(start, &mut chunk).map_err(Error::Flash)?;
        let Some(header) = Header::from_bytes::<C>(&chunk) else {
            return Ok(None);
        };
        let room = self.slot_len() - Self::snapshot_offset();
        let Some(summed) = (header.len as usize).checked_sub(TRAILER_LEN) else {
            return Ok(None);
        };
        if header.len > room {
            return Ok(None);
        }
        let mut digest = C::start();
        let mut trailer = [0; TRAILER_LEN];
        let mut at = 0;
        while at < header.len as usize {
            let bytes = self.read_chunk(slot, at, header.len as usize, &mut chunk)?;
            let (body, rest) = bytes
                .split_at_checked(summed.saturating_sub(at))
                .unwrap_or((bytes, &[]));
            C::update(&mut digest, body);
            // The trailer's bytes may lie in two chunks.
            let seen = (at + body.len()).saturating_sub(summed);
            for (byte, stored) in trailer.iter_mut().skip(seen).zip(rest) {
                *byte = *stored;
            }
            at += CHUNK;
        }
        Ok((C::finish(digest) == u64::from_le_bytes(trailer)).then_some(header))
    }

    fn read_snapshot(&mut self, slot: Slot, snapshot: &mut [u8]) -> Result<(), Error<F::Error>> {
        let mut chunk = [0; CHUNK];
        let len = snapshot.len();
        for (index, part) in snapshot.chunks_mut(CHUNK).enumerate() {
            let bytes = self.read_chunk(slot, index * CHUNK, len, &mut chunk)?;
            for (to, from) in part.iter_mut().zip(bytes) {
                *to = *from;
            }
        }
        Ok(())
    }

    /// The bytes of a snapshot from `at` on, at most a chunk of them.
    fn read_chunk<'c>(
        &mut self,
        slot: Slot,
        at: usize,
        len: usize,
        chunk: &'c mut [u8; CHUNK],
    ) -> Result<&'c [u8], Error<F::Error>> {
        let wanted = len.saturating_sub(at).min(CHUNK);
        let aligned = wanted.next_multiple_of(F::READ_SIZE).min(CHUNK);
        let start = self.start_of(slot) + Self::snapshot_offset() + at as u32;
        let aligned = chunk.get_mut(..aligned).unwrap_or_default();
        self.flash.read(start, aligned).map_err(Error::Flash)?;
        Ok(chunk.get(..wanted).unwrap_or_default())
    }

    /// Writes `bytes`, the last of them filled up to what the flash can write.
    fn write(&mut self, mut at: u32, bytes: &[u8]) -> Result<(), Error<F::Error>> {
        for part in bytes.chunks(CHUNK) {
            let mut chunk = [0xff; CHUNK];
            for (to, from) in chunk.iter_mut().zip(part) {
                *to = *from;
            }
            let aligned = part.len().next_multiple_of(F::WRITE_SIZE);
            let aligned = chunk.get(..aligned).unwrap_or_default();
            self.flash.write(at, aligned).map_err(Error::Flash)?;
            at += CHUNK as u32;
        }
        Ok(())
    }

    /// Half of the flash, in whole sectors.
    fn slot_len(&self) -> u32 {
        let sector = F::ERASE_SIZE as u32;
        self.flash.capacity() as u32 / 2 / sector * sector
    }

    fn start_of(&self, slot: Slot) -> u32 {
        match slot {
            Slot::First => 0,
            Slot::Second => self.slot_len(),
        }
    }

    const fn snapshot_offset() -> u32 {
        Header::LEN
            .next_multiple_of(F::WRITE_SIZE)
            .next_multiple_of(F::READ_SIZE) as u32
    }
}

impl Slot {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}
