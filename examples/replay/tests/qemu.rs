//! A guest that was stopped half-way in QEMU goes on here, and notices nothing.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use devstate_qemu::{Migration, QemuDevicesSer};
use devstate_replay::{OPTIONS, Report, Settings, Span, Trace, replay};
use devstate_versioning::{ReleaseTable, buffer};

/// Guests that were saved while they were recorded, each with a trace and a migration file.
const GUESTS: &[&str] = &["linux-6.1-halfway", "linux-6.1-alarm-halfway"];

/// The comment in the trace where the devices were saved.
const MARK: &str = "# Here the devices were saved.\n";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A guest's trace, and how many of its events come before the save.
fn guest(name: &str) -> (Trace, usize) {
    let path = data(&format!("{name}.trace"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once(MARK).unwrap();
    let before = Trace::parse("before", before).unwrap().steps.len();
    (Trace::read(&path).unwrap(), before)
}

fn imported(name: &str) -> QemuDevicesSer {
    let file = std::fs::read(data(&format!("{name}.mig"))).unwrap();
    let migration = Migration::parse(&file).unwrap();
    migration.import(None, &mut |told| told.is_ignorable()).unwrap()
}

fn snapshot(devices: &QemuDevicesSer) -> Vec<u8> {
    let mut memory = buffer!(QemuDevicesSer);
    let snapshot = devstate_qemu::Release::latest(devices)
        .with_options(OPTIONS)
        .save(&mut memory);
    snapshot.unwrap().to_vec()
}

fn go_on(trace: &Trace, before: usize, devices: &QemuDevicesSer) -> Report {
    let span = Span {
        from: Some((before, &snapshot(devices))),
        until: None,
    };
    replay(trace, &Settings::default(), span).unwrap()
}

#[test]
fn the_rest_of_a_guest_gives_what_was_recorded() {
    for name in GUESTS {
        let (trace, before) = guest(name);
        let rest = trace.steps.len() - before;
        assert!(before > 30 && rest > 30, "{name}: {before} and {rest} events");
        let report = go_on(&trace, before, &imported(name));
        assert_eq!(report.mismatches, [], "{name}");
        assert_eq!((report.events, report.snapshots), (rest, rest), "{name}");
        assert!(report.reads > 20, "{name}: {} reads", report.reads);
    }
}

/// What was imported matters: a guest notices when a device is another one.
#[test]
fn the_rest_of_a_guest_differs_where_a_device_was_not_moved() {
    let name = "linux-6.1-halfway";
    let (trace, before) = guest(name);
    let whole = imported(name);
    assert_eq!(go_on(&trace, before, &whole).mismatches, []);
    let mut without_uart = whole.clone();
    without_uart.serial.clear();
    assert_ne!(go_on(&trace, before, &without_uart).mismatches, []);
    let without_controller = QemuDevicesSer { i8042: None, ..whole };
    assert_ne!(go_on(&trace, before, &without_controller).mismatches, []);
    let name = "linux-6.1-alarm-halfway";
    let (trace, before) = guest(name);
    let mut devices = imported(name);
    if let Some(clock) = &mut devices.rtc {
        clock.mr += 1;
    }
    assert_ne!(go_on(&trace, before, &devices).mismatches, []);
}

#[test]
fn the_program_goes_on_from_an_imported_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("imported.snapshot");
    for name in GUESTS {
        let (trace, before) = guest(name);
        std::fs::write(&file, snapshot(&imported(name))).unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_replay"))
            .args(["--quiet", &trace.file, "--at", &before.to_string(), "--from"])
            .arg(&file)
            .output()
            .unwrap();
        let out = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success(), "{out}");
        assert_eq!(out.lines().last(), Some("total: 0 mismatches"));
        let expected = format!("{name}: {} events, ", trace.steps.len() - before);
        assert!(out.lines().any(|line| line.starts_with(&expected)), "{out}");
    }
}
