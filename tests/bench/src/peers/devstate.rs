//! devstate itself, with one table of 2 KiB for the checksum.

use std::hint::black_box;

use devstate_versioning::{ReleaseTable, Versioned as Mirror, release_table};
use heapless::Vec;

use crate::peer::{Container, Peer, Versioned};
use crate::work::{self, Work};

#[derive(Mirror, Clone, Debug, Default)]
#[versioned(version = 2, layouts(0x8c30_4a99_6e4a_8cc2, open))]
pub struct RtcSer {
    pub lr: u32,
    pub mr: u32,
    pub imsc: u32,
    pub ris: u32,
    #[versioned(start = 2)]
    pub counter: u32,
    #[versioned(start = 2)]
    pub nanoseconds: u32,
    #[versioned(start = 2)]
    pub enabled: bool,
}

#[derive(Mirror, Clone, Debug, Default)]
#[versioned(version = 2, layouts(0xf9b4_d75f_b8c5_b617, open))]
pub struct SerialSer {
    pub divisor: u16,
    pub ier: u8,
    pub lcr: u8,
    pub mcr: u8,
    pub lsr: u8,
    pub msr: u8,
    pub scr: u8,
    pub rx: Vec<u8, 16>,
    #[versioned(start = 2)]
    pub fcr: u8,
    #[versioned(start = 2)]
    pub thr_empty: bool,
    #[versioned(start = 2)]
    pub time_out: u64,
    #[versioned(start = 2)]
    pub tx: Vec<u8, 16>,
}

#[derive(Mirror, Clone, Debug, Default)]
#[versioned(version = 2, layouts(0x9243_496a_160c_2268, open))]
pub struct I8042Ser {
    pub ctr: u8,
    pub output_port: u8,
    pub status: u8,
    pub command: u8,
    pub keyboard_queue: Vec<u8, 16>,
    pub scan_code_set: u8,
    pub leds: u8,
    pub scanning: bool,
    pub mouse_queue: Vec<u8, 16>,
    pub rate: u8,
    pub resolution: u8,
    pub flags: u8,
    pub dx: i16,
    pub dy: i16,
    #[versioned(start = 2)]
    pub dz: i8,
    #[versioned(start = 2)]
    pub buttons: u8,
}

#[derive(Mirror, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0xd2d6_ca99_c184_36bd))]
pub struct WorkSer {
    pub rtc: RtcSer,
    pub serial: SerialSer,
    pub i8042: I8042Ser,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xeaff_35fc_fea0_9bfe, V2 = 2 @ open }
    RtcSer => [1, 2],
    SerialSer => [1, 2],
    I8042Ser => [1, 2],
    WorkSer => [1, 1],
}

same_fields!(
    RtcSer = work::Rtc {
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
    SerialSer = work::Serial {
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
    I8042Ser = work::I8042 {
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
carry_struct!(RtcSer = work::Rtc, SerialSer = work::Serial, I8042Ser = work::I8042);
same_fields!(WorkSer = Work { rtc, serial, i8042 });

/// The derived encoder.
pub struct Devstate;

impl Peer for Devstate {
    const NAME: &'static str = "devstate";
    type State = WorkSer;

    fn save(state: &WorkSer, buffer: &mut [u8]) -> usize {
        Release::latest(state).encode(buffer).map_or(0, <[u8]>::len)
    }

    fn load(bytes: &[u8], state: &mut WorkSer) {
        let _ = Release::decode_latest(bytes, state);
    }

    const VERSIONED: Option<Versioned<WorkSer>> = Some(Versioned {
        save: |state, version| {
            // Translated before: the table `between releases` has the translation. An encoder lives as long as the program.
            let scratch = Box::leak(Box::new(WorkSer::default()));
            let older = Release::from_number(version)
                .and_then(|release| release.downgrade_lossy(&state, scratch, &mut |_| true).ok());
            Box::new(move |buffer| {
                let older = black_box(older).and_then(|older| older.encode(buffer).ok());
                older.map_or(0, <[u8]>::len)
            })
        },
        load: |bytes, version, state| {
            let Some(release) = Release::from_number(version) else {
                return;
            };
            let _ = release.decode(bytes, state);
        },
    });

    const CONTAINER: Option<Container<WorkSer>> = Some(Container {
        save: |state, buffer| Release::save(state, buffer).map_or(0, <[u8]>::len),
        load: |bytes, state| {
            let _ = Release::load(bytes, state);
        },
    });
}
