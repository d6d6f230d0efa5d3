//! Every release to every release, for every mirror of a history with everything in it.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

#[path = "matrix/branched.rs"]
mod branched;

use devstate_tests::generate::{Choice, Chosen, Maximum, Minimum, payload};
use devstate_tests::matrix::{Outcome, Root, check};
use devstate_tests::sample::{ItemSer, LinkSer, QueueSer, Release, foreign, roots};
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::wire::reencode;
use devstate_versioning::{Header, LoadErrorKind, Options, ReleaseTable, SaveError, buffer};
use proptest::prelude::*;

/// Takes a payload of every mirror at every release that has it to every release.
fn to_every_release<R: ReleaseTable, C: Choice>(roots: &[Root<R>], choice: impl Fn() -> C) -> Outcome {
    let mut outcome = Outcome::default();
    for root in roots {
        for &release in R::ALL.iter().filter(|release| (root.version)(**release) != 0) {
            let payload = payload(&(root.payload_schema)(release), &mut choice(), &foreign);
            outcome = outcome.and(root.check(release, &payload));
        }
    }
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_release_to_every_release(choices in proptest::collection::vec(any::<u8>(), 0..200)) {
        to_every_release(&roots(), || Chosen(&choices));
        to_every_release(&branched::roots(), || Chosen(&choices));
    }

    #[test]
    fn borrowed_fields_too(choices in proptest::collection::vec(any::<u8>(), 0..400)) {
        for release in Release::ALL {
            let schema = PayloadSchema::of::<Release, ItemSer<'_>>(*release);
            let payload = payload(&schema, &mut Chosen(&choices), &foreign);
            let mut item = ItemSer::default();
            let mut again = [0; 320];
            let again = reencode(*release, &payload, &mut item, &mut again).unwrap().unwrap();
            prop_assert_eq!(again, &payload[..]);
        }
    }
}

#[test]
fn extremes_go_to_every_release() {
    let smallest = to_every_release(&roots(), || Minimum);
    assert!(smallest.lossless > 0 && smallest.refused > 0, "{smallest:?}");
    let largest = to_every_release(&roots(), || Maximum);
    assert!(largest.lossy > 0 && largest.refused_to_upgrade, "{largest:?}");
}

#[test]
fn extremes_go_to_both_branches() {
    let smallest = to_every_release(&branched::roots(), || Minimum);
    assert!(smallest.lossless > smallest.lossy, "{smallest:?}");
    let largest = to_every_release(&branched::roots(), || Maximum);
    assert!(largest.lossy > 0 && largest.refused_to_upgrade, "{largest:?}");
}

#[test]
fn the_default_goes_everywhere_where_nothing_refuses_it() {
    for root in roots() {
        for &release in Release::ALL.iter().filter(|release| (root.version)(**release) != 0) {
            match (root.default)(release) {
                Ok(payload) => _ = root.check(release, &payload),
                // A queue's default size is 0, and release 1 had 128.
                Err(error) => assert!(
                    release == Release::R1 && error.to_string().contains("128 entries"),
                    "{error}"
                ),
            }
        }
    }
}

#[test]
fn a_change_of_meaning_runs_over_several_versions() {
    // 90 ticks in version 1 are 270 tens of microseconds in version 2 and 2,700 microseconds from version 3 on.
    let payload = [0, 0, 0, 0, 0, 0, 0, 90, 0, 0, 0];
    let outcome = check::<Release, QueueSer>(Release::R1, &payload);
    assert_eq!(
        outcome,
        Outcome {
            lossless: 5,
            ..Outcome::default()
        }
    );
    let mut queue = QueueSer::default();
    Release::R1.decode(&payload, &mut queue).unwrap();
    assert_eq!(queue.delay, 2_700);
    let mut scratch = queue.clone();
    let older = Release::R2.downgrade(&queue, &mut scratch).unwrap();
    assert_eq!((older.mirror().delay, older.mirror().hint), (270, 200));
}

#[test]
fn a_removed_variant_has_its_stand_in_or_is_refused() {
    let upgraded = |payload: &[u8]| {
        let mut link = LinkSer::default();
        Release::R2.decode(payload, &mut link).map(|()| link)
    };
    assert_eq!(upgraded(&[4, 7]), Ok(LinkSer::Down));
    let LoadErrorKind::Conversion(refused) = upgraded(&[3, 7]).unwrap_err().kind else {
        panic!("not a conversion")
    };
    assert_eq!((refused.mirror, refused.field, refused.version), ("LinkSer", "Half", 1));
    assert_eq!(
        refused.reason,
        "the latest version does not have the variant, and no `default_fn` replaces it"
    );
}

#[test]
fn a_release_without_the_mirror_is_refused_everywhere() {
    let not_there = SaveError::NotInRelease { release: 1 };
    let nowhere = LoadErrorKind::NotInRelease { release: 1 };
    let mut memory = buffer!(LinkSer);
    let mut link = LinkSer::Down;
    let mut scratch = link.clone();
    let r1 = Release::R1;
    assert_eq!(r1.decode(&[0], &mut link).unwrap_err(), nowhere.without_offset());
    assert_eq!(r1.downgrade(&link, &mut scratch).unwrap_err(), not_there);
    assert_eq!(
        r1.downgrade_lossy(&link, &mut scratch, &mut |_| true).unwrap_err(),
        not_there
    );
    assert_eq!(r1.losses(&link, &mut scratch, &mut |_| ()), Err(not_there));
    assert_eq!(r1.fingerprint::<LinkSer>(), None);
    let snapshot = Release::save(&link, &mut memory).unwrap();
    let forged = said_to_be_of(1, snapshot);
    assert_eq!(Release::load(&forged, &mut link).unwrap_err(), nowhere.at(10));
}

/// The same snapshot with another release in its header, and a checksum that is right.
fn said_to_be_of(release: u16, snapshot: &[u8]) -> Vec<u8> {
    let header = Header {
        release,
        ..Header::peek(snapshot).unwrap()
    };
    let mut forged = [
        &header.to_bytes()[..],
        &snapshot[Header::LEN..snapshot.len() - Header::TRAILER_LEN],
    ]
    .concat();
    forged.extend(Crc64::checksum(&forged).to_le_bytes());
    forged
}

/// Neither its neighbour nor the latest release stands in for one that is not in the table.
#[test]
fn a_release_that_is_not_in_the_table_is_refused_by_its_number() {
    let mut memory = buffer!(LinkSer);
    let saved = LinkSer::Id(7, true);
    let snapshot = Release::save(&saved, &mut memory).unwrap();
    // Nothing else is wrong with what is forged here.
    let mut link = LinkSer::default();
    let forged = said_to_be_of(Release::LATEST.number(), snapshot);
    assert_eq!(Release::load(&forged, &mut link), Ok(Release::LATEST));
    assert_eq!(link, saved);

    let refused = |number: u16| {
        let forged = said_to_be_of(number, snapshot);
        let mut link = LinkSer::default();
        let error = Release::load(&forged, &mut link).unwrap_err();
        assert_eq!(
            (error.offset, &link),
            (Some(10), &LinkSer::default()),
            "nothing was read"
        );
        assert_eq!(Release::from_number(number), None);
        assert!(PayloadSchema::identify::<Release>(&Header::peek(&forged).unwrap()).is_none());
        let mut chunks = &forged[..];
        let mut buffer = buffer!(LinkSer);
        let streamed = Options::NATIVE.read_from(&mut chunks, &mut buffer).unwrap();
        assert_eq!(Release::load(streamed, &mut link), Err(error));
        error.kind
    };
    // Taken out of the table, and before its first.
    assert_eq!(refused(4), LoadErrorKind::UnknownRelease { found: 4 });
    assert_eq!(refused(0), LoadErrorKind::UnknownRelease { found: 0 });
    assert_eq!(
        refused(4).at(10).to_string(),
        "written by release 4, which this build does not support (at byte 10)"
    );
    // To come.
    for found in [7, u16::MAX] {
        assert_eq!(refused(found), LoadErrorKind::NewerRelease { found, newest: 6 });
    }
}
