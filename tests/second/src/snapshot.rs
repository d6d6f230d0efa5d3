//! FORMAT.md, "Snapshot".

use crate::history::At;

/// The code of any architecture.
pub const ANY: u8 = 0;

const HEADER: usize = 24;

/// Why a snapshot is refused: the position of the check in FORMAT.md, from 1.
pub type Check = u8;

/// Writes a snapshot.
pub fn write(at: At<'_>, root: usize, architecture: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = b"DEVSTAT".to_vec();
    out.push(architecture);
    out.extend(1_u16.to_le_bytes());
    out.extend(at.history.releases[at.release].number.to_le_bytes());
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(at.history.root(at.release, root).to_le_bytes());
    out.extend(payload);
    let checksum = crc64(&out);
    out.extend(checksum.to_le_bytes());
    out
}

/// Checks a snapshot of any architecture, and returns the release of the inner history and the range of the payload.
///
/// # Errors
///
/// The first check that fails.
pub fn verify<'h>(owner: At<'h>, root: usize, bytes: &[u8]) -> Result<(At<'h>, std::ops::Range<usize>), Check> {
    let header: &[u8; HEADER] = bytes.first_chunk().ok_or(1)?;
    let number = |from: usize, len: usize| {
        header[from..from + len]
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte))
    };
    let end = HEADER + number(12, 4) as usize;
    let check = |fine: bool, check: Check| if fine { Ok(()) } else { Err(check) };
    check(header.starts_with(b"DEVSTAT"), 2)?;
    check(number(8, 2) == 1, 3)?;
    check(bytes.len() == end + 8, 5)?;
    check(crc64(&bytes[..end]).to_le_bytes() == bytes[end..], 6)?;
    let inner = owner.within(0).history;
    let at = At::new(inner, inner.position(number(10, 2) as u16).ok_or(7)?);
    check(inner.root(at.release, root) == number(16, 8), 8)?;
    Ok((at, HEADER..end))
}

/// Corrects the checksum of each snapshot in the bytes, as far as there are some.
pub fn reseal(bytes: &mut [u8]) {
    for start in 0..bytes.len().saturating_sub(HEADER) {
        let Some(header) = bytes[start..]
            .first_chunk::<HEADER>()
            .filter(|header| header.starts_with(b"DEVSTAT"))
        else {
            continue;
        };
        let end = start + HEADER + u32::from_le_bytes([header[12], header[13], header[14], header[15]]) as usize;
        if let Some(sum) = bytes.get(start..end).map(crc64)
            && let Some(place) = bytes.get_mut(end..end + 8)
        {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// CRC-64/XZ, bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    let reflected = 0x42f0_e1eb_a9ea_3693_u64.reverse_bits();
    let step = |crc: u64| if crc & 1 == 1 { crc >> 1 ^ reflected } else { crc >> 1 };
    !bytes.iter().fold(u64::MAX, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| step(crc))
    })
}
