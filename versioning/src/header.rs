//! The header of a snapshot, which can be read without knowing what the payload is.

use crate::error::{Error, ErrorKind};

/// The first seven bytes of every snapshot; the eighth names the architecture.
pub const MAGIC: [u8; 7] = *b"DEVSTAT";

/// The version of the header and of how primitives are encoded.
pub const FORMAT: u16 = 1;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 24;

/// Bytes behind the payload: the checksum.
pub const TRAILER_LEN: usize = 8;

/// What stands before a payload.
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
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// The architecture's code; see [`Architecture::from_code`].
    pub architecture_code: u8,
    /// The number of the release that it was written at.
    pub release: u16,
    /// Bytes of payload.
    pub payload_len: u32,
    /// The fingerprint of the root mirror at that release.
    pub fingerprint: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`, without looking at what follows: neither length nor checksum have
    /// been verified.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Magic` or `Format`.
    pub fn peek(bytes: &[u8]) -> Result<Self, Error> {
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(ErrorKind::Truncated {
                needed: HEADER_LEN,
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
        let magic = [m0, m1, m2, m3, m4, m5, m6];
        if magic != MAGIC {
            return Err(ErrorKind::Magic {
                found: u64::from_le_bytes([m0, m1, m2, m3, m4, m5, m6, 0]),
            }
            .at(0));
        }
        let format = u16::from_le_bytes([f0, f1]);
        if format != FORMAT {
            return Err(ErrorKind::Format {
                found: format,
                known: FORMAT,
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

    /// Bytes of the whole snapshot: header, payload and checksum.
    #[must_use]
    pub const fn snapshot_len(&self) -> usize {
        (self.payload_len as usize).saturating_add(HEADER_LEN + TRAILER_LEN)
    }

    /// The header as it stands in a snapshot.
    #[must_use]
    #[inline]
    pub const fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [m0, m1, m2, m3, m4, m5, m6] = MAGIC;
        let [f0, f1] = FORMAT.to_le_bytes();
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
