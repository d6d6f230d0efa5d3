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
fn what_was_taken_out_goes_back_in() {
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
