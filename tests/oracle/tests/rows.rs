//! What the comparison with QEMU knows is what the devices' lists of differences say.

use devstate_oracle::Device;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_row_of_every_list_is_known_to_the_comparison_and_no_other() {
    for device in Device::ALL {
        let (folder, reachable, beyond) = device.list();
        let devices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices");
        let list = std::fs::read_to_string(devices.join(folder).join("DIFFERENCES.md")).unwrap();
        let beyond = beyond.iter().map(|(row, reason)| {
            assert!(!reason.is_empty(), "{row}");
            row
        });
        let known: Vec<&str> = reachable.iter().chain(beyond).copied().collect();
        let known_once: BTreeSet<&str> = known.iter().copied().collect();
        assert_eq!(known.len(), known_once.len(), "{device:?}: a row is known twice");
        assert_eq!(known_once, rows(&list), "{device:?}");
    }
}

/// The names in the tables that say what QEMU does.
fn rows(list: &str) -> BTreeSet<&str> {
    let mut rows = BTreeSet::new();
    let mut is_about_qemu = false;
    for line in list.lines() {
        let mut cells = line.split(" | ").map(|cell| cell.trim_matches(['|', ' ']));
        match (cells.next(), cells.next()) {
            (Some("name"), Some(second)) => is_about_qemu = second == "QEMU 7.2",
            (Some(name), Some(_)) if is_about_qemu && line.starts_with("| ") => {
                assert!(rows.insert(name), "{name} stands there twice");
            }
            (_, None) if !line.starts_with("|---") => is_about_qemu = false,
            _ => {}
        }
    }
    rows
}
