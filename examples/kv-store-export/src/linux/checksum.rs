//! The checksum of large exports.

use crc_fast::{CrcAlgorithm, Digest, checksum};
use devstate_versioning::checksum::Checksum;

/// CRC-64/XZ by carry-less multiplication where the processor has it: some twenty times as fast as with tables.
#[derive(Clone, Copy, Debug)]
pub struct Crc64Simd;

impl Checksum for Crc64Simd {
    type Digest = Digest;

    fn start() -> Digest {
        Digest::new(CrcAlgorithm::Crc64Xz)
    }

    fn update(digest: &mut Digest, bytes: &[u8]) {
        digest.update(bytes);
    }

    fn finish(digest: Digest) -> u64 {
        digest.finalize()
    }

    fn checksum(bytes: &[u8]) -> u64 {
        checksum(CrcAlgorithm::Crc64Xz, bytes)
    }
}

#[cfg(test)]
mod tests {
    use devstate_versioning::checksum::Crc64NoTable;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn it_is_the_checksum_of_the_format_for_every_length_and_in_pieces() {
        let bytes: Vec<u8> = (0..3_000_u32).map(|at| ((at * at) >> 3) as u8).collect();
        for len in (0..300).chain([1_000, 2_999]) {
            let (bytes, _) = bytes.split_at(len);
            let expected = Crc64NoTable::checksum(bytes);
            assert_eq!(Crc64Simd::checksum(bytes), expected, "{len} bytes");
            let mut digest = Crc64Simd::start();
            bytes.chunks(7).for_each(|piece| Crc64Simd::update(&mut digest, piece));
            assert_eq!(Crc64Simd::finish(digest), expected, "{len} bytes in pieces");
        }
    }
}
