//! Hostile schemas and payloads of a million bytes: a sentence in a bounded time, and never a panic.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::time::{Duration, Instant};

use devstate_cli::payload::{Value as Read, Why, walk};
use devstate_cli::schema::{Folder, Schema, SchemaError, diff};
use devstate_cli::snapshot::Snapshot;
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::wire::fnv1a;
use serde_json::{Value, json};

/// A debug build on a busy machine is slow. What is not bounded takes hours.
const PATIENCE: Duration = Duration::from_secs(60);

fn read(json: &Value) -> Result<Schema, SchemaError> {
    let start = Instant::now();
    let schema = Schema::from_json(json.to_string().as_bytes());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    schema
}

fn field(name: &str, ty: &Value) -> Value {
    json!({ "name": name, "start": 1, "end": null, "ignorable": false, "type": ty })
}

fn mirror(name: &str, version: u16, fields: &[Value]) -> Value {
    let layouts = vec!["0x1"; usize::from(version)];
    json!({ "name": name, "version": version, "max_len": 1, "releases": [version], "layouts": layouts, "fields": fields })
}

fn table(mirrors: &[Value]) -> Value {
    let release = json!({ "name": "V1", "number": 1, "published": true, "fingerprint": "0x1" });
    json!({ "releases": [release], "mirrors": mirrors })
}

fn named(name: &str) -> Value {
    json!({ "kind": "mirror", "name": name })
}

#[test]
fn impossible_tables_are_refused() {
    let byte = json!({ "kind": "uint", "bits": 8 });
    let deep = |depth: usize, kind: &str| {
        let of = |inner: Value, _| json!({ "kind": kind, "of": inner, "max": 1 });
        (0..depth).fold(byte.clone(), of)
    };
    let with = |ty: &Value| table(&[mirror("A", 1, &[field("a", ty)])]);
    let cases = [
        (table(&[mirror("A", 1, &[field("a", &named("A"))])]), "contains itself"),
        (
            table(&[
                mirror("A", 1, &[field("a", &named("B"))]),
                mirror("B", 1, &[field("b", &named("A"))]),
            ]),
            "contains itself",
        ),
        (with(&deep(9, "seq")), "nested in more than 8 levels"),
        (with(&named("B")), "A.a: there is no mirror `B`"),
        (with(&json!({ "kind": "uint", "bits": 7 })), "A.a: an integer of 7 bits"),
        (
            table(&[mirror("A", 1, &[]), mirror("A", 1, &[])]),
            "A: two mirrors have this name",
        ),
        (table(&[mirror("A", 0, &[])]), "A: version 0, and 0 layouts"),
        (
            table(&[mirror("\u{1b}[2J", 1, &[])]),
            "the name \"\\u{1b}[2J\" cannot be printed",
        ),
        (table(&[mirror(&"x".repeat(201), 1, &[])]), "a name of 201 bytes"),
        (
            json!({ "releases": [], "mirrors": [], "parents": [] }),
            "unknown field `parents`",
        ),
    ];
    for (json, sentence) in cases {
        let error = read(&json).unwrap_err().to_string();
        assert!(error.contains(sentence), "{sentence}: {error}");
    }
    for text in ["", "{", "[]", "null", "\u{1b}", "{\"releases\": 1, \"mirrors\": 1}"] {
        Schema::from_json(text.as_bytes()).unwrap_err();
    }
    Schema::from_json(b"\xff\xfe").unwrap_err();
}

#[test]
fn a_million_brackets() {
    let open = |text: &str| text.repeat(1_000_000 / text.len());
    for text in [
        open("["),
        open("{\"a\":"),
        format!("{{\"releases\": [], \"mirrors\": {}", open("[")),
        format!(
            "{{\"releases\": [], \"mirrors\": [{{\"name\": \"A\", \"version\": 1, \"max_len\": 1, \"releases\": [], \
             \"layouts\": [\"0x1\"], \"fields\": [{{\"name\": \"a\", \"start\": 1, \"end\": null, \"ignorable\": false, \
             \"type\": {}",
            open("{\"kind\": \"option\", \"of\": ")
        ),
    ] {
        let start = Instant::now();
        let error = Schema::from_json(text.as_bytes()).unwrap_err();
        assert!(start.elapsed() < PATIENCE, "{error}");
    }
}

#[test]
fn many_versions_of_many_fields() {
    let bool = json!({ "kind": "bool" });
    let fields: Vec<Value> = (0..5_000).map(|number| field(&format!("f{number}"), &bool)).collect();
    let error = read(&table(&[mirror("A", 20_000, &fields)])).unwrap_err();
    assert!(error.what.contains("more than 1000000 fields"), "{error}");
    // The most that is accepted is compared in a moment.
    let [old, new] = ["bool", "char"].map(|kind| {
        let ty = json!({ "kind": kind });
        let fields: Vec<Value> = (0..5_000).map(|number| field(&format!("f{number}"), &ty)).collect();
        read(&table(&[mirror("A", 90, &fields)])).unwrap()
    });
    let start = Instant::now();
    assert_eq!(diff(&old, &new).len(), 5_000 * 90);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let last = mirror("A", u16::MAX, &[]);
    let schema = read(&table(&[last])).unwrap();
    assert!(diff(&schema, &schema).is_empty());
}

/// Each release hashes all of its fields.
#[test]
fn many_releases_of_many_fields() {
    let bool = json!({ "kind": "bool" });
    let fields: Vec<Value> = (0..6_000).map(|number| field(&format!("f{number}"), &bool)).collect();
    let releases: Vec<Value> = (1..=6_000)
        .map(
            |number| json!({ "name": format!("V{number}"), "number": number, "published": true, "fingerprint": "0x1" }),
        )
        .collect();
    let mut mirror = mirror("A", 1, &fields);
    mirror["releases"] = vec![1; releases.len()].into();
    let error = read(&json!({ "releases": releases, "mirrors": [mirror] })).unwrap_err();
    let expected = "more than 50000000 fields in all releases together";
    assert_eq!(error.to_string(), expected);
}

/// Eight levels with a hundred mirrors each, so that a root holds 10^16 of them, none of which has a byte.
fn bush() -> Schema {
    let level = |depth: usize| {
        let fields: Vec<Value> = (0..100)
            .map(|number| field(&format!("f{number}"), &named(&format!("L{}", depth + 1))))
            .collect();
        mirror(&format!("L{depth}"), 1, if depth == 7 { &[] } else { &fields })
    };
    read(&table(&(0..8).map(level).collect::<Vec<_>>())).unwrap()
}

#[test]
fn mirrors_that_hold_each_other_a_million_times() {
    let schema = bush();
    let start = Instant::now();
    assert!(schema.roots(1, 7).is_none());
    let root = schema.mirror("L0").unwrap();
    let mut items = 0;
    let stopped = walk(&schema, root, 0, &[0; 1000], 24, &Folder::default(), &mut |_| {
        items += 1;
    })
    .unwrap_err();
    assert_eq!((items, stopped.why), (0, Why::TooManyValues));
    assert_eq!(schema.release_fingerprint(0), schema.release_fingerprint(0));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

/// A field of bytes.
fn bytes(content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    let mut length = content.len();
    while length > 127 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(content);
    field
}

/// A snapshot of the mirror `A`.
fn snapshot(schema: &Schema, payload: &[u8]) -> Vec<u8> {
    let root = fnv1a(&schema.mirror("A").unwrap().layout_fingerprint(1).to_le_bytes());
    let mut snapshot = b"DEVSTAT\0\x01\0\x01\0".to_vec();
    snapshot.extend((payload.len() as u32).to_le_bytes());
    snapshot.extend(root.to_le_bytes());
    snapshot.extend(payload);
    let checksum = Crc64::checksum(&snapshot);
    snapshot.extend(checksum.to_le_bytes());
    snapshot
}

#[test]
fn snapshots_within_each_other() {
    let of = json!({ "kind": "seq", "of": { "kind": "uint", "bits": 8 }, "max": u64::MAX });
    let schema = read(&table(&[mirror("A", 1, &[field("a", &of)])])).unwrap();
    let schemas = Folder::of(vec![("a.json".into(), schema.clone())]);
    let mut nested = Vec::new();
    for _ in 0..2_000 {
        nested = snapshot(&schema, &bytes(&nested));
    }
    let start = Instant::now();
    let whole = Snapshot::from_bytes("nested", nested).unwrap();
    let found = whole.identify(&schemas).unwrap();
    let mut items = Vec::new();
    whole
        .walk(found, &mut |item| items.push((item.offset, item.len)))
        .unwrap();
    assert_eq!(items.len(), 8 + 1 + 8, "eight headers, bytes, and eight checksums");
    let end = items.iter().fold(24, |end, (offset, len)| {
        assert_eq!(*offset, end);
        end + len
    });
    assert_eq!(end, whole.summed_len());
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn every_damaged_byte_within_is_found_and_no_byte_is_left_out() {
    let of = json!({ "kind": "seq", "of": { "kind": "uint", "bits": 8 }, "max": 300 });
    let fields = [field("a", &of), field("b", &json!({ "kind": "bool" }))];
    let schema = read(&table(&[mirror("A", 1, &fields)])).unwrap();
    let schemas = Folder::of(vec![("a.json".into(), schema.clone())]);
    let payload = |content: &[u8]| [bytes(content), vec![1]].concat();
    let within = snapshot(&schema, &payload(b"hello"));
    for position in 0..within.len() {
        for content in [
            within[..position].to_vec(),
            [&within[..position], &[within[position] ^ 0x41], &within[position + 1..]].concat(),
            [&within[..], &vec![0; position]].concat(),
        ] {
            let outer = payload(&content);
            let (mut end, mut is_damaged, mut is_known) = (24, false, false);
            let root = schema.mirror("A").unwrap();
            let walked = walk(&schema, root, 0, &outer, 24, &schemas, &mut |item| {
                assert_eq!(item.offset, end);
                end += item.len;
                is_damaged |= matches!(item.value, Read::Unread(_));
                is_known |= matches!(item.value, Read::Snapshot(_));
            });
            assert_eq!((walked, end), (Ok(()), 24 + outer.len()), "the walk goes on behind it");
            assert_eq!(is_known && !is_damaged, content == within);
        }
    }
}

#[test]
fn a_payload_of_a_million_bytes() {
    let none = Folder::default();
    let empty = json!({ "kind": "array", "of": { "kind": "tuple", "of": [] }, "len": u64::MAX });
    let options = (0..16).fold(json!({ "kind": "bool" }), |of, _| json!({ "kind": "option", "of": of }));
    let nest =
        |of: Value| json!({ "kind": "seq", "of": { "kind": "seq", "of": of, "max": u64::MAX }, "max": u64::MAX });
    for ty in [
        nest(empty.clone()),
        nest(options),
        nest(json!({ "kind": "str", "max": u64::MAX })),
        empty,
    ] {
        let dead: Vec<Value> = (0..1_000)
            .map(|number| json!({ "name": format!("f{number}"), "start": 1, "end": 2, "ignorable": false, "type": ty }))
            .collect();
        let fields: Vec<Value> = dead.into_iter().chain([field("last", &ty)]).collect();
        let of_mirrors = json!({ "kind": "seq", "of": named("B"), "max": u64::MAX });
        let schema = read(&table(&[
            mirror("A", 1, &[field("b", &of_mirrors)]),
            mirror("B", 2, &fields),
        ]))
        .unwrap();
        for payload in [vec![0x01; 1_000_000], vec![0x7f; 1_000_000], vec![0xff; 1_000_000], {
            let mut payload = vec![0; 1_000_000];
            // A million elements.
            payload.splice(0..3, [0xc0, 0x84, 0x3d]);
            payload
        }] {
            let start = Instant::now();
            let root = schema.mirror("A").unwrap();
            let mut end = 24;
            let walked = walk(&schema, root, 0, &payload, 24, &none, &mut |item| {
                assert_eq!(item.offset, end);
                end += item.len;
            });
            assert!(end <= 24 + payload.len());
            assert!(walked.is_ok() || walked.is_err_and(|stopped| stopped.offset <= 24 + payload.len()));
            assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        }
    }
}
