//! Two builds agree on a release, or say why they cannot.

use devstate_versioning::negotiation::{Choice, NegotiationError, Offer, RECORD_LEN};
use devstate_versioning::{Architecture, ReleaseTable, Versioned, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5))]
struct TimerSer {
    count: u32,
    #[versioned(start = 2)]
    prescaler: u8,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x97b1_6448_8657_4ca8))]
struct FanSer {
    speed: u16,
}

release_table! {
    enum Release { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V3 = 3 @ 0xb114_586c_7b3a_e77d, V7 = 7 @ open }
    TimerSer => [1, 2, 2],
    FanSer => [_, 1, 1],
}

type Record = [u8; RECORD_LEN];

fn offer(newest: Release) -> Vec<Record> {
    Offer::<Release, TimerSer>::new(Architecture::X86_64, newest).collect()
}

fn choose(records: &[Record], oldest: Release, newest: Release) -> Result<Option<Release>, NegotiationError> {
    let mut choice = Choice::<Release, TimerSer>::new(Architecture::X86_64, oldest..=newest);
    let mut chosen = None;
    for record in records {
        assert_eq!(chosen, None, "a release before the last record");
        chosen = choice.add(record)?;
    }
    Ok(chosen)
}

#[test]
fn an_offer_has_the_documented_bytes() {
    let fingerprint = |release: Release| release.fingerprint::<TimerSer>().unwrap().to_le_bytes();
    let record = |number: u8, release| [&[number, 0], fingerprint(release).as_slice()].concat();
    let expected = [
        b"DEVOFFR\x01\x02\0".to_vec(),
        record(1, Release::V1),
        record(3, Release::V3),
    ];
    assert_eq!(
        offer(Release::V3),
        expected.map(|record| Record::try_from(record).unwrap())
    );
}

#[test]
fn an_offer_has_no_release_without_the_mirror() {
    let records: Vec<_> = Offer::<Release, FanSer>::new(Architecture::Any, Release::V7).collect();
    let numbers: Vec<u8> = records.iter().skip(1).map(|record| record[0]).collect();
    assert_eq!((records[0], numbers), (*b"DEVOFFR\0\x02\0", vec![3, 7]));
    let none: Vec<_> = Offer::<Release, FanSer>::new(Architecture::Any, Release::V1).collect();
    assert_eq!(none, [*b"DEVOFFR\0\0\0"]);
}

#[test]
fn the_newest_common_release_is_chosen() {
    use Release::{V1, V3, V7};
    for (theirs, oldest, newest, chosen) in [
        (V7, V1, V7, V7),
        (V3, V1, V7, V3),
        (V1, V1, V7, V1),
        (V7, V1, V3, V3),
        (V7, V1, V1, V1),
        (V7, V3, V3, V3),
    ] {
        assert_eq!(
            choose(&offer(theirs), oldest, newest),
            Ok(Some(chosen)),
            "{theirs:?} {oldest:?} {newest:?}"
        );
    }
}

#[test]
fn a_release_that_differs_is_no_common_release() {
    let mut records = offer(Release::V7);
    records[3][4] ^= 1;
    assert_eq!(choose(&records, Release::V1, Release::V7), Ok(Some(Release::V3)));
    records[2][9] ^= 1;
    assert_eq!(choose(&records, Release::V1, Release::V7), Ok(Some(Release::V1)));
    records[1][2] ^= 1;
    let error = choose(&records, Release::V1, Release::V7).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no common release: the newest that the receiver reads is 7, and the sender may write 1 to 7; the two builds have \
         different layouts for release 7"
    );
}

#[test]
fn releases_that_the_sender_does_not_know_are_passed_over() {
    let mut records = offer(Release::V7);
    records[0][8] = 4;
    records.push([9, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(choose(&records, Release::V1, Release::V7), Ok(Some(Release::V7)));
    let none = [*b"DEVOFFR\x01\x01\0", [9, 0, 1, 2, 3, 4, 5, 6, 7, 8]];
    assert_eq!(
        choose(&none, Release::V1, Release::V7),
        Err(NegotiationError::NoCommonRelease {
            oldest: 1,
            newest: 7,
            theirs: 9,
            differs: None
        })
    );
}

#[test]
fn no_common_release_is_an_error_with_all_numbers() {
    use Release::{V1, V3, V7};
    let error = |records: &[Record], oldest, newest| choose(records, oldest, newest).unwrap_err();
    for (records, oldest, newest, theirs, text) in [
        (
            offer(V1),
            V3,
            V7,
            1,
            "the newest that the receiver reads is 1, and the sender may write 3 to 7",
        ),
        (
            offer(V1),
            V3,
            V3,
            1,
            "the newest that the receiver reads is 1, and the sender may write 3 only",
        ),
        (
            offer(V7),
            V3,
            V1,
            7,
            "the newest that the receiver reads is 7, and the sender may write none: its range starts at 3 and ends at 1",
        ),
    ] {
        let error = error(&records, oldest, newest);
        let (oldest, newest) = (oldest.number(), newest.number());
        let expected = NegotiationError::NoCommonRelease {
            oldest,
            newest,
            theirs,
            differs: None,
        };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), format!("no common release: {text}"));
    }
    let nothing = error(&[*b"DEVOFFR\x01\0\0"], V1, V7);
    assert_eq!(nothing.to_string(), "the receiver reads no release");
}

#[test]
fn a_sender_of_any_architecture_may_send_to_every_receiver() {
    let start = |architecture: Architecture, theirs: Architecture| {
        let mut records = Offer::<Release, TimerSer>::new(theirs, Release::V1);
        Choice::<Release, TimerSer>::new(architecture, Release::V1..=Release::V7).add(&records.next().unwrap())
    };
    assert_eq!(start(Architecture::Any, Architecture::Arm), Ok(None));
    assert_eq!(start(Architecture::Any, Architecture::Any), Ok(None));
    assert_eq!(start(Architecture::Arm, Architecture::Arm), Ok(None));
    // A receiver that loads snapshots of any architecture only reads no others.
    for theirs in [Architecture::Any, Architecture::X86_64] {
        let error = start(Architecture::Arm, theirs).unwrap_err();
        let found = theirs.code();
        assert_eq!(
            error,
            NegotiationError::Architecture {
                ours: Architecture::Arm,
                theirs: found
            }
        );
        assert_eq!(
            error.to_string(),
            format!("the receiver runs on {theirs}, the sender on arm")
        );
    }
}

#[test]
fn records_that_are_not_an_offer_are_refused() {
    let error = |records: &[Record]| choose(records, Release::V1, Release::V7).unwrap_err();
    assert_eq!(
        error(&[*b"GET / HTTP"]).to_string(),
        "this is not an offer of releases: it starts with 0x474554202f2048"
    );
    assert_eq!(
        error(&[*b"DEVOFFR\x4d\x01\0"]).to_string(),
        "the receiver runs on an unknown architecture (code 77), the sender on x86_64"
    );
    let full = offer(Release::V7);
    let zero = [0; RECORD_LEN];
    for (second, third, number, after, text) in [
        (full[2], full[2], 3, 3, "the offer has release 3 twice"),
        (
            full[2],
            full[1],
            1,
            3,
            "the offer has release 1 after release 3, and numbers must ascend",
        ),
        (zero, full[1], 0, 0, "the offer has a release with the number 0"),
        (full[2], zero, 0, 3, "the offer has a release with the number 0"),
    ] {
        let error = error(&[full[0], second, third]);
        assert_eq!(error, NegotiationError::NotAscending { number, after });
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_record_behind_the_end_is_refused() {
    let mut choice = Choice::<Release, TimerSer>::new(Architecture::X86_64, Release::V1..=Release::V7);
    for record in offer(Release::V1) {
        choice.add(&record).unwrap();
    }
    assert_eq!(
        choice.add(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(NegotiationError::TooManyRecords)
    );
}
