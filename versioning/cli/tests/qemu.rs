//! `devstate qemu`, as a user runs it, on files that QEMU wrote.

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

use std::path::Path;

use devstate_qemu::{Migration, QemuDevicesSer, Release};
use devstate_versioning::{Architecture, Options, ReleaseTable, buffer};
use product::{Ran, devstate};
use tempfile::TempDir;

/// A folder with the file `vm.mig` in it.
fn folder(file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices/qemu/tests/data");
    std::fs::copy(data.join(file), folder.path().join("vm.mig")).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Ran {
    devstate(&[&["qemu"], arguments].concat(), &[], folder.path())
}

#[test]
fn a_list_marks_the_sections_of_our_devices() {
    let Ran { status, out, errors } = run(&folder("qemu-7.2-pc.mig"), &["list", "vm.mig"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(
        out.starts_with("machine pc-i440fx-7.2\n  timer[0]  24 bytes at offset "),
        "{out}"
    );
    assert!(out.contains("\n* serial[0]  119 bytes at offset "), "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with('*')).count(), 4, "{out}");
}

#[test]
fn imported_devices_can_be_exported() {
    let folder = folder("qemu-7.2-pc.mig");
    let taken = run(&folder, &["import", "vm.mig", "--out", "vm.snapshot"]);
    let line = "vm.mig: took serial[0], i8042; lost: nothing that a guest can see\n";
    assert_eq!((taken.status, taken.out.as_str(), taken.errors.as_str()), (0, line, ""));
    let put = run(
        &folder,
        &["export", "vm.snapshot", "--into", "vm.mig", "--out", "new.mig"],
    );
    let line = "vm.mig: put in serial[0], i8042; lost: nothing that a guest can see\n";
    assert_eq!((put.status, put.out.as_str(), put.errors.as_str()), (0, line, ""));
    let again = run(&folder, &["import", "new.mig", "--out", "again.snapshot"]);
    assert_eq!(again.status, 0, "{}", again.errors);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("again.snapshot"), read("vm.snapshot"));
    let peeked = devstate(&["peek", "vm.snapshot"], &[], folder.path());
    assert_eq!(peeked.status, 0, "{}", peeked.errors);
}

#[test]
fn a_loss_that_a_guest_can_see_needs_consent() {
    let folder = folder("qemu-7.2-pc.mig");
    let bytes = std::fs::read(folder.path().join("vm.mig")).unwrap();
    let migration = Migration::parse(&bytes).unwrap();
    let mut devices = migration.import(None, &mut |_| true).unwrap();
    if let Some(controller) = &mut devices.i8042 {
        controller.ram[3] = 7;
    }
    let mut memory = buffer!(QemuDevicesSer);
    let options: Options = Options::new(Architecture::Any);
    let snapshot = Release::latest(&devices)
        .with_options(options)
        .save(&mut memory)
        .unwrap();
    std::fs::write(folder.path().join("vm.snapshot"), snapshot).unwrap();

    let arguments = ["export", "vm.snapshot", "--into", "vm.mig", "--out", "new.mig"];
    let refused = run(&folder, &arguments);
    assert_eq!(refused.status, 1);
    let expected = "error: vm.mig: i8042: would be lost: ram is 1: QEMU's controller has no RAM\n help: give --lossy to go on without it\n";
    assert_eq!(refused.errors, expected);
    assert!(!folder.path().join("new.mig").exists());

    let accepted = run(&folder, &[&arguments[..], &["--lossy"]].concat());
    assert_eq!(accepted.status, 0, "{}", accepted.errors);
    assert!(
        accepted
            .out
            .ends_with("; lost: i8042: ram is 1: QEMU's controller has no RAM\n"),
        "{}",
        accepted.out
    );
    assert!(folder.path().join("new.mig").exists());
}

#[test]
fn a_file_that_is_cut_off_is_refused_and_nothing_is_written() {
    let folder = folder("qemu-11.1-virt.mig");
    let bytes = std::fs::read(folder.path().join("vm.mig")).unwrap();
    std::fs::write(folder.path().join("vm.mig"), bytes.split_last().unwrap().1).unwrap();
    let refused = run(&folder, &["import", "vm.mig", "--out", "vm.snapshot"]);
    assert_eq!((refused.status, refused.out.as_str()), (1, ""));
    assert!(
        refused.errors.starts_with("error: vm.mig: no description at the end: "),
        "{}",
        refused.errors
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let missing = run(&folder, &["list", "none.mig"]);
    assert_eq!(missing.status, 2);
}

/// The memory of a machine is not read, and is copied piece by piece.
#[test]
fn a_machine_with_more_memory_than_this_process_may_have() {
    use std::io::{Read, Seek, SeekFrom, Write};
    const MEMORY: i64 = 2 << 30;
    let small = folder("qemu-7.2-pc.mig");
    let bytes = std::fs::read(small.path().join("vm.mig")).unwrap();
    let at = 8 + 5 + "pc-i440fx-7.2".len();
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("vm.mig")).unwrap();
    file.write_all(&bytes[..at]).unwrap();
    file.seek(SeekFrom::Current(MEMORY)).unwrap();
    file.write_all(&bytes[at..]).unwrap();
    let limited = |arguments: &str| {
        let command = format!(
            "ulimit -v 262144 && exec {} qemu {arguments}",
            env!("CARGO_BIN_EXE_devstate")
        );
        let ran = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(&folder)
            .output()
            .unwrap();
        let errors = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.success(), "{arguments}: {errors}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(limited("list vm.mig").contains("\n* serial[0]  119 bytes at offset 2147"));
    let line = limited("import vm.mig --out vm.snapshot");
    assert_eq!(
        line,
        "vm.mig: took serial[0], i8042; lost: nothing that a guest can see\n"
    );
    limited("trim vm.mig --out small.mig");
    assert!(std::fs::metadata(folder.path().join("small.mig")).unwrap().len() < 10_000);
    // Into the small one, which has no memory; a copy of the large one would take long.
    limited("export vm.snapshot --into small.mig --out new.mig");
    let piped = format!(
        "{} qemu export vm.snapshot --into vm.mig --out /dev/stdout | head -c 100000000 | tail -c 1",
        env!("CARGO_BIN_EXE_devstate")
    );
    let mut last = Vec::new();
    let mut copy = std::process::Command::new("sh")
        .args(["-c", &format!("ulimit -v 262144 && {piped}")])
        .current_dir(&folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    copy.stdout.take().unwrap().read_to_end(&mut last).unwrap();
    copy.wait().unwrap();
    assert_eq!(last, [0]);
}

#[test]
fn a_pipe_is_a_migration_file_too() {
    let folder = folder("qemu-7.2-pc.mig");
    let command = format!("cat vm.mig | {} qemu list /dev/stdin", env!("CARGO_BIN_EXE_devstate"));
    let ran = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(ran.stdout).unwrap(),
        run(&folder, &["list", "vm.mig"]).out
    );
}

#[test]
fn a_file_of_another_kind_is_not_replaced() {
    let folder = folder("qemu-7.2-pc.mig");
    std::fs::write(folder.path().join("notes.txt"), "precious").unwrap();
    assert_eq!(run(&folder, &["import", "vm.mig", "--out", "vm.snapshot"]).status, 0);
    for (arguments, kind) in [
        (&["import", "vm.mig", "--out", "notes.txt"][..], "snapshot"),
        (&["trim", "vm.mig", "--out", "notes.txt"], "migration file"),
        (
            &["export", "vm.snapshot", "--into", "vm.mig", "--out", "notes.txt"],
            "migration file",
        ),
        (
            &["export", "vm.snapshot", "--into", "vm.mig", "--out", "vm.snapshot"],
            "migration file",
        ),
    ] {
        let Ran { status, errors, .. } = run(&folder, arguments);
        let what = format!(": another file has this name, and it is not a {kind}\n");
        assert!(status == 2 && errors.contains(&what), "{arguments:?}: {errors}");
    }
    assert_eq!(std::fs::read(folder.path().join("notes.txt")).unwrap(), b"precious");
    let export = ["export", "vm.snapshot", "--into", "vm.mig", "--out", "new.mig"];
    assert_eq!((run(&folder, &export).status, run(&folder, &export).status), (0, 0));
    assert_eq!(run(&folder, &["import", "vm.mig", "--out", "vm.snapshot"]).status, 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

/// The names in a migration file are whatever somebody has written there.
#[test]
fn a_name_in_the_file_does_not_reach_the_terminal_as_it_is() {
    let folder = folder("qemu-7.2-pc.mig");
    let mut bytes = std::fs::read(folder.path().join("vm.mig")).unwrap();
    let is_description = |at: &usize| bytes[*at..].starts_with(&((bytes.len() - at - 4) as u32).to_be_bytes());
    let at = (0..bytes.len() - 4).rev().find(is_description).unwrap();
    let json = String::from_utf8(bytes.split_off(at).split_off(4)).unwrap();
    let json = json.replacen("serial/thr_ipending", "serial/\\u001b[31mpending", 1);
    bytes.extend((json.len() as u32).to_be_bytes());
    bytes.extend(json.into_bytes());
    std::fs::write(folder.path().join("vm.mig"), bytes).unwrap();
    let refused = run(&folder, &["import", "vm.mig", "--out", "vm.snapshot"]);
    let accepted = run(&folder, &["import", "vm.mig", "--out", "vm.snapshot", "--drop-unknown"]);
    for (ran, status) in [(refused, 1), (accepted, 0)] {
        let text = ran.out + &ran.errors;
        assert_eq!(ran.status, status, "{text}");
        assert!(
            text.contains("the subsection serial/\\u{1b}[31mpending (") && !text.contains('\x1b'),
            "{text}"
        );
    }
}
