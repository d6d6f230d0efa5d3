//! Versions that a source no longer has: `oldest`.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test")]

use devstate_versioning::{LoadErrorKind, Mirror, ReleaseTable, Versioned, buffer, max_snapshot_len, release_table};

/// Everything from version 1.
mod before {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 4,
        layouts(
            0xc9b8_ef62_2a0b_16e7,
            0x69be_c271_9c6e_5e68,
            0xca08_1de5_1192_f61a,
            0xa0ac_63e3_74f9_8887
        )
    )]
    pub struct RadioSer {
        pub channel: u16,
        #[versioned(end = 3)]
        pub calibration: [u8; 32],
        #[versioned(start = 2)]
        pub power: u8,
        #[versioned(start = 4)]
        pub antenna: u8,
        pub mode: ModeSer,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 3,
        layouts(0xda5d_107e_5bb5_7991, 0x901a_614e_5cc6_eeb7, 0xe212_4ecb_267c_ed9b)
    )]
    pub enum ModeSer {
        #[default]
        Off,
        #[versioned(end = 2)]
        Legacy,
        On(u8),
        #[versioned(start = 3)]
        Scan,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xa415_ffe0_85c0_9078, V2 = 2 @ 0x441b_d2ef_f823_d7f9, V3 = 3 @ 0x5a22_7f33_6e59_e4d1, V4 = 4 @ 0x82be_b2ae_9b76_7622 }
        RadioSer => [1, 2, 3, 4],
        ModeSer => [1, 1, 2, 3],
    }
}

/// The releases before 3 are forgotten.
mod after {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 4, oldest = 3, layouts(0xca08_1de5_1192_f61a, 0xa0ac_63e3_74f9_8887))]
    pub struct RadioSer {
        pub channel: u16,
        pub power: u8,
        #[versioned(start = 4)]
        pub antenna: u8,
        pub mode: ModeSer,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 3, oldest = 2, layouts(0x901a_614e_5cc6_eeb7, 0xe212_4ecb_267c_ed9b))]
    pub enum ModeSer {
        #[default]
        Off,
        #[versioned(tag = 2)]
        On(u8),
        #[versioned(start = 3)]
        Scan,
    }

    release_table! {
        pub enum Release { V3 = 3 @ 0x5a22_7f33_6e59_e4d1, V4 = 4 @ 0x82be_b2ae_9b76_7622 }
        RadioSer => [3, 4],
        ModeSer => [2, 3],
    }
}

#[test]
fn the_remaining_versions_have_the_same_pins_and_bytes() {
    assert_eq!(after::RadioSer::LAYOUTS[2..], before::RadioSer::LAYOUTS[2..]);
    let radio = before::RadioSer {
        channel: 7,
        power: 3,
        mode: before::ModeSer::On(9),
        ..before::RadioSer::default()
    };
    let mut memory = buffer!(before::RadioSer);
    for (release, left) in [
        (before::Release::V3, after::Release::V3),
        (before::Release::V4, after::Release::V4),
    ] {
        let mut scratch = before::RadioSer::default();
        let snapshot = release
            .downgrade(&radio, &mut scratch)
            .unwrap()
            .save(&mut memory)
            .unwrap();
        let mut read = after::RadioSer::default();
        assert_eq!(after::Release::load(snapshot, &mut read), Ok(left));
        assert_eq!((read.channel, read.power, read.mode), (7, 3, after::ModeSer::On(9)));
    }
}

#[test]
fn a_forgotten_release_is_refused_with_both_numbers() {
    let radio = before::RadioSer::default();
    let mut memory = buffer!(before::RadioSer);
    let mut scratch = before::RadioSer::default();
    let snapshot = before::Release::V2
        .downgrade(&radio, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    let error = after::Release::load(snapshot, &mut after::RadioSer::default()).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::ForgottenRelease { found: 2, oldest: 3 });
    assert_eq!(
        error.to_string(),
        "written by release 2, but the oldest release that this build still reads is 3 (at byte 10)"
    );
}

#[test]
fn forgetting_gives_the_memory_back() {
    assert!(size_of::<after::RadioSer>() + 32 <= size_of::<before::RadioSer>());
    assert!(max_snapshot_len::<after::RadioSer>() + 30 <= max_snapshot_len::<before::RadioSer>());
}

/// Version 4 goes on from version 2, which is forgotten.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 5, oldest = 3, branch(4 = 2, 5 = 3), layouts(0xa2fa_77bf_d7b7_93b6, 0x8c93_e4d3_8db3_4bdc, open))]
pub struct ForkSer {
    #[versioned(bound(1 = 2, 5 = 3))]
    pub log: heapless::Vec<u8, 3>,
    #[versioned(start = 3)]
    pub queue: u8,
    #[versioned(start = [4, 5])]
    pub quota: u8,
}

release_table! {
    pub enum Fork { V3 = 3 @ 0xa2fa_77bf_d7b7_93b6, V2_1 = 4 from _ @ 0x8c93_e4d3_8db3_4bdc, V5 = 5 from V3 @ open }
    ForkSer => [3, 4, 5],
}

#[test]
fn both_branches_of_a_forgotten_version_stay() {
    let fork = ForkSer {
        log: [1, 2].into_iter().collect(),
        queue: 0,
        quota: 7,
    };
    let lost = |fork: &ForkSer| {
        let releases = Fork::ALL.iter().map(|release| {
            let mut lost = Vec::new();
            let mut scratch = ForkSer::default();
            let visit =
                &mut |loss: &devstate_versioning::Loss| lost.push(loss.field.display(ForkSer::SCHEMA).to_string());
            release.losses(fork, &mut scratch, visit).unwrap();
            lost.join(" ")
        });
        releases.collect::<Vec<_>>()
    };
    assert_eq!(lost(&fork), ["quota", "", ""]);
    let queue = ForkSer { queue: 1, ..fork };
    assert_eq!(lost(&queue), ["quota", "queue", ""]);
}

#[test]
fn the_schema_says_that_a_release_goes_on_from_one_that_is_gone() {
    let json = devstate_versioning::schema::Json::<Fork>::new().to_string();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let from: Vec<_> = json["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| release.get("from"))
        .collect();
    assert_eq!(from, [None, Some(&serde_json::Value::Null), Some(&3.into())]);
    let text = devstate_versioning::schema::Table::<Fork>::new().to_string();
    let line = text.lines().find(|line| line.starts_with("parent")).unwrap();
    assert_eq!(line.split_whitespace().skip(1).collect::<Vec<_>>(), ["_", "V3"]);
    assert!(text.contains("bound 3 = 2, 5 = 3"), "{text}");
}
