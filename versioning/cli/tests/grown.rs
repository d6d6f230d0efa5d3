//! Histories with a branch, with bounds that change, and with forgotten versions: read from JSON as the library knows them.

#![allow(
    clippy::panic,
    missing_docs,
    unreachable_pub,
    clippy::unnecessary_wraps,
    reason = "a test"
)]

use devstate_cli::payload::walk;
use devstate_cli::schema::{Folder, Schema, Verdict, diff, show};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Json, TableData};
use devstate_versioning::wire::RowOf;
use devstate_versioning::{Versioned, release_table};
use disk::{main, stable};

mod disk;

/// The main branch, before both.
mod before {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 3,
        layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, 0xc1b0_34f6_4b59_7ff5)
    )]
    pub struct DiskSer {
        pub sectors: u64,
        #[versioned(start = 2)]
        pub read_only: bool,
        #[versioned(start = 3)]
        pub queue: u16,
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x8381_62e7_83d7_a611,
            V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
            V3 = 3 @ 0xc1b0_34f6_4b59_7ff5,
        }
        DiskSer => [1, 2, 3],
    }
}

/// The main branch, once versions 1 and 2 are forgotten, and their releases.
mod after {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 3, oldest = 3, layouts(0xc1b0_34f6_4b59_7ff5))]
    pub struct DiskSer {
        pub sectors: u64,
        pub read_only: bool,
        pub queue: u16,
    }

    release_table! {
        pub enum Release { V3 = 3 @ 0xc1b0_34f6_4b59_7ff5 }
        DiskSer => [3],
    }
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x5c75_ffb9_bdda_e1b4, open))]
pub struct GrownSer {
    #[versioned(bound(1 = 2, 2 = 4))]
    pub queue: heapless::Vec<i16, 4>,
    #[versioned(bound(1 = 4, 2 = 6))]
    pub name: heapless::String<6>,
    #[versioned(bound(1 = 2, 2 = 4))]
    pub levels: [u16; 4],
    #[versioned(bound(1 = 2, 2 = 300))]
    pub log: Option<heapless::Vec<u8, 300>>,
}

release_table! {
    pub enum Grown { V1 = 1 @ 0x5c75_ffb9_bdda_e1b4, V2 = 2 @ open }
    GrownSer => [1, 2],
}

fn schema<R: TableData>() -> Schema {
    let json = Json::<R>::new().to_string();
    let schema = Schema::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{json}"));
    let document = schema.document();
    for mirror in &document.mirrors {
        for (version, layout) in (1..).zip(&mirror.layouts) {
            if let Some(layout) = layout {
                assert_eq!(
                    *layout,
                    format!("{:#018x}", mirror.layout_fingerprint(version)),
                    "{json}"
                );
            }
        }
    }
    for (position, release) in document.releases.iter().enumerate() {
        assert_eq!(
            release.fingerprint,
            format!("{:#018x}", schema.release_fingerprint(position)),
            "{json}"
        );
    }
    assert!(show(&schema).contains("latest version"));
    schema
}

fn said(old: &Schema, new: &Schema) -> Vec<String> {
    diff(old, new).iter().map(ToString::to_string).collect()
}

#[test]
fn fingerprints_follow_from_branches_bounds_and_forgotten_versions() {
    schema::<main::Release>();
    schema::<stable::Release>();
    schema::<before::Release>();
    schema::<after::Release>();
    schema::<Grown>();
}

#[test]
fn a_backport_is_called_one() {
    let expected = [
        "allowed      release V2_1: new, parent V2",
        "allowed      release V4: new, parent V3",
        "allowed      DiskSer version 4: new, parent version 2, with `quota` (also in version 5)",
        "allowed      DiskSer version 5: new, parent version 3, with `quota` (also in version 4)",
    ];
    let changes = said(&schema::<before::Release>(), &schema::<main::Release>());
    assert_eq!(changes.get(..4).unwrap(), expected);
    // Both branches know each other's releases.
    let changes = diff(&schema::<stable::Release>(), &schema::<main::Release>());
    assert!(
        changes.iter().all(|change| change.verdict == Verdict::Allowed),
        "{changes:?}"
    );
}

#[test]
fn forgotten_versions_are_no_break() {
    let expected = [
        "allowed      release V1: no longer supported, its snapshots are refused",
        "allowed      release V2: no longer supported, its snapshots are refused",
        "allowed      DiskSer: versions up to 2 are forgotten, and refused as such",
    ];
    assert_eq!(
        said(&schema::<before::Release>(), &schema::<after::Release>()),
        expected
    );
}

#[test]
fn a_published_bound_stays() {
    let before = schema::<Grown>();
    let json = Json::<Grown>::new()
        .to_string()
        .replace("\"published\": false", "\"published\": true");
    let published = Schema::from_json(json.as_bytes()).unwrap();
    let other = Schema::from_json(json.replacen("\"bounds\": [2, 4]", "\"bounds\": [3, 4]", 1).as_bytes()).unwrap();
    assert!(
        said(&before, &published)
            .iter()
            .all(|change| change.starts_with("allowed"))
    );
    let changes = said(&published, &other);
    let expected = "BREAKS       GrownSer version 1: `queue` has another bound: seq<i16,2> before, seq<i16,3> now";
    assert_eq!(changes, [expected]);
}

#[test]
fn payloads_are_read_with_the_bounds_of_their_version() {
    let schema = schema::<Grown>();
    let root = schema.mirror("GrownSer").unwrap();
    let none = Folder::default();
    // Two elements, four bytes of text, two levels, an option with three bytes: too many for version 1.
    for payload in [
        &b"\x02\x01\0\x02\0\x04abcd\x01\0\x02\0\x01\x02xy"[..],
        b"\x03\x01\0\x02\0\x03\0",
        b"\x00\x05abcde",
        b"\0\0\x01\0\x02\0\x01\x03xyz",
        b"\x02\x01\0\x02\0\x04abcd\x01\0\x02\0\x03\0\x04\0\x01\x03xyz",
    ] {
        for release in Grown::ALL {
            let mut expected = Vec::new();
            let known = PayloadSchema::of::<Grown, GrownSer>(*release).walk(payload, 0, &mut |item| {
                expected.push((item.path.to_string(), item.offset, item.len));
            });
            let mut found = Vec::new();
            let walked = walk(&schema, root, release.index(), payload, 0, &none, &mut |item| {
                found.push((item.path.to_string(), item.offset, item.len));
            });
            assert_eq!(found, expected);
            let offset = known.err().map(|unreadable| unreadable.error.offset.unwrap());
            assert_eq!(walked.err().map(|stopped| stopped.offset), offset, "{payload:?}");
        }
    }
    assert_eq!(<GrownSer as RowOf<Grown>>::version(Grown::V1), 1);
}
