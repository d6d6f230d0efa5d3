//! The checksum of a snapshot: CRC-64/XZ, in several sizes.

use crc::{CRC_64_XZ, Crc, Digest, NoTable, Table};

/// Computes CRC-64/XZ; a type of the caller's own can stand behind it, such as one that uses SIMD.
///
/// An implementation must agree with this one on every input: the algorithm is part of the format.
///
/// ```
/// use devstate_versioning::{Checksum, Crc64};
///
/// assert_eq!(Crc64::checksum(b"123456789"), 0x995d_c9bb_df19_39fa);
/// let mut digest = Crc64::start();
/// Crc64::update(&mut digest, b"1234");
/// Crc64::update(&mut digest, b"56789");
/// assert_eq!(Crc64::finish(digest), 0x995d_c9bb_df19_39fa);
/// ```
pub trait Checksum {
    /// A checksum of what has been seen so far.
    type Digest;

    /// The checksum of nothing.
    fn start() -> Self::Digest;

    /// Adds the next bytes.
    fn update(digest: &mut Self::Digest, bytes: &[u8]);

    /// The CRC-64/XZ of everything that was added.
    fn finish(digest: Self::Digest) -> u64;

    /// The CRC-64/XZ of `bytes`.
    #[must_use]
    fn checksum(bytes: &[u8]) -> u64 {
        let mut digest = Self::start();
        Self::update(&mut digest, bytes);
        Self::finish(digest)
    }
}

/// The default: one table of 2 KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64;

/// No table: the smallest and the slowest, for firmware short of flash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64NoTable;

/// Sixteen tables, 32 KiB: the fastest without SIMD, for large exports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64Slice16;

// Made at run time a `Crc` costs more than the checksum of a snapshot.
static ONE_TABLE: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_XZ);
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
    Crc64: Table<1>, ONE_TABLE;
    Crc64NoTable: NoTable, NO_TABLE;
    Crc64Slice16: Table<16>, SIXTEEN_TABLES
);
