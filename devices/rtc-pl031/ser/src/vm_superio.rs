//! Converts the state that users of vm-superio have.

use devstate_versioning::wire::{Reader, downgrade_to, upgrade_from};
use devstate_versioning::{ConversionError, LoadError};

use crate::mirror::RtcStateSer;

/// The fields of `vm_superio::RtcState`. `vm_superio_ser::RtcStateSer` and version 1 of the mirror have the same
/// fields.
///
/// ```
/// use core::time::Duration;
/// use devstate_core::Instant;
/// use devstate_rtc_pl031::RtcState;
/// use devstate_rtc_pl031_ser::{RtcStateSer, VmSuperioRtcState};
///
/// // What vm-superio-ser's `Versionize` wrote: an hour behind the host's clock.
/// let bytes = [0, 0, 0, 0, 0xf0, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// let old = VmSuperioRtcState::from_bincode(&bytes)?;
/// assert_eq!(old.offset, -3600);
///
/// let mut mirror = RtcStateSer::try_from(&old)?;
/// mirror.resolve(Duration::from_secs(1_767_323_046), Instant::EPOCH);
/// assert_eq!(RtcState::try_from(&mirror)?.counter, 1_767_323_046 - 3600);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VmSuperioRtcState {
    /// The last value written to RTCLR.
    pub lr: u32,
    /// Seconds from the host's Unix time to the clock's value.
    pub offset: i64,
    /// RTCMR.
    pub mr: u32,
    /// RTCIMSC.
    pub imsc: u32,
    /// RTCRIS.
    pub ris: u32,
}

impl VmSuperioRtcState {
    /// The number of bytes that vm-superio-ser's `Versionize` writes. Its format is bincode.
    pub const BINCODE_LEN: usize = 24;

    /// Reads the bytes that vm-superio-ser's `Versionize` wrote.
    ///
    /// # Errors
    ///
    /// `Truncated` or `TrailingBytes` if the length is not [`BINCODE_LEN`](Self::BINCODE_LEN).
    pub fn from_bincode(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        let state = Self::read(&mut reader);
        reader.finish()?;
        Ok(state.unwrap_or_default())
    }

    /// Returns the bytes that vm-superio-ser's `Versionize` would write.
    #[must_use]
    pub fn to_bincode(&self) -> [u8; Self::BINCODE_LEN] {
        let Self {
            lr,
            offset,
            mr,
            imsc,
            ris,
        } = *self;
        let mut bytes = [0; Self::BINCODE_LEN];
        let fields = [
            &lr.to_le_bytes()[..],
            &offset.to_le_bytes(),
            &mr.to_le_bytes(),
            &imsc.to_le_bytes(),
            &ris.to_le_bytes(),
        ];
        for (byte, value) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *byte = *value;
        }
        bytes
    }

    /// `None` after an error, which the reader keeps.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            lr: u32::from_le_bytes(*reader.array().ok()?),
            offset: i64::from_le_bytes(*reader.array().ok()?),
            mr: u32::from_le_bytes(*reader.array().ok()?),
            imsc: u32::from_le_bytes(*reader.array().ok()?),
            ris: u32::from_le_bytes(*reader.array().ok()?),
        })
    }
}

impl TryFrom<&VmSuperioRtcState> for RtcStateSer {
    type Error = ConversionError;

    /// Converts to the same mirror as loading version 1: a mirror that needs [`resolve`](RtcStateSer::resolve).
    ///
    /// # Errors
    ///
    /// No error is possible at present.
    fn try_from(state: &VmSuperioRtcState) -> Result<Self, ConversionError> {
        let VmSuperioRtcState {
            lr,
            offset,
            mr,
            imsc,
            ris,
        } = *state;
        let mut mirror = Self {
            lr,
            offset,
            mr,
            imsc,
            ris,
            ..Self::default()
        };
        upgrade_from(&mut mirror, 1)?;
        Ok(mirror)
    }
}

impl TryFrom<&RtcStateSer> for VmSuperioRtcState {
    type Error = ConversionError;

    /// Converts to the fields of version 1, with the same losses as a downgrade to it. `ReleaseTable::losses` reports
    /// them.
    ///
    /// `saved_at` must count from the Unix epoch.
    ///
    /// # Errors
    ///
    /// No error is possible at present.
    fn try_from(mirror: &RtcStateSer) -> Result<Self, ConversionError> {
        let mut mirror = mirror.clone();
        downgrade_to(&mut mirror, 1)?;
        Ok(Self {
            lr: mirror.lr,
            offset: mirror.offset,
            mr: mirror.mr,
            imsc: mirror.imsc,
            ris: mirror.ris,
        })
    }
}
