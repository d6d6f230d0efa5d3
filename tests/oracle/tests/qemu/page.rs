//! The page about QEMU has every loss, and no other.

use devstate_oracle::Device;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn page() -> String {
    std::fs::read_to_string(root().join("devices/QEMU.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The fields of the tables below a heading of the page.
fn rows(heading: &str) -> BTreeSet<String> {
    let page = page();
    let (_, part) = page.split_once(&format!("## {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let cells = part
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows: Vec<String> = cells.map(|(field, _)| field.to_owned()).collect();
    let unique: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(unique.len(), rows.len(), "a field stands there twice");
    unique
}

/// The fields that a conversion tells the visitor of, as the source has them.
fn told(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let calls = text.split("losses.lose(").chain(text.split("losses.ignore("));
    let firsts = calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split_once('"'));
    firsts.map(|(field, _)| field.to_owned()).collect()
}

fn all_told(files: &[&str], more: &[&str]) -> BTreeSet<String> {
    let told = files.iter().flat_map(|file| told(file));
    told.chain(more.iter().map(|field| (*field).to_owned())).collect()
}

#[test]
fn the_page_has_every_field_that_is_lost_on_the_way_in() {
    let files = [
        "devices/serial-16550/ser/src/qemu/import.rs",
        "devices/i8042/ser/src/qemu/import.rs",
    ];
    let both = ["im", "is", "cr", "tick_offset"];
    let parts = [
        "mouse_status",
        "mouse_resolution",
        "mouse_buttons",
        "mouse_detect_state",
        "ps2mouse.write_cmd",
        "mouse_dx",
        "mouse_dy",
        "mouse_dz",
        "translate",
        "need_high_bit",
        "ledstate",
        "ps2kbd.write_cmd",
    ];
    let expected = all_told(&files, &[&both[..], &parts[..]].concat());
    assert_eq!(rows("What QEMU has and these devices have not"), expected);
}

#[test]
fn the_page_has_every_field_that_is_lost_on_the_way_out() {
    let files = [
        "devices/serial-16550/ser/src/qemu/export.rs",
        "devices/i8042/ser/src/qemu/export.rs",
    ];
    let keyboard = told("devices/i8042/ser/src/qemu/keyboard.rs");
    let mouse = told("devices/i8042/ser/src/qemu/mouse.rs");
    let parts = keyboard
        .iter()
        .chain(&mouse)
        .filter(|field| field.starts_with("keyboard.") || field.starts_with("mouse."));
    let mut expected = all_told(&files, &["enabled", "sub_second_ns", "ris"]);
    expected.extend(parts.cloned());
    assert_eq!(rows("What these devices have and QEMU has not"), expected);
}

#[test]
fn the_page_has_every_field_that_is_another_one_after_a_way_around() {
    let known = Device::ALL
        .iter()
        .flat_map(|device| device.around())
        .map(|(field, _)| (*field).to_owned());
    assert_eq!(rows("From QEMU and back"), known.collect());
}
