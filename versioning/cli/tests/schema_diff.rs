//! One published table, and what becomes of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use devstate_cli::schema::{Change, Schema, Verdict, diff};
use serde_json::{Value, json};

fn published() -> Value {
    json!({
        "releases": [
            {"name": "V1", "number": 1, "published": true, "fingerprint": "0x1"},
            {"name": "V2", "number": 2, "published": false, "fingerprint": "0x2"},
        ],
        "mirrors": [
            {
                "name": "PortSer", "version": 2, "max_len": 20, "releases": [1, 2], "layouts": ["0xa1", "0xa2"],
                "fields": [
                    field("divisor", 1, json!({"kind": "uint", "bits": 16})),
                    field("rx", 1, json!({"kind": "seq", "max": 16, "of": {"kind": "uint", "bits": 8}})),
                    field("offset", 1, json!({"kind": "int", "bits": 64})),
                    field("fcr", 2, json!({"kind": "uint", "bits": 8})),
                ],
            },
            {
                "name": "Mode", "version": 1, "max_len": 1, "releases": [1, 1], "layouts": ["0xb1"],
                "variants": [
                    {"name": "Off", "tag": 0, "start": 1, "end": null, "fields": []},
                    {"name": "On", "tag": 1, "start": 1, "end": null, "fields": []},
                ],
            },
        ],
    })
}

fn field(name: &str, start: u16, ty: impl Into<Value>) -> Value {
    json!({"name": name, "start": start, "end": null, "ignorable": false, "type": ty.into()})
}

fn read(json: &Value) -> Schema {
    Schema::from_json(json.to_string().as_bytes()).unwrap()
}

/// The first change that is said of the published table once it has been changed.
fn first(change: impl FnOnce(&mut Value)) -> (Verdict, String) {
    let old = read(&published());
    let mut new = published();
    change(&mut new);
    let changes = diff(&old, &read(&new));
    let change = changes.first().expect("something changed");
    (change.verdict, change.what.clone())
}

fn breaks(says: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(first(change), (Verdict::Breaks, says.to_owned()));
}

fn needs_bump(says: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(first(change), (Verdict::NeedsBump, says.to_owned()));
}

fn allowed(says: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(first(change), (Verdict::Allowed, says.to_owned()));
}

#[test]
fn a_published_table_gets_another_name() {
    breaks("the table: no name is now acme-lamp", |new| {
        new["table"] = json!("acme-lamp");
    });
}

#[test]
fn a_field_appended_without_a_new_version() {
    needs_bump(
        "PortSer version 1: `scr` was added without a new version: give it `start = 2`, because no published release has version 2",
        |new| {
            let fields = new["mirrors"][0]["fields"].as_array_mut().unwrap();
            fields.push(field("scr", 1, json!({"kind": "bool"})));
        },
    );
}

#[test]
fn a_changed_type_sign_width_or_bound() {
    let changed = [
        (
            0,
            json!({"kind": "int", "bits": 16}),
            "`divisor` has another sign: u16 before, i16 now",
        ),
        (
            0,
            json!({"kind": "uint", "bits": 32}),
            "`divisor` has another width: u16 before, u32 now",
        ),
        (
            0,
            json!({"kind": "bool"}),
            "`divisor` has another type: u16 before, bool now",
        ),
        (
            0,
            json!({"kind": "option", "of": {"kind": "uint", "bits": 16}}),
            "`divisor` became conditional: u16 before, option<u16> now",
        ),
        (
            1,
            json!({"kind": "seq", "max": 64, "of": {"kind": "uint", "bits": 8}}),
            "`rx` has another bound: seq<u8,16> before, seq<u8,64> now",
        ),
    ];
    for (position, ty, says) in changed {
        breaks(&format!("PortSer version 1: {says}"), |new| {
            new["mirrors"][0]["fields"][position]["type"] = ty;
        });
    }
}

#[test]
fn a_field_that_only_some_versions_have_now() {
    breaks(
        "PortSer version 1: `offset` is no longer in this version, its versions are 2..",
        |new| {
            new["mirrors"][0]["fields"][2]["start"] = json!(2);
        },
    );
}

#[test]
fn a_removed_field() {
    needs_bump(
        "PortSer version 1: `offset` was removed: keep it, with `end = 2`, because no published release has version 2",
        |new| {
            new["mirrors"][0]["fields"].as_array_mut().unwrap().remove(2);
        },
    );
    allowed("PortSer version 3: new, without `offset`", |new| {
        let port = &mut new["mirrors"][0];
        port["version"] = json!(3);
        port["layouts"] = json!(["0xa1", "0xa2", "0xa3"]);
        port["releases"] = json!([1, 3]);
        port["fields"][2]["end"] = json!(3);
    });
}

#[test]
fn fields_in_another_order() {
    breaks("PortSer version 1: the fields are in another order", |new| {
        new["mirrors"][0]["fields"].as_array_mut().unwrap().swap(0, 1);
    });
}

#[test]
fn a_removed_or_moved_variant() {
    needs_bump(
        "Mode version 1: `On` was removed: keep it, with `end = 2`, and increase the version",
        |new| {
            new["mirrors"][1]["variants"].as_array_mut().unwrap().remove(1);
        },
    );
    breaks(
        "Mode version 1: `Off` has another tag: variant 0 before, variant 1 now",
        |new| {
            new["mirrors"][1]["variants"][0]["tag"] = json!(1);
            new["mirrors"][1]["variants"][1]["tag"] = json!(0);
            new["mirrors"][1]["variants"].as_array_mut().unwrap().swap(0, 1);
        },
    );
}

#[test]
fn a_name_that_is_used_again() {
    let says = "PortSer: `offset` was removed with version 2 and is the name of another field now";
    let mut old = published();
    old["mirrors"][0]["fields"][2]["end"] = json!(2);
    let mut new = published();
    new["mirrors"][0]["version"] = json!(3);
    new["mirrors"][0]["layouts"] = json!(["0xa1", "0xa2", "0xa3"]);
    new["mirrors"][0]["releases"] = json!([1, 3]);
    new["mirrors"][0]["fields"][2]["start"] = json!(3);
    let changes = diff(&read(&old), &read(&new));
    assert!(
        changes
            .iter()
            .any(|change| change.verdict == Verdict::Breaks && change.what == says),
        "{changes:?}"
    );
}

#[test]
fn releases() {
    breaks("release V1: other versions or layouts than were published", |new| {
        new["releases"][0]["fingerprint"] = json!("0x9");
    });
    breaks("release V1: was published and is open again", |new| {
        new["releases"][0]["published"] = json!(false);
    });
    allowed("release V2: published", |new| {
        new["releases"][1]["published"] = json!(true);
    });
    allowed("release V3: new", |new| {
        let release = json!({"name": "V3", "number": 7, "published": false, "fingerprint": "0x3"});
        new["releases"].as_array_mut().unwrap().push(release);
        for mirror in new["mirrors"].as_array_mut().unwrap() {
            let latest = mirror["version"].clone();
            mirror["releases"].as_array_mut().unwrap().push(latest);
        }
    });
}

#[test]
fn mirrors() {
    breaks("Mode: deleted, but a supported release still has it", |new| {
        new["mirrors"].as_array_mut().unwrap().remove(1);
    });
    assert_eq!(
        first(|new| {
            new["mirrors"][1]["version"] = json!(2);
            new["mirrors"][1]["layouts"] = json!(["0xb1", "0xb2"]);
        }),
        (Verdict::NeedsBump, "Mode version 2: in no release".to_owned())
    );
}

#[test]
fn unpublished_versions_may_change() {
    allowed(
        "PortSer version 2: `fcr` has another width: u8 before, u16 now (no published release has this version)",
        |new| new["mirrors"][0]["fields"][3]["type"] = json!({"kind": "uint", "bits": 16}),
    );
}

#[test]
fn nothing() {
    let dump = || read(&published());
    assert_eq!(diff(&dump(), &dump()), []);
}

#[test]
fn a_part_with_another_version() {
    let part = |versions: Value| {
        let mut dump = published();
        dump["mirrors"][0]["fields"][0]["part"] = versions;
        read(&dump)
    };
    let sentences = |old: &Schema, new: &Schema| -> Vec<String> {
        diff(old, new).iter().map(|change| change.what.clone()).collect()
    };
    assert_eq!(
        sentences(&part(json!([1, 1])), &part(json!([2, 2]))),
        [
            "PortSer version 1: what is in `divisor` has version 2, version 1 before",
            "PortSer version 2: what is in `divisor` has version 2, version 1 before (no published release has this version)"
        ]
    );
    assert_eq!(sentences(&part(json!([1, 1])), &part(json!([1, 1]))), [""; 0]);
    // A dump from before the field was a part.
    assert_eq!(sentences(&part(json!([])), &part(json!([2, 2]))), [""; 0]);
}

#[test]
fn no_longer_conditional_and_bounds_below_something_else() {
    let bytes = |max: u64| json!({"kind": "seq", "max": max, "of": {"kind": "uint", "bits": 8}});
    let option = |of: Value| json!({"kind": "option", "of": of});
    let tuple = |of: [Value; 2]| json!({"kind": "tuple", "of": of});
    let array = |of: Value, len: u64| json!({"kind": "array", "of": of, "len": len});
    let text = |max: u64| json!({"kind": "str", "max": max});
    let foreign = |layout: &str, max: u64| json!({"kind": "foreign", "layout": layout, "max": max});
    let bool = || json!({"kind": "bool"});
    for (before, after, says) in [
        (
            option(bool()),
            bool(),
            "is no longer conditional: option<bool> before, bool now",
        ),
        (
            option(bytes(4)),
            option(bytes(5)),
            "has another bound: option<seq<u8,4>> before, option<seq<u8,5>> now",
        ),
        (
            tuple([bool(), text(4)]),
            tuple([bool(), text(5)]),
            "has another bound: (bool,str<4>) before, (bool,str<5>) now",
        ),
        (
            tuple([bool(), text(4)]),
            tuple([text(5), bool()]),
            "has another type: (bool,str<4>) before, (str<5>,bool) now",
        ),
        (
            array(bool(), 4),
            array(bool(), 5),
            "has another length: [bool;4] before, [bool;5] now",
        ),
        (
            array(text(4), 3),
            array(text(5), 3),
            "has another bound: [str<4>;3] before, [str<5>;3] now",
        ),
        (text(4), text(5), "has another bound: str<4> before, str<5> now"),
        (
            foreign("a/1", 4),
            foreign("a/1", 5),
            "has another bound: foreign<a/1,4> before, foreign<a/1,5> now",
        ),
        (
            foreign("a/1", 4),
            foreign("a/2", 4),
            "has another type: foreign<a/1,4> before, foreign<a/2,4> now",
        ),
    ] {
        let with = |ty: Value| {
            let mut dump = published();
            dump["mirrors"][0]["fields"][0]["type"] = ty;
            read(&dump)
        };
        let what = format!("PortSer version 1: `divisor` {says}");
        let expected = Change {
            verdict: Verdict::Breaks,
            what,
        };
        assert_eq!(diff(&with(before), &with(after)).first(), Some(&expected));
    }
}

#[test]
fn a_change_within_a_variant() {
    let level = || field("level", 1, json!({"kind": "uint", "bits": 8}));
    needs_bump(
        "Mode version 1: `On.level` was added without a new version: give it `start = 2`, and increase the version",
        |new| new["mirrors"][1]["variants"][1]["fields"] = json!([level()]),
    );
    let mut old = published();
    old["mirrors"][1]["variants"][1]["fields"] = json!([level()]);
    let mut new = old.clone();
    new["mirrors"][1]["variants"][1]["fields"][0]["type"] = json!({"kind": "int", "bits": 8});
    let [old, new] = [old, new].map(|dump| read(&dump));
    let changes: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        ["BREAKS       Mode version 1: `On.level` has another sign: u8 before, i8 now"]
    );
}

#[test]
fn a_unit_that_is_new_or_another_one() {
    let with = |unit: Value| {
        let mut dump = published();
        dump["mirrors"][0]["fields"][0]["unit"] = unit;
        read(&dump)
    };
    let says = |old: &Schema, new: &Schema| -> Vec<String> { diff(old, new).iter().map(ToString::to_string).collect() };
    let end = "If the numbers mean something else, that needs a version";
    assert_eq!(
        says(&with(Value::Null), &with("Hz".into())),
        [format!(
            "allowed      PortSer: `divisor` has another unit: no unit before, Hz now. {end}"
        )]
    );
    assert_eq!(
        says(&with("Hz".into()), &with("kHz".into())),
        [format!(
            "allowed      PortSer: `divisor` has another unit: Hz before, kHz now. {end}"
        )]
    );
    assert_eq!(says(&with("Hz".into()), &with("Hz".into())), [""; 0]);
}
