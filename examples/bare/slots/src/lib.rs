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
mod loaded;
mod ram;

use core::fmt;
use devstate_versioning::Header as SnapshotHeader;
use devstate_versioning::checksum::{Checksum, Crc64};
use embedded_storage::nor_flash::NorFlash;
use header::Header;

pub use loaded::{Loaded, SlotContent};
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

/// What a slot's own bytes say, before anybody asks the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Blank,
    Unfinished,
    Damaged,
    Complete(Header),
}

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

    /// Reads the newest complete snapshot that `accept` says yes to, and says what became of each slot: a damaged or
    /// refused one does not go by unseen because the other one serves.
    ///
    /// # Errors
    ///
    /// `Flash`; `TooLong` where the buffer is too small for a snapshot, and the other slot has none either.
    pub fn load<'b>(
        &mut self,
        buffer: &'b mut [u8],
        mut accept: impl FnMut(&[u8]) -> bool,
    ) -> Result<Loaded<'b>, Error<F::Error>> {
        let contents = self.contents()?;
        let mut slots = contents.map(SlotContent::from);
        let mut too_long = None;
        let available = buffer.len();
        for (slot, header) in newest_first(contents).into_iter().flatten() {
            let len = header.len as usize;
            let content = match buffer.get_mut(..len) {
                None => {
                    too_long.get_or_insert(Error::TooLong { len, available });
                    SlotContent::TooLong { len }
                }
                Some(snapshot) => {
                    self.read_snapshot(slot, snapshot)?;
                    if accept(snapshot) {
                        SlotContent::Loaded
                    } else {
                        SlotContent::Refused
                    }
                }
            };
            *slot.of(&mut slots) = content;
            if content == SlotContent::Loaded {
                self.in_use = Some(slot);
                let snapshot = buffer.get(..len);
                return Ok(Loaded { snapshot, slots });
            }
        }
        match too_long {
            Some(error) => Err(error),
            None => Ok(Loaded { snapshot: None, slots }),
        }
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
        let [newest, _] = newest_first(self.contents()?);
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
        if self.content(target)? != Content::Complete(header) {
            return Err(Error::NotKept);
        }
        self.in_use = Some(target);
        Ok(())
    }

    /// The flash, given back.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn contents(&mut self) -> Result<[Content; 2], Error<F::Error>> {
        Ok([self.content(Slot::First)?, self.content(Slot::Second)?])
    }

    /// What a slot holds, as far as its checksums say.
    fn content(&mut self, slot: Slot) -> Result<Content, Error<F::Error>> {
        let mut chunk = [0; CHUNK];
        let start = self.start_of(slot);
        self.flash.read(start, &mut chunk).map_err(Error::Flash)?;
        // First, for the checksum of eight bytes 0xff is eight bytes 0xff.
        if Header::is_blank(&chunk) {
            return Ok(Content::Blank);
        }
        let Some(header) = Header::from_bytes::<C>(&chunk) else {
            return Ok(Content::Unfinished);
        };
        let room = self.slot_len() - Self::snapshot_offset();
        let Some(summed) = (header.len as usize).checked_sub(SnapshotHeader::TRAILER_LEN) else {
            return Ok(Content::Damaged);
        };
        if header.len > room {
            return Ok(Content::Damaged);
        }
        let mut digest = C::start();
        let mut trailer = [0; SnapshotHeader::TRAILER_LEN];
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
        Ok(if C::finish(digest) == u64::from_le_bytes(trailer) {
            Content::Complete(header)
        } else {
            Content::Damaged
        })
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

/// The complete slots, the newest first. Of two with the same number it is the first slot.
fn newest_first([first, second]: [Content; 2]) -> [Option<(Slot, Header)>; 2] {
    let (first, second) = (
        first.complete().map(|header| (Slot::First, header)),
        second.complete().map(|header| (Slot::Second, header)),
    );
    match (first, second) {
        (Some((_, a)), Some((_, b))) if b.is_newer_than(a) => [second, first],
        (None, Some(_)) => [second, None],
        _ => [first, second],
    }
}

impl Content {
    const fn complete(self) -> Option<Header> {
        match self {
            Self::Complete(header) => Some(header),
            Self::Blank | Self::Unfinished | Self::Damaged => None,
        }
    }
}

impl Slot {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// What belongs to this slot, of what belongs to both.
    const fn of<T>(self, [first, second]: &mut [T; 2]) -> &mut T {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}
