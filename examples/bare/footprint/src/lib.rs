//! What is measured: three devices, two releases, header and checksum.

#![no_std]
#![forbid(unsafe_code)]

mod crc;

use devstate_rtc_pl031::RtcState;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::{Fifo, SerialState};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Architecture, Container, Error, Versioned, release_table};

pub use crc::Crc64Nibbles;

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub struct MachineSer {
    pub rtc: RtcStateSer,
    pub serial: SerialStateSer,
}

release_table! {
    /// Two releases: vm-superio's state, and all of it.
    pub enum Release { V1 = 1 @ 0x5fe4_7fdd_979a_3d5d, V2 = 2 @ open }
    RtcStateSer => [1, 2],
    SerialStateSer => [1, 2],
    MachineSer => [1, 1],
}

/// What any snapshot fits into.
pub const BUFFER_LEN: usize = devstate_versioning::max_snapshot_len::<MachineSer>();

const CONTAINER: Container<Crc64Nibbles> = Container::new(Architecture::Any);

/// # Errors
/// As the library says.
#[inline(never)]
pub fn save(mirror: &MachineSer, buffer: &mut [u8]) -> Result<usize, Error> {
    CONTAINER
        .save::<Release, _>(mirror, buffer)
        .map(|snapshot| snapshot.len())
}

/// # Errors
/// As the library says.
#[inline(never)]
pub fn save_older(mirror: &MachineSer, buffer: &mut [u8]) -> Result<usize, Error> {
    CONTAINER
        .save_as(mirror, Release::V1, buffer)
        .map(|snapshot| snapshot.len())
}

/// # Errors
/// As the library says.
#[inline(never)]
pub fn load(snapshot: &[u8], mirror: &mut MachineSer) -> Result<Release, Error> {
    CONTAINER.load(snapshot, mirror)
}

/// A machine in the middle of its work: received and waiting characters, an alarm set.
#[must_use]
pub fn busy_machine() -> MachineSer {
    let mut rx = Fifo {
        bytes: *b"0123456789abcdef",
        len: 16,
    };
    let tx = Fifo {
        bytes: *b"ABCDEFGH\0\0\0\0\0\0\0\0",
        len: 8,
    };
    rx.len = 16;
    let serial = SerialState {
        divisor: 1,
        ier: 0x05,
        fcr: 0x81,
        lcr: 0x03,
        mcr: 0x0b,
        rx,
        tx,
        tsr: Some(b'@'),
        timeout_remaining: 347_223,
        saved_at: 1,
        ..SerialState::RESET
    };
    let rtc = RtcState {
        mr: 1_767_323_056,
        ..RtcState::at_unix_time(core::time::Duration::from_secs(1_767_323_046), 1)
    };
    MachineSer {
        rtc: RtcStateSer::new(&rtc),
        serial: SerialStateSer::new(&serial),
    }
}

/// A machine that release 1 can hold.
#[must_use]
pub fn machine_of_v1() -> MachineSer {
    let serial = SerialState {
        fcr: 0x01,
        ..SerialState::RESET
    };
    let rtc = RtcState::at_unix_time(core::time::Duration::from_secs(1_767_323_046), 0);
    MachineSer {
        rtc: RtcStateSer::new(&rtc),
        serial: SerialStateSer::new(&serial),
    }
}

#[inline(never)]
pub fn crc_of(bytes: &[u8]) -> u64 {
    <Crc64Nibbles as devstate_versioning::Checksum>::checksum(bytes)
}
