//! Fields that carry a snapshot of another release table: known to one program, bytes to another.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use devstate_versioning::inspect::{PayloadSchema, Value};
use devstate_versioning::{
    Architecture, Expected, Header, Inner, LoadErrorKind, Mirror, Options, ReleaseTable, SaveError, Versioned, buffer,
    locate, release_table,
};
use heapless::Vec;

/// The device of another team, with its own releases.
mod plugin {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x7ed6_3cdb_fc37_6065, 0x6e1a_b772_d9b1_cf35))]
    pub struct TpmSer {
        pub locality: u8,
        pub session: Vec<u8, 8>,
        #[versioned(start = 2)]
        pub banks: u16,
        #[versioned(start = 2)]
        pub locked: bool,
    }

    release_table! {
        pub enum Tpm { V10 = 10 @ 0x7ed6_3cdb_fc37_6065, V20 = 20 @ 0x6e1a_b772_d9b1_cf35 }
        TpmSer => [1, 2],
    }
}

/// The program that knows the device.
mod knowing {
    use super::*;
    use plugin::{Tpm, TpmSer};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 3,
        layouts(0x2c20_3d94_21ed_5f7f, 0x13f6_5573_6e09_eacb, 0xff2a_a134_8ddb_c008),
        parts(0xbea9_31c3_2b86_9fda, 0x746b_f937_a6c0_0df8, 0xaf25_8edb_fb82_3b55)
    )]
    pub struct BoardSer {
        pub slot: u8,
        #[versioned(start = 2, inner = [_, 10, 20])]
        pub tpm: Inner<Tpm, TpmSer, 80>,
        #[versioned(start = 2, inner = [_, 10, 20])]
        pub spare: Option<Inner<Tpm, TpmSer, 80>>,
        pub end: u8,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x2c20_3d94_21ed_5f7f, V2 = 2 @ 0x13f6_5573_6e09_eacb, V3 = 3 @ 0xff2a_a134_8ddb_c008 }
        BoardSer => [1, 2, 3],
    }
}

/// The program that does not.
mod opaque {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 3,
        layouts(0x2c20_3d94_21ed_5f7f, 0x13f6_5573_6e09_eacb, 0xff2a_a134_8ddb_c008)
    )]
    pub struct BoardSer {
        pub slot: u8,
        #[versioned(start = 2)]
        pub tpm: Vec<u8, 80>,
        #[versioned(start = 2)]
        pub spare: Option<Vec<u8, 80>>,
        pub end: u8,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x2c20_3d94_21ed_5f7f, V2 = 2 @ 0x13f6_5573_6e09_eacb, V3 = 3 @ 0xff2a_a134_8ddb_c008 }
        BoardSer => [1, 2, 3],
    }
}

use knowing::{BoardSer, Release};
use plugin::{Tpm, TpmSer};

fn tpm(banks: u16) -> TpmSer {
    TpmSer {
        locality: 3,
        session: Vec::from_slice(&[1, 2, 3]).unwrap(),
        banks,
        locked: false,
    }
}

fn board(banks: u16) -> BoardSer {
    BoardSer {
        slot: 1,
        tpm: Inner::new(tpm(banks)),
        spare: Some(Inner::new(tpm(0))),
        end: 9,
    }
}

fn saved(board: &BoardSer, release: Release) -> Result<std::vec::Vec<u8>, SaveError> {
    let mut scratch = BoardSer::default();
    let mut memory = [0; 300];
    Ok(release.downgrade(board, &mut scratch)?.save(&mut memory)?.to_vec())
}

/// The inner snapshot of the first field, in a snapshot of the board.
fn inner(snapshot: &[u8]) -> &[u8] {
    let length = usize::from(snapshot[Header::LEN + 1]);
    &snapshot[Header::LEN + 2..][..length]
}

#[test]
fn the_inner_snapshot_has_the_release_of_its_owner_and_stands_alone() {
    for (release, number) in [(Release::V2, 10), (Release::V3, 20)] {
        let snapshot = saved(&board(0), release).unwrap();
        assert_eq!(Header::peek(inner(&snapshot)).unwrap().release, number);
        let mut read = TpmSer::default();
        assert_eq!(Tpm::load(inner(&snapshot), &mut read).map(Tpm::number), Ok(number));
        assert_eq!(read, tpm(0));
        let mut read = BoardSer::default();
        assert_eq!(Release::load(&snapshot, &mut read), Ok(release));
        assert_eq!(read, board(0));
    }
}

#[test]
fn the_losses_of_the_inner_release_are_those_of_the_owner() {
    let mut lost = std::vec::Vec::new();
    Release::V2
        .losses(&board(7), &mut BoardSer::default(), &mut |loss| {
            lost.push(loss.field.display(BoardSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(lost, ["tpm.banks"]);
    let refused = saved(&board(7), Release::V2);
    assert!(
        matches!(refused, Err(SaveError::Lossy { release: 2, .. })),
        "{refused:?}"
    );
    saved(&board(7), Release::V3).unwrap();
    let mut scratch = BoardSer::default();
    let oldest = Release::downgrade_compatible(&board(0), Release::V2, &mut scratch).unwrap();
    assert_eq!(oldest.release(), Release::V2);
}

#[test]
fn a_program_that_does_not_know_it_passes_the_bytes_on() {
    for release in [Release::V2, Release::V3] {
        let snapshot = saved(&board(0), release).unwrap();
        let mut read = opaque::BoardSer::default();
        let found = opaque::Release::load(&snapshot, &mut read).unwrap();
        assert_eq!(read.tpm, inner(&snapshot));
        let mut memory = [0; 300];
        let mut scratch = opaque::BoardSer::default();
        let again = found.downgrade(&read, &mut scratch).unwrap().save(&mut memory).unwrap();
        assert_eq!(again, snapshot);
    }
}

#[test]
fn any_inner_release_is_loaded_and_written_at_the_right_one() {
    // The program without the device keeps what it has: the newer owner has an older inner snapshot.
    let old = saved(&board(0), Release::V2).unwrap();
    let mut read = opaque::BoardSer::default();
    opaque::Release::load(&old, &mut read).unwrap();
    let mut memory = [0; 300];
    let mixed = opaque::Release::save(&read, &mut memory).unwrap();
    assert_eq!(Header::peek(inner(mixed)).unwrap().release, 10);
    let mut read = BoardSer::default();
    assert_eq!(Release::load(mixed, &mut read), Ok(Release::V3));
    assert_eq!(read, board(0));
    assert_eq!(saved(&read, Release::V3), saved(&board(0), Release::V3));
}

#[test]
fn an_inner_snapshot_of_another_architecture_is_loaded() {
    let mut memory = [0; 80];
    let foreign: Options = Options::new(Architecture::Arm);
    let native = Tpm::latest(&tpm(4)).with_options(foreign).save(&mut memory).unwrap();
    let board = opaque::BoardSer {
        tpm: Vec::from_slice(native).unwrap(),
        ..opaque::BoardSer::default()
    };
    let mut memory = [0; 300];
    let snapshot = opaque::Release::save(&board, &mut memory).unwrap();
    let mut read = BoardSer::default();
    Release::load(snapshot, &mut read).unwrap();
    assert_eq!(read.tpm.mirror, tpm(4));
}

#[test]
fn a_bad_inner_snapshot_is_refused_where_it_is() {
    let mut memory = [0; 80];
    let good = Tpm::save(&tpm(4), &mut memory).unwrap().to_vec();
    let refusal = |bytes: &[u8]| {
        let board = opaque::BoardSer {
            tpm: Vec::from_slice(bytes).unwrap(),
            ..opaque::BoardSer::default()
        };
        let mut memory = [0; 300];
        let snapshot = opaque::Release::save(&board, &mut memory).unwrap();
        let error = Release::load(snapshot, &mut BoardSer::default()).unwrap_err();
        let field = locate::<Release, BoardSer>(snapshot, &error).map(|path| path.to_string());
        (error, field)
    };
    let (error, _) = refusal(&[]);
    assert_eq!(
        error,
        LoadErrorKind::Truncated {
            needed: 24,
            available: 0
        }
        .at(26)
    );
    let mut newer = good.clone();
    newer[10] = 30;
    let (error, _) = refusal(&newer);
    assert!(matches!(error.kind, LoadErrorKind::Checksum { .. }), "{error}");
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    assert!(matches!(refusal(&bad).0.kind, LoadErrorKind::Checksum { .. }));
    // A bool of 2, with the right checksum.
    let mut bad = good;
    let end = bad.len() - 8;
    bad[end - 1] = 2;
    let checksum =
        <devstate_versioning::checksum::Crc64 as devstate_versioning::checksum::Checksum>::checksum(&bad[..end]);
    bad[end..].copy_from_slice(&checksum.to_le_bytes());
    let (error, field) = refusal(&bad);
    let expected = Expected::Bool;
    assert_eq!(error.kind, LoadErrorKind::Value { expected, found: 2 });
    assert_eq!(error.offset, Some(26 + end - 1));
    assert_eq!(field.as_deref(), Some("tpm.locked"));
}

#[test]
fn a_walk_goes_into_the_inner_snapshot() {
    let snapshot = saved(&board(7), Release::V3).unwrap();
    let payload = &snapshot[Header::LEN..snapshot.len() - 8];
    let mut items = std::vec::Vec::new();
    let mut end = 0;
    PayloadSchema::of::<Release, BoardSer>(Release::V3)
        .walk(payload, 0, &mut |item| {
            assert_eq!(item.offset, end, "no gap");
            end = item.offset + item.len;
            let value = match item.value {
                Value::Checksum(_) => "checksum".to_owned(),
                value => value.to_string(),
            };
            items.push(format!("{} = {value}", item.path));
        })
        .unwrap();
    assert_eq!(end, payload.len());
    assert_eq!(
        items[..7],
        [
            "slot = 1",
            "tpm = snapshot of release 20",
            "tpm.locality = 3",
            "tpm.session = [01 02 03]",
            "tpm.banks = 7",
            "tpm.locked = false",
            "tpm = checksum"
        ]
    );
}

#[test]
fn one_that_is_too_long_for_the_field_is_refused() {
    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x1a2d_0317_91ec_9b53), parts(0x0539_0c44_d5e0_513f))]
    pub struct TightSer {
        #[versioned(inner = [20])]
        pub tpm: Inner<Tpm, TpmSer, 39>,
    }
    release_table! {
        enum Tight { V1 = 1 @ 0x1a2d_0317_91ec_9b53 }
        TightSer => [1],
    }
    let tight = TightSer {
        tpm: Inner::new(TpmSer::default()),
    };
    let mut memory = [0; 100];
    Tight::save(&tight, &mut memory).unwrap();
    let tight = TightSer {
        tpm: Inner::new(tpm(0)),
    };
    let refused = Tight::save(&tight, &mut memory).map(drop);
    let expected = Expected::LengthUpTo(39);
    // A payload of eight bytes and the 32 around it.
    assert_eq!(refused, Err(SaveError::Value { expected, found: 40 }));
    let mut exact = buffer!(TightSer);
    let refused = Tight::save(&tight, &mut exact).map(drop);
    assert_eq!(refused, Err(SaveError::Value { expected, found: 40 }));
}

#[test]
fn a_load_that_failed_leaves_no_release_behind() {
    let old = saved(&board(0), Release::V2).unwrap();
    // The field behind the inner snapshot is cut off.
    let payload = &old[Header::LEN..old.len() - 9];
    let mut read = BoardSer::default();
    assert!(Release::V2.decode(payload, &mut read).is_err());
    read.tpm.mirror = tpm(7);
    read.spare = None;
    let mut lost = std::vec::Vec::new();
    Release::V3
        .losses(&read, &mut BoardSer::default(), &mut |loss| {
            lost.push(loss.field.display(BoardSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(lost, [""; 0]);
}

#[test]
fn every_error_of_an_inner_snapshot_names_the_field() {
    let good = saved(&board(7), Release::V3).unwrap();
    let payload = &good[Header::LEN..good.len() - 8];
    let schema = PayloadSchema::of::<Release, BoardSer>(Release::V3);
    let first = 2..2 + inner(&good).len();
    for position in first {
        for flip in [1, 0x80, 0xff] {
            let mut bad = payload.to_vec();
            bad[position] ^= flip;
            // The inner header says for any architecture whose it is.
            let Err(error) = Release::V3.decode(&bad, &mut BoardSer::default()) else {
                continue;
            };
            let field = schema.locate(&bad, 0, &error).map(|path| path.to_string());
            let field = field.unwrap_or_else(|| panic!("byte {position}: {error}"));
            assert!(field.starts_with("tpm"), "byte {position}: {error}: {field}");
        }
    }
    // What is about the whole payload has no field.
    let mut longer = payload.to_vec();
    longer.push(0);
    let error = Release::V3.decode(&longer, &mut BoardSer::default()).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::TrailingBytes { bytes: 1 });
    assert_eq!(schema.locate(&longer, 0, &error), None);
}

/// A program without the device, whose last field is the inner snapshot.
mod last {
    use super::*;

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(open), parts(open))]
    pub struct KnowingSer {
        pub slot: u8,
        #[versioned(inner = [20])]
        pub tpm: Inner<Tpm, TpmSer, 80>,
    }

    release_table! {
        pub enum Release { V1 = 1 @ open }
        KnowingSer => [1],
    }
}

#[test]
fn an_error_of_the_whole_inner_snapshot_names_its_field() {
    let mut memory = [0; 80];
    let good = Tpm::save(&tpm(4), &mut memory).unwrap().to_vec();
    let named = |inner: &[u8]| {
        let mut payload = vec![1, u8::try_from(inner.len()).unwrap()];
        payload.extend(inner);
        let error = last::Release::V1
            .decode(&payload, &mut last::KnowingSer::default())
            .unwrap_err();
        let schema = PayloadSchema::of::<last::Release, last::KnowingSer>(last::Release::V1);
        let field = schema.locate(&payload, 0, &error).map(|path| path.to_string());
        (field, error.kind)
    };
    let tpm = Some("tpm".to_owned());
    let (field, kind) = named(&[]);
    assert!(matches!(kind, LoadErrorKind::Truncated { needed: 24, .. }), "{kind:?}");
    assert_eq!(field, tpm, "no header");
    let (field, kind) = named(&good[..good.len() - 1]);
    assert!(matches!(kind, LoadErrorKind::Truncated { .. }), "{kind:?}");
    assert_eq!(field, tpm, "cut off");
    let mut longer = good.clone();
    longer.push(0);
    let (field, kind) = named(&longer);
    assert_eq!(kind, LoadErrorKind::TrailingBytes { bytes: 1 });
    assert_eq!(field, tpm, "a byte behind it, at the end of the payload");
    // The payload cannot be decoded, and the checksum says so first.
    let mut bad = good;
    let last_of_payload = bad.len() - 9;
    bad[last_of_payload] = 2;
    let (field, kind) = named(&bad);
    assert!(matches!(kind, LoadErrorKind::Checksum { .. }), "{kind:?}");
    assert_eq!(field, tpm, "the checksum is about the whole");
}
