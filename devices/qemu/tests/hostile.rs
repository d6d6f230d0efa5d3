//! Files that nobody should believe: each is refused, and names what is wrong.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by panicking"
)]

mod support;

use std::io::{Cursor, Seek, Write};

use devstate_qemu::{Migration, QemuDevicesSer, QemuError};
use serde_json::json;
use support::{FILES, description, file, section, with_description, with_field};

/// Everything that can be done with a file.
fn use_it(bytes: &[u8]) -> Result<QemuDevicesSer, QemuError> {
    let whole = use_parsed(Migration::parse(bytes));
    // A file of which only the ends are read says the same.
    let ends = use_parsed(Migration::parse_file(&mut Cursor::new(bytes)));
    assert_eq!(whole, ends);
    whole
}

fn use_parsed(migration: Result<Migration<'_>, QemuError>) -> Result<QemuDevicesSer, QemuError> {
    let migration = migration?;
    let devices = migration.import(Some(5), &mut |_| true)?;
    migration.export(&devices, Some(5), &mut |_| true)?;
    Ok(devices)
}

#[test]
fn every_truncation_is_refused() {
    for (name, _) in FILES {
        let bytes = file(name);
        for len in 0..bytes.len() {
            assert!(use_it(&bytes[..len]).is_err(), "{name}, {len} bytes");
        }
        assert!(use_it(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let mut bytes = file("qemu-7.2-pc");
    bytes.push(b' ');
    assert_eq!(Migration::parse(&bytes).unwrap_err(), QemuError::NoDescription);
}

/// Whatever a byte becomes, nothing panics and nothing loops; what is accepted goes back in.
#[test]
fn every_byte_at_several_values() {
    for name in [
        "qemu-7.2-pc-i440fx-2.12",
        "qemu-7.2-orangepi-pc",
        "qemu-11.1-q35",
        "qemu-11.1-virt",
    ] {
        let mut bytes = file(name);
        for at in 0..bytes.len() {
            let before = bytes[at];
            for value in [0, 1, 5, 0x7f, 0x80, 0xff, before ^ 0x10] {
                bytes[at] = value;
                let _ = use_it(&bytes);
            }
            bytes[at] = before;
        }
    }
}

/// A section that is said to have more bytes than anybody keeps.
#[test]
fn a_file_without_an_end_takes_no_more_memory_than_a_limit() {
    let bytes = file("qemu-7.2-pc");
    let mut description = description(&bytes);
    section(&mut description, "serial")["fields"][0]["size"] = json!(1_u64 << 30);
    let hostile = with_description(&bytes, &description);
    for memory in [0, 4 << 30] {
        let mut file = tempfile::tempfile().unwrap();
        let (start, rest) = hostile.split_at(40);
        file.write_all(start).unwrap();
        file.seek_relative(memory).unwrap();
        file.write_all(rest).unwrap();
        let error = Migration::parse_file(&mut file).unwrap_err();
        let expected = if memory == 0 {
            "more than the whole file"
        } else {
            "more than 268435456 bytes"
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
    // A hole, and nothing else.
    let mut hole = tempfile::tempfile().unwrap();
    hole.write_all(b"QEVM\0\0\0\x03").unwrap();
    hole.set_len(4 << 30).unwrap();
    assert_eq!(Migration::parse_file(&mut hole).unwrap_err(), QemuError::NoDescription);
}

#[test]
fn a_file_of_another_format_is_refused() {
    for bytes in [
        &b""[..],
        b"QEVM",
        b"QEVM\0\0\0\x02",
        b"DEVSTAT",
        &[6; 64],
        b"QEVM\0\0\0\x03\0\x06\0\0\0\0",
        b"\0\x04\x01\0\x0f\x25\0\0\0\0\x06\0\0\0\0",
    ] {
        assert!(use_it(bytes).is_err(), "{bytes:02x?}");
    }
    assert_eq!(Migration::parse(b"QEVM\0\0\0\x02").unwrap_err(), QemuError::NoMigration);
}

#[test]
fn a_description_that_lies_about_a_size_is_refused() {
    let bytes = file("qemu-7.2-pc");
    for (size, of) in [(0, "timer"), (9, "timer"), (1 << 40, "timer"), (u64::MAX, "timer")] {
        let mut lying = description(&bytes);
        section(&mut lying, of)["fields"][0]["size"] = json!(size);
        let error = use_it(&with_description(&bytes, &lying)).unwrap_err();
        assert!(matches!(error, QemuError::Place { .. }), "{size}: {error}");
    }
    // The sum is right, the parts are not.
    let mut lying = description(&bytes);
    let uart = &mut section(&mut lying, "serial")["fields"][0]["struct"]["fields"];
    (uart[0]["size"], uart[1]["size"]) = (json!(1), json!(2));
    let error = use_it(&with_description(&bytes, &lying)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "section serial[0]: the field divider has 1 bytes, but should have 2"
    );
    let mut lying = description(&bytes);
    section(&mut lying, "serial")["fields"][0]["array_len"] = json!(1);
    assert!(matches!(
        use_it(&with_description(&bytes, &lying)),
        Err(QemuError::Size { .. })
    ));
}

#[test]
fn a_description_that_lies_about_names_is_refused() {
    let bytes = file("qemu-7.2-pc");
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut lying = description(&bytes);
        change(&mut lying);
        use_it(&with_description(&bytes, &lying)).unwrap_err().to_string()
    };
    let swapped = refused(&|description| {
        let uart = &mut section(description, "serial")["fields"][0]["struct"]["fields"];
        (uart[1]["name"], uart[2]["name"]) = (json!("ier"), json!("rbr"));
    });
    assert_eq!(swapped, "section serial[0]: the field ier is at the place of rbr");
    let gone = refused(&|description| {
        let mouse = section(description, "ps2mouse")["fields"].as_array_mut().unwrap();
        mouse.last_mut().unwrap()["name"] = json!("mouse_button");
    });
    assert_eq!(gone, "section ps2mouse[0]: it ends before the field mouse_buttons");
    let version = refused(&|description| section(description, "pckbd")["version"] = json!(4));
    assert!(
        version.starts_with("section pckbd[0]: the description places its header at offset "),
        "{version}"
    );
    let inner = refused(&|description| section(description, "pckbd")["fields"][0]["struct"]["version"] = json!(4));
    assert_eq!(
        inner,
        "section pckbd[0] (pckbd): version 4, but only version 3 is known"
    );
    let twice = refused(&|description| {
        let devices = description["devices"].as_array_mut().unwrap();
        let uart = devices
            .iter()
            .find(|device| device["name"] == "serial")
            .cloned()
            .unwrap();
        devices.push(uart);
    });
    assert!(twice.starts_with("section serial[0]: "), "{twice}");
}

#[test]
fn a_subsection_that_is_not_known_is_refused_by_its_name() {
    let bytes = file("qemu-7.2-pc");
    let mut other = description(&bytes);
    section(&mut other, "serial")["fields"][0]["struct"]["subsections"][0]["vmsd_name"] = json!("serial/thr_jpending");
    let changed = with_description(&bytes, &other);
    let migration = Migration::parse(&changed).unwrap();
    let error = migration.import(None, &mut |notice| notice.is_ignorable()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("section serial[0]: the subsection serial/thr_jpending (29 bytes at offset "),
        "{text}"
    );
    // The bytes say otherwise: the name that is known cannot be put over another one either.
    let at = changed
        .windows(19)
        .position(|window| window == b"serial/thr_ipending")
        .unwrap();
    let mut renamed = bytes.clone();
    renamed[at + 11] = b'j';
    let migration = Migration::parse(&renamed).unwrap();
    let error = migration.import(None, &mut |_| true).unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "section serial[0]: serial at offset 11: 108 bytes follow that belong to no known field"
    );
}

#[test]
fn a_field_that_qemu_has_added_is_refused_by_its_name() {
    let bytes = with_field("qemu-7.2-pc", "ps2mouse", "mouse_dw", 4);
    let error = Migration::parse(&bytes)
        .unwrap()
        .import(None, &mut |notice| notice.is_ignorable())
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("section ps2mouse[0]: the field mouse_dw (4 bytes at offset "),
        "{text}"
    );
    assert!(text.ends_with(") is not known"), "{text}");
}

/// What was dropped on the way in is still there after the way out.
#[test]
fn a_field_that_qemu_has_added_stays_as_it_is_on_the_way_out() {
    let bytes = with_field("qemu-7.2-pc", "ps2mouse", "mouse_dw", 4);
    let migration = Migration::parse(&bytes).unwrap();
    let devices = migration.import(None, &mut |_| true).unwrap();
    let again = migration.export(&devices, None, &mut |_| true).unwrap();
    let migration = Migration::parse(&again).unwrap();
    let mouse = migration
        .sections()
        .iter()
        .find(|section| section.name() == "ps2mouse")
        .unwrap();
    assert!(again[mouse.range()].ends_with(&[0xa5; 4]));
    assert_eq!(migration.import(None, &mut |_| true).unwrap(), devices);
}

#[test]
fn a_machine_that_counts_instructions_needs_the_shift() {
    let bytes = file("qemu-7.2-pc");
    let migration = Migration::parse(&bytes).unwrap();
    let at = migration
        .sections()
        .iter()
        .find(|section| section.name() == "timer")
        .unwrap()
        .range()
        .end;
    let mut changed = bytes[..at].to_vec();
    changed.extend(b"\x05\x0ctimer/icount\0\0\0\x01");
    changed.extend(1_000_i64.to_be_bytes());
    changed.extend(2_i64.to_be_bytes());
    changed.extend(&bytes[at..]);
    let mut description = description(&bytes);
    section(&mut description, "timer")["subsections"] = json!([{"vmsd_name": "timer/icount", "version": 1, "fields": [
        {"name": "qemu_icount_bias", "type": "int64", "size": 8}, {"name": "qemu_icount", "type": "int64", "size": 8},
    ]}]);
    let changed = with_description(&changed, &description);
    let migration = Migration::parse(&changed).unwrap();
    assert!(matches!(migration.virtual_time(None), Err(QemuError::Clock { .. })));
    assert_eq!(migration.virtual_time(Some(5)).unwrap().as_nanos(), 1_064);
    assert!(migration.virtual_time(Some(63)).is_err());
}
