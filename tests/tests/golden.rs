//! Snapshots of every published release are read, and written again byte for byte, for ever.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_tests::golden;
use devstate_tests::published::{Release, roots};
use devstate_versioning::schema::TableData;
use std::path::Path;

#[test]
fn every_published_release_of_every_mirror() {
    golden::check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"), &roots());
}

#[test]
fn every_mirror_of_the_table_is_checked() {
    let mut checked: Vec<_> = roots().iter().map(|root| root.schema.name).collect();
    let mut known: Vec<_> = Release::ROWS.iter().map(|row| row.schema.name).collect();
    checked.sort_unstable();
    known.sort_unstable();
    assert_eq!(checked, known);
}

#[test]
fn the_reference_machine_has_the_published_fingerprints_without_rows_for_parts() {
    use devstate_replay::Release as Machine;

    assert_eq!(Machine::PINNED, Release::PINNED);
    assert_eq!(Machine::ROWS.len() + 2, Release::ROWS.len());
    for (row, roots) in Machine::ROWS.iter().zip(Machine::ROOTS) {
        let mut published = Release::ROWS.iter().zip(Release::ROOTS);
        let (_, expected) = published
            .find(|(other, _)| other.schema.name == row.schema.name)
            .unwrap();
        assert_eq!(roots, expected, "{}", row.schema.name);
    }
}
