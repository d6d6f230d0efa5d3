//! versionize 0.2 and Firecracker's container around it: magic, the application's version, the blob, crc64.

use std::hint::black_box;

use std::mem::size_of;
use std::sync::OnceLock;

use versionize::{VersionMap, Versionize, VersionizeResult};
use versionize_derive::Versionize;

use crate::peer::{Container, Peer, Versioned};
use crate::work::{self, Work};

/// versionize.
pub struct VersionizePeer;

#[derive(Versionize, Clone, Debug, Default)]
pub struct VersionizeRtc {
    lr: u32,
    mr: u32,
    imsc: u32,
    ris: u32,
    #[version(start = 2)]
    counter: u32,
    #[version(start = 2)]
    nanoseconds: u32,
    #[version(start = 2)]
    enabled: bool,
}

#[derive(Versionize, Clone, Debug, Default)]
pub struct VersionizeSerial {
    divisor: u16,
    ier: u8,
    lcr: u8,
    mcr: u8,
    lsr: u8,
    msr: u8,
    scr: u8,
    rx: Vec<u8>,
    #[version(start = 2)]
    fcr: u8,
    #[version(start = 2)]
    thr_empty: bool,
    #[version(start = 2)]
    time_out: u64,
    #[version(start = 2)]
    tx: Vec<u8>,
}

#[derive(Versionize, Clone, Debug, Default)]
pub struct VersionizeI8042 {
    ctr: u8,
    output_port: u8,
    status: u8,
    command: u8,
    keyboard_queue: Vec<u8>,
    scan_code_set: u8,
    leds: u8,
    scanning: bool,
    mouse_queue: Vec<u8>,
    rate: u8,
    resolution: u8,
    flags: u8,
    dx: i16,
    dy: i16,
    #[version(start = 2)]
    dz: i8,
    #[version(start = 2)]
    buttons: u8,
}

#[derive(Versionize, Clone, Debug, Default)]
pub struct VersionizeWork {
    rtc: VersionizeRtc,
    serial: VersionizeSerial,
    i8042: VersionizeI8042,
}

same_fields!(
    VersionizeRtc = work::Rtc {
        lr,
        mr,
        imsc,
        ris,
        counter,
        nanoseconds,
        enabled
    }
);
same_fields!(
    VersionizeSerial = work::Serial {
        divisor,
        ier,
        lcr,
        mcr,
        lsr,
        msr,
        scr,
        rx,
        fcr,
        thr_empty,
        time_out,
        tx
    }
);
same_fields!(
    VersionizeI8042 = work::I8042 {
        ctr,
        output_port,
        status,
        command,
        keyboard_queue,
        scan_code_set,
        leds,
        scanning,
        mouse_queue,
        rate,
        resolution,
        flags,
        dx,
        dy,
        dz,
        buttons
    }
);
carry_struct!(
    VersionizeRtc = work::Rtc,
    VersionizeSerial = work::Serial,
    VersionizeI8042 = work::I8042
);
same_fields!(VersionizeWork = Work { rtc, serial, i8042 });

fn version_map() -> &'static VersionMap {
    static MAP: OnceLock<VersionMap> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = VersionMap::new();
        map.new_version()
            .set_type_version(VersionizeRtc::type_id(), 2)
            .set_type_version(VersionizeSerial::type_id(), 2)
            .set_type_version(VersionizeI8042::type_id(), 2);
        map
    })
}

const MAGIC: u64 = 0x0710_1984_8664_0000;

fn save(state: &VersionizeWork, version: u16, buffer: &mut [u8]) -> usize {
    let available = buffer.len();
    let mut rest = buffer;
    state
        .serialize(&mut rest, version_map(), version)
        .map_or(0, |()| available - rest.len())
}

fn load(mut bytes: &[u8], version: u16, state: &mut VersionizeWork) {
    let loaded: VersionizeResult<_> = VersionizeWork::deserialize(&mut bytes, version_map(), version);
    if let Ok(loaded) = loaded {
        *state = loaded;
    }
}

impl Peer for VersionizePeer {
    const NAME: &'static str = "versionize";
    type State = VersionizeWork;

    fn save(state: &VersionizeWork, buffer: &mut [u8]) -> usize {
        save(state, 2, buffer)
    }

    fn load(payload: &[u8], state: &mut VersionizeWork) {
        load(payload, 2, state);
    }

    const VERSIONED: Option<Versioned<VersionizeWork>> = Some(Versioned {
        save: |state, version| Box::new(move |buffer| save(&state, black_box(version), buffer)),
        load: |bytes, version, state| load(bytes, version, state),
    });

    const CONTAINER: Option<Container<VersionizeWork>> = Some(Container {
        save: |state, buffer| {
            const HEADER: usize = size_of::<u64>() + size_of::<u16>();
            let Some((header, rest)) = buffer.split_first_chunk_mut::<HEADER>() else {
                return 0;
            };
            header[..8].copy_from_slice(&MAGIC.to_le_bytes());
            header[8..].copy_from_slice(&2u16.to_le_bytes());
            let end = HEADER + save(state, 2, rest);
            let checksum = crc64::crc64(0, &buffer[..end]);
            buffer[end..end + 8].copy_from_slice(&checksum.to_le_bytes());
            end + 8
        },
        load: |bytes, state| {
            let Some((summed, checksum)) = bytes.split_last_chunk::<8>() else {
                return;
            };
            let Some((header, blob)) = summed.split_first_chunk::<10>() else {
                return;
            };
            let version = u16::from_le_bytes([header[8], header[9]]);
            if crc64::crc64(0, summed) == u64::from_le_bytes(*checksum) && header[..8] == MAGIC.to_le_bytes() {
                load(blob, version, state);
            }
        },
    });
}
