//! vm-superio-ser as it is published, with versionize, beside devstate's mirrors at version 1, which say the same.

use std::hint::black_box;

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{ReleaseTable, Versioned, release_table};
use versionize::{VersionMap, Versionize};

use crate::case::{Case, pair};

const GROUP: &str = "RTC and UART, what vm-superio keeps of them";

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0x54b4_bcf2_700f_632c))]
pub struct ClockAndPortSer {
    pub rtc: RtcStateSer,
    pub serial: SerialStateSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x0dd1_edce_3a77_4b36, V2 = 2 @ open }
    RtcStateSer => [1, 2],
    SerialStateSer => [1, 2],
    ClockAndPortSer => [1, 1],
}

pub fn cases(cases: &mut Vec<Case>) {
    theirs(cases);
    ours(cases);
}

fn theirs(cases: &mut Vec<Case>) {
    let rtc = vm_superio_ser::RtcStateSer::default();
    let serial = vm_superio_ser::SerialStateSer::default();
    let map = VersionMap::new();
    let save = move |memory: &mut [u8]| {
        let available = memory.len();
        let mut rest = memory;
        let _ = black_box(&rtc).serialize(&mut rest, &map, 1);
        let _ = black_box(&serial).serialize(&mut rest, &map, 1);
        available - rest.len()
    };
    let map = VersionMap::new();
    pair(
        cases,
        GROUP,
        "vm-superio-ser",
        ["save", "load"],
        save,
        move |mut rest| {
            let _ = black_box(vm_superio_ser::RtcStateSer::deserialize(&mut rest, &map, 1));
            let _ = black_box(vm_superio_ser::SerialStateSer::deserialize(&mut rest, &map, 1));
        },
    );
}

fn ours(cases: &mut Vec<Case>) {
    let mirror = ClockAndPortSer::default();
    // Translated once: what is measured is the encoder. A case owns what it uses, so this lives as long as the program.
    let scratch = Box::leak(Box::new(mirror.clone()));
    let Ok(older) = Release::V1.downgrade_lossy(&mirror, scratch, &mut |_| true) else {
        return;
    };
    let save = move |memory: &mut [u8]| black_box(older).encode(memory).map_or(0, <[u8]>::len);
    let mut mirror = ClockAndPortSer::default();
    pair(cases, GROUP, "devstate", ["save", "load"], save, move |payload| {
        let release = black_box(Release::V1);
        black_box(release.decode(payload, &mut mirror).is_ok());
    });
    let _ = Release::LATEST;
}
