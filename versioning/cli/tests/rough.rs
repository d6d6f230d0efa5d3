//! What the commands do where files, names and pipes are not as they should be.

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

use std::fs;
use std::path::Path;
use std::process::Command;

use devstate_golden::Golden;
use devstate_versioning::schema::Json;
use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};
use product::{BulbSer, LampSer, Ran, Release, devstate, folder, lamp, snapshot};
use serde_json::Value;

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(open))]
pub struct ChoiceSer {
    pub choice: Option<Option<bool>>,
}

release_table! { pub enum Choices { V1 = 1 @ open } ChoiceSer => [1] }

#[test]
fn a_difference_in_an_option_within_an_option_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, choice| {
        let mut memory = buffer!(ChoiceSer);
        let snapshot = Choices::save(&ChoiceSer { choice }, &mut memory).unwrap();
        fs::write(folder.path().join(name), snapshot).unwrap();
    };
    write("none", None);
    write("some", Some(None));
    fs::write(folder.path().join("schema"), Json::<Choices>::new().to_string()).unwrap();
    let diff = |one, other| devstate(&["diff", one, other, "--schema", "schema"], &[], folder.path());
    let Ran { status, out, .. } = diff("none", "some");
    let expected = "choice\n  - none\n  + some\nchoice\n  + none\n";
    assert_eq!((status, out.as_str()), (1, expected));
    let Ran { status, out, .. } = diff("some", "some");
    assert_eq!((status, out.as_str()), (0, "nothing differs\n"));
}

/// Status 0 would say that all files are good.
#[test]
fn a_closed_pipe_is_no_good_news() {
    let folder = folder(b"no snapshot");
    for args in [
        &["verify", "."][..],
        &["verify", ".", "--json"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_devstate"))
            .args(args)
            .current_dir(&folder)
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(2), vec![]), "{args:?}");
    }
}

/// The path of the lowest folder is longer than the system allows, even for root.
#[test]
fn a_folder_that_cannot_be_read_is_listed_and_the_others_are_checked() {
    let folder = folder(&snapshot(&lamp()));
    let deep = |name: &str| {
        let path: std::path::PathBuf = std::iter::repeat_n(name.repeat(200), 12).collect();
        fs::create_dir_all(folder.path().join(name).join(&path)).unwrap();
        path
    };
    let upper = folder.path().join("a").join(deep("a"));
    deep("b");
    fs::rename(folder.path().join("b"), upper.join("b")).unwrap();
    fs::copy(folder.path().join("lamp.snapshot"), folder.path().join("a/copy")).unwrap();

    let Ran { status, out, errors } = devstate(&["verify", "a"], &[], folder.path());
    assert_eq!((status, errors.as_str()), (1, ""));
    assert!(
        out.starts_with("bad  a/aaa") && out.contains("bbb: cannot read it: File name too long"),
        "{out}"
    );
    assert_eq!(out.lines().last(), Some("1 good, 1 bad"));
}

/// Escaped in the text of every output, and read again as they were.
#[test]
fn json_has_every_character_and_prints_none_that_a_terminal_obeys() {
    let mut lamp = lamp();
    let label = "x\u{7f}y\u{9b}31m\u{202e}größe";
    lamp.label = label.try_into().unwrap();
    let folder = folder(&[]);
    let name = "la\u{202e}mp\n\u{7f}.snapshot";
    fs::write(folder.path().join(name), snapshot(&lamp)).unwrap();
    for (args, file) in [
        (&["inspect", "--json", name][..], "/file"),
        (&["peek", "--json", name], "/file"),
        (&["diff", "--json", name, name], "/old"),
        (&["diff", "--json", name, name], "/damaged/1/file"),
    ] {
        let Ran { status, out, errors } = devstate(args, &[], folder.path());
        assert_eq!((status, errors.as_str()), (0, ""), "{args:?}");
        let is_safe = |c: char| c == '\n' || c == 'ö' || c == 'ß' || c.is_ascii() && !c.is_ascii_control();
        assert!(out.chars().all(is_safe), "{out:?}");
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json.pointer(file).unwrap(), name, "{args:?}");
        if args.first() == Some(&"inspect") {
            assert_eq!(json.pointer("/fields/0/value").unwrap(), label);
        }
    }
    fs::write(folder.path().join(name), "no snapshot").unwrap();
    let Ran { out, .. } = devstate(&["verify", "--json", name], &[], folder.path());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["file"], name);
}

#[test]
fn a_frozen_file_under_another_name_is_bad() {
    let folder = folder(&[]);
    let golden = Golden::<Release>::new(folder.path().join("golden")).adding(true);
    golden.check::<LampSer>().unwrap();
    golden.check::<BulbSer>().unwrap();
    let path = |name: &str| folder.path().join("golden/V1").join(name);
    fs::copy(path("LampSer.hex"), path("ModeSer.hex")).unwrap();
    let Ran { status, out, .. } = devstate(&["golden", "golden"], &[], folder.path());
    let expected = "bad  golden/V1/ModeSer.hex: it has the snapshots of V1/LampSer.hex\n30 snapshots right; \
                    files: 2 right, 1 bad, 0 missing\n";
    assert_eq!((status, out.as_str()), (1, expected));
}

#[test]
fn a_frozen_file_without_end_is_not_read_and_not_printed() {
    let folder = folder(&[]);
    let path = folder.path().join("golden/V1");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("LampSer.hex"), "z".repeat(1 << 20)).unwrap();
    fs::File::create(path.join("ModeSer.hex"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let Ran { status, out, .. } = devstate(&["golden", "golden"], &[], folder.path());
    let lines = [
        format!(
            "bad  golden/V1/LampSer.hex: line 1: `{}` is no byte of a snapshot\n",
            "z".repeat(30)
        ),
        "bad  golden/V1/ModeSer.hex: cannot read it: it is longer than 268435456 bytes\n".to_owned(),
    ];
    assert!(
        status == 1 && out.starts_with(&lines.concat()),
        "{}",
        &out[..out.len().min(500)]
    );
}

#[test]
fn manual_pages_replace_manual_pages_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let man = || devstate(&["man", "pages"], &[], folder.path());
    assert_eq!((man().status, man().status), (0, 0));
    let page = folder.path().join("pages/devstate.1");
    fs::write(&page, "precious").unwrap();
    let Ran { status, errors, .. } = man();
    let expected = "error: pages/devstate.1: another file has this name, and it is not a manual page\n help: give another \
                    name, or delete it first\n";
    assert_eq!((status, errors.as_str()), (2, expected));
    assert_eq!(fs::read_to_string(&page).unwrap(), "precious");
}

fn migration(folder: &Path) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices/qemu/tests/data/qemu-7.2-pc.mig");
    let bytes = fs::read(data).unwrap();
    fs::write(folder.join("vm.mig"), &bytes).unwrap();
    bytes
}

#[test]
fn a_migration_file_is_not_replaced_by_what_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = migration(folder.path());
    let qemu = |args: &[&str]| devstate(&[&["qemu"], args].concat(), &[], folder.path());
    assert_eq!(qemu(&["import", "vm.mig", "--out", "vm.snapshot"]).status, 0);
    for args in [
        &["trim", "vm.mig", "--out", "./vm.mig"][..],
        &["export", "vm.snapshot", "--into", "vm.mig", "--out", "./vm.mig"],
    ] {
        let Ran { status, errors, .. } = qemu(args);
        let expected =
            "error: ./vm.mig: the migration file would replace what it is made of\n help: give another name\n";
        assert_eq!((status, errors.as_str()), (2, expected));
        assert!(
            fs::read(folder.path().join("vm.mig")).unwrap() == bytes,
            "{args:?} changed it"
        );
    }
}

/// The limit of the memory ends a command that reads on.
#[test]
fn what_is_no_migration_file_may_have_no_end() {
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1000000 && exec \"$0\" qemu list /dev/zero"])
        .arg(env!("CARGO_BIN_EXE_devstate"))
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("not a migration file of QEMU"), "{errors}");
}
