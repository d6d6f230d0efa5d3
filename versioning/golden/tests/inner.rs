//! Frozen bytes of a mirror that carries the snapshot of another release table.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test")]

use devstate_golden::Golden;
use devstate_versioning::{Header, Inner, Versioned, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

release_table! {
    pub enum Plugin { V1 = 10 @ 0xbf16_3a3d_d791_3fbe, V2 = 20 @ 0x1962_f423_f4e3_9ad5 }
    TimerSer => [1, 2],
}

/// The second field has room for the smallest snapshot only.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 2,
    layouts(0xfe5f_c637_43d6_9a43, 0x92fe_0eb9_6a02_3a71),
    parts(0xd1ee_79c7_96b6_d483, 0x85a2_7fc1_a4c5_bc2d)
)]
pub struct BoardSer {
    #[versioned(inner = [10, 20])]
    pub timer: Inner<Plugin, TimerSer, 64>,
    #[versioned(inner = [10, 20])]
    pub spare: Option<Inner<Plugin, TimerSer, 37>>,
    #[versioned(start = 2)]
    pub slot: u8,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xfe5f_c637_43d6_9a43, V2 = 2 @ 0x92fe_0eb9_6a02_3a71 }
    BoardSer => [1, 2],
}

/// The same, after somebody gave release 2 of the board another number.
mod renumbered {
    use super::BoardSer;
    use devstate_versioning::release_table;

    release_table! {
        pub enum Release { V1 = 1 @ 0xfe5f_c637_43d6_9a43, V2 = 3 @ 0x92fe_0eb9_6a02_3a71 }
        BoardSer => [1, 2],
    }
}

#[test]
fn inner_snapshots_have_the_release_of_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Golden::<Release>::new(folder.path());
    golden.adding(true).check::<BoardSer>().unwrap();
    let golden = Golden::<Release>::new(folder.path());
    assert_eq!(golden.check::<BoardSer>().unwrap(), 30);
    for (release, number) in [(Release::V1, 10), (Release::V2, 20)] {
        for case in golden.cases(release, "BoardSer").unwrap() {
            let inner = case.snapshot.get(Header::LEN + 1..).unwrap();
            assert_eq!(Header::peek(inner).unwrap().release, number, "{}", case.name);
        }
    }
    let error = Golden::<renumbered::Release>::new(folder.path())
        .check::<BoardSer>()
        .unwrap_err();
    assert!(error.to_string().contains("V2"), "{error}");
}
