//! Migration files that versions 5.2 to 11.1 of QEMU wrote, of several machine types.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by panicking"
)]

mod support;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use devstate_core::Instant;
use devstate_i8042::{I8042State, MouseButtons, OutputBuffer, PendingCommand};
use devstate_qemu::{Migration, Notice, QemuDevicesSer, QemuError};
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use support::{FILES, Machine, file};

fn import(bytes: &[u8]) -> QemuDevicesSer {
    let migration = Migration::parse(bytes).unwrap();
    migration.import(None, &mut |notice| notice.is_ignorable()).unwrap()
}

#[test]
fn every_machine_type_gives_the_devices_that_it_has() {
    for (name, machine) in FILES {
        let devices = import(&file(name));
        let expected = match machine {
            Machine::Pc => (1, true, false),
            Machine::Microvm => (0, true, false),
            Machine::Virt => (0, false, true),
            Machine::OrangePi => (4, false, false),
        };
        let found = (devices.serial.len(), devices.i8042.is_some(), devices.rtc.is_some());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_uart_has_what_the_guest_did_with_it() {
    for (name, machine) in FILES {
        if *machine != Machine::Pc {
            continue;
        }
        let devices = import(&file(name));
        let state = SerialState::try_from(&devices.serial[0]).unwrap();
        assert_eq!(
            (state.divisor, state.lcr, state.ier, state.scr),
            (1, 0x03, 0x0f, 0x5a),
            "{name}"
        );
        assert_eq!((state.fcr, state.rx.as_slice()), (0xc1, &b"hello"[..]), "{name}");
        assert_eq!(state.saved_at, Instant::from_nanos(devices.virtual_time), "{name}");
        // The machine ran on: the time-out has fallen due.
        assert_eq!((state.timeout_remaining, state.thre_pending), (0, true), "{name}");
    }
}

#[test]
fn the_controller_has_what_the_guest_did_with_it() {
    for (name, machine) in FILES {
        if !matches!(machine, Machine::Pc | Machine::Microvm) {
            continue;
        }
        let state = I8042State::try_from(import(&file(name)).i8042.as_ref().unwrap()).unwrap();
        assert_eq!(
            (state.config, state.pending_command),
            (0x47, PendingCommand::WriteMouseBuffer),
            "{name}"
        );
        assert_eq!(
            (state.output_buffer, state.keyboard.codes.as_slice()),
            (OutputBuffer::Keyboard, &[0x9e][..]),
            "{name}"
        );
        assert!(state.mouse.reporting, "{name}");
        assert_eq!(
            (state.mouse.replies.as_slice(), state.mouse.buttons),
            (&[0x09, 5, 0][..], MouseButtons::LEFT),
            "{name}"
        );
    }
}

#[test]
fn the_clock_counts_from_the_virtual_time() {
    for (name, machine) in FILES {
        if *machine != Machine::Virt {
            continue;
        }
        let devices = import(&file(name));
        let state = RtcState::try_from(devices.rtc.as_ref().unwrap()).unwrap();
        // QEMU 5.2 does not keep what was written to RTCLR.
        let lr = if name.starts_with("qemu-5.2") { 0 } else { 1_000_000 };
        let seconds = (devices.virtual_time / 1_000_000_000) as u32;
        assert_eq!(
            (state.counter, state.lr, state.mr),
            (1_000_000 + seconds, lr, 1_000_003),
            "{name}"
        );
        assert_eq!((state.enabled, state.imsc, state.ris), (true, true, false), "{name}");
    }
}

#[test]
fn imported_devices_are_equal_after_an_export_and_another_import() {
    for (name, _) in FILES {
        let bytes = file(name);
        let devices = import(&bytes);
        let migration = Migration::parse(&bytes).unwrap();
        let again = migration
            .export(&devices, None, &mut |notice| notice.is_ignorable())
            .unwrap();
        assert_eq!(import(&again), devices, "{name}");
        for section in Migration::parse(&again).unwrap().sections() {
            assert!(
                migration
                    .sections()
                    .iter()
                    .any(|before| before.name() == section.name()),
                "{name}"
            );
        }
    }
}

/// Each half of the description keeps saying what the bytes are, also where subsections come and go.
#[test]
fn another_state_goes_into_a_file_with_other_subsections() {
    for (name, machine) in FILES {
        if !matches!(machine, Machine::Pc | Machine::OrangePi) {
            continue;
        }
        let bytes = file(name);
        let mut devices = import(&bytes);
        let quiet = SerialStateSer::new(&SerialState::RESET);
        devices.serial[0] = quiet.clone();
        let migration = Migration::parse(&bytes).unwrap();
        let without = migration
            .export(&devices, None, &mut |notice| notice.is_ignorable())
            .unwrap();
        let mut imported = import(&without);
        imported.serial[0].saved_at = 0;
        assert_eq!(imported.serial[0], quiet, "{name}");

        let stalled = SerialState {
            fcr: 0x01,
            tsr: Some(b'a'),
            tx: devstate_core::ByteQueue::from_slice(b"bcd").unwrap(),
            rx: devstate_core::ByteQueue::from_slice(b"xy").unwrap(),
            timeout_remaining: 1_000,
            ..SerialState::RESET
        };
        devices.serial[0] = SerialStateSer::new(&stalled);
        let migration = Migration::parse(&without).unwrap();
        let with = migration
            .export(&devices, None, &mut |notice| notice.is_ignorable())
            .unwrap();
        let imported = SerialState::try_from(&import(&with).serial[0]).unwrap();
        assert_eq!(
            imported,
            SerialState {
                saved_at: imported.saved_at,
                ..stalled
            },
            "{name}"
        );
    }
}

#[test]
fn the_machine_is_named() {
    let bytes = file("qemu-7.2-pc-i440fx-2.12");
    assert_eq!(Migration::parse(&bytes).unwrap().machine(), Some("pc-i440fx-2.12"));
}

#[test]
fn a_snapshot_with_more_devices_than_the_file_is_refused() {
    let pc = import(&file("qemu-7.2-pc"));
    let virt = file("qemu-7.2-virt");
    let error = Migration::parse(&virt)
        .unwrap()
        .export(&pc, None, &mut |_| true)
        .unwrap_err();
    assert_eq!(error.to_string(), "serial: the file has 0, the snapshot 1");
    let without_uart = QemuDevicesSer {
        serial: heapless::Vec::new(),
        ..pc
    };
    let error = Migration::parse(&virt)
        .unwrap()
        .export(&without_uart, None, &mut |_| true)
        .unwrap_err();
    assert_eq!(error.to_string(), "i8042: the file has 0, the snapshot 1");
}

#[test]
fn a_loss_is_reported_and_refused_with_the_name_of_the_device() {
    let bytes = file("qemu-7.2-pc");
    let mut devices = import(&bytes);
    devices.i8042.as_mut().unwrap().ram[3] = 7;
    let migration = Migration::parse(&bytes).unwrap();
    let error = migration
        .export(&devices, None, &mut |notice| notice.is_ignorable())
        .unwrap_err();
    assert!(
        matches!(&error, QemuError::Refused { device, .. } if device == "i8042"),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "i8042: would be lost: ram is 1: QEMU's controller has no RAM"
    );
    let mut notices = Vec::new();
    let accepted = migration.export(&devices, None, &mut |what| {
        notices.extend((!what.is_ignorable()).then(|| what.to_string()));
        true
    });
    assert!(accepted.is_ok());
    assert_eq!(notices, ["i8042: ram is 1: QEMU's controller has no RAM"]);
}

#[test]
fn unknown_fields_and_losses_are_told_apart() {
    let bytes = support::with_field("qemu-7.2-pc", "serial", "future", 3);
    let migration = Migration::parse(&bytes).unwrap();
    let mut unknown = Vec::new();
    let accepted = migration.import(None, &mut |notice| {
        if let Notice::Unknown(what) = notice {
            unknown.push(what.to_string());
        }
        true
    });
    assert_eq!(accepted.unwrap(), import(&file("qemu-7.2-pc")));
    assert_eq!(unknown.len(), 1);
    assert!(
        unknown[0].starts_with("section serial[0]: the field future (3 bytes at offset "),
        "{unknown:?}"
    );
}

/// Counts what is read.
struct Counted(File, u64);

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(bytes)?;
        self.1 += len as u64;
        Ok(len)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn the_memory_of_a_machine_is_not_read() {
    const MEMORY: usize = 40 << 20;
    for (name, _) in FILES {
        let bytes = file(name);
        let small = Migration::parse(&bytes).unwrap();
        let devices = import(&bytes);
        let at = 8 + small.machine().map_or(0, |machine| 5 + machine.len());
        let whole = [&bytes[..at], &vec![0x04; MEMORY], &bytes[at..]].concat();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole).unwrap();

        let mut counted = Counted(file, 0);
        let migration = Migration::parse_file(&mut counted).unwrap();
        assert!(counted.1 <= 4096 + (1 << 20), "{name}: {} bytes were read", counted.1);
        assert_eq!(migration.machine(), small.machine(), "{name}");
        for (found, expected) in migration.sections().iter().zip(small.sections()) {
            let std::ops::Range { start, end } = expected.range();
            assert_eq!(found.range(), start + MEMORY..end + MEMORY, "{name}");
        }
        let visit = &mut |notice: Notice<'_>| notice.is_ignorable();
        assert_eq!(migration.import(None, visit).unwrap(), devices, "{name}");
        assert_eq!(migration.trimmed().unwrap(), small.trimmed().unwrap(), "{name}");

        assert_eq!(
            migration.export(&devices, None, visit),
            Err(QemuError::NotWhole),
            "{name}"
        );
        let edits = migration.edits(&devices, None, visit).unwrap();
        let mut new = Vec::new();
        edits.apply(&mut counted, &mut new).unwrap();
        let expected = Migration::parse(&whole).unwrap().export(&devices, None, visit).unwrap();
        assert!(new == expected, "{name}");
        counted.0.set_len(MEMORY as u64).unwrap();
        let error = edits.apply(&mut counted, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{name}");
    }
}

#[test]
fn a_long_description_is_read_whole() {
    let bytes = file("qemu-7.2-pc");
    let mut description = support::description(&bytes);
    description["padding"] = serde_json::json!("x".repeat(3 << 20));
    let long = support::with_description(&bytes, &description);
    let migration = Migration::parse_file(&mut io::Cursor::new(&long)).unwrap();
    assert_eq!(
        migration.sections().len(),
        Migration::parse(&bytes).unwrap().sections().len()
    );
}

#[test]
fn a_trimmed_file_gives_the_same_devices() {
    for (name, _) in FILES {
        let bytes = file(name);
        let migration = Migration::parse(&bytes).unwrap();
        let trimmed = migration.trimmed().unwrap();
        assert_eq!(import(&trimmed), import(&bytes), "{name}");
        assert_eq!(
            Migration::parse(&trimmed).unwrap().machine(),
            migration.machine(),
            "{name}"
        );
    }
    // With memory before the sections, and a section that is not read.
    let bytes = file("qemu-7.2-pc");
    let at = 8 + 5 + "pc-i440fx-7.2".len();
    let other = b"\x04\0\0\0\x63\x03rtc\0\0\0\0\0\0\0\x01\xaa\xbb\x7e\0\0\0\x63";
    let whole = [&bytes[..at], &[0x77; 5000], other, &bytes[at..]].concat();
    let mut description = support::description(&bytes);
    let rtc = serde_json::json!({"name": "rtc", "instance_id": 0, "version": 1, "fields": [
        {"name": "data", "type": "buffer", "size": 2},
    ]});
    description["devices"].as_array_mut().unwrap().insert(0, rtc);
    let whole = support::with_description(&whole, &description);
    let migration = Migration::parse(&whole).unwrap();
    assert!(migration.sections().iter().any(|section| section.name() == "rtc"));
    let trimmed = migration.trimmed().unwrap();
    assert_eq!(import(&trimmed), import(&bytes));
    assert!(trimmed.len() < bytes.len() + 100);
    assert!(
        Migration::parse(&trimmed)
            .unwrap()
            .sections()
            .iter()
            .all(|section| section.name() != "rtc")
    );
}
