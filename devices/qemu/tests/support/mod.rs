//! The files in `tests/data`, and changes to them.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::{Value, json};
use std::path::Path;

/// What a file's machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A UART and a keyboard controller.
    Pc,
    /// A keyboard controller.
    Microvm,
    /// A clock.
    Virt,
    /// Four UARTs in memory.
    OrangePi,
}

pub(crate) const FILES: &[(&str, Machine)] = &[
    ("qemu-5.2-pc", Machine::Pc),
    ("qemu-5.2-virt", Machine::Virt),
    ("qemu-7.2-isapc", Machine::Pc),
    ("qemu-7.2-microvm", Machine::Microvm),
    ("qemu-7.2-orangepi-pc", Machine::OrangePi),
    ("qemu-7.2-pc", Machine::Pc),
    ("qemu-7.2-pc-i440fx-2.12", Machine::Pc),
    ("qemu-7.2-pc-i440fx-4.0", Machine::Pc),
    ("qemu-7.2-q35", Machine::Pc),
    ("qemu-7.2-virt", Machine::Virt),
    ("qemu-7.2-virt-2.12", Machine::Virt),
    ("qemu-10.0-pc", Machine::Pc),
    ("qemu-11.1-q35", Machine::Pc),
    ("qemu-11.1-virt", Machine::Virt),
];

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.mig"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the description's JSON begins: nothing before it looks like that.
pub(crate) fn json_at(bytes: &[u8]) -> usize {
    let mark = br#"{"page_size""#;
    bytes.windows(mark.len()).rposition(|window| window == mark).unwrap()
}

pub(crate) fn description(bytes: &[u8]) -> Value {
    serde_json::from_slice(&bytes[json_at(bytes)..]).unwrap()
}

/// The file with another description.
pub(crate) fn with_description(bytes: &[u8], description: &Value) -> Vec<u8> {
    let json = serde_json::to_vec(description).unwrap();
    let mut changed = bytes[..json_at(bytes) - 4].to_vec();
    changed.extend((json.len() as u32).to_be_bytes());
    changed.extend(json);
    changed
}

/// The first section of that name in a description.
pub(crate) fn section<'d>(description: &'d mut Value, name: &str) -> &'d mut Value {
    let devices = description["devices"].as_array_mut().unwrap();
    devices.iter_mut().find(|device| device["name"] == name).unwrap()
}

/// A file of a QEMU that has added a field to the end of a section that ends in a struct.
pub(crate) fn with_field(name: &str, of: &str, field: &str, size: usize) -> Vec<u8> {
    let bytes = file(name);
    let migration = devstate_qemu::Migration::parse(&bytes).unwrap();
    let end = migration
        .sections()
        .iter()
        .find(|section| section.name() == of)
        .unwrap()
        .range()
        .end;
    let mut changed = bytes[..end].to_vec();
    changed.extend(vec![0xa5; size]);
    changed.extend(&bytes[end..]);
    let mut description = description(&bytes);
    let fields = section(&mut description, of)["fields"].as_array_mut().unwrap();
    fields.push(json!({"name": field, "type": "buffer", "size": size}));
    with_description(&changed, &description)
}
