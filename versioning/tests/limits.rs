//! What the documented limits allow.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::type_complexity,
    clippy::indexing_slicing,
    reason = "a test"
)]

use devstate_versioning::schema::MAX_DEPTH;
use devstate_versioning::{Mirror, ReleaseTable, Versioned, buffer, release_table};

#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 2, layouts(0x2d52_9b48_1074_1201, open))]
pub struct TupleSer {
    pub all: (u8, u16, u32, u64, i8, i16, i32, i64, bool, char, [u8; 3], Option<u8>),
    /// `[u8; 40]` has no `Default`.
    #[versioned(start = 2)]
    pub late: (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, [u8; 40]),
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub struct DeepSer {
    pub deep: [[[[[[[u8; 1]; 1]; 1]; 1]; 1]; 1]; 1],
}

release_table! {
    pub enum Release { V1 = 1 @ 0x2d52_9b48_1074_1201, V2 = 2 @ open }
    TupleSer => [1, 2],
    DeepSer => [_, 1],
}

fn tuple() -> TupleSer {
    TupleSer {
        all: (1, 2, 3, 4, -5, -6, -7, -8, true, 'ä', [9; 3], Some(10)),
        late: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, [12; 40]),
    }
}

#[test]
fn a_tuple_has_up_to_twelve_elements() {
    let mut memory = buffer!(TupleSer);
    let mut read = tuple();
    read.all.0 = 77;
    assert_eq!(
        Release::load(Release::save(&tuple(), &mut memory).unwrap(), &mut read),
        Ok(Release::V2)
    );
    assert_eq!(read, tuple());

    // Each element is a loss of its own.
    let mut lost = Vec::new();
    let older = Release::V1;
    older
        .losses(&tuple(), &mut read, &mut |loss| {
            lost.push(loss.field.display(TupleSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(
        (lost.len(), lost[0].as_str(), lost[50].as_str()),
        (51, "late.0", "late.11[39]")
    );
}

#[test]
fn a_mirror_is_as_deep_as_the_limit() {
    assert_eq!((DeepSer::SCHEMA.depth(), MAX_DEPTH), (8, 8));
    let mut memory = buffer!(DeepSer);
    let deep = DeepSer { deep: [[[[[[[7]]]]]]] };
    let mut read = DeepSer::default();
    Release::load(Release::save(&deep, &mut memory).unwrap(), &mut read).unwrap();
    assert_eq!(read, deep);
}
