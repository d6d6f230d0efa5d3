//! Snapshots of every published release are read, and written again byte for byte, for ever.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_golden::Golden;
use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::MachineStateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_tests::published::{Release, roots};
use devstate_versioning::MirrorOf;
use devstate_versioning::schema::TableData;

fn golden() -> Golden<'static, Release> {
    Golden::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

/// Returns the name of the mirror, once its files are checked.
fn check<M: for<'de> MirrorOf<'de, Release> + Default>() -> &'static str {
    golden().check::<M>().unwrap();
    M::SCHEMA.name
}

#[test]
fn every_published_release_of_every_mirror() {
    let mut checked = [
        check::<RtcStateSer>(),
        check::<SerialStateSer>(),
        check::<I8042StateSer>(),
        check::<KeyboardStateSer>(),
        check::<MouseStateSer>(),
        check::<MachineStateSer>(),
    ];
    let mut known: Vec<_> = Release::ROWS.iter().map(|row| row.schema.name).collect();
    checked.sort_unstable();
    known.sort_unstable();
    assert_eq!(checked.as_slice(), known);
}

/// To the latest version and from there to every other: it may be refused or lose something, and says so.
#[test]
fn every_published_snapshot_can_be_written_at_every_release() {
    let mut count = 0;
    for root in roots() {
        for &release in Release::ALL.iter().filter(|release| (root.version)(**release) != 0) {
            for case in golden().cases(release, root.schema.name).unwrap() {
                root.check(release, case.payload());
                count += 1;
            }
        }
    }
    assert_eq!(count, 15 * 15);
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
