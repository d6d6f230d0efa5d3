//! `devstate peek`, as a user runs it.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of the product"
)]
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

mod product;

use std::io::Write;

use devstate_versioning::{Architecture, Options, ReleaseTable, buffer};
use product::{LampSer, Ran, Release, devstate, lamp, snapshot};

fn peek(bytes: &[u8]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lamp.snapshot"), bytes).unwrap();
    let from_file = devstate(&["peek", "lamp.snapshot"], &[], folder.path());
    let from_pipe = devstate(&["peek", "-"], bytes, folder.path());
    let renamed = (
        from_pipe.status,
        from_pipe.out.replacen('-', "lamp.snapshot", 1),
        from_pipe.errors.replace("error: -:", "error: lamp.snapshot:"),
    );
    let Ran { status, out, errors } = from_file;
    assert_eq!(
        renamed,
        (status, out.clone(), errors.clone()),
        "a file and a pipe differ"
    );
    (status, out, errors)
}

#[test]
fn a_whole_snapshot_is_described() {
    let (status, out, errors) = peek(&snapshot(&lamp()));
    assert_eq!((status, errors.as_str()), (0, ""));
    for line in ["release       3\n", "payload       46 bytes\n", ", right\n"] {
        assert!(out.contains(line), "{out}");
    }
}

#[test]
fn damage_is_named() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(Damage, &str); 4] = [
        (|bytes| bytes[30] ^= 1, "WRONG: checksum mismatch"),
        (|bytes| bytes.truncate(77), "WRONG: truncated: 78 bytes needed, 77 left"),
        (|bytes| bytes.truncate(24), "WRONG: truncated: 78 bytes needed, 24 left"),
        (|bytes| bytes.extend([0; 3]), "WRONG: 3 bytes too many (at byte 78)"),
    ];
    for (damage, sentence) in cases {
        let mut bytes = snapshot(&lamp());
        damage(&mut bytes);
        let (status, out, _) = peek(&bytes);
        assert!(status == 1 && out.contains(sentence), "{sentence}: {status} {out}");
    }
}

#[test]
fn a_file_of_another_kind_gets_a_message_and_advice() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "lamp.snapshot: not a snapshot of devstate: empty"),
        (&[0; 64], "zeros"),
        (&[0xff; 64], "erased flash"),
        (b"QEVM\0\0\0\x03and what follows it", "QEMU"),
        (
            b"DEVSTAT\x01\x02\0\x05\0\x02\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11",
            "format 2",
        ),
        (
            b"some text that is long enough",
            "not a snapshot: starts with 0x736f6d65207465",
        ),
    ];
    for (bytes, sentence) in cases {
        let (status, out, errors) = peek(bytes);
        assert!(status == 2 && out.is_empty(), "{sentence}: {status} {out}");
        assert!(
            errors.contains(sentence) && errors.contains("help: "),
            "{sentence}: {errors}"
        );
    }
}

#[test]
fn each_file_gets_a_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good"), snapshot(&lamp())).unwrap();
    let Ran { status, out, .. } = devstate(&["peek", "--json", "good", "missing", "good"], &[], folder.path());
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(status, 2);
    assert_eq!(
        lines
            .iter()
            .map(|line| line["ok"].as_bool().unwrap())
            .collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(lines[0]["payload_len"], 46);
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .starts_with("cannot read it: No such file")
    );
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("huge")).unwrap();
    (&file).write_all(&snapshot(&lamp())).unwrap();
    // A hole.
    file.set_len(1 << 40).unwrap();
    let Ran { status, out, .. } = devstate(&["peek", "huge"], &[], folder.path());
    assert!(
        status == 1 && out.contains("1099511627698 bytes too many"),
        "{status} {out}"
    );
}

#[test]
fn the_readme_shows_what_it_prints() {
    let mut memory = buffer!(LampSer);
    let any: Options = Options::new(Architecture::Any);
    let snapshot = Release::latest(&lamp()).with_options(any).save(&mut memory).unwrap();
    let (status, out, _) = peek(snapshot);
    assert_eq!(status, 0);
    let readme = include_str!("../README.md");
    assert!(
        readme.contains(&format!("$ devstate peek lamp.snapshot\n{out}```")),
        "{out}"
    );
}
