//! A stable branch with a backport, and the main branch that goes on from another version: two builds that read each
//! other's snapshots.
//!
//! ```text
//! 1 ── 2 ── 3 ── 5        main: 3 has a queue, 5 has the quota as well
//!      └─── 4             stable: a backport of the quota on 2
//! ```

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "a test"
)]

use devstate_versioning::{
    ConversionError, LoadErrorKind, Loss, Mirror, ReleaseTable, SaveError, Versioned, buffer, release_table,
};

/// The main branch.
mod main {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 5,
        branch(4 = 2, 5 = 3),
        layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, 0xc1b0_34f6_4b59_7ff5, 0x8aa9_7df5_ac93_3cc6, open)
    )]
    pub struct DiskSer {
        pub sectors: u64,
        #[versioned(start = 2)]
        pub read_only: bool,
        #[versioned(start = 3, default_fn = queue_before)]
        pub queue: u16,
        /// In sectors. Version 4 has the quota too.
        #[versioned(start = [4, 5], de_fn = no_quota)]
        pub quota: u64,
    }

    fn queue_before(_version: u16) -> u16 {
        128
    }

    /// Before there was a quota, every sector could be used.
    fn no_quota(disk: &mut DiskSer, _version: u16) -> Result<(), ConversionError> {
        disk.quota = disk.sectors;
        Ok(())
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x8381_62e7_83d7_a611,
            V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
            V3 = 3 @ 0xc1b0_34f6_4b59_7ff5,
            V2_1 = 4 from V2 @ 0x8aa9_7df5_ac93_3cc6,
            V4 = 5 from V3 @ open,
        }
        DiskSer => [1, 2, 3, 4, 5],
    }
}

/// The stable branch, whose source never saw version 3.
mod stable {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 4, branch(4 = 2), layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, _, 0x8aa9_7df5_ac93_3cc6))]
    pub struct DiskSer {
        pub sectors: u64,
        #[versioned(start = 2)]
        pub read_only: bool,
        #[versioned(start = 4, de_fn = no_quota)]
        pub quota: u64,
    }

    fn no_quota(disk: &mut DiskSer, _version: u16) -> Result<(), ConversionError> {
        disk.quota = disk.sectors;
        Ok(())
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x8381_62e7_83d7_a611,
            V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
            V2_1 = 4 @ 0x8aa9_7df5_ac93_3cc6,
        }
        DiskSer => [1, 2, 4],
    }
}

/// Translates a value of the main branch to a release, and returns the snapshot and the names of what it lost.
fn saved_by_main(disk: &main::DiskSer, release: main::Release) -> (Vec<u8>, Vec<String>) {
    let mut lost = Vec::new();
    let mut scratch = main::DiskSer::default();
    let mut accept = |loss: &Loss| {
        lost.push(loss.field.display(main::DiskSer::SCHEMA).to_string());
        true
    };
    let translated = release.downgrade_lossy(disk, &mut scratch, &mut accept).unwrap();
    let snapshot = translated.save(&mut buffer!(main::DiskSer)).unwrap().to_vec();
    (snapshot, lost)
}

#[test]
fn the_stable_branch_reads_what_the_main_branch_writes_for_it() {
    let disk = main::DiskSer {
        sectors: 1000,
        read_only: true,
        queue: 128,
        quota: 10,
    };
    let (snapshot, lost) = saved_by_main(&disk, main::Release::V2_1);
    assert_eq!(lost, [""; 0], "the queue of 128 is what version 4 had");
    let mut read = stable::DiskSer::default();
    assert_eq!(stable::Release::load(&snapshot, &mut read), Ok(stable::Release::V2_1));
    assert_eq!(
        read,
        stable::DiskSer {
            sectors: 1000,
            read_only: true,
            quota: 10
        }
    );
}

#[test]
fn the_main_branch_reads_what_the_stable_branch_writes() {
    let disk = stable::DiskSer {
        sectors: 1000,
        read_only: true,
        quota: 10,
    };
    let mut memory = buffer!(stable::DiskSer);
    let snapshot = stable::Release::save(&disk, &mut memory).unwrap();
    let mut read = main::DiskSer::default();
    assert_eq!(main::Release::load(snapshot, &mut read), Ok(main::Release::V2_1));
    assert_eq!(
        read,
        main::DiskSer {
            sectors: 1000,
            read_only: true,
            queue: 128,
            quota: 10
        },
        "the function of the quota did not run: version 4 has the quota"
    );
}

#[test]
fn the_losses_are_those_of_the_branch() {
    let disk = main::DiskSer {
        sectors: 1000,
        read_only: true,
        queue: 64,
        quota: 10,
    };
    let lost = |release| saved_by_main(&disk, release).1;
    assert_eq!(lost(main::Release::V1), ["read_only", "queue", "quota"]);
    assert_eq!(lost(main::Release::V2), ["queue", "quota"]);
    assert_eq!(lost(main::Release::V3), ["quota"]);
    assert_eq!(lost(main::Release::V2_1), ["queue"]);
    assert_eq!(lost(main::Release::V4), [""; 0]);
    let everything_may_be_used = main::DiskSer { quota: 1000, ..disk };
    assert_eq!(saved_by_main(&everything_may_be_used, main::Release::V3).1, [""; 0]);
}

#[test]
fn the_function_of_a_change_runs_only_between_versions_of_which_one_has_it() {
    for (release, quota) in [
        (main::Release::V1, 1000),
        (main::Release::V2, 1000),
        (main::Release::V3, 1000),
        (main::Release::V2_1, 10),
    ] {
        let disk = main::DiskSer {
            sectors: 1000,
            quota: 10,
            ..main::DiskSer::default()
        };
        let mut read = main::DiskSer::default();
        let (snapshot, _) = saved_by_main(&disk, release);
        assert_eq!(main::Release::load(&snapshot, &mut read), Ok(release));
        assert_eq!(read.quota, quota, "{release:?}");
    }
}

#[test]
fn the_stable_branch_refuses_a_release_of_the_main_branch_by_its_number() {
    let disk = main::DiskSer::default();
    let mut read = stable::DiskSer::default();
    let (snapshot, _) = saved_by_main(&disk, main::Release::V3);
    let error = stable::Release::load(&snapshot, &mut read).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::UnknownRelease { found: 3 });
    let (snapshot, _) = saved_by_main(&disk, main::Release::V4);
    let error = stable::Release::load(&snapshot, &mut read).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::NewerRelease { found: 5, newest: 4 });
}

#[test]
fn a_compatible_downgrade_finds_the_release_of_another_branch() {
    let disk = main::DiskSer {
        sectors: 1000,
        read_only: false,
        queue: 128,
        quota: 10,
    };
    let mut scratch = main::DiskSer::default();
    let translated = main::Release::downgrade_compatible(&disk, main::Release::V1, &mut scratch).unwrap();
    assert_eq!(translated.release(), main::Release::V2_1);
}

#[test]
fn a_version_that_the_source_does_not_have_has_no_layout() {
    let [first, second, absent, backport] = stable::DiskSer::LAYOUTS else {
        panic!("four versions")
    };
    assert_eq!(*absent, 0);
    assert_eq!([*first, *second], main::DiskSer::LAYOUTS[..2]);
    assert_eq!(*backport, main::DiskSer::LAYOUTS[3]);
    assert!(!stable::DiskSer::SCHEMA.has(3));
}

/// A change that only the stable branch ever made: the main branch reads it, and takes it back.
mod undone {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 5,
        branch(3 = 1, 4 = 3, 5 = 2),
        layouts(0x3f69_a4e4_f8af_9392, 0x0975_cbe8_0d2f_ee6e, 0xd9c1_c898_aeb8_4bb1, 0xaa06_224d_55fa_eb28, open)
    )]
    pub struct MeterSer {
        /// The calls of the functions, as digits, and the value.
        pub trace: u32,
        #[versioned(start = 2, ser_fn = down_2, de_fn = up_2)]
        pub scale: u8,
        #[versioned(at = 3, ser_fn = down_3, de_fn = up_3)]
        #[versioned(at = 4, ser_fn = down_4, de_fn = up_4)]
        #[versioned(at = 5, ser_fn = down_5, de_fn = up_5)]
        pub value: u8,
        /// Version 3 came and went with the stable branch.
        #[versioned(start = 3)]
        pub shadow: u8,
    }

    macro_rules! traced {
        ($($name:ident = $digit:literal),+) => {$(
            fn $name(meter: &mut MeterSer, _version: u16) -> Result<(), ConversionError> {
                meter.trace = meter.trace * 10 + $digit;
                Ok(())
            }
        )+};
    }
    traced!(
        down_2 = 2,
        up_2 = 2,
        down_3 = 3,
        up_3 = 3,
        down_4 = 4,
        up_4 = 4,
        down_5 = 5,
        up_5 = 5
    );

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x3f69_a4e4_f8af_9392,
            V2 = 2 @ 0x0975_cbe8_0d2f_ee6e,
            V1_1 = 3 from V1 @ 0xd9c1_c898_aeb8_4bb1,
            V1_2 = 4 @ 0xaa06_224d_55fa_eb28,
            V3 = 5 from V2 @ open,
        }
        MeterSer => [1, 2, 3, 4, 5],
    }
}

#[test]
fn functions_run_from_the_one_version_back_to_the_fork_and_on_to_the_other() {
    use undone::{MeterSer, Release};
    for (release, down, up) in [
        (Release::V1, 52, 25_u32),
        (Release::V2, 5, 5),
        (Release::V1_1, 523, 325),
        (Release::V1_2, 5234, 4325),
        (Release::V3, 0, 0),
    ] {
        let mut scratch = MeterSer::default();
        let translated = release
            .downgrade_lossy(&MeterSer::default(), &mut scratch, &mut |_| true)
            .unwrap();
        let mut memory = buffer!(MeterSer);
        let snapshot = translated.save(&mut memory).unwrap();
        assert_eq!(scratch.trace, down, "{release:?}");
        let mut read = MeterSer::default();
        assert_eq!(Release::load(snapshot, &mut read), Ok(release));
        assert_eq!(
            read.trace,
            if down == 0 {
                up
            } else {
                down * 10_u32.pow(up.ilog10() + 1) + up
            }
        );
        assert_eq!(read.shadow, 0, "the latest version has no such field");
    }
}

#[test]
fn a_field_of_the_other_branch_alone_is_default_in_the_latest_value() {
    use undone::{MeterSer, Release};
    let meter = MeterSer {
        shadow: 9,
        ..MeterSer::default()
    };
    let mut scratch = MeterSer::default();
    // A latest value has no shadow: it is no loss, as that of a removed field is none.
    Release::V1
        .losses(&MeterSer { trace: 0, ..meter }, &mut scratch, &mut |loss| {
            assert_eq!(loss.field.steps(), [0]);
        })
        .unwrap();
}

/// A part whose versions are a tree too.
mod parts {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 3, branch(3 = 1), layouts(0x01aa_dbbe_401f_3da4, 0x8cdf_44da_5255_af1e, 0xa3d7_4b65_7582_b32c))]
    pub struct BulbSer {
        #[versioned(start = [2, 3])]
        pub level: u8,
        #[versioned(start = 3)]
        pub hours: u32,
        pub color: u16,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 3, branch(3 = 1), layouts(0xfe7d_6c64_56e0_32ec, 0x4f3c_0191_f145_afbb, 0xb782_0291_527a_913e), parts(0x7be9_de8d_dd1c_3b74, 0x8833_df43_d7c0_3c4f, 0x328a_00a5_6f2a_1afe))]
    pub struct LampSer {
        #[versioned(part = [1, 2, 3])]
        pub bulbs: [BulbSer; 2],
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x0028_4822_96ff_7090,
            V1_1 = 2 @ 0xdc1b_466c_439b_5ed9,
            V2 = 3 from V1 @ 0x5b59_4df6_c7fd_446a,
        }
        LampSer => [1, 2, 3],
    }
}

#[test]
fn a_part_steps_to_the_branch_of_its_owner() {
    use parts::{BulbSer, LampSer, Release};
    let bulb = BulbSer {
        level: 3,
        hours: 7,
        color: 5,
    };
    let lamp = LampSer {
        bulbs: [
            BulbSer {
                hours: 0,
                ..bulb.clone()
            },
            bulb,
        ],
    };
    let mut lost = Vec::new();
    let mut scratch = LampSer::default();
    Release::V1_1
        .losses(&lamp, &mut scratch, &mut |loss| {
            lost.push(loss.field.display(LampSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(lost, ["bulbs[1].hours"]);
    let refused = Release::V1.downgrade(&lamp, &mut scratch).map(drop);
    assert!(
        matches!(refused, Err(SaveError::Lossy { release: 1, .. })),
        "{refused:?}"
    );
}

#[test]
fn the_schema_says_how_the_versions_go_on() {
    let json = devstate_versioning::schema::Json::<main::Release>::new().to_string();
    for part in [
        r#"{"name": "V2_1", "number": 4, "from": 2, "published": true"#,
        r#""branches": [{"version": 4, "from": 2}, {"version": 5, "from": 3}]"#,
        r#"{"name": "quota", "kind": "start", "versions": [4, 5]}"#,
        r#"{"name": "queue", "start": 3, "end": 4, "more": [{"start": 5, "end": null}]"#,
    ] {
        assert!(json.contains(part), "{part}\n{json}");
    }
    let json = devstate_versioning::schema::Json::<stable::Release>::new().to_string();
    assert!(json.contains("\"0x56d30a2129fbd6dd\", null, "), "{json}");
    let table = devstate_versioning::schema::Table::<main::Release>::new().to_string();
    for part in [
        "parent                                               ",
        "version 4 has parent 2",
        "3..4 5..",
    ] {
        assert!(table.contains(part), "{part}\n{table}");
    }
}
