//! Computes the checksum of a snapshot, CRC-64/XZ. Choose an implementation by its speed and its size:
//!
//! | type | tables | for |
//! |---|---|---|
//! | [`Crc64`] | 2 KiB, in sixteen parts | the default |
//! | [`Crc64Nibbles`] | 128 bytes | firmware with little flash |
//! | [`Crc64NoTable`] | none | firmware with very little flash |
//! | [`Crc64Slice16`] | 32 KiB | exports of megabytes |

use crc::{CRC_64_XZ, Crc, Digest, NoTable, Table};

/// Computes CRC-64/XZ. A program can bring its own implementation, for instance one that uses SIMD.
///
/// Every implementation gives the same result for the same input: the algorithm is part of the format.
///
/// ```
/// use devstate_versioning::checksum::{Checksum, Crc64};
///
/// assert_eq!(Crc64::checksum(b"123456789"), 0x995d_c9bb_df19_39fa);
/// let mut digest = Crc64::start();
/// Crc64::update(&mut digest, b"1234");
/// Crc64::update(&mut digest, b"56789");
/// assert_eq!(Crc64::finish(digest), 0x995d_c9bb_df19_39fa);
/// ```
pub trait Checksum {
    /// The state of the checksum after some bytes.
    type Digest;

    /// Returns the state before the first byte.
    fn start() -> Self::Digest;

    /// Adds the next bytes.
    fn update(digest: &mut Self::Digest, bytes: &[u8]);

    /// Returns the CRC-64/XZ of all bytes that were added.
    fn finish(digest: Self::Digest) -> u64;

    /// Returns the CRC-64/XZ of `bytes`.
    #[must_use]
    fn checksum(bytes: &[u8]) -> u64 {
        let mut digest = Self::start();
        Self::update(&mut digest, bytes);
        Self::finish(digest)
    }
}

/// The default, for most programs: 2 KiB of tables.
///
/// It processes eight bytes at a time, with a table for each half byte. A single table for whole bytes has the same
/// size and needs fewer instructions, but takes twice the time, because each look-up waits for the previous one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64;

/// For firmware with very little flash: no table. It is the smallest and the slowest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64NoTable;

/// For firmware with little flash: one table of 128 bytes. It processes half a byte at a time, and is several times as
/// fast as [`Crc64NoTable`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64Nibbles;

/// For snapshots of megabytes: sixteen tables, 32 KiB. It is the fastest without SIMD.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64Slice16;

// A `Crc` that is made at run time costs more than the checksum of a snapshot.
static NO_TABLE: Crc<u64, NoTable> = Crc::<u64, NoTable>::new(&CRC_64_XZ);
static SIXTEEN_TABLES: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

macro_rules! from_crc {
    ($($name:ident: $table:ty, $algorithm:ident);+) => {$(
        impl Checksum for $name {
            type Digest = Digest<'static, u64, $table>;

            fn start() -> Self::Digest {
                $algorithm.digest()
            }

            fn update(digest: &mut Self::Digest, bytes: &[u8]) {
                digest.update(bytes);
            }

            fn finish(digest: Self::Digest) -> u64 {
                digest.finalize()
            }

            fn checksum(bytes: &[u8]) -> u64 {
                $algorithm.checksum(bytes)
            }
        }
    )+};
}

from_crc!(
    Crc64NoTable: NoTable, NO_TABLE;
    Crc64Slice16: Table<16>, SIXTEEN_TABLES
);

// The sizes that `crc` does not have.
#[expect(clippy::indexing_slicing, reason = "four bits cannot leave a table of sixteen")]
impl Checksum for Crc64Nibbles {
    type Digest = u64;

    fn start() -> u64 {
        !0
    }

    fn update(digest: &mut u64, bytes: &[u8]) {
        let half = |crc: u64| NIBBLES[(crc & 0xf) as usize] ^ (crc >> 4);
        let step = |crc, byte: &u8| half(half(crc ^ u64::from(*byte)));
        *digest = bytes.iter().fold(*digest, step);
    }

    fn finish(digest: u64) -> u64 {
        !digest
    }
}

#[expect(clippy::indexing_slicing, reason = "four bits cannot leave a table of sixteen")]
impl Checksum for Crc64 {
    type Digest = u64;

    fn start() -> u64 {
        !0
    }

    fn update(digest: &mut u64, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut crc = *digest;
        for eight in eights {
            let bits = crc ^ u64::from_le_bytes(*eight);
            let places = HALVES.iter().zip((0..64).step_by(4));
            crc = places.fold(0, |sum, (half, shift)| sum ^ half[(bits >> shift & 0xf) as usize]);
        }
        let [.., low, high] = &HALVES;
        for byte in rest {
            let bits = crc ^ u64::from(*byte);
            crc = crc >> 8 ^ low[(bits & 0xf) as usize] ^ high[(bits >> 4 & 0xf) as usize];
        }
        *digest = crc;
    }

    fn finish(digest: u64) -> u64 {
        !digest
    }
}

/// What each half of eight bytes adds to the checksum behind them. The last one is [`NIBBLES`].
static HALVES: [[u64; 16]; 16] = halves();

#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const fn halves() -> [[u64; 16]; 16] {
    let nibbles = nibbles();
    let mut tables = [nibbles; 16];
    let mut place = 15;
    while place > 0 {
        place -= 1;
        let mut index = 0;
        while index < 16 {
            let behind = tables[place + 1][index];
            tables[place][index] = behind >> 4 ^ nibbles[(behind & 0xf) as usize];
            index += 1;
        }
    }
    tables
}

static NIBBLES: [u64; 16] = nibbles();

#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const fn nibbles() -> [u64; 16] {
    let polynomial = CRC_64_XZ.poly.reverse_bits();
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 4 {
            value = (value >> 1) ^ (polynomial * (value & 1));
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_computes_the_same() {
        let bytes: [u8; 256] = core::array::from_fn(|index| index as u8);
        for len in 0..bytes.len() {
            let expected = Crc64::checksum(&bytes[..len]);
            assert_eq!(Crc64NoTable::checksum(&bytes[..len]), expected, "{len} bytes");
            assert_eq!(Crc64Nibbles::checksum(&bytes[..len]), expected, "{len} bytes");
            assert_eq!(Crc64Slice16::checksum(&bytes[..len]), expected, "{len} bytes");
        }
    }
}
