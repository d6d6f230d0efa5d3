//! The checksum of a snapshot: CRC-64/XZ, in several sizes.

use crc::{CRC_64_XZ, Crc, NoTable, Table};

/// Computes CRC-64/XZ; a type of the caller's own can stand behind it, such as one that uses SIMD.
///
/// An implementation must agree with this one on every input: the algorithm is part of the format.
///
/// ```
/// use devstate_versioning::{Checksum, Crc64};
///
/// assert_eq!(Crc64::checksum(b"123456789"), 0x995d_c9bb_df19_39fa);
/// ```
pub trait Checksum {
    /// The CRC-64/XZ of `bytes`.
    fn checksum(bytes: &[u8]) -> u64;
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

impl Checksum for Crc64 {
    fn checksum(bytes: &[u8]) -> u64 {
        ONE_TABLE.checksum(bytes)
    }
}

impl Checksum for Crc64NoTable {
    fn checksum(bytes: &[u8]) -> u64 {
        NO_TABLE.checksum(bytes)
    }
}

impl Checksum for Crc64Slice16 {
    fn checksum(bytes: &[u8]) -> u64 {
        SIXTEEN_TABLES.checksum(bytes)
    }
}
