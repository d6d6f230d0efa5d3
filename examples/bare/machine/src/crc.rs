//! The checksum with a table of 128 bytes.

use devstate_versioning::Checksum;

/// CRC-64/XZ, half a byte at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc64Nibbles;

impl Checksum for Crc64Nibbles {
    type Digest = u64;

    fn start() -> u64 {
        !0
    }

    fn update(digest: &mut u64, bytes: &[u8]) {
        let half = |crc: u64| TABLE[(crc & 0xf) as usize] ^ (crc >> 4);
        let step = |crc, byte: &u8| half(half(crc ^ u64::from(*byte)));
        *digest = bytes.iter().fold(*digest, step);
    }

    fn finish(digest: u64) -> u64 {
        !digest
    }
}

static TABLE: [u64; 16] = table();

const fn table() -> [u64; 16] {
    /// The polynomial, reflected.
    const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 4 {
            value = (value >> 1) ^ (POLYNOMIAL * (value & 1));
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Crc64Nibbles;
    use devstate_versioning::{Checksum, Crc64};

    #[test]
    fn it_is_the_same_checksum() {
        assert_eq!(Crc64Nibbles::checksum(b"123456789"), 0x995d_c9bb_df19_39fa);
        let bytes: [u8; 256] = core::array::from_fn(|index| index as u8);
        for len in 0..bytes.len() {
            assert_eq!(Crc64Nibbles::checksum(&bytes[..len]), Crc64::checksum(&bytes[..len]));
        }
    }
}
