//! The checksum with SIMD, as a caller would bring it: crc-fast behind devstate's trait.

use crc_fast::{CrcAlgorithm, Digest, checksum};
use devstate_versioning::Checksum;

/// CRC-64/XZ by carry-less multiplication, where the processor has it.
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
