//! What stands before a snapshot in a slot.

use devstate_versioning::checksum::Checksum;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: u32,
    pub(crate) len: u32,
}

impl Header {
    pub(crate) const LEN: usize = 16;

    /// `None` where the header's own checksum says that this is none: erased, or cut off while it was written.
    pub(crate) fn from_bytes<C: Checksum>(bytes: &[u8]) -> Option<Self> {
        let (content, bytes) = bytes.split_first_chunk::<8>()?;
        let (checksum, _) = bytes.split_first_chunk::<8>()?;
        if C::checksum(content) != u64::from_le_bytes(*checksum) {
            return None;
        }
        let [s0, s1, s2, s3, l0, l1, l2, l3] = *content;
        Some(Self {
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }

    /// Whether a header's place is as an erase leaves it, or a memory that was never written.
    pub(crate) fn is_blank(bytes: &[u8]) -> bool {
        let mut place = bytes.iter().take(Self::LEN);
        let first = place.next();
        place.all(|byte| Some(byte) == first)
    }

    pub(crate) fn to_bytes<C: Checksum>(self) -> [u8; Self::LEN] {
        let content = u64::from(self.sequence) | u64::from(self.len) << 32;
        let content = content.to_le_bytes();
        let bytes = u128::from(u64::from_le_bytes(content)) | u128::from(C::checksum(&content)) << 64;
        bytes.to_le_bytes()
    }

    /// Numbers wrap, so it is the shorter way round that counts.
    pub(crate) const fn is_newer_than(self, other: Self) -> bool {
        self.sequence.wrapping_sub(other.sequence).cast_signed() > 0
    }
}
