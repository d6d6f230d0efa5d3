#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod error;
mod header;
mod loaded;
mod ram;

use core::ops::Range;
use devstate_versioning::Header as SnapshotHeader;
use devstate_versioning::checksum::{Checksum, Crc64};
use embedded_storage::nor_flash::NorFlash;
use header::Header;

pub use error::{Error, PartitionError};
pub use loaded::{Loaded, SlotContent};
pub use ram::{RamFlash, RamFlashError};

/// Saves and loads snapshots in two slots of a flash. Each slot is one half of a partition.
///
/// `C` computes the checksums.
#[derive(Debug)]
pub struct Slots<F, C = Crc64> {
    flash: F,
    /// The offset of the first slot.
    start: u32,
    /// The length of a slot, in whole sectors.
    slot_len: u32,
    /// The slot that was loaded or saved last. The next save does not touch it while it is complete.
    in_use: Option<Slot>,
    checksum: core::marker::PhantomData<C>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    First,
    Second,
}

/// What a slot's own bytes say, before the application sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Blank,
    Unfinished,
    Damaged,
    Complete(Header),
}

/// The number of bytes that are read and written at a time, on the stack.
const CHUNK: usize = 64;

/// A read is tried this often before the slot counts as damaged: some errors are transient.
const READ_ATTEMPTS: usize = 3;

/// The flash did not read, also when the read was repeated.
struct Unreadable;

impl<F: NorFlash> Slots<F> {
    /// Uses the whole flash, with the default checksum.
    ///
    /// # Errors
    ///
    /// Returns [`PartitionError`] if the flash is too small for two slots. The flash is not touched.
    pub fn new(flash: F) -> Result<Self, PartitionError> {
        Self::with_checksum(flash)
    }

    /// Uses a partition: the bytes in `range`, with the default checksum.
    ///
    /// # Errors
    ///
    /// Returns [`PartitionError`] if `range` does not begin at a sector, is out of bounds, or is too small for two slots. The
    /// flash is not touched.
    pub fn in_partition(flash: F, range: Range<u32>) -> Result<Self, PartitionError> {
        Self::in_partition_with_checksum(flash, range)
    }
}

impl<F: NorFlash, C: Checksum> Slots<F, C> {
    /// Uses the whole flash, with the checksum `C`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Slots::new).
    pub fn with_checksum(flash: F) -> Result<Self, PartitionError> {
        let capacity = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        Self::in_partition_with_checksum(flash, 0..capacity)
    }

    /// Uses a partition, with the checksum `C`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`in_partition`](Slots::in_partition).
    pub fn in_partition_with_checksum(flash: F, range: Range<u32>) -> Result<Self, PartitionError> {
        const {
            assert!(
                CHUNK.is_multiple_of(F::WRITE_SIZE) && CHUNK.is_multiple_of(F::READ_SIZE),
                "WRITE_SIZE and READ_SIZE of the flash must divide 64"
            );
        }
        let sector = F::ERASE_SIZE as u32;
        if !range.start.is_multiple_of(sector) {
            return Err(PartitionError::Misaligned {
                offset: range.start,
                sector,
            });
        }
        let capacity = flash.capacity();
        if range.end as usize > capacity {
            return Err(PartitionError::OutOfBounds {
                end: range.end,
                capacity,
            });
        }
        let len = range.end.saturating_sub(range.start);
        let slot_len = len / 2 / sector * sector;
        if slot_len as usize <= Self::snapshot_offset() as usize + SnapshotHeader::TRAILER_LEN {
            return Err(PartitionError::TooSmall { len, sector });
        }
        Ok(Self {
            flash,
            start: range.start,
            slot_len,
            in_use: None,
            checksum: core::marker::PhantomData,
        })
    }

    /// Reads the newest complete snapshot for which `accept` returns `true`. The result also has the content of each
    /// slot, so that a damaged or refused slot is not overlooked.
    ///
    /// If nothing was saved yet, or if all snapshots are damaged or refused, the result is `Ok` with `snapshot: None`.
    ///
    /// # Errors
    ///
    /// Returns [`TooLong`](Error::TooLong) if the buffer is too short for a complete snapshot, and the other slot has
    /// no accepted snapshot.
    pub fn load<'b>(
        &mut self,
        buffer: &'b mut [u8],
        mut accept: impl FnMut(&[u8]) -> bool,
    ) -> Result<Loaded<'b>, Error<F::Error>> {
        let contents = self.contents();
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
                Some(snapshot) => match self.read_snapshot(slot, snapshot) {
                    Err(Unreadable) => SlotContent::Damaged,
                    Ok(()) if accept(snapshot) => SlotContent::Loaded,
                    Ok(()) => SlotContent::Refused,
                },
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

    /// Writes a snapshot to the unused slot. After `Ok`, it is the newest snapshot. After a power failure during
    /// `save`, the newest snapshot is the previous one, or this one if it was already complete.
    ///
    /// It reads both slots first, and never erases the only complete snapshot. It erases only the sectors that it
    /// needs.
    ///
    /// # Errors
    ///
    /// Returns [`TooLong`](Error::TooLong) or [`NotASnapshot`](Error::NotASnapshot) before it changes anything. Returns
    /// [`Flash`](Error::Flash) or [`NotKept`](Error::NotKept) if the flash fails.
    pub fn save(&mut self, snapshot: &[u8]) -> Result<(), Error<F::Error>> {
        let available = (self.slot_len - Self::snapshot_offset()) as usize;
        let len = snapshot.len();
        if len > available {
            return Err(Error::TooLong { len, available });
        }
        if !is_whole::<C>(snapshot) {
            return Err(Error::NotASnapshot);
        }
        let contents = self.contents();
        let [newest, older] = newest_first(contents);
        // The slot in use, while it is complete. It is not the newest if the application has refused that one.
        let complete = [newest, older].into_iter().flatten();
        let in_use = complete.map(|(slot, _)| slot).find(|slot| Some(*slot) == self.in_use);
        let kept = in_use.or(newest.map(|(slot, _)| slot));
        let target = kept.map_or(Slot::First, Slot::other);
        let header = Header {
            sequence: newest.map_or(0, |(_, header)| header.sequence.wrapping_add(1)),
            len: len as u32,
        };

        let start = self.start_of(target);
        let needed = (Self::snapshot_offset() + header.len).next_multiple_of(F::ERASE_SIZE as u32);
        self.flash.erase(start, start + needed).map_err(Error::Flash)?;
        self.write(start + Self::snapshot_offset(), snapshot)?;
        self.write(start, &header.to_bytes::<C>())?;
        if self.content(target) != Content::Complete(header) {
            return Err(Error::NotKept);
        }
        self.in_use = Some(target);
        Ok(())
    }

    /// Returns the flash.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn contents(&mut self) -> [Content; 2] {
        [self.content(Slot::First), self.content(Slot::Second)]
    }

    /// Returns what is in a slot, as far as its checksums say.
    fn content(&mut self, slot: Slot) -> Content {
        self.read_content(slot).unwrap_or(Content::Damaged)
    }

    fn read_content(&mut self, slot: Slot) -> Result<Content, Unreadable> {
        let mut chunk = [0; CHUNK];
        let place = (Self::snapshot_offset() as usize).min(CHUNK);
        self.read(self.start_of(slot), chunk.get_mut(..place).unwrap_or_default())?;
        // First, for the checksum of eight bytes 0xff is eight bytes 0xff.
        if Header::is_blank(&chunk) {
            return Ok(Content::Blank);
        }
        let Some(header) = Header::from_bytes::<C>(&chunk) else {
            return Ok(Content::Unfinished);
        };
        let room = self.slot_len - Self::snapshot_offset();
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
            // The trailer's bytes may be in two chunks.
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

    fn read_snapshot(&mut self, slot: Slot, snapshot: &mut [u8]) -> Result<(), Unreadable> {
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

    /// Reads the bytes of a snapshot from `at` on, at most a chunk of them.
    fn read_chunk<'c>(
        &mut self,
        slot: Slot,
        at: usize,
        len: usize,
        chunk: &'c mut [u8; CHUNK],
    ) -> Result<&'c [u8], Unreadable> {
        let wanted = len.saturating_sub(at).min(CHUNK);
        let aligned = wanted.next_multiple_of(F::READ_SIZE).min(CHUNK);
        let start = self.start_of(slot) + Self::snapshot_offset() + at as u32;
        let aligned = chunk.get_mut(..aligned).unwrap_or_default();
        self.read(start, aligned)?;
        Ok(chunk.get(..wanted).unwrap_or_default())
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Unreadable> {
        let attempts = 0..READ_ATTEMPTS;
        let read = attempts
            .map(|_| self.flash.read(offset, bytes))
            .any(|read| read.is_ok());
        if read { Ok(()) } else { Err(Unreadable) }
    }

    /// Writes `bytes`, padded to the flash's write size.
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

    fn start_of(&self, slot: Slot) -> u32 {
        match slot {
            Slot::First => self.start,
            Slot::Second => self.start + self.slot_len,
        }
    }

    const fn snapshot_offset() -> u32 {
        Header::LEN
            .next_multiple_of(F::WRITE_SIZE)
            .next_multiple_of(F::READ_SIZE) as u32
    }
}

/// Returns `true` if the last eight bytes are the checksum of the others.
fn is_whole<C: Checksum>(snapshot: &[u8]) -> bool {
    let split = snapshot.split_last_chunk::<{ SnapshotHeader::TRAILER_LEN }>();
    split.is_some_and(|(summed, trailer)| C::checksum(summed) == u64::from_le_bytes(*trailer))
}

/// Returns the complete slots, the newest first. Of two with the same number it is the first slot.
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

    /// Returns the item of this slot.
    const fn of<T>(self, [first, second]: &mut [T; 2]) -> &mut T {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}
