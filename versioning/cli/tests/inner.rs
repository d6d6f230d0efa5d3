//! Snapshots within a snapshot: shown below their field where their schema is known, in every output.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests say what they expect by panicking"
)]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of the product"
)]

mod product;

use std::fs;

use devstate_cli::schema::{Schema, diff};
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::Json;
use devstate_versioning::{Inner, ReleaseTable, Versioned, buffer, release_table};
use product::{LampSer, Ran, Release, devstate, folder, lamp, snapshot};
use serde_json::Value;

/// A product that carries lamps: one that it knows, and one as bytes.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open), parts(open))]
pub struct RackSer {
    pub slot: u8,
    #[versioned(inner = [3])]
    pub lamp: Inner<Release, LampSer, 200>,
    pub spare: Option<heapless::Vec<u8, 200>>,
    pub end: u16,
}

release_table! {
    pub enum Rack { V1 = 1 @ open }
    RackSer => [1],
}

fn rack(lamp: LampSer) -> Vec<u8> {
    let rack = RackSer {
        slot: 9,
        spare: Some(snapshot(&lamp).into_iter().collect()),
        lamp: Inner::new(lamp),
        end: 7,
    };
    let mut memory = buffer!(RackSer);
    Rack::save(&rack, &mut memory).unwrap().to_vec()
}

/// Writes a changed snapshot with the right checksum, so that only what is within is damaged.
fn resealed(mut snapshot: Vec<u8>) -> Vec<u8> {
    let end = snapshot.len() - 8;
    let checksum = Crc64::checksum(&snapshot[..end]).to_le_bytes();
    snapshot[end..].copy_from_slice(&checksum);
    snapshot
}

/// Runs a command in a folder with `a.snapshot`, `b.snapshot` and both schemas.
fn run(args: &[&str], a: &[u8], b: &[u8]) -> Ran {
    let folder = folder(&[]);
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.snapshot"), a).unwrap();
    fs::write(path("b.snapshot"), b).unwrap();
    fs::write(path("schemas/rack.json"), Json::<Rack>::new().to_string()).unwrap();
    devstate(args, &[], folder.path())
}

fn json(a: &[u8]) -> Value {
    let ran = run(&["inspect", "a.snapshot", "--json"], a, a);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.errors))
}

/// The fields of a JSON report: path, offset and length.
fn fields(report: &Value) -> Vec<(String, u64, u64)> {
    let fields = report["fields"].as_array().unwrap().iter();
    fields
        .map(|field| {
            let number = |name: &str| field[name].as_u64().unwrap();
            (
                field["path"].as_str().unwrap().to_owned(),
                number("offset"),
                number("len"),
            )
        })
        .collect()
}

#[test]
fn the_fields_within_stand_below_the_field() {
    let Ran { status, out, errors } = run(&["inspect", "a.snapshot"], &rack(lamp()), &[]);
    assert_eq!((status, errors.as_str()), (0, ""), "{out}");
    let lines: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "24 09 slot u8 0x09",
        "50 0468616c6c lamp.label str<40> \"hall\"",
        "56 07 lamp.bulbs[0].level u8 0x07",
        "67 ffffffffffffffff lamp.mode.Timer.seconds u64 18446744073709551615 s",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}\n{}", lines.join("\n"));
    }
    for part in [
        "lamp seq<u8,200> snapshot of release 3, V3: LampSer version 1, any architecture, 46 bytes of payload, fingerprint 0x",
        "lamp seq<u8,200> checksum 0x",
        "spare.pair.1[1] u16 0xffff (65535)",
        "end u16 0x0007",
    ] {
        assert!(
            lines.iter().any(|found| found.contains(part)),
            "{part}\n{}",
            lines.join("\n")
        );
    }
}

#[test]
fn json_has_the_items_that_the_library_finds() {
    let bytes = rack(lamp());
    let report = json(&bytes);
    assert_eq!(report["ok"], true);
    let mut expected = Vec::new();
    PayloadSchema::of::<Rack, RackSer>(Rack::V1)
        .walk(&bytes[24..bytes.len() - 8], 24, &mut |item| {
            expected.push((item.path.to_string(), item.offset as u64, item.len as u64));
        })
        .unwrap();
    let found = fields(&report);
    let known = |field: &&(String, u64, u64)| !field.0.starts_with("spare");
    assert_eq!(
        found.iter().filter(known).collect::<Vec<_>>(),
        expected.iter().filter(known).collect::<Vec<_>>()
    );
    let header = &report["fields"][1]["value"];
    assert_eq!(header["header"]["release_name"], "V3");
    assert_eq!(header["root"]["name"], "LampSer");
    let end = found.iter().fold(24, |end, (path, offset, len)| {
        assert_eq!(*offset, end, "{path}");
        end + len
    });
    assert_eq!(end, bytes.len() as u64 - 8);
}

#[test]
fn the_page_has_the_fields_within() {
    let folder = folder(&rack(lamp()));
    fs::write(folder.path().join("schemas/rack.json"), Json::<Rack>::new().to_string()).unwrap();
    let ran = devstate(&["inspect", "lamp.snapshot", "--html", "rack.html"], &[], folder.path());
    assert_eq!((ran.status, ran.errors.as_str()), (0, ""));
    let page = fs::read_to_string(folder.path().join("rack.html")).unwrap();
    for part in ["&quot;hall&quot;", "snapshot of release 3, V3: LampSer", "hours"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn without_its_schema_it_is_bytes() {
    let folder = folder(&rack(lamp()));
    fs::write(folder.path().join("schemas/lamp.json"), Json::<Rack>::new().to_string()).unwrap();
    let ran = devstate(&["inspect", "lamp.snapshot"], &[], folder.path());
    assert_eq!((ran.status, ran.errors.as_str()), (0, ""));
    assert!(
        !ran.out.contains("hall\"") && ran.out.contains("[44 45 56 53 54 41 54"),
        "{}",
        ran.out
    );
}

#[test]
fn damage_of_an_inner_snapshot_is_shown_at_its_place() {
    let mut bytes = rack(lamp());
    // The tag of the mode.
    let offset = json(&bytes)["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["path"] == "lamp.mode")
        .unwrap()["offset"]
        .as_u64()
        .unwrap();
    bytes[usize::try_from(offset).unwrap()] = 9;
    let bytes = resealed(bytes);
    let place = format!("found 0x9, expected a tag of a variant (at byte {offset})");
    let Ran { status, out, .. } = run(&["inspect", "a.snapshot"], &bytes, &[]);
    assert_eq!(status, 1, "{out}");
    let lines: Vec<&str> = out.lines().filter(|line| line.contains("(at byte")).collect();
    assert!(lines[0].contains("lamp.mode") && lines[0].contains("(at byte"), "{out}");
    assert!(lines[1].contains("checksum mismatch"), "{out}");
    assert!(
        out.contains("spare.pair.1[1]") && out.contains("0x0007"),
        "what is behind it is shown: {out}"
    );
    let report = json(&bytes);
    assert_eq!(
        (&report["ok"], report["damage"].as_array().unwrap().len()),
        (&Value::Bool(false), 2)
    );
    assert_eq!(report["damage"][0]["path"], "lamp.mode");
    assert_eq!(report["damage"][0]["offset"].as_u64(), Some(offset));
    let ran = run(&["verify", "a.snapshot"], &bytes, &[]);
    assert!(
        ran.status == 1 && ran.out.contains("lamp.mode: "),
        "{}\n{place}",
        ran.out
    );
    let ran = run(&["diff", "a.snapshot", "b.snapshot"], &bytes, &bytes);
    assert!(ran.status == 1 && ran.errors.contains("lamp.mode: "), "{}", ran.errors);
    let ran = run(&["inspect", "a.snapshot", "--html", "page.html"], &bytes, &[]);
    assert_eq!(ran.status, 1);
}

#[test]
fn two_snapshots_differ_in_the_field_within() {
    let mut other = lamp();
    other.bulbs[0].level = 8;
    let ran = run(&["diff", "a.snapshot", "b.snapshot"], &rack(lamp()), &rack(other));
    assert_eq!(ran.status, 1);
    let expected = "lamp.bulbs[0].level\n  - 0x07\n  + 0x08\nspare.bulbs[0].level\n  - 0x07\n  + 0x08\n";
    assert_eq!(ran.out, expected);
    let ran = run(&["diff", "a.snapshot", "b.snapshot"], &rack(lamp()), &rack(lamp()));
    assert_eq!((ran.status, ran.out.as_str()), (0, "nothing differs\n"));
}

#[test]
fn a_published_version_keeps_the_release_of_its_inner_snapshot() {
    let published = Json::<Rack>::new()
        .to_string()
        .replace("\"published\": false", "\"published\": true");
    let other = published.replace("\"inner\": [3]", "\"inner\": [1]");
    assert_ne!(published, other);
    let [published, other] = [published, other].map(|json| Schema::from_json(json.as_bytes()).unwrap());
    let changes: Vec<String> = diff(&published, &other).iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        ["BREAKS       RackSer version 1: what is in `lamp` has release 1, release 3 before"]
    );
}
