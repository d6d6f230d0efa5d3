//! The header of a snapshot, which can be read without knowing what the payload is.

use core::fmt;

use crate::error::{LoadError, LoadErrorKind};

/// The header of a snapshot: the bytes before the payload. Use [`Header::peek`] to identify a snapshot before you load
/// it.
///
/// ```
/// use devstate_versioning::{Architecture, Header};
///
/// let bytes = *b"DEVSTAT\x01\x01\0\x05\0\x02\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11";
/// let header = Header::peek(&bytes)?;
/// assert_eq!(header.architecture_code, Architecture::X86_64.code());
/// assert_eq!((header.release, header.payload_len), (5, 2));
/// assert_eq!(header.fingerprint, 0x1122_3344_5566_7788);
/// assert_eq!(header.snapshot_len(), 34);
/// # Ok::<(), devstate_versioning::LoadError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// The code of the architecture. [`Architecture::from_code`](crate::Architecture::from_code) decodes it.
    pub architecture_code: u8,
    /// The number of the release at which the snapshot was written.
    pub release: u16,
    /// The length of the payload in bytes.
    pub payload_len: u32,
    /// The fingerprint of the root mirror at that release.
    pub fingerprint: u64,
}

impl Header {
    /// The first seven bytes of every snapshot. The eighth is the code of the architecture.
    pub const MAGIC: [u8; 7] = *b"DEVSTAT";

    /// The version of the header and of the encoding of primitives.
    pub const FORMAT: u16 = 1;

    /// The length of the header in bytes.
    pub const LEN: usize = 24;

    /// The length in bytes of the checksum after the payload.
    pub const TRAILER_LEN: usize = 8;

    /// Reads the header at the start of `bytes`. It checks only the magic and the format, not the length or the
    /// checksum of the snapshot.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Magic` or `Format`.
    pub fn peek(bytes: &[u8]) -> Result<Self, LoadError> {
        let Some(header) = bytes.first_chunk::<{ Self::LEN }>() else {
            return Err(LoadErrorKind::Truncated {
                needed: Self::LEN,
                available: bytes.len(),
            }
            .at(0));
        };
        let [
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            m6,
            architecture_code,
            f0,
            f1,
            r0,
            r1,
            l0,
            l1,
            l2,
            l3,
            fingerprint @ ..,
        ] = *header;
        // As one number, because a comparison of seven bytes takes more instructions.
        let found = u64::from_le_bytes([m0, m1, m2, m3, m4, m5, m6, 0]);
        if found != const { magic_number() } {
            return Err(LoadErrorKind::Magic { found }.at(0));
        }
        let format = u16::from_le_bytes([f0, f1]);
        if format != Self::FORMAT {
            return Err(LoadErrorKind::Format {
                found: format,
                known: Self::FORMAT,
            }
            .at(8));
        }
        Ok(Self {
            architecture_code,
            release: u16::from_le_bytes([r0, r1]),
            payload_len: u32::from_le_bytes([l0, l1, l2, l3]),
            fingerprint: u64::from_le_bytes(fingerprint),
        })
    }

    /// Returns the length of the whole snapshot in bytes: header, payload and checksum.
    #[must_use]
    pub const fn snapshot_len(&self) -> usize {
        (self.payload_len as usize).saturating_add(Self::LEN + Self::TRAILER_LEN)
    }

    /// Returns the bytes of the header.
    #[must_use]
    #[inline]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3, m4, m5, m6] = Self::MAGIC;
        let [f0, f1] = Self::FORMAT.to_le_bytes();
        let [r0, r1] = self.release.to_le_bytes();
        let [l0, l1, l2, l3] = self.payload_len.to_le_bytes();
        let [p0, p1, p2, p3, p4, p5, p6, p7] = self.fingerprint.to_le_bytes();
        [
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            m6,
            self.architecture_code,
            f0,
            f1,
            r0,
            r1,
            l0,
            l1,
            l2,
            l3,
            p0,
            p1,
            p2,
            p3,
            p4,
            p5,
            p6,
            p7,
        ]
    }
}

const fn magic_number() -> u64 {
    let [m0, m1, m2, m3, m4, m5, m6] = Header::MAGIC;
    u64::from_le_bytes([m0, m1, m2, m3, m4, m5, m6, 0])
}

/// Prints the fingerprint in hexadecimal.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("architecture_code", &self.architecture_code)
            .field("release", &self.release)
            .field("payload_len", &self.payload_len)
            .field("fingerprint", &format_args!("{:#018x}", self.fingerprint))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn the_fingerprint_prints_in_hexadecimal() {
        let header = Header {
            architecture_code: 1,
            release: 2,
            payload_len: 3,
            fingerprint: 0xbf16_3a3d_d791_3fbe,
        };
        let printed = std::format!("{header:?}");
        assert!(printed.contains("fingerprint: 0xbf163a3dd7913fbe"), "{printed}");
    }
}
