//! Three devices as one snapshot, for firmware that is short of flash.

#![no_std]
#![forbid(unsafe_code)]

mod samples;

use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::checksum::Crc64Nibbles;
use devstate_versioning::{Architecture, Options, Versioned, release_table};

pub use samples::{busy, of_release_1};

/// The three devices. The keyboard controller came with the second version.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xa6c7_4f01_cd32_5553, open))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MachineSer {
    pub rtc: RtcStateSer,
    pub serial: SerialStateSer,
    #[versioned(start = 2)]
    pub i8042: I8042StateSer,
}

release_table! {
    /// What the firmware has shipped: first with two devices and what was known of them, then with all of three.
    pub enum Release { V1 = 1 @ 0x5fe4_7fdd_979a_3d5d, V2 = 2 @ open }
    MachineSer => [1, 2],
    RtcStateSer => [1, 2],
    SerialStateSer => [1, 2],
    I8042StateSer => [_, 2],
}

release_table! {
    /// The same for a firmware that reads no older release.
    pub enum OnlyRelease { V2 = 2 @ open }
    MachineSer => [2],
    RtcStateSer => [2],
    SerialStateSer => [2],
    I8042StateSer => [2],
}

/// Options for snapshots of this machine: any processor, and 128 bytes of tables for the checksum.
pub const OPTIONS: Options<Crc64Nibbles> = Options::new(Architecture::Any);

/// What every snapshot fits into.
pub const BUFFER_LEN: usize = devstate_versioning::max_snapshot_len::<MachineSer>();
