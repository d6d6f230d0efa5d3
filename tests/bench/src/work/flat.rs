//! Three flat structs: no mirror in a mirror but the devices, no enum, no `Option`.

use std::sync::OnceLock;

use devstate_versioning::{Versioned, release_table};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use versionize::{VersionMap, Versionize, VersionizeResult};
use versionize_derive::Versionize;

use super::{Bytes, Work};
use crate::peers::hand::{flag, put, put_bytes, take_bytes};

work! {
    /// The three devices.
    struct FlatWork [version = 1, layouts(0x0777_0b16_c5ec_7340)] {
        0 rtc: Rtc,
        1 serial: Serial,
        2 i8042: I8042,
    }

    struct Rtc [version = 2, layouts(0xe17f_1add_95d1_4df4, open)] {
        0 lr: u32,
        1 mr: u32,
        2 imsc: u32,
        3 ris: u32,
        4 counter: u32 since 2,
        5 nanoseconds: u32 since 2,
        6 enabled: bool since 2,
    }

    struct Serial [version = 2, layouts(0x14aa_43dc_b9ca_1387, open)] {
        0 divisor: u16,
        1 ier: u8,
        2 lcr: u8,
        3 mcr: u8,
        4 lsr: u8,
        5 msr: u8,
        6 scr: u8,
        7 rx: Bytes,
        8 fcr: u8 since 2,
        9 thr_empty: bool since 2,
        10 time_out: u64 since 2,
        11 tx: Bytes since 2,
    }

    struct I8042 [version = 2, layouts(0x67eb_f31b_3b34_3a4a, open)] {
        0 ctr: u8,
        1 output_port: u8,
        2 status: u8,
        3 command: u8,
        4 keyboard_queue: Bytes,
        5 scan_code_set: u8,
        6 leds: u8,
        7 scanning: bool,
        8 mouse_queue: Bytes,
        9 rate: u8,
        10 resolution: u8,
        11 flags: u8,
        12 dx: i16,
        13 dy: i16,
        14 dz: i8 since 2,
        15 buttons: u8 since 2,
    }
}

release_table! {
    pub enum Release { V1 = 1 @ 0x658c_5cec_50bc_0f05, V2 = 2 @ open }
    Rtc => [1, 2],
    Serial => [1, 2],
    I8042 => [1, 2],
    FlatWork => [1, 1],
}

impl Work for FlatWork {
    const TABLES: [&'static str; 3] = [
        "payload, flat",
        "at a version known at run time, flat",
        "with header and checksum, flat",
    ];

    type Release = Release;

    /// A full receive FIFO, half a transmit FIFO, small queues.
    fn sample() -> Self {
        Self {
            rtc: Rtc {
                lr: 0x6957_35a6,
                mr: 0x69a7_bdc2,
                imsc: 1,
                ris: 0,
                counter: 0x6957_35a7,
                nanoseconds: 123_456_789,
                enabled: true,
            },
            serial: Serial {
                divisor: 1,
                ier: 5,
                lcr: 0x13,
                mcr: 0x0b,
                lsr: 0x60,
                msr: 0xb0,
                scr: 0x5a,
                rx: b"sixteen bytes in"[..].into(),
                fcr: 0x81,
                thr_empty: true,
                time_out: 347_222,
                tx: b"8 bytes."[..].into(),
            },
            i8042: I8042 {
                ctr: 0x43,
                output_port: 0xcf,
                status: 0x1c,
                command: 0xd4,
                keyboard_queue: [0xe0, 0x75][..].into(),
                scan_code_set: 2,
                leds: 2,
                scanning: true,
                mouse_queue: [8, 5, 0xfd][..].into(),
                rate: 100,
                resolution: 2,
                flags: 0x20,
                dx: 5,
                dy: -3,
                dz: -1,
                buttons: 1,
            },
        }
    }

    fn version_map() -> &'static VersionMap {
        static MAP: OnceLock<VersionMap> = OnceLock::new();
        MAP.get_or_init(|| {
            let mut map = VersionMap::new();
            map.new_version()
                .set_type_version(Rtc::type_id(), 2)
                .set_type_version(Serial::type_id(), 2)
                .set_type_version(I8042::type_id(), 2);
            map
        })
    }

    #[inline(always)]
    fn save_by_hand(&self, version: u16, buffer: &mut [u8]) -> Option<usize> {
        let available = buffer.len();
        let Self { rtc, serial, i8042 } = self;

        let (window, rest) = buffer.split_first_chunk_mut::<16>()?;
        window[0..4].copy_from_slice(&rtc.lr.to_le_bytes());
        window[4..8].copy_from_slice(&rtc.mr.to_le_bytes());
        window[8..12].copy_from_slice(&rtc.imsc.to_le_bytes());
        window[12..16].copy_from_slice(&rtc.ris.to_le_bytes());
        let mut rest = rest;
        if version >= 2 {
            let (window, tail) = rest.split_first_chunk_mut::<9>()?;
            window[0..4].copy_from_slice(&rtc.counter.to_le_bytes());
            window[4..8].copy_from_slice(&rtc.nanoseconds.to_le_bytes());
            window[8] = u8::from(rtc.enabled);
            rest = tail;
        }

        let [d0, d1] = serial.divisor.to_le_bytes();
        rest = put(
            rest,
            [
                d0, d1, serial.ier, serial.lcr, serial.mcr, serial.lsr, serial.msr, serial.scr,
            ],
        )?;
        rest = put_bytes(rest, &serial.rx)?;
        if version >= 2 {
            let (window, tail) = rest.split_first_chunk_mut::<10>()?;
            window[0] = serial.fcr;
            window[1] = u8::from(serial.thr_empty);
            window[2..10].copy_from_slice(&serial.time_out.to_le_bytes());
            rest = put_bytes(tail, &serial.tx)?;
        }

        rest = put(rest, [i8042.ctr, i8042.output_port, i8042.status, i8042.command])?;
        rest = put_bytes(rest, &i8042.keyboard_queue)?;
        rest = put(rest, [i8042.scan_code_set, i8042.leds, u8::from(i8042.scanning)])?;
        rest = put_bytes(rest, &i8042.mouse_queue)?;
        let ([x0, x1], [y0, y1]) = (i8042.dx.to_le_bytes(), i8042.dy.to_le_bytes());
        rest = put(rest, [i8042.rate, i8042.resolution, i8042.flags, x0, x1, y0, y1])?;
        if version >= 2 {
            rest = put(rest, [i8042.dz as u8, i8042.buttons])?;
        }
        Some(available - rest.len())
    }

    #[inline(always)]
    fn load_by_hand(&mut self, version: u16, payload: &[u8]) -> Option<()> {
        let Self { rtc, serial, i8042 } = self;

        let (&[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3], mut rest) =
            payload.split_first_chunk::<16>()?;
        rtc.lr = u32::from_le_bytes([a0, a1, a2, a3]);
        rtc.mr = u32::from_le_bytes([b0, b1, b2, b3]);
        rtc.imsc = u32::from_le_bytes([c0, c1, c2, c3]);
        rtc.ris = u32::from_le_bytes([d0, d1, d2, d3]);
        if version >= 2 {
            let (&[a0, a1, a2, a3, b0, b1, b2, b3, enabled], tail) = rest.split_first_chunk::<9>()?;
            rtc.counter = u32::from_le_bytes([a0, a1, a2, a3]);
            rtc.nanoseconds = u32::from_le_bytes([b0, b1, b2, b3]);
            rtc.enabled = flag(enabled)?;
            rest = tail;
        } else {
            rtc.counter = 0;
            rtc.nanoseconds = 0;
            rtc.enabled = false;
        }

        let (&[d0, d1, ier, lcr, mcr, lsr, msr, scr], tail) = rest.split_first_chunk::<8>()?;
        serial.divisor = u16::from_le_bytes([d0, d1]);
        serial.ier = ier;
        serial.lcr = lcr;
        serial.mcr = mcr;
        serial.lsr = lsr;
        serial.msr = msr;
        serial.scr = scr;
        rest = take_bytes(tail, &mut serial.rx)?;
        if version >= 2 {
            let (&[fcr, thr_empty, t0, t1, t2, t3, t4, t5, t6, t7], tail) = rest.split_first_chunk::<10>()?;
            serial.fcr = fcr;
            serial.thr_empty = flag(thr_empty)?;
            serial.time_out = u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
            rest = take_bytes(tail, &mut serial.tx)?;
        } else {
            serial.fcr = 0;
            serial.thr_empty = false;
            serial.time_out = 0;
            serial.tx.0.clear();
        }

        let (&[ctr, output_port, status, command], tail) = rest.split_first_chunk::<4>()?;
        i8042.ctr = ctr;
        i8042.output_port = output_port;
        i8042.status = status;
        i8042.command = command;
        rest = take_bytes(tail, &mut i8042.keyboard_queue)?;
        let (&[scan_code_set, leds, scanning], tail) = rest.split_first_chunk::<3>()?;
        i8042.scan_code_set = scan_code_set;
        i8042.leds = leds;
        i8042.scanning = flag(scanning)?;
        rest = take_bytes(tail, &mut i8042.mouse_queue)?;
        let (&[rate, resolution, flags, x0, x1, y0, y1], tail) = rest.split_first_chunk::<7>()?;
        i8042.rate = rate;
        i8042.resolution = resolution;
        i8042.flags = flags;
        i8042.dx = i16::from_le_bytes([x0, x1]);
        i8042.dy = i16::from_le_bytes([y0, y1]);
        rest = tail;
        if version >= 2 {
            let (&[dz, buttons], tail) = rest.split_first_chunk::<2>()?;
            i8042.dz = dz as i8;
            i8042.buttons = buttons;
            rest = tail;
        } else {
            i8042.dz = 0;
            i8042.buttons = 0;
        }
        rest.is_empty().then_some(())
    }
}
