//! Packing by hand, and what it has in common for all states.

use crc::{CRC_64_XZ, Crc, Table};

use crate::peer::{Container, Peer, Versioned};
use crate::work::{Bytes, Work};

/// Hand-written packing: the limit for code that anyone would write. It looks for no losses.
pub struct Hand;

impl<W: Work> Peer<W> for Hand {
    const NAME: &'static str = "by hand";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        work.save_by_hand(2, buffer).unwrap_or(0)
    }

    fn load(payload: &[u8], work: &mut W) {
        let _ = work.load_by_hand(2, payload);
    }

    const VERSIONED: Option<Versioned<W>> = Some(Versioned {
        save: |work, version, _, buffer| work.save_by_hand(version, buffer).unwrap_or(0),
        load: |bytes, version, work| {
            let _ = work.load_by_hand(version, bytes);
        },
    });

    const CONTAINER: Option<Container<W>> = Some(Container {
        save: |work, buffer| seal(work, buffer).unwrap_or(0),
        load: |bytes, work| {
            let _ = open(bytes, work);
        },
    });
}

const MAGIC: [u8; 8] = *b"by hand\x02";

static CRC: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_XZ);

/// Magic with the version, length, payload, checksum.
fn seal<W: Work>(work: &W, buffer: &mut [u8]) -> Option<usize> {
    let len = work.save_by_hand(2, buffer.get_mut(12..)?)?;
    buffer.get_mut(..8)?.copy_from_slice(&MAGIC);
    buffer.get_mut(8..12)?.copy_from_slice(&(len as u32).to_le_bytes());
    let checksum = CRC.checksum(buffer.get(..12 + len)?);
    buffer
        .get_mut(12 + len..20 + len)?
        .copy_from_slice(&checksum.to_le_bytes());
    Some(20 + len)
}

fn open<W: Work>(bytes: &[u8], work: &mut W) -> Option<()> {
    let (summed, checksum) = bytes.split_last_chunk::<8>()?;
    let (magic, rest) = summed.split_first_chunk::<8>()?;
    let (len, payload) = rest.split_first_chunk::<4>()?;
    let whole = *magic == MAGIC
        && u32::from_le_bytes(*len) as usize == payload.len()
        && CRC.checksum(summed) == u64::from_le_bytes(*checksum);
    if whole { work.load_by_hand(2, payload) } else { None }
}

/// Splits the next `N` bytes off and fills them.
#[inline(always)]
pub fn put<const N: usize>(rest: &mut [u8], bytes: [u8; N]) -> Option<&mut [u8]> {
    let (window, rest) = rest.split_first_chunk_mut::<N>()?;
    *window = bytes;
    Some(rest)
}

#[inline(always)]
pub fn put_bytes<'a>(rest: &'a mut [u8], Bytes(bytes): &Bytes) -> Option<&'a mut [u8]> {
    let rest = put(rest, [bytes.len() as u8])?;
    let (window, rest) = rest.split_at_mut_checked(bytes.len())?;
    window.copy_from_slice(bytes);
    Some(rest)
}

#[inline(always)]
pub fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[inline(always)]
pub fn take_bytes<'a>(rest: &'a [u8], Bytes(into): &mut Bytes) -> Option<&'a [u8]> {
    let (&length, rest) = rest.split_first()?;
    if length > 16 {
        return None;
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(length))?;
    into.clear();
    into.extend_from_slice(bytes).ok()?;
    Some(rest)
}
