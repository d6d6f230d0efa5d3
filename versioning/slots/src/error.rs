//! The errors of the slots.

use core::fmt;

/// Why no snapshot was loaded or saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// The flash failed to erase or to write.
    Flash(E),
    /// The snapshot does not fit into a slot, or into the buffer. Nothing was changed.
    TooLong {
        /// The length of the snapshot in bytes.
        len: usize,
        /// The available length in bytes.
        available: usize,
    },
    /// The last eight bytes are not the checksum of the bytes before them. Nothing was changed.
    NotASnapshot,
    /// Reading the slot back after the write gave other bytes. The other slot is unchanged.
    NotKept,
}

/// Why a partition cannot have two slots. The flash was not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PartitionError {
    /// The partition does not begin at a sector.
    Misaligned {
        /// The offset of the first byte of the partition.
        offset: u32,
        /// The length of a sector in bytes.
        sector: u32,
    },
    /// The partition ends after the end of the flash.
    OutOfBounds {
        /// The offset after the last byte of the partition.
        end: u32,
        /// The length of the flash in bytes.
        capacity: usize,
    },
    /// The partition has fewer than two sectors, or a half of it is too short for a header and a checksum.
    TooSmall {
        /// The length of the partition in bytes.
        len: u32,
        /// The length of a sector in bytes.
        sector: u32,
    },
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::TooLong { len, available } => write!(f, "{len} bytes do not fit into {available}"),
            Self::NotASnapshot => f.write_str("not a snapshot: the checksum at its end is wrong"),
            Self::NotKept => f.write_str("reading the slot back gives other bytes than those written"),
        }
    }
}

impl fmt::Display for PartitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { offset, sector } => {
                write!(
                    f,
                    "the partition begins at {offset}, which is not a multiple of {sector}, the length of a sector"
                )
            }
            Self::OutOfBounds { end, capacity } => {
                write!(f, "the partition ends at {end}, and the flash has {capacity} bytes")
            }
            Self::TooSmall { len, sector } => {
                write!(f, "{len} bytes are too few for two slots in sectors of {sector} bytes")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}
impl core::error::Error for PartitionError {}
