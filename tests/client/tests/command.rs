//! The command `devstate` on this product's snapshots. It has nothing of the product but the folder `schemas`.

use std::fs;
use std::path::Path;
use std::process::Command;

use client::Release;
use client::board::BoardSer;
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;
use devstate_versioning::schema::Json;
use devstate_versioning::{ReleaseTable, buffer};

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");

/// Runs `devstate` in a folder, and returns its status and all that it printed.
fn devstate(args: &[&str], folder: &Path) -> (i32, String) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "devstate-cli",
            "--manifest-path",
            manifest,
            "--",
        ])
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
}

fn snapshot(uptime: u64) -> Vec<u8> {
    let board = BoardSer::new(&RtcState::RESET, &SerialState::RESET, uptime, 3);
    let mut memory = buffer!(BoardSer);
    Release::save(&board, &mut memory).unwrap().to_vec()
}

/// The recipe "Publish a release": the file is written once for each release, and committed.
#[test]
fn the_schema_of_the_next_release_is_the_one_in_the_folder() {
    let file = Path::new(SCHEMAS).join("v2.json");
    let json = Json::<Release>::new().to_string();
    if std::env::var_os("CLIENT_SCHEMA").is_some_and(|value| value == "write") {
        fs::write(&file, &json).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        json,
        "CLIENT_SCHEMA=write cargo test writes it"
    );
}

#[test]
fn five_commands_need_nothing_but_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after, damaged] = ["before", "after", "damaged"].map(|name| folder.path().join(name));
    fs::write(before, snapshot(7)).unwrap();
    fs::write(after, snapshot(8)).unwrap();
    let mut bytes = snapshot(9);
    bytes[40] ^= 1;
    fs::write(damaged, bytes).unwrap();
    let run = |args: &[&str]| devstate(args, folder.path());

    let (status, out) = run(&["peek", "before"]);
    assert!(status == 0 && out.contains("release       2\n"), "{out}");

    let (status, out) = run(&["inspect", "before", "--schema", SCHEMAS]);
    assert!(
        status == 0 && out.contains("BoardSer version 2") && out.contains("uptime"),
        "{out}"
    );
    let (status, out) = run(&["inspect", "damaged", "--schema", SCHEMAS, "--json"]);
    assert!(status == 1 && out.contains("checksum mismatch"), "{out}");

    let (status, out) = run(&["diff", "before", "after", "--schema", SCHEMAS]);
    let expected = "uptime\n  - 0x0000000000000007\n  + 0x0000000000000008\n";
    assert_eq!((status, out.as_str()), (1, expected));

    let (status, out) = run(&["verify", ".", "--schema", SCHEMAS]);
    assert!(
        status == 1 && out.contains("./damaged: checksum mismatch") && out.contains("2 good, 1 bad"),
        "{out}"
    );

    let schema = format!("{SCHEMAS}/v2.json");
    let (status, out) = run(&["schema", "check", &schema]);
    assert!(status == 0 && out.starts_with("right: "), "{out}");

    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    let (status, out) = run(&["golden", golden, "--schema", &schema]);
    let expected = "60 snapshots right; files: 4 right, 0 bad, 0 missing\n";
    assert_eq!((status, out.as_str()), (0, expected));

    // Another product's schema does not fit.
    let other =
        r#"{ "releases": [{ "name": "V2", "number": 2, "published": true, "fingerprint": "0x1" }], "mirrors": [] }"#;
    fs::write(folder.path().join("other.json"), other).unwrap();
    let (status, out) = run(&["inspect", "before", "--schema", "other.json"]);
    assert!(
        status == 2 && out.contains("the snapshot is of another product"),
        "{out}"
    );
}
