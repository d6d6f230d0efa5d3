//! Parts: mirrors without a row, whose owner says which version each of its own versions has.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Json, Table, TableData};
use devstate_versioning::wire::{downgrade_to, upgrade_from};
use devstate_versioning::{
    ConversionError, Mirror, ReleaseTable, SaveError, Versioned, buffer, locate, max_snapshot_len, release_table,
};
use heapless::Vec;

/// A sensor in three versions.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 3,
    layouts(0x5d47_a437_3fcd_9e51, 0xff50_b8b1_b83e_a78a, open),
    parts(0xc0d0_0438_6d87_6c10, 0xb2dc_f42a_d7ba_fd7d, open)
)]
pub struct SensorSer {
    pub value: u16,
    #[versioned(start = 2, default_fn = one)]
    pub gain: u8,
    #[versioned(start = 3, ser_fn = no_offset)]
    pub offset: u32,
    #[versioned(part = [1, 1, 2])]
    pub mode: ModeSer,
}

/// A part of a part.
#[derive(Versioned, Clone, Copy, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x9ac5_fc3e_4178_9e79, open))]
pub enum ModeSer {
    #[default]
    Off,
    On {
        level: u8,
    },
    #[versioned(start = 2, default_fn = off)]
    Auto,
}

/// The owner. Version 2 has the sensors' version 2; version 3 has their version 3, and an enum with a part.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 3,
    layouts(0x438b_5d5c_d944_3890, 0x8ebc_3efb_4cd5_e353, open),
    parts(0xecea_07c0_06fa_cd53, 0x5238_130a_4b23_09f8, open)
)]
pub struct BoardSer {
    pub serial: u32,
    #[versioned(part = [1, 2, 3])]
    pub sensor: SensorSer,
    #[versioned(start = 2, part = [_, 2, 3])]
    pub more: Vec<SensorSer, 4>,
    #[versioned(end = 3, part = [1, 1, _])]
    pub old_mode: ModeSer,
    #[versioned(start = 3, part = [_, _, 1])]
    pub source: SourceSer,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open), parts(open))]
pub enum SourceSer {
    #[default]
    None,
    Sensors(#[versioned(part = [3])] [SensorSer; 2], bool),
}

fn one(_version: u16) -> u8 {
    1
}

fn off(_version: u16) -> ModeSer {
    ModeSer::Off
}

fn no_offset(sensor: &mut SensorSer, _version: u16) -> Result<(), ConversionError> {
    if sensor.offset > 1_000 {
        return Err(ConversionError::new("older sensors have no large offset"));
    }
    Ok(())
}

/// The root holds the owner, which has a row.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x1f6f_6689_bc99_b81f))]
pub struct MachineSer {
    pub board: BoardSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x5b08_645c_1724_2d79, V2 = 2 @ 0x4842_5a75_0326_e175, V3 = 3 @ open }
    MachineSer => [1, 1, 1],
    BoardSer => [1, 2, 3],
}

/// The same with a row for every mirror: their versions are those that the owners say.
mod with_rows {
    use super::{BoardSer, MachineSer, ModeSer, SensorSer, SourceSer};
    use devstate_versioning::release_table;

    release_table! {
        pub enum Release { V1 = 1 @ 0x5b08_645c_1724_2d79, V2 = 2 @ 0x4842_5a75_0326_e175, V3 = 3 @ open }
        MachineSer => [1, 1, 1],
        BoardSer => [1, 2, 3],
        SensorSer => [1, 2, 3],
        ModeSer => [1, 1, 2],
        SourceSer => [_, _, 1],
    }
}

fn sensor(value: u16) -> SensorSer {
    SensorSer {
        value,
        gain: 1,
        offset: 0,
        mode: ModeSer::On { level: 9 },
    }
}

fn machine() -> MachineSer {
    MachineSer {
        board: BoardSer {
            serial: 0x0403_0201,
            sensor: sensor(0x0605),
            ..BoardSer::default()
        },
    }
}

#[test]
fn each_release_has_the_parts_that_the_owner_says() {
    let expected: [&[u8]; 3] = [
        // serial, value, mode, level, old_mode
        &[1, 2, 3, 4, 5, 6, 1, 9, 0],
        // serial, value, gain, mode, level, more, old_mode
        &[1, 2, 3, 4, 5, 6, 1, 1, 9, 0, 0],
        // serial, value, gain, offset, mode, level, more, source
        &[1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 0, 1, 9, 0, 0],
    ];
    for (&release, expected) in Release::ALL.iter().zip(expected) {
        let mut scratch = MachineSer::default();
        let mut memory = buffer!(MachineSer);
        let machine = machine();
        let older = release.downgrade(&machine, &mut scratch).unwrap();
        let snapshot = older.save(&mut memory).unwrap();
        assert_eq!(&snapshot[24..snapshot.len() - 8], expected, "{release:?}");
        let mut loaded = MachineSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        assert_eq!(loaded, machine);
    }
}

#[test]
fn the_latest_release_has_every_part_at_its_latest_version() {
    let mut machine = machine();
    machine.board.sensor.offset = 7;
    machine.board.sensor.mode = ModeSer::Auto;
    machine.board.more.push(sensor(2)).unwrap();
    machine.board.source = SourceSer::Sensors([sensor(3), sensor(4)], true);
    let mut memory = buffer!(MachineSer);
    let snapshot = Release::save(&machine, &mut memory).unwrap();
    let mut loaded = MachineSer::default();
    assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V3));
    assert_eq!(loaded, machine);
}

#[test]
fn losses_of_an_older_part_are_named_below_its_owner() {
    let mut machine = machine();
    machine.board.sensor.gain = 4;
    machine.board.more.push(SensorSer { offset: 5, ..sensor(2) }).unwrap();
    machine.board.more[0].mode = ModeSer::Auto;
    let lost = |release: Release| {
        let mut lost = std::vec::Vec::new();
        let mut scratch = MachineSer::default();
        let result = release.losses(&machine, &mut scratch, &mut |loss| {
            lost.push(loss.field.display(MachineSer::SCHEMA).to_string());
        });
        result.map(|()| lost)
    };
    assert_eq!(lost(Release::V1).unwrap(), ["board.sensor.gain", "board.more"]);
    assert_eq!(
        lost(Release::V2).unwrap(),
        ["board.more[0].offset", "board.more[0].mode"]
    );
    assert_eq!(lost(Release::V3).unwrap(), [""; 0]);
}

#[test]
fn a_semantic_function_of_a_part_is_asked() {
    let mut machine = machine();
    machine.board.sensor.offset = 1_001;
    let error = Release::V2.downgrade(&machine, &mut MachineSer::default()).unwrap_err();
    let SaveError::Conversion(error) = error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains("SensorSer.offset"), "{error}");
}

#[test]
fn rows_for_parts_change_no_fingerprint() {
    assert_eq!(Release::PINNED, with_rows::Release::PINNED);
    assert_eq!(Release::ROOTS[..2], with_rows::Release::ROOTS[..2]);
    // The pins of an owner are the fingerprints of its snapshots.
    let pins = [0xecea_07c0_06fa_cd53_u64, 0x5238_130a_4b23_09f8];
    assert_eq!(Release::ROOTS[1][..2], pins);
}

#[test]
fn a_snapshot_is_the_same_with_rows_for_parts() {
    let mut memory = [buffer!(MachineSer), buffer!(MachineSer)];
    let [one, other] = &mut memory;
    let one = Release::save(&machine(), one).unwrap();
    let other = with_rows::Release::save(&machine(), other).unwrap();
    assert_eq!(one, other);
}

#[test]
fn a_payload_with_parts_is_read_by_its_schema() {
    for &release in Release::ALL {
        let mut scratch = MachineSer::default();
        let machine = machine();
        let older = release.downgrade(&machine, &mut scratch).unwrap();
        let mut memory = [0; 64];
        let payload = older.encode(&mut memory).unwrap();
        let mut seen = std::vec::Vec::new();
        PayloadSchema::of::<Release, MachineSer>(release)
            .walk(payload, 0, &mut |item| {
                seen.push(format!("{}={}", item.path, item.value));
            })
            .unwrap();
        assert_eq!(
            seen.iter().any(|item| item == "board.sensor.gain=1"),
            release != Release::V1
        );
        assert_eq!(
            seen.iter().any(|item| item == "board.sensor.offset=0"),
            release == Release::V3
        );
        assert!(seen.iter().any(|item| item == "board.sensor.mode=On"), "{seen:?}");
    }
}

#[test]
fn an_error_in_a_part_is_located() {
    let mut memory = buffer!(MachineSer);
    let snapshot = Release::save(&machine(), &mut memory).unwrap();
    let mut bytes = snapshot.to_vec();
    // The tag of the mode.
    bytes[24 + 11] = 77;
    let end = bytes.len() - 8;
    let checksum = Crc64::checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    let error = Release::load(&bytes, &mut MachineSer::default()).unwrap_err();
    let path = locate::<Release, MachineSer>(&bytes, &error).unwrap();
    assert_eq!(path.to_string(), "board.sensor.mode");
}

#[test]
fn the_longest_snapshot_has_parts_at_the_versions_of_its_owner() {
    // value 2, gain 1, offset 4, mode 2; four more and their number, the source with a tag, two sensors and a bool.
    let sensor = 2 + 1 + 4 + 2;
    let board = 4 + sensor + (1 + 4 * sensor) + (1 + 2 * sensor + 1);
    assert_eq!(max_snapshot_len::<MachineSer>(), 24 + board + 8);
    // The old mode is not in the latest version, and the older versions have smaller sensors.
    assert_eq!(BoardSer::SCHEMA.max_len(), board);
}

#[test]
fn descriptions_have_the_parts() {
    let json: serde_json::Value = serde_json::from_str(&Json::<Release>::new().to_string()).unwrap();
    let names: std::vec::Vec<&str> = json["mirrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mirror| mirror["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["MachineSer", "BoardSer", "SensorSer", "ModeSer", "SourceSer"]);
    assert_eq!(json["mirrors"][2]["releases"], serde_json::json!([1, 2, 3]));
    assert_eq!(json["mirrors"][4]["releases"], serde_json::json!([null, null, 1]));
    assert_eq!(json["mirrors"][1]["fields"][2]["part"], serde_json::json!([null, 2, 3]));
    let table = Table::<Release>::new().to_string();
    assert!(
        table.contains("\nModeSer                             1        1        2\n"),
        "{table}"
    );
    assert!(table.contains(", part"), "{table}");
}

#[test]
fn an_owner_with_parts_alone_needs_no_table() {
    let mut board = machine().board;
    downgrade_to(&mut board, 1).unwrap();
    assert_eq!(board.sensor.gain, 1);
    upgrade_from(&mut board, 1).unwrap();
    assert_eq!(board, machine().board);
}

/// Sequences too long to hold, as parts.
mod sequences {
    use devstate_versioning::{ReleaseTable, Sequence, Source, Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0xda79_f419_5096_62c4, open))]
    struct MarkSer {
        at: u16,
        #[versioned(start = 2)]
        color: u8,
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(
        version = 2,
        layouts(0x0428_6414_a309_4b35, open),
        parts(0x0b88_3d4e_cd04_0343, open)
    )]
    struct ListSer<'a> {
        #[versioned(part = [1, 2])]
        marks: Sequence<'a, MarkSer, 10>,
    }

    release_table! {
        enum Release { V1 = 1 @ 0xdea2_582d_f39f_adf9, V2 = 2 @ open }
        ListSer<'_> => [1, 2],
    }

    /// A source that knows the length at releases only.
    struct Known<'s>(&'s [MarkSer]);

    impl Source<MarkSer> for Known<'_> {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn encoded_len(&self, release: u16) -> Option<usize> {
            Some(1_000 * usize::from(release))
        }

        fn for_each(&self, visit: &mut dyn FnMut(&[MarkSer])) {
            visit(self.0);
        }
    }

    #[test]
    fn a_sequence_has_the_version_of_the_part() {
        for color in [0, 4] {
            let marks = [1, 2, 3].map(|at| MarkSer { at, color });
            let by_iterator = marks.iter().cloned();
            let known = Known(&marks);
            for list in [Sequence::from_source(&by_iterator), Sequence::from_source(&known)] {
                let list = ListSer { marks: list };
                let mut memory = [0; 64];
                for (release, len) in [(Release::V1, 1 + 3 * 2), (Release::V2, 1 + 3 * 3)] {
                    let mut scratch = ListSer::default();
                    let older = release.downgrade(&list, &mut scratch);
                    if release == Release::V1 && color != 0 {
                        let mut named = std::vec::Vec::new();
                        let mut scratch = ListSer::default();
                        release
                            .losses(&list, &mut scratch, &mut |loss| named.push(loss.field.to_string()))
                            .unwrap();
                        assert_eq!(named, ["0.0.1", "0.1.1", "0.2.1"]);
                        assert!(older.is_err());
                        continue;
                    }
                    let snapshot = older.unwrap().save(&mut memory).unwrap();
                    assert_eq!(snapshot.len(), 24 + len + 8, "{release:?}");
                    let mut loaded = ListSer::default();
                    assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
                    let mut read = std::vec::Vec::new();
                    loaded.marks.visit(&mut |mark| read.push(mark.clone())).unwrap();
                    assert_eq!(read, marks);
                }
                let snapshot = Release::save(&list, &mut memory).unwrap();
                assert_eq!(snapshot.len(), 24 + 1 + 3 * 3 + 8);
            }
        }
    }
}
