//! The comparison of schemas where a release is open: what it has may change, and what is new belongs to it.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

use devstate_cli::schema::{Schema, diff, show};
use devstate_versioning::schema::{Json, TableData};
use serde_json::{Value, json};

mod disk;

/// Version 1 is published in release 1. Release 2 is open.
mod before {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 2, layouts(0x3a08_34e8_385c_ab91, open))]
    pub struct PortSer {
        pub rate: u32,
        #[versioned(start = 2)]
        pub parity: bool,
        #[versioned(start = 2)]
        pub level: u8,
        #[versioned(start = 2)]
        pub name: u16,
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 2, layouts(0xa92c_ebd1_9e2e_b9d5, open))]
    pub enum Mode {
        #[default]
        Off,
        #[versioned(start = 2)]
        On,
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 1, layouts(open))]
    pub struct FanSer {
        pub speed: u16,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xe335_20b9_d68b_6566, V2 = 2 @ open }
        PortSer => [1, 2],
        Mode    => [1, 2],
        FanSer  => [_, 1],
    }
}

/// Only what release 2 has is different: a field is gone, one has another type, one has another name, and one is new. A
/// variant, a mirror and the rows are different too.
mod after {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 2, layouts(0x3a08_34e8_385c_ab91, open))]
    pub struct PortSer {
        pub rate: u32,
        #[versioned(start = 2)]
        pub level: u16,
        #[versioned(start = 2)]
        pub label: u16,
        #[versioned(start = 2)]
        pub limit: u8,
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 2, layouts(0xa92c_ebd1_9e2e_b9d5, open))]
    pub enum Mode {
        #[default]
        Off,
        #[versioned(start = 2)]
        On,
        #[versioned(start = 2)]
        Auto(u8),
    }

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 1, layouts(open))]
    pub struct LedSer {
        pub on: bool,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xe335_20b9_d68b_6566, V2 = 2 @ open }
        PortSer => [1, 2],
        Mode    => [1, 2],
        LedSer  => [_, 1],
    }
}

fn document<R: TableData>() -> Value {
    serde_json::from_str(&Json::<R>::new().to_string()).unwrap()
}

fn read(json: &Value) -> Schema {
    Schema::from_json(json.to_string().as_bytes()).unwrap()
}

fn changes(old: &Value, new: &Value) -> Vec<String> {
    diff(&read(old), &read(new)).iter().map(ToString::to_string).collect()
}

/// What is said of a table in which one thing is different.
fn changed(old: &Value, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut new = old.clone();
    change(&mut new);
    changes(old, &new)
}

/// The same table after its last release was published.
fn published(table: Value) -> Value {
    with_last(table, true)
}

/// The same table with a last release that is published or open.
fn with_last(mut table: Value, published: bool) -> Value {
    let releases = table.get_mut("releases").and_then(Value::as_array_mut).unwrap();
    let release = releases.last_mut().and_then(Value::as_object_mut).unwrap();
    release.insert("published".into(), json!(published));
    table
}

fn field(name: &str, start: u16) -> Value {
    json!({"name": name, "start": start, "end": null, "ignorable": false, "type": {"kind": "bool"}})
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}

const OPEN: &str = "(no published release has this version)";

#[test]
fn an_open_release_may_change() {
    let expected = [
        format!("allowed      PortSer version 2: `parity` was removed {OPEN}"),
        format!("allowed      PortSer version 2: `level` has another width: u8 before, u16 now {OPEN}"),
        format!("allowed      PortSer version 2: `name` was removed {OPEN}"),
        format!("allowed      PortSer version 2: `label` was added {OPEN}"),
        format!("allowed      PortSer version 2: `limit` was added {OPEN}"),
        "allowed      PortSer: up to 9 bytes, 8 before: buffers of a fixed length must be this long".to_owned(),
        format!("allowed      Mode version 2: `Auto` was added {OPEN}"),
        "allowed      Mode: up to 2 bytes, 1 before: buffers of a fixed length must be this long".to_owned(),
        "allowed      FanSer: deleted (no published release has this mirror)".to_owned(),
        "allowed      LedSer: a new mirror".to_owned(),
        "allowed      LedSer: version 1 in the open release V2, none before".to_owned(),
    ];
    let [before, after] = [document::<before::Release>(), document::<after::Release>()];
    assert_eq!(changes(&before, &after), expected);
}

#[test]
fn the_same_changes_break_a_published_release() {
    let [before, after] = [document::<before::Release>(), document::<after::Release>()].map(published);
    let expected = [
        "BREAKS       release V2: other versions or layouts than were published",
        "BREAKS       PortSer version 2: `level` has another width: u8 before, u16 now",
        "BREAKS       FanSer: deleted, but a supported release still has it",
        "BREAKS       LedSer: version 1 in the published release V2, none before",
        "NEEDS A BUMP PortSer version 2: `parity` was removed: keep it, with `end = 3`, and increase the version",
        "NEEDS A BUMP PortSer version 2: `name` was removed: keep it, with `end = 3`, and increase the version",
        "NEEDS A BUMP PortSer version 2: `label` was added without a new version: give it `start = 3`, and increase the version",
        "NEEDS A BUMP PortSer version 2: `limit` was added without a new version: give it `start = 3`, and increase the version",
        "NEEDS A BUMP Mode version 2: `Auto` was added without a new version: give it `start = 3`, and increase the version",
        "allowed      PortSer: up to 9 bytes, 8 before: buffers of a fixed length must be this long",
        "allowed      Mode: up to 2 bytes, 1 before: buffers of a fixed length must be this long",
        "allowed      LedSer: a new mirror",
    ];
    assert_eq!(changes(&before, &after), expected);
}

#[test]
fn what_is_new_in_a_published_version_belongs_to_the_open_one() {
    let old = document::<before::Release>();
    let added = changed(&old, |new| push(&mut new["mirrors"][0]["fields"], field("scr", 1)));
    let expected = [
        "NEEDS A BUMP PortSer version 1: `scr` was added without a new version: give it `start = 2`, because no published release \
         has version 2"
            .to_owned(),
        format!("allowed      PortSer version 2: `scr` was added {OPEN}"),
    ];
    assert_eq!(added, expected);
    let removed = changed(&old, |new| {
        new["mirrors"][0]["fields"].as_array_mut().unwrap().remove(0);
    });
    let expected = [
        "NEEDS A BUMP PortSer version 1: `rate` was removed: keep it, with `end = 2`, because no published release has version 2"
            .to_owned(),
        format!("allowed      PortSer version 2: `rate` was removed {OPEN}"),
    ];
    assert_eq!(removed, expected);
    let variant = changed(&old, |new| {
        let auto = json!({"name": "Auto", "tag": 2, "start": 1, "end": null, "fields": [field("0", 1)]});
        push(&mut new["mirrors"][1]["variants"], auto);
    });
    let expected = [
        "NEEDS A BUMP Mode version 1: `Auto` was added without a new version: give it `start = 2`, because no published release \
         has version 2"
            .to_owned(),
        format!("allowed      Mode version 2: `Auto` was added {OPEN}"),
    ];
    assert_eq!(variant, expected);
}

/// The new schema can have the version already that the old one does not know.
#[test]
fn a_version_that_only_the_new_schema_has_is_the_open_one() {
    let old = published(document::<before::Release>());
    let mut new = old.clone();
    new["mirrors"][0]["version"] = json!(3);
    push(&mut new["mirrors"][0]["layouts"], json!("0xa3"));
    push(&mut new["mirrors"][0]["fields"], field("scr", 2));
    let release = json!({"name": "V3", "number": 3, "published": false, "fingerprint": "0x3"});
    push(&mut new["releases"], release);
    for (mirror, version) in [(0, 3), (1, 2), (2, 1)] {
        push(&mut new["mirrors"][mirror]["releases"], json!(version));
    }
    let expected = [
        "NEEDS A BUMP PortSer version 2: `scr` was added without a new version: give it `start = 3`, because no published release \
         has version 3",
        "allowed      release V3: new",
        "allowed      PortSer version 3: new",
    ];
    assert_eq!(changes(&old, &new), expected);
    // The open version is gone from the source: a new one takes its place.
    let old = document::<before::Release>();
    let without = changed(&old, |new| {
        let port = &mut new["mirrors"][0];
        port["version"] = json!(1);
        port["layouts"].as_array_mut().unwrap().pop();
        port["releases"][1] = json!(1);
        port["fields"].as_array_mut().unwrap().truncate(1);
        push(&mut port["fields"], field("scr", 1));
    });
    let expected = [
        "NEEDS A BUMP PortSer version 1: `scr` was added without a new version: give it `start = 2`, and increase the version"
            .to_owned(),
        format!("allowed      PortSer version 2: deleted {OPEN}"),
        "allowed      PortSer: version 1 in the open release V2, 2 before".to_owned(),
    ];
    assert_eq!(without, expected);
}

#[test]
fn a_field_that_moves_into_a_published_version() {
    let old = document::<before::Release>();
    let expected =
        ["BREAKS       PortSer version 1: `parity` is in this version now, its versions are 1.., 2.. before"];
    assert_eq!(
        changed(&old, |new| new["mirrors"][0]["fields"][1]["start"] = json!(1)),
        expected
    );
    // Out of the open version it may move.
    let expected = [format!(
        "allowed      PortSer version 2: `parity` is no longer in this version, its versions are 3.. {OPEN}"
    )];
    assert_eq!(
        changed(&old, |new| new["mirrors"][0]["fields"][1]["start"] = json!(3)),
        expected
    );
}

#[test]
fn the_row_of_a_mirror() {
    let table = document::<before::Release>();
    let row = |old: &Value, release: usize, version: Value| -> Vec<String> {
        changed(old, |new| new["mirrors"][0]["releases"][release] = version)
    };
    let breaks = "BREAKS       PortSer: not in the published release V1, version 1 before";
    assert_eq!(row(&table, 0, Value::Null), [breaks]);
    let breaks = "BREAKS       PortSer: version 2 in the published release V1, 1 before";
    assert_eq!(row(&table, 0, json!(2)), [breaks]);
    let allowed = "allowed      PortSer: not in the open release V2, version 2 before";
    assert_eq!(row(&table, 1, Value::Null), [allowed]);
    let allowed = "allowed      PortSer: version 1 in the open release V2, 2 before";
    assert_eq!(row(&table, 1, json!(1)), [allowed]);
    let late = changed(&table, |new| new["mirrors"][2]["releases"] = json!([1, 1]));
    assert_eq!(
        late,
        ["BREAKS       FanSer: version 1 in the published release V1, none before"]
    );
}

#[test]
fn an_open_release_can_go_and_get_another_number() {
    let old = document::<before::Release>();
    let renumbered = changed(&old, |new| new["releases"][1]["number"] = json!(7));
    assert_eq!(
        renumbered,
        [
            "allowed      release V2: deleted, it was open",
            "allowed      release V2: new"
        ]
    );
    let mut later = old.clone();
    later["releases"][1]["number"] = json!(7);
    assert_eq!(
        changes(&later, &old),
        [
            "allowed      release V2: deleted, it was open",
            "allowed      release V2: new"
        ]
    );
    // The number of a published release stays.
    assert_eq!(
        changes(&published(later), &published(old)),
        [
            "BREAKS       release V2: new, with a number that is not above all published ones",
            "allowed      release V2: no longer supported, its snapshots are refused"
        ]
    );
}

#[test]
fn a_tree_with_an_open_release() {
    let tree = document::<disk::main::Release>();
    let added = changed(&tree, |new| push(&mut new["mirrors"][0]["fields"], field("cache", 5)));
    assert_eq!(
        added,
        [format!("allowed      DiskSer version 5: `cache` was added {OPEN}")]
    );
    // Version 4 is published on the other branch, and so are those before it.
    let everywhere = changed(&tree, |new| push(&mut new["mirrors"][0]["fields"], field("cache", 1)));
    let mut expected: Vec<String> = (1..=4)
        .map(|version| {
            format!(
                "NEEDS A BUMP DiskSer version {version}: `cache` was added without a new version: give it `start = 5`, because no \
                 published release has version 5"
            )
        })
        .collect();
    expected.push(format!("allowed      DiskSer version 5: `cache` was added {OPEN}"));
    assert_eq!(everywhere, expected);
    let removed = changed(&tree, |new| {
        new["mirrors"][0]["fields"].as_array_mut().unwrap().remove(3);
    });
    let expected = [
        "NEEDS A BUMP DiskSer version 4: `quota` was removed: keep it, with `end = 5`, because no published release has version 5"
            .to_owned(),
        format!("allowed      DiskSer version 5: `quota` was removed {OPEN}"),
    ];
    assert_eq!(removed, expected);
    // A field of both branches, taken off the published one.
    let moved = changed(&tree, |new| {
        let quota = &mut new["mirrors"][0]["fields"][3];
        quota["start"] = json!(2);
        quota["end"] = json!(3);
        quota["more"] = json!([{"start": 5, "end": null}]);
    });
    let expected = [
        "BREAKS       DiskSer version 2: `quota` is in this version now, its versions are 2..3 5.., 4.. before",
        "BREAKS       DiskSer version 4: `quota` is no longer in this version, its versions are 2..3 5..",
    ];
    assert_eq!(moved, expected);
    let added = changed(&published(tree), |new| {
        push(&mut new["mirrors"][0]["fields"], field("cache", 5));
    });
    let expected = "NEEDS A BUMP DiskSer version 5: `cache` was added without a new version: give it `start = 6`, and increase the version";
    assert_eq!(added, [expected]);
}

#[test]
fn a_stable_branch_with_an_open_release() {
    let published = document::<disk::stable::Release>();
    let open = with_last(published.clone(), false);
    let add =
        |old: &Value, start: u16| changed(old, |new| push(&mut new["mirrors"][0]["fields"], field("cache", start)));
    assert_eq!(
        add(&open, 4),
        [format!("allowed      DiskSer version 4: `cache` was added {OPEN}")]
    );
    let expected = [
        "NEEDS A BUMP DiskSer version 2: `cache` was added without a new version: give it `start = 4`, because no published release \
         has version 4"
            .to_owned(),
        format!("allowed      DiskSer version 4: `cache` was added {OPEN}"),
    ];
    assert_eq!(add(&open, 2), expected);
    let expected = "NEEDS A BUMP DiskSer version 4: `cache` was added without a new version: give it `start = 5`, and increase the version";
    assert_eq!(add(&published, 4), [expected]);
}

#[test]
fn show_says_what_is_open() {
    let text = show(&read(&document::<before::Release>()));
    for line in [
        "open",
        "PortSer, latest version 2 (open), at most 8 bytes",
        "FanSer, latest version 1 (open), at most 2 bytes",
    ] {
        assert!(text.lines().any(|found| found.trim() == line), "{text}");
    }
    let text = show(&read(&published(document::<before::Release>())));
    assert!(!text.contains("open"), "{text}");
    // A field that two branches have, and the version between them does not.
    let mut tree = document::<disk::main::Release>();
    tree["mirrors"][0]["fields"][2]["more"] = json!([{"start": 5, "end": null}]);
    tree["mirrors"][0]["fields"][2]["end"] = json!(4);
    let text = show(&read(&tree));
    assert!(text.contains("3..4 5.."), "{text}");
    assert!(text.contains("DiskSer, latest version 5 (open)"), "{text}");
}
