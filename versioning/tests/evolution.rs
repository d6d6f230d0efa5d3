//! Steps of a history that are easy to get wrong, each between an older build of an application and a newer one.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "a test"
)]

/// The older build: an enum with one variant beside a mirror that it does not hold.
mod older {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xe45a_8f8f_41c8_37e5))]
    pub struct PartSer {
        pub value: u8,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(open))]
    pub enum ChoiceSer {
        #[default]
        Nothing,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xaee9_6b11_17f1_4504))]
    pub struct RootSer {
        pub part: PartSer,
        pub choice: ChoiceSer,
    }

    release_table! {
        pub enum Release { V1 = 1 @ open }
        PartSer => [1],
        ChoiceSer => [1],
        RootSer => [1],
    }
}

/// The newer build: the enum got a variant that holds the mirror, and one that holds a mirror which is new itself.
mod newer {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xe45a_8f8f_41c8_37e5))]
    pub struct PartSer {
        pub value: u8,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(open))]
    pub struct LaterSer {
        pub value: u16,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x4847_43e6_40b3_0db7, open))]
    pub enum ChoiceSer {
        #[default]
        Nothing,
        #[versioned(start = 2)]
        Part(PartSer),
        #[versioned(start = 2)]
        Later(LaterSer),
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xaee9_6b11_17f1_4504))]
    pub struct RootSer {
        pub part: PartSer,
        pub choice: ChoiceSer,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xdb8b_3e86_9a6c_8aa0, V2 = 2 @ open }
        PartSer => [1, 1],
        LaterSer => [_, 1],
        ChoiceSer => [1, 2],
        RootSer => [1, 1],
    }
}

use devstate_versioning::{Header, LoadErrorKind, Mirror, ReleaseTable, SaveError, buffer};

#[test]
fn a_variant_that_came_later_changes_nothing_about_older_snapshots() {
    let old = older::RootSer {
        part: older::PartSer { value: 7 },
        choice: older::ChoiceSer::Nothing,
    };
    let mut memory = buffer!(older::RootSer);
    let snapshot = older::Release::save(&old, &mut memory).unwrap();

    let mut loaded = newer::RootSer::default();
    assert_eq!(newer::Release::load(snapshot, &mut loaded), Ok(newer::Release::V1));
    assert_eq!(loaded.part.value, 7);

    let mut again = buffer!(newer::RootSer);
    let back = newer::Release::V1
        .downgrade(&loaded, &mut loaded.clone())
        .and_then(|older| older.save(&mut again))
        .unwrap();
    assert_eq!(back, snapshot);
}

#[test]
fn a_release_without_the_mirror_is_refused_before_anything_is_asked() {
    let later = newer::LaterSer { value: 1 };
    let v1 = newer::Release::V1;
    let mut scratch = later.clone();
    let not_there = SaveError::NotInRelease { release: 1 };
    assert_eq!(not_there.to_string(), "release 1 does not have this mirror");
    assert_eq!(v1.losses(&later, &mut scratch, &mut |_| unreachable!()), Err(not_there));
    assert_eq!(v1.downgrade(&later, &mut scratch).unwrap_err(), not_there);
    let lossy = v1.downgrade_lossy(&later, &mut scratch, &mut |_| unreachable!());
    assert_eq!(lossy.unwrap_err(), not_there);
    let error = v1.decode(&[0; 4], &mut scratch).unwrap_err();
    assert_eq!(error, LoadErrorKind::NotInRelease { release: 1 }.without_offset());
    let compatible = newer::Release::downgrade_compatible(&later, v1, &mut scratch).unwrap();
    assert_eq!(compatible.release(), newer::Release::V2);
}

/// A part that changed its meaning and got a field, inside everything that can hold one.
mod holders {
    use devstate_versioning::{ConversionError, Versioned, release_table};
    use heapless::{Deque, Vec};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0xe45a_8f8f_41c8_37e5, open))]
    pub struct PartSer {
        /// In tens before version 2.
        #[versioned(at = 2, ser_fn = to_tens, de_fn = from_tens)]
        pub value: u8,
        #[versioned(start = 2, default_fn = unknown)]
        pub color: u8,
    }

    fn unknown(_version: u16) -> u8 {
        9
    }

    fn to_tens(part: &mut PartSer, _version: u16) -> Result<(), ConversionError> {
        part.value /= 10;
        Ok(())
    }

    fn from_tens(part: &mut PartSer, _version: u16) -> Result<(), ConversionError> {
        part.value = part
            .value
            .checked_mul(10)
            .ok_or(ConversionError::new("too many tens"))?;
        Ok(())
    }

    #[derive(Versioned, Clone, Debug, PartialEq)]
    #[versioned(version = 1, layouts(0x0e35_457d_02fe_7b6f))]
    pub enum HolderSer {
        Tuple(u8, PartSer),
        Named { part: PartSer },
    }

    impl Default for HolderSer {
        fn default() -> Self {
            Self::Tuple(0, PartSer::default())
        }
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xe1f8_cb81_58bb_2435))]
    pub struct AllSer {
        pub option: Option<PartSer>,
        pub array: [PartSer; 2],
        pub tuple: (u8, PartSer),
        pub vec: Vec<PartSer, 2>,
        pub deque: Deque<PartSer, 2>,
        pub holders: [HolderSer; 2],
        pub deep: Option<Vec<(u8, [HolderSer; 1]), 1>>,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xd488_a08d_9d81_d789, V2 = 2 @ open }
        PartSer => [1, 2],
        HolderSer => [1, 1],
        AllSer => [1, 1],
    }
}

#[test]
fn parts_are_translated_wherever_they_lie() {
    use holders::{AllSer, HolderSer, PartSer, Release};

    let part = |value| PartSer { value, color: 9 };
    let mut all = AllSer {
        option: Some(part(10)),
        array: [part(20), part(30)],
        tuple: (1, part(40)),
        holders: [HolderSer::Tuple(2, part(50)), HolderSer::Named { part: part(60) }],
        ..AllSer::default()
    };
    all.vec.push(part(70)).unwrap();
    // Not at the start of its memory, and around its end.
    for value in [0, 80, 90] {
        if all.deque.is_full() {
            all.deque.pop_front();
        }
        all.deque.push_back(part(value)).unwrap();
    }
    let deep = (3, [HolderSer::Named { part: part(100) }]);
    all.deep = Some([deep].into_iter().collect());

    let mut memory = buffer!(AllSer);
    let snapshot = Release::V1
        .downgrade(&all, &mut all.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let expected = [
        &[1, 1][..],       // option
        &[2, 3],           // array
        &[1, 4],           // tuple
        &[1, 7],           // vec
        &[2, 8, 9],        // deque
        &[0, 2, 5, 1, 6],  // holders
        &[1, 1, 3, 1, 10], // deep
    ]
    .concat();
    assert_eq!(snapshot[Header::LEN..snapshot.len() - Header::TRAILER_LEN], expected);
    let mut loaded = AllSer::default();
    assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V1));
    assert_eq!(loaded, all);

    all.deep = None;
    all.vec[0].value = 71;
    all.holders[0] = HolderSer::Tuple(2, part(55));
    let mut lost = std::vec::Vec::new();
    Release::V1
        .losses(&all, &mut all.clone(), &mut |loss| {
            lost.push(loss.field.display(AllSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(lost, ["vec[0].value", "holders[0].Tuple.1.value"]);
}

/// An enum that has lost a variant.
mod removed {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x9181_daa3_cf80_dea0, open))]
    pub enum ModeSer {
        #[default]
        Off,
        #[versioned(end = 2, default_fn = steady)]
        Blinking {
            rate: u8,
        },
        On,
    }

    fn steady(_version: u16) -> ModeSer {
        ModeSer::On
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x9181_daa3_cf80_dea0, V2 = 2 @ open }
        ModeSer => [1, 2],
    }
}

#[test]
fn a_variant_that_was_removed_is_replaced_when_it_is_loaded() {
    use removed::{ModeSer, Release};

    let mut mode = ModeSer::Off;
    assert_eq!(Release::V1.decode(&[1, 9], &mut mode), Ok(()));
    assert_eq!(mode, ModeSer::On);
    let refused = Release::decode_latest(&[1, 9], &mut mode).unwrap_err();
    assert!(
        matches!(refused.kind, LoadErrorKind::Value { found: 1, .. }),
        "{refused}"
    );
}
