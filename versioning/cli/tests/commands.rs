//! `inspect`, `diff`, `verify` and `schema`, as a user runs them.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of the product"
)]

mod product;

use devstate_golden::Golden;
use devstate_versioning::checksum::{Checksum, Crc64};
use product::{LampSer, Ran, Release, devstate, folder, lamp, schema, snapshot, snapshot_at_v1};
use serde_json::Value;

/// Makes the checksum that of the other bytes.
fn seal(bytes: &mut [u8]) {
    let (summed, trailer) = bytes.split_last_chunk_mut::<8>().unwrap();
    *trailer = Crc64::checksum(summed).to_le_bytes();
}

fn inspect(bytes: &[u8]) -> Ran {
    devstate(&["inspect", "lamp.snapshot"], &[], folder(bytes).path())
}

#[test]
fn inspect_prints_every_field() {
    let Ran { status, out, errors } = inspect(&snapshot(&lamp()));
    assert_eq!((status, errors.as_str()), (0, ""), "{out}");
    let expected = [
        "10 release 3, V3",
        "LampSer version 1, by schemas/lamp.json",
        "24 0468616c6c label str<40> \"hall\"",
        "29 02 bulbs seq<BulbSer,4> 2 elements",
        "30 07 bulbs[0].level u8 0x07",
        "31 2c010000 bulbs[0].hours u32 300 h",
        "35 ff bulbs[1].level u8 0xff (255)",
        "40 01 mode ModeSer Timer",
        "41 ffffffffffffffff mode.Timer.seconds u64 18446744073709551615 s",
        "49 01 mode.Timer.repeat bool true",
        "50 01 offset option<i64> some",
        "51 fbffffffffffffff offset i64 -5",
        "59 0568656c6c6f rx seq<u8,16> [68 65 6c 6c 6f] \"hello\"",
        "65 01 pair.0 bool true",
        "66 0100 pair.1[0] u16 0x0001",
        "68 ffff pair.1[1] u16 0xffff (65535)",
    ];
    let lines: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "{line}\n{}", lines.join("\n"));
    }
    assert!(out.contains("checksum 0x") && out.contains(", right"), "{out}");
}

#[test]
fn inspect_reads_an_older_release() {
    let Ran { status, out, .. } = inspect(&snapshot_at_v1(&lamp()));
    assert!(
        status == 0 && out.contains("release       1, V1") && !out.contains("hours"),
        "{out}"
    );
}

#[test]
fn inspect_shows_damage_where_it_is() {
    let mut bytes = snapshot(&lamp());
    bytes[40] = 9;
    let Ran { status, out, .. } = inspect(&bytes);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("bulbs[1].hours") && !out.contains("offset"), "{out}");
    for line in [
        "    40  mode: found 0x9, expected the tag of a variant of this version (at byte 40)\n",
        "the last 30 bytes of the payload were not read",
        "checksum mismatch",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    bytes.truncate(45);
    let Ran { status, out, .. } = inspect(&bytes);
    assert!(
        status == 1 && out.contains("truncated: 78 bytes needed, 45 left"),
        "{out}"
    );
}

#[test]
fn each_kind_of_stranger_gets_its_sentence() {
    let header = |release: u16, fingerprint: u8| {
        let mut bytes = snapshot(&lamp());
        bytes[10..12].copy_from_slice(&release.to_le_bytes());
        bytes[16] ^= fingerprint;
        seal(&mut bytes);
        bytes
    };
    let mut damaged = snapshot(&lamp());
    damaged[10] = 9;
    for (bytes, sentence) in [
        (
            header(4, 0),
            "written by release 4, and the newest release of all schemas is 3",
        ),
        (
            header(2, 0),
            "written by release 2, which no schema has (the newest one has 3)",
        ),
        (
            header(3, 1),
            "the snapshot is of another product, or of a build that was never published",
        ),
        (damaged, "and it is damaged: checksum mismatch"),
        (b"QEVM".to_vec(), "QEMU"),
        (Vec::new(), "not a snapshot of devstate: empty"),
    ] {
        let Ran { status, out, errors } = inspect(&bytes);
        assert_eq!((status, out.as_str()), (2, ""), "{errors}");
        assert!(
            errors.starts_with("error: lamp.snapshot: ") && errors.contains(sentence),
            "{errors}"
        );
        assert!(errors.contains("\n help: "), "{errors}");
    }
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("lamp.snapshot"), snapshot(&lamp())).unwrap();
    let Ran { status, errors, .. } = devstate(&["inspect", "lamp.snapshot"], &[], empty.path());
    assert!(status == 2 && errors.contains("add --schema FOLDER"), "{errors}");
}

#[test]
fn inspect_as_json_has_all_of_it() {
    let folder = folder(&snapshot(&lamp()));
    let Ran { status, out, .. } = devstate(&["inspect", "lamp.snapshot", "--json"], &[], folder.path());
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (status, &json["ok"], &json["header"]["release_name"]),
        (0, &true.into(), &"V3".into())
    );
    let field = |path: &str| {
        let fields = json["fields"].as_array().unwrap();
        fields
            .iter()
            .rfind(|field| field["path"] == path)
            .unwrap_or_else(|| panic!("{path}"))
            .clone()
    };
    assert_eq!(field("label")["value"], "hall");
    assert_eq!(field("bulbs[0].hours")["value"], 300);
    assert_eq!(field("bulbs[0].hours")["bytes"], "2c010000");
    // Most parsers would round it.
    assert_eq!(field("mode.Timer.seconds")["value"], "18446744073709551615");
    assert_eq!(field("offset")["value"], -5);
}

/// The unit of `offset` is by hand, as in a file from before the library wrote units.
#[test]
fn units_of_the_schema_are_shown() {
    let folder = folder(&snapshot(&lamp()));
    let by_hand = schema().replace(r#"{"name": "offset", "#, r#"{"name": "offset", "unit": "min", "#);
    std::fs::write(folder.path().join("schemas/lamp.json"), by_hand).unwrap();
    let Ran { out, .. } = devstate(&["inspect", "lamp.snapshot"], &[], folder.path());
    assert!(out.contains(" 18446744073709551615 s\n"), "{out}");
    assert!(out.contains(" -5 min\n") && out.contains(" some\n"), "{out}");
    let Ran { out, .. } = devstate(&["inspect", "lamp.snapshot", "--json"], &[], folder.path());
    assert!(out.contains(r#""unit": "h""#), "{out}");
    devstate(&["inspect", "lamp.snapshot", "--html", "page.html"], &[], folder.path());
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("300 h<"), "{page}");
    let Ran { out, .. } = devstate(&["schema", "show", "schemas/lamp.json"], &[], folder.path());
    assert!(out.contains("in h\n"), "{out}");
}

#[test]
fn diff_prints_what_changed() {
    let folder = folder(&snapshot(&lamp()));
    let mut other = lamp();
    other.bulbs.pop();
    other.bulbs[0].level = 8;
    other.offset = None;
    std::fs::write(folder.path().join("other"), snapshot(&other)).unwrap();
    let args = ["diff", "lamp.snapshot", "other"];
    let Ran { status, out, errors } = devstate(&args, &[], folder.path());
    assert_eq!((status, errors.as_str()), (1, ""));
    let expected = "\
bulbs
  - 2 elements
  + 1 element
bulbs[0].level
  - 0x07
  + 0x08
bulbs[1].level
  - 0xff (255)
bulbs[1].hours
  - 0 h
offset
  - some
  + none
offset
  - -5
";
    assert_eq!(out, expected);
    let Ran { out, .. } = devstate(&[&args[..], &["--json"]].concat(), &[], folder.path());
    let json: Value = serde_json::from_str(&out).unwrap();
    let paths: Vec<&str> = json["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "bulbs",
            "bulbs[0].level",
            "bulbs[1].level",
            "bulbs[1].hours",
            "offset",
            "offset"
        ]
    );

    let Ran { status, out, .. } = devstate(&["diff", "lamp.snapshot", "lamp.snapshot"], &[], folder.path());
    assert_eq!((status, out.as_str()), (0, "nothing differs\n"));
}

#[test]
fn diff_compares_releases() {
    let folder = folder(&snapshot(&lamp()));
    std::fs::write(folder.path().join("old"), snapshot_at_v1(&lamp())).unwrap();
    let Ran { status, out, .. } = devstate(&["diff", "old", "lamp.snapshot"], &[], folder.path());
    let expected = "release\n  - 1, V1\n  + 3, V3\nbulbs[0].hours\n  + 300 h\nbulbs[1].hours\n  + 0 h\n";
    assert_eq!((status, out.as_str()), (1, expected));
}

#[test]
fn verify_lists_the_bad_ones_of_a_thousand() {
    let folder = folder(&snapshot(&lamp()));
    let machines = folder.path().join("machines/a/b");
    std::fs::create_dir_all(&machines).unwrap();
    for number in 0..1000 {
        let mut bytes = snapshot(&lamp());
        match number {
            17 => bytes[30] ^= 1,
            // The value is no bool, and the checksum is right: only the schema shows it.
            18 => {
                bytes[65] = 2;
                seal(&mut bytes);
            }
            _ => {}
        }
        std::fs::write(machines.join(format!("{number:04}")), bytes).unwrap();
    }
    std::fs::write(machines.join("notes.txt"), "not a snapshot").unwrap();
    let verify = |args: &[&str]| devstate(&[&["verify", "machines"], args].concat(), &[], folder.path());
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let Ran { status, out, errors } = devstate(&["verify", "empty"], &[], folder.path());
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(errors.starts_with("error: empty: no file is there"), "{errors}");

    let Ran { status, out, .. } = verify(&[]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(status, 1);
    assert!(
        lines[0].starts_with("bad  machines/a/b/0017: checksum mismatch"),
        "{out}"
    );
    assert!(
        lines[1].starts_with("bad  machines/a/b/0018: pair.0: found 0x2, expected a bool"),
        "{out}"
    );
    assert!(lines[2].starts_with("bad  machines/a/b/notes.txt: truncated"), "{out}");
    assert_eq!(lines[3], "998 good, 3 bad");

    let Ran { out, .. } = verify(&["--ignore-others", "--json"]);
    assert_eq!(out.lines().count(), 2, "{out}");
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(first["file"], "machines/a/b/0017");

    // Without a schema, whatever is written as the checksum says is good.
    std::fs::rename(folder.path().join("schemas"), folder.path().join("elsewhere")).unwrap();
    let Ran { out, .. } = verify(&["--ignore-others"]);
    let last = "999 good, 1 bad, 1 left out (values are checked with --schema only)";
    assert_eq!(out.lines().last(), Some(last));
}

#[test]
fn schema_commands_have_a_status_for_ci() {
    let folder = folder(&[]);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let schema = |args: &[&str]| devstate(&[&["schema"], args].concat(), &[], folder.path());
    let published = self::schema().replace("\"published\": false", "\"published\": true");
    write("old.json", &published);
    let Ran { status, out, .. } = schema(&["check", "old.json", "old.json"]);
    assert_eq!(
        (status, out.as_str()),
        (0, "compatible: old.json reads every release that old.json published\n")
    );
    let Ran { status, out, .. } = schema(&["check", "old.json"]);
    assert_eq!(
        (status, out.as_str()),
        (0, "right: all fingerprints of old.json follow from its fields\n")
    );

    // An open release may change, and is not part of what was checked.
    write("open.json", &self::schema());
    write(
        "other.json",
        &self::schema().replacen("\"bits\": 32", "\"bits\": 16", 1),
    );
    let Ran { status, out, .. } = schema(&["diff", "open.json", "other.json"]);
    let expected = "allowed      BulbSer version 2: `hours` has another width: u32 before, u16 now (no published release has this version)\n";
    assert_eq!((status, out.as_str()), (0, expected));
    let Ran { status, out, .. } = schema(&["check", "open.json", "open.json"]);
    let expected = "compatible: open.json reads every release that open.json published; release V3 is open in open.json and may change\n";
    assert_eq!((status, out.as_str()), (0, expected));

    // A type that changed.
    write("breaks.json", &published.replacen("\"bits\": 32", "\"bits\": 16", 1));
    let Ran { status, out, .. } = schema(&["check", "old.json", "breaks.json"]);
    assert_eq!(status, 1);
    assert!(
        out.contains("BREAKS       BulbSer version 2: `hours` has another width: u32 before, u16 now"),
        "{out}"
    );
    assert!(out.contains("follows from the fields"), "{out}");

    // A field that came without a new version.
    let field = r#"{"name": "colour", "start": 1, "end": null, "ignorable": false, "type": {"kind": "bool"}}, {"name": "level""#;
    write("bump.json", &published.replacen(r#"{"name": "level""#, field, 1));
    let Ran { status, out, .. } = schema(&["diff", "old.json", "bump.json"]);
    assert_eq!(status, 3, "{out}");
    assert!(
        out.contains("NEEDS A BUMP BulbSer version 1: `colour` was added without a new version"),
        "{out}"
    );

    let Ran { status, out, .. } = schema(&["show", "old.json"]);
    assert!(
        status == 0 && out.contains("LampSer, latest version 1, at most") && out.contains("hours"),
        "{out}"
    );
    write("bad.json", r#"{"releases": [], "mirrors": [], "more": 1}"#);
    let Ran { status, errors, .. } = schema(&["show", "bad.json"]);
    assert!(
        status == 2 && errors.contains("bad.json: no schema: unknown field `more`") && errors.contains("help: "),
        "{errors}"
    );
}

#[test]
fn colours_are_for_terminals() {
    let folder = folder(&snapshot(&lamp()));
    std::fs::write(folder.path().join("old"), snapshot_at_v1(&lamp())).unwrap();
    let args = ["diff", "old", "lamp.snapshot"];
    let coloured = std::process::Command::new(env!("CARGO_BIN_EXE_devstate"))
        .args(args)
        .current_dir(folder.path())
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    let coloured = String::from_utf8(coloured.stdout).unwrap();
    assert!(coloured.contains("\u{1b}[32m+ 3, V3"), "{coloured:?}");
    let Ran { out, .. } = devstate(&args, &[], folder.path());
    assert!(!out.contains('\u{1b}'));
}

#[test]
fn every_command_has_a_manual_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let Ran { status, errors, .. } = devstate(&["man", "pages"], &[], folder.path());
    assert_eq!(status, 0, "{errors}");
    for page in [
        "devstate",
        "devstate-peek",
        "devstate-inspect",
        "devstate-diff",
        "devstate-verify",
        "devstate-schema-check",
    ] {
        let text = std::fs::read_to_string(folder.path().join(format!("pages/{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
        for named in text
            .lines()
            .filter(|line| line.starts_with("devstate") && line.ends_with("(1)"))
        {
            let named = named.replace('\\', "").replace("(1)", ".1");
            assert!(
                folder.path().join("pages").join(&named).exists(),
                "{page} names {named}"
            );
        }
    }
    for shell in ["bash", "zsh", "fish"] {
        let Ran { status, out, .. } = devstate(&["completions", shell], &[], folder.path());
        assert!(status == 0 && out.contains("ignore-others"), "{shell}: {out}");
    }
}

#[test]
fn each_help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["peek", "inspect", "diff", "verify", "man", "completions"] {
        let Ran { status, out, .. } = devstate(&[command, "--help"], &[], folder.path());
        assert!(status == 0 && out.contains("Example"), "{command}: {out}");
    }
}

#[test]
fn golden_checks_frozen_files_by_the_schema() {
    let folder = folder(&[]);
    let golden = Golden::<Release>::new(folder.path().join("golden")).adding(true);
    golden.check::<LampSer>().unwrap();
    golden.check::<product::BulbSer>().unwrap();
    let check = || devstate(&["golden", "golden"], &[], folder.path());
    let Ran { status, out, .. } = check();
    let missing = "missing  golden/V1/ModeSer.hex\n30 snapshots right; files: 2 right, 0 bad, 1 missing\n";
    assert_eq!((status, out.as_str()), (1, missing));
    golden.check::<product::ModeSer>().unwrap();
    let Ran { status, out, .. } = check();
    assert_eq!(
        (status, out.as_str()),
        (0, "45 snapshots right; files: 3 right, 0 bad, 0 missing\n")
    );

    let file = folder.path().join("golden/V1/LampSer.hex");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("44 45 56", "44 45 57", 1)).unwrap();
    let Ran { status, out, .. } = check();
    assert!(
        status == 1 && out.starts_with("bad  golden/V1/LampSer.hex: default: not a snapshot"),
        "{out}"
    );
}

#[test]
fn verify_takes_standard_input_with_a_schema_too() {
    let bytes = snapshot(&lamp());
    let Ran { status, out, errors } = devstate(&["verify", "-", "--schema", "schemas"], &bytes, folder(&bytes).path());
    assert_eq!((status, out.as_str(), errors.as_str()), (0, "1 good, 0 bad\n", ""));
}

#[test]
fn an_error_that_cannot_be_printed_is_no_panic() {
    let folder = folder(&snapshot(&lamp()));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_devstate"));
    let status = command
        .args(["peek", "missing"])
        .current_dir(&folder)
        .stderr(full)
        .status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[test]
fn a_page_does_not_replace_what_it_is_made_of() {
    let bytes = snapshot(&lamp());
    let folder = folder(&bytes);
    for out in ["lamp.snapshot", "./schemas/../lamp.snapshot", "schemas/lamp.json"] {
        let Ran { status, errors, .. } = devstate(&["inspect", "lamp.snapshot", "--html", out], &[], folder.path());
        let expected = format!(
            "error: {out}: the page of `devstate inspect` would replace what it is made of\n help: give another \
                                name\n"
        );
        assert_eq!((status, errors.as_str()), (2, expected.as_str()));
    }
    assert_eq!(std::fs::read(folder.path().join("lamp.snapshot")).unwrap(), bytes);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("schemas/lamp.json")).unwrap(),
        schema()
    );
}

#[test]
fn a_page_replaces_a_page_and_nothing_else() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(&snapshot(&lamp()));
    let path = |name: &str| folder.path().join(name);
    let inspect = |out: &str| devstate(&["inspect", "lamp.snapshot", "--html", out], &[], folder.path());
    std::fs::write(path("empty.html"), "").unwrap();
    symlink("page.html", path("link.html")).unwrap();
    for out in ["page.html", "page.html", "empty.html", "link.html"] {
        let Ran { status, errors, .. } = inspect(out);
        assert_eq!((status, errors.as_str()), (0, ""), "{out}");
        assert!(
            std::fs::read_to_string(path(out)).unwrap().ends_with("</html>\n"),
            "{out}"
        );
    }
    assert!(path("link.html").is_symlink(), "the link is gone");
    std::fs::set_permissions(path("page.html"), std::fs::Permissions::from_mode(0o604)).unwrap();
    assert_eq!(inspect("page.html").status, 0);
    let mode = std::fs::metadata(path("page.html")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o604);

    for (out, text) in [
        ("notes.txt", "precious"),
        ("own.html", "<!DOCTYPE html>\n<html lang=\"en\">\n"),
    ] {
        std::fs::write(path(out), text).unwrap();
        let Ran { status, errors, .. } = inspect(out);
        let expected = format!(
            "error: {out}: another file has this name, and it is not a page of `devstate inspect`\n help: give \
             another name, or delete it first\n"
        );
        assert_eq!((status, errors.as_str()), (2, expected.as_str()));
        assert_eq!(std::fs::read_to_string(path(out)).unwrap(), text);
    }
    assert!(
        inspect("schemas")
            .errors
            .starts_with("error: schemas: cannot write it: ")
    );
    let piped = inspect("/dev/stdout");
    assert!(
        piped.status == 0 && piped.out.starts_with("<!DOCTYPE html>"),
        "{}",
        piped.errors
    );
    let left = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    assert!(
        left.into_iter()
            .all(|path| path.extension().is_none_or(|end| end != "part"))
    );
}

/// A pipe would never end, and neither would `/dev/zero`.
#[test]
fn entries_of_a_folder_that_are_no_files_are_not_read() {
    let folder = folder(&snapshot(&lamp()));
    let link = |to: &str| std::os::unix::fs::symlink("/dev/null", folder.path().join(to)).unwrap();
    std::fs::create_dir_all(folder.path().join("golden/V1")).unwrap();
    link("golden/V1/LampSer.hex");
    let Ran { out, .. } = devstate(&["golden", "golden"], &[], folder.path());
    let expected = "bad  golden/V1/LampSer.hex: cannot read it: it is not a regular file\n";
    assert!(out.contains(expected), "{out}");
    link("schemas/null.json");
    let Ran { status, errors, .. } = devstate(&["inspect", "lamp.snapshot"], &[], folder.path());
    let expected = "error: schemas/null.json: cannot read it: it is not a regular file\n";
    assert!(status == 2 && errors.starts_with(expected), "{errors}");
}
