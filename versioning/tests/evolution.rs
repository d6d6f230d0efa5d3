//! Steps of a history that are easy to get wrong, each between an older build of an application and a newer one.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

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
    #[versioned(version = 1, layouts(open))]
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
    #[versioned(version = 1, layouts(open))]
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

use devstate_versioning::{ErrorKind, buffer, load, plan, save, save_as, save_lossy, save_widest};

#[test]
fn a_variant_that_came_later_changes_nothing_about_older_snapshots() {
    let old = older::RootSer {
        part: older::PartSer { value: 7 },
        choice: older::ChoiceSer::Nothing,
    };
    let mut memory = buffer!(older::RootSer);
    let snapshot = save::<older::Release, _>(&old, &mut memory).unwrap();

    let mut loaded = newer::RootSer::default();
    assert_eq!(load(&snapshot, &mut loaded), Ok(newer::Release::V1));
    assert_eq!(loaded.part.value, 7);

    let mut again = buffer!(newer::RootSer);
    let back = save_as(&loaded, newer::Release::V1, &mut again).unwrap();
    assert_eq!(back.as_bytes(), snapshot.as_bytes());
}

#[test]
fn a_release_without_the_mirror_is_refused_before_anything_is_asked() {
    let later = newer::LaterSer { value: 1 };
    let refused = plan(&later, newer::Release::V1, &mut |_| unreachable!()).unwrap_err();
    assert_eq!(refused.to_string(), "the release has no such mirror");
    let mut memory = buffer!(newer::LaterSer);
    let not_there = ErrorKind::NotInRelease { release: 1 };
    let saved = save_as(&later, newer::Release::V1, &mut memory);
    assert_eq!(saved.unwrap_err().kind, not_there);
    let saved = save_lossy(&later, newer::Release::V1, &mut memory, &mut |_| unreachable!());
    assert_eq!(saved.unwrap_err().kind, not_there);
    let (release, _) = save_widest(&later, newer::Release::V1, &mut memory).unwrap();
    assert_eq!(release, newer::Release::V2);
}
