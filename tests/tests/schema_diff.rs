//! What `devstate schema diff` says of real tables.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

use devstate_cli::schema::{Schema, Verdict};
use devstate_versioning::ReleaseTable;
use devstate_versioning::schema::Json;

/// CONTRIBUTING.md's recipes.
#[allow(dead_code, clippy::unnecessary_wraps, reason = "they are made for another test")]
#[path = "recipes"]
mod recipes {
    pub mod a_published;
    pub mod b_field_added;
    pub mod c_field_removed;
    pub mod d_meaning_changed;
    pub mod e_released;
}

#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Foreign(u8);

/// What was published.
mod published {
    use super::Foreign;
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x6f12_b187_776d_d6bd))]
    pub enum Mode {
        #[default]
        Off,
        On(u8),
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x16fe_0103_34ec_0af4))]
    pub struct PortSer {
        pub mode: Mode,
        pub name: heapless::String<8>,
        pub keys: [u16; 4],
        pub rx: Option<heapless::Vec<u8, 16>>,
        pub pair: (bool, heapless::Vec<u8, 4>),
        pub rate: Option<u32>,
        #[versioned(serde, max = 4, layout = "foreign/1")]
        pub foreign: Foreign,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x8610_b28a_ac59_e1b1 }
        Mode => [1],
        PortSer => [1],
    }
}

/// The next release, made as it should be.
mod next {
    use super::Foreign;
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x6f12_b187_776d_d6bd, open))]
    pub enum Mode {
        #[default]
        Off,
        On(u8),
        #[versioned(start = 2)]
        Auto,
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0x16fe_0103_34ec_0af4, open))]
    pub struct PortSer {
        pub mode: Mode,
        pub name: heapless::String<8>,
        pub keys: [u16; 4],
        pub rx: Option<heapless::Vec<u8, 16>>,
        pub pair: (bool, heapless::Vec<u8, 4>),
        #[versioned(end = 2)]
        pub rate: Option<u32>,
        #[versioned(serde, max = 4, layout = "foreign/1")]
        pub foreign: Foreign,
        #[versioned(start = 2)]
        pub parity: bool,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x8610_b28a_ac59_e1b1, V2 = 2 @ open }
        Mode => [1, 2],
        PortSer => [1, 2],
    }
}

/// Nothing but the types changed, and every literal was replaced by what the compiler said: it compiles.
mod repinned {
    use super::Foreign;
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x64b7_79a8_820a_8951))]
    pub enum Mode {
        #[default]
        Off,
        On(i8),
    }

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xd354_de83_92f3_c774))]
    pub struct PortSer {
        pub mode: Mode,
        pub name: heapless::String<9>,
        pub keys: [u16; 5],
        pub rx: Option<heapless::Vec<u8, 17>>,
        pub pair: (bool, heapless::Vec<u8, 5>),
        pub rate: u32,
        #[versioned(serde, max = 5, layout = "foreign/1")]
        pub foreign: Foreign,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x380c_582c_14fe_50c5 }
        Mode => [1],
        PortSer => [1],
    }
}

/// Returns `true` if all is allowed, and what was said.
fn diff(old: &str, new: &str) -> (bool, String) {
    let [old, new] = [old, new].map(|json| Schema::from_json(json.as_bytes()).unwrap());
    let changes = devstate_cli::schema::diff(&old, &new);
    let lines = changes.iter().map(|change| format!("{change}\n"));
    (
        changes.iter().all(|change| change.verdict == Verdict::Allowed),
        lines.collect(),
    )
}

fn dump<R: ReleaseTable>() -> String {
    Json::<R>::new().to_string()
}

#[test]
fn nothing() {
    let nothing = || (true, String::new());
    for table in [
        dump::<published::Release>(),
        dump::<devstate_tests::sample::Release>(),
        dump::<devstate_replay::Release>(),
    ] {
        assert_eq!(diff(&table, &table), nothing());
    }
}

#[test]
fn a_release_made_as_it_should_be() {
    let (content, said) = diff(&dump::<published::Release>(), &dump::<next::Release>());
    assert!(content, "{said}");
    let expected = [
        "allowed      release V2: new",
        "allowed      Mode version 2: new, with `Auto`",
        "allowed      PortSer version 2: new, with `parity`, without `rate`",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_published_release_that_was_changed_and_pinned_again() {
    let (content, said) = diff(&dump::<published::Release>(), &dump::<repinned::Release>());
    assert!(!content, "{said}");
    let expected = [
        "BREAKS       release V1: other versions or layouts than were published",
        "BREAKS       Mode version 1: `On.0` has another sign: u8 before, i8 now",
        "BREAKS       PortSer version 1: `name` has another bound: str<8> before, str<9> now",
        "BREAKS       PortSer version 1: `keys` has another length: [u16;4] before, [u16;5] now",
        "BREAKS       PortSer version 1: `rx` has another bound: option<seq<u8,16>> before, option<seq<u8,17>> now",
        "BREAKS       PortSer version 1: `pair` has another bound: (bool,seq<u8,4>) before, (bool,seq<u8,5>) now",
        "BREAKS       PortSer version 1: `rate` is no longer conditional: option<u32> before, u32 now",
        "BREAKS       PortSer version 1: `foreign` has another bound: foreign<foreign/1,4> before, foreign<foreign/1,5> now",
    ];
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("BREAKS")).collect();
    assert_eq!(lines, expected);
}

/// The last step of "publish a release", after each recipe.
#[test]
fn the_recipes_are_allowed() {
    use recipes::{a_published, b_field_added, c_field_removed, d_meaning_changed, e_released};
    let allowed = |old: String, new: String, changes: &[&str]| {
        let (content, said) = diff(&old, &new);
        assert!(content, "{said}");
        let expected: Vec<String> = changes.iter().map(|change| format!("allowed      {change}")).collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    };
    allowed(
        dump::<a_published::Release>(),
        dump::<b_field_added::Release>(),
        &["release V2: new", "FanSer version 2: new, with `enabled`", LONGER],
    );
    allowed(
        dump::<b_field_added::Release>(),
        dump::<c_field_removed::Release>(),
        &[
            "release V2: published",
            "release V3: new",
            "FanSer version 3: new, without `hint`",
        ],
    );
    allowed(
        dump::<c_field_removed::Release>(),
        dump::<d_meaning_changed::Release>(),
        &["release V3: published", "release V4: new", "FanSer version 4: new"],
    );
    allowed(
        dump::<d_meaning_changed::Release>(),
        dump::<e_released::Release>(),
        &["release V4: published"],
    );
}

const LONGER: &str = "FanSer: up to 4 bytes, 3 before: buffers of a fixed length must be this long";

/// A part is described like a mirror with a row: no tool sees a difference when the row goes.
#[test]
fn a_part_needs_no_row() {
    let (with_rows, without) = (
        dump::<devstate_tests::published::Release>(),
        dump::<devstate_replay::Release>(),
    );
    assert_eq!(diff(&with_rows, &without), (true, String::new()));
    assert_eq!(diff(&without, &with_rows), (true, String::new()));
}
