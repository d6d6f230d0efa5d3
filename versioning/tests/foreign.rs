//! Values of foreign serde types, at their stated maximum, above it, and in bytes that their own encoder would not write.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

use devstate_versioning::{
    Expected, Header, LoadErrorKind, ReleaseTable, SaveError, Versioned, buffer, max_snapshot_len, release_table,
};
use serde::{Deserialize, Serialize, Serializer};

/// Of one to ten bytes; above 2²⁸ - 1 it has more than four.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Number(u64);

const LARGEST: u64 = (1 << 28) - 1;

/// Something that postcard cannot write where it is odd: a sequence that does not know its length.
#[derive(Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Sequence(u8);

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(2) {
            serializer.serialize_newtype_struct("Sequence", &self.0)
        } else {
            serde::ser::SerializeSeq::end(serializer.serialize_seq(None)?)
        }
    }
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xa807_9fe7_51e6_e534, open))]
pub struct HolderSer {
    pub before: u8,
    #[versioned(serde, max = 4, layout = "number/1")]
    pub number: Number,
    #[versioned(start = 2, serde, max = 1, layout = "sequence/1")]
    pub sequence: Sequence,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xa807_9fe7_51e6_e534, V2 = 2 @ open }
    HolderSer => [1, 2],
}

fn holder(number: u64) -> HolderSer {
    HolderSer {
        before: 0xa5,
        number: Number(number),
        sequence: Sequence(0),
    }
}

#[test]
fn the_maximum_itself_is_saved() {
    let saved = holder(LARGEST);
    for &release in Release::ALL {
        let mut memory = buffer!(HolderSer);
        let mut scratch = saved.clone();
        let translated = release.downgrade(&saved, &mut scratch).unwrap();
        let snapshot = translated.save(&mut memory).unwrap();
        assert_eq!(snapshot.len(), translated.snapshot_len());
        let payload = snapshot.get(Header::LEN..snapshot.len() - Header::TRAILER_LEN).unwrap();
        assert!(
            payload.starts_with(&[0xa5, 4, 0xff, 0xff, 0xff, 0x7f]),
            "{payload:02x?}"
        );
        let mut loaded = HolderSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        assert_eq!(loaded, saved);
    }
    let mut memory = buffer!(HolderSer);
    let snapshot = Release::save(&saved, &mut memory).unwrap();
    assert_eq!(snapshot.len(), max_snapshot_len::<HolderSer>());
}

/// The errors of every way of saving `mirror` at the releases that have the value.
fn refusals(mirror: &HolderSer, releases: &[Release]) -> Vec<SaveError> {
    let mut memory = buffer!(HolderSer);
    let mut scratch = mirror.clone();
    let mut refusals = vec![Release::save(mirror, &mut memory).unwrap_err()];
    for &release in releases {
        let older = release.downgrade(mirror, &mut scratch).unwrap();
        refusals.push(older.save(&mut memory).unwrap_err());
        refusals.push(older.encode(&mut memory).unwrap_err());
        let older = release.downgrade_lossy(mirror, &mut scratch, &mut |_| true).unwrap();
        refusals.push(older.save(&mut memory).unwrap_err());
        let older = Release::downgrade_compatible(mirror, release, &mut scratch).unwrap();
        refusals.push(older.save(&mut memory).unwrap_err());
    }
    refusals
}

#[test]
fn one_byte_above_the_maximum_is_refused_by_name() {
    let above = SaveError::Foreign { max: 4 };
    for number in [LARGEST + 1, u64::MAX] {
        for refused in refusals(&holder(number), Release::ALL) {
            assert_eq!(refused, above);
        }
    }
    assert_eq!(above.to_string(), "a foreign value cannot be encoded in 4 bytes");
}

#[test]
fn a_value_that_postcard_cannot_write_is_refused() {
    let odd = HolderSer {
        sequence: Sequence(1),
        ..holder(1)
    };
    for refused in refusals(&odd, &[Release::V2]) {
        assert_eq!(refused, SaveError::Foreign { max: 1 });
    }
    // Release 1 does not have it.
    let mut memory = buffer!(HolderSer);
    let mut lost = 0;
    let snapshot = Release::V1
        .downgrade_lossy(&odd, &mut odd.clone(), &mut |_| {
            lost += 1;
            true
        })
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    assert_eq!(lost, 1);
    assert_eq!(Release::load(snapshot, &mut HolderSer::default()), Ok(Release::V1));
}

#[test]
fn only_the_bytes_of_its_own_encoder_are_read() {
    let read = |bytes: &[u8]| {
        let mut holder = HolderSer::default();
        Release::V1.decode(bytes, &mut holder).map(|()| holder.number.0)
    };
    assert_eq!(read(&[0, 1, 7]), Ok(7));
    assert_eq!(read(&[0, 2, 0x87, 1]), Ok(0x87));
    let value = |expected, found| Err(LoadErrorKind::Value { expected, found }.at(1));
    // The same 7, in more bytes than it takes; with a byte behind it; cut off; not there at all.
    assert_eq!(read(&[0, 2, 0x87, 0]), value(Expected::Foreign, 2));
    assert_eq!(read(&[0, 4, 0x87, 0x80, 0x80, 0]), value(Expected::Foreign, 4));
    assert_eq!(read(&[0, 2, 7, 0]), value(Expected::Foreign, 2));
    assert_eq!(read(&[0, 1, 0x87]), value(Expected::Foreign, 1));
    assert_eq!(read(&[0, 0]), value(Expected::Foreign, 0));
    // Its own encoder would write five bytes, but no more than four were stated.
    assert_eq!(
        read(&[0, 5, 0x80, 0x80, 0x80, 0x80, 1]),
        value(Expected::LengthUpTo(4), 5)
    );
}

/// A value with a part that its encoder leaves out, and one that may differ from itself.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Setting {
    level: f32,
    #[serde(skip)]
    cached: u8,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x95f9_7617_8b13_b530, open))]
pub struct SettingSer {
    #[versioned(serde, max = 8, layout = "setting/1")]
    pub setting: Setting,
    #[versioned(start = 2, serde, max = 4, layout = "f32")]
    pub offset: f32,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0xc083_306f_24db_167e))]
pub struct MapSer {
    #[versioned(serde, max = 64, layout = "map/1")]
    pub map: std::collections::HashMap<u8, u8>,
}

release_table! {
    pub enum Settings { V1 = 1 @ 0x95f9_7617_8b13_b530, V2 = 2 @ open }
    SettingSer => [1, 2],
    MapSer => [_, 1],
}

fn losses(setting: Setting) -> usize {
    losses_of(&SettingSer { setting, offset: 0.0 })
}

fn losses_of(value: &SettingSer) -> usize {
    let mut lost = 0;
    Settings::V1
        .losses(value, &mut SettingSer::default(), &mut |_| lost += 1)
        .unwrap();
    lost
}

#[test]
fn losses_are_found_in_what_comes_back_from_the_wire() {
    assert_eq!(losses(Setting { level: 1.5, cached: 0 }), 0);
    assert_eq!(
        losses(Setting { level: 1.5, cached: 9 }),
        1,
        "the encoder leaves it out"
    );
    assert_eq!(
        losses(Setting {
            level: f32::NAN,
            cached: 0
        }),
        0,
        "a NaN comes back, and differs from itself"
    );
    for (offset, lost) in [(0.0, 0), (-0.0, 1), (f32::NAN, 1)] {
        let value = SettingSer {
            offset,
            ..SettingSer::default()
        };
        assert_eq!(losses_of(&value), lost, "{offset} became 0");
    }
}

#[test]
fn a_map_without_an_order_is_refused_when_it_is_saved() {
    let map = (0..10).map(|key| (key, key)).collect();
    let saved = Settings::save(&MapSer { map }, &mut buffer!(MapSer)).map(drop);
    assert_eq!(saved, Err(SaveError::ForeignChanges));
    let map = [(1, 2)].into_iter().collect();
    let mut memory = buffer!(MapSer);
    let snapshot = Settings::save(&MapSer { map }, &mut memory).unwrap();
    Settings::load(snapshot, &mut MapSer::default()).unwrap();
}
