//! `devstate peek`, as a user runs it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(open))]
struct LampSer {
    level: u32,
    label: heapless::String<8>,
}

release_table! {
    enum Release { V3 = 3 @ open }
    LampSer => [1],
}

fn snapshot() -> Vec<u8> {
    let lamp = LampSer {
        level: 7,
        label: "hall".try_into().unwrap(),
    };
    let mut memory = buffer!(LampSer);
    Release::save(&lamp, &mut memory).unwrap().to_vec()
}

fn devstate(args: &[&str], input: &[u8], folder: &Path) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_devstate"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

fn peek(bytes: &[u8]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lamp.snapshot"), bytes).unwrap();
    let from_file = devstate(&["peek", "lamp.snapshot"], &[], folder.path());
    let (status, out, errors) = devstate(&["peek", "-"], bytes, folder.path());
    let renamed = |text: String| text.replacen('-', "lamp.snapshot", 1);
    let errors = errors.replace("error: -:", "error: lamp.snapshot:");
    assert_eq!((status, renamed(out), errors), from_file, "a file and a pipe differ");
    from_file
}

#[test]
fn a_whole_snapshot_is_described() {
    let (status, out, errors) = peek(&snapshot());
    assert_eq!((status, errors.as_str()), (0, ""));
    for line in ["release       3\n", "payload       9 bytes\n", ", right\n"] {
        assert!(out.contains(line), "{out}");
    }
}

#[test]
fn damage_is_named() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(Damage, &str); 4] = [
        (|bytes| bytes[30] ^= 1, "WRONG: checksum mismatch"),
        (|bytes| bytes.truncate(40), "WRONG: truncated: 41 bytes needed, 40 left"),
        (|bytes| bytes.truncate(24), "WRONG: truncated: 41 bytes needed, 24 left"),
        (|bytes| bytes.extend([0; 3]), "WRONG: 3 bytes too many (at byte 41)"),
    ];
    for (damage, sentence) in cases {
        let mut bytes = snapshot();
        damage(&mut bytes);
        let (status, out, _) = peek(&bytes);
        assert!(status == 1 && out.contains(sentence), "{sentence}: {status} {out}");
    }
}

#[test]
fn what_is_no_snapshot_gets_a_sentence_and_advice() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "lamp.snapshot: not a snapshot of devstate: empty"),
        (&[0; 64], "zeros"),
        (&[0xff; 64], "erased flash"),
        (b"QEVM\0\0\0\x03and what follows it", "QEMU"),
        (
            b"DEVSTAT\x01\x02\0\x05\0\x02\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11",
            "format 2",
        ),
        (b"some text that is long enough", "not a snapshot: starts with"),
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
    std::fs::write(folder.path().join("good"), snapshot()).unwrap();
    let (status, out, _) = devstate(&["peek", "--json", "good", "missing", "good"], &[], folder.path());
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(status, 2);
    assert_eq!(
        lines
            .iter()
            .map(|line| line["ok"].as_bool().unwrap())
            .collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(lines[0]["payload_len"], 9);
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .starts_with("missing: cannot read it")
    );
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("huge")).unwrap();
    (&file).write_all(&snapshot()).unwrap();
    // A hole.
    file.set_len(1 << 40).unwrap();
    let (status, out, _) = devstate(&["peek", "huge"], &[], folder.path());
    assert!(
        status == 1 && out.contains("1099511627735 bytes too many"),
        "{status} {out}"
    );
}
