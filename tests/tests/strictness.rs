//! The accepted bytes are exactly those that the encoder writes: for any bytes, decoding either fails or gives a value that
//! encodes to the same bytes. A million cases of each kind, for the sample's mirrors and for the devices'; `STRICTNESS_CASES`
//! asks for another number.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_tests::generate::{Chosen, Seeded, payload};
use devstate_tests::matrix::Root;
use devstate_tests::{published, sample};
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::{Architecture, Header, ReleaseTable, Str, Versioned, release_table};

fn cases() -> u64 {
    std::env::var("STRICTNESS_CASES").map_or(1_000_000, |cases| cases.parse().unwrap())
}

/// The sample's mirrors, the one that borrows among them.
fn sample_roots() -> Vec<Root<sample::Release>> {
    sample::roots().into_iter().chain([sample::borrowed_root()]).collect()
}

/// Whether they were accepted.
fn fails_or_comes_back<R: ReleaseTable>(root: &Root<R>, release: R, bytes: &[u8]) -> bool {
    match (root.reencode)(release, bytes) {
        Ok(again) => {
            assert_eq!(again, bytes, "{root:?} at {release:?}");
            true
        }
        Err(error) => {
            assert!(error.offset <= Some(bytes.len()), "{error} in {bytes:02x?}");
            // The name is found for whatever is wrong.
            let _ = (root.payload_schema)(release)
                .locate(bytes, 0, &error)
                .map(|path| path.to_string());
            false
        }
    }
}

fn pick<T: Copy>(random: &mut Seeded, from: &[T]) -> T {
    from[random.number() as usize % from.len()]
}

/// How often the bytes of a mirror were accepted, and how often refused.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    accepted: u64,
    refused: u64,
}

/// Tries a million cases, each a mirror at a release that has it. No mirror is left out, and of each some are accepted and
/// some refused: at least one in so many.
fn try_each<R: ReleaseTable>(
    seed: u64,
    roots: &[Root<R>],
    one_in: u64,
    accepts: impl Fn(&mut Seeded, &Root<R>, R) -> bool,
) {
    let mut random = Seeded(seed);
    let there = |root: &Root<R>| {
        R::ALL
            .iter()
            .copied()
            .filter(|release| (root.version)(*release) != 0)
            .collect()
    };
    let releases: Vec<Vec<R>> = roots.iter().map(there).collect();
    let mut tallies = vec![Tally::default(); roots.len()];
    for _ in 0..cases() {
        let position = random.number() as usize % roots.len();
        let release = pick(&mut random, &releases[position]);
        if accepts(&mut random, &roots[position], release) {
            tallies[position].accepted += 1;
        } else {
            tallies[position].refused += 1;
        }
    }
    for (root, tally) in roots.iter().zip(tallies) {
        let tried = tally.accepted + tally.refused;
        assert!(tried > cases() / roots.len() as u64 / 2, "{root:?}: {tally:?}");
        assert!(
            tally.accepted >= tried / one_in && tally.refused >= tried / one_in,
            "{root:?}: {tally:?}"
        );
    }
}

fn arbitrary<R: ReleaseTable>(random: &mut Seeded, root: &Root<R>, release: R) -> bool {
    let longest = root.schema.max_len() as u64 + 2;
    let len = random.number() % random.number().checked_rem(longest).unwrap_or(0).max(64);
    let mut bytes = random.bytes(len as usize);
    // Mostly small values, or hardly anything would get beyond its first length.
    let mask = pick(random, &[0xff, 0x0f, 0x03, 0x01]);
    for byte in &mut bytes {
        *byte &= mask;
    }
    fails_or_comes_back(root, release, &bytes)
}

#[test]
fn arbitrary_bytes() {
    try_each(1, &sample_roots(), 10_000, arbitrary);
    try_each(1, &published::roots(), 10_000, arbitrary);
}

fn nearly_valid<R: ReleaseTable>(random: &mut Seeded, root: &Root<R>, release: R) -> bool {
    let choices = random.bytes(40);
    let mut bytes = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &sample::foreign);
    for _ in 0..random.number() % 4 {
        if bytes.is_empty() {
            break;
        }
        let position = random.number() as usize % bytes.len();
        match random.number() % 4 {
            0 => bytes[position] = pick(random, &[0, 1, 2, 0x7f, 0x80, 0xff]),
            1 => bytes[position] ^= 1 << (random.number() % 8),
            2 => bytes.insert(position, random.number() as u8),
            _ => _ = bytes.remove(position),
        }
    }
    fails_or_comes_back(root, release, &bytes)
}

#[test]
fn valid_payloads_with_a_few_bytes_changed() {
    try_each(2, &sample_roots(), 20, nearly_valid);
    try_each(2, &published::roots(), 20, nearly_valid);
}

/// With the checksum repaired, so that what is behind it is reached.
fn nearly_a_snapshot<R: ReleaseTable>(random: &mut Seeded, root: &Root<R>, release: R) -> bool {
    let choices = random.bytes(40);
    let payload = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &sample::foreign);
    let mut snapshot = root.snapshot(Architecture::NATIVE, release, &payload);
    let end = snapshot.len() - Header::TRAILER_LEN;
    for _ in 0..=random.number() % 3 {
        // The length and the release of the header are what a hostile file would change.
        let position = match random.number() % 4 {
            0 => 8 + random.number() as usize % (Header::LEN - 8),
            _ => random.number() as usize % end,
        };
        snapshot[position] = pick(random, &[0, 1, 2, 3, 0x7f, 0x80, 0xff]);
    }
    let checksum = Crc64::checksum(&snapshot[..end]).to_le_bytes();
    snapshot[end..].copy_from_slice(&checksum);
    match (root.load)(&snapshot) {
        Ok(release) => {
            let payload = &snapshot[Header::LEN..end];
            assert_eq!((root.reencode)(release, payload).unwrap(), payload);
            true
        }
        Err(error) => {
            assert!(error.offset <= Some(snapshot.len()), "{error}");
            false
        }
    }
}

#[test]
fn whole_snapshots_with_a_few_bytes_changed() {
    try_each(3, &sample_roots(), 100, nearly_a_snapshot);
    try_each(3, &published::roots(), 100, nearly_a_snapshot);
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(open))]
pub struct LongSer<'a> {
    pub text: Str<'a, 100_000>,
    pub bytes: [bool; 3],
}

release_table! {
    pub enum LongRelease { V1 = 1 @ open }
    LongSer<'_> => [1],
}

/// The longest lengths, and ones that are not in their shortest form.
#[test]
fn every_length_has_one_form() {
    let text = "x".repeat(100_000);
    for len in (0..300).chain([16_383, 16_384, 99_999, 100_000]) {
        let long = LongSer {
            text: Str::new(&text[..len]).unwrap(),
            bytes: [true, false, true],
        };
        let mut memory = vec![0; 100_010];
        let taken = LongRelease::latest(&long).encode(&mut memory).unwrap().len();
        let mut read = LongSer::default();
        LongRelease::V1.decode(&memory[..taken], &mut read).unwrap();
        assert_eq!(read, long);
        let prefix = taken - len - 3;
        let mut longer = memory[..taken].to_vec();
        longer[prefix - 1] |= 0x80;
        longer.insert(prefix, 0);
        LongRelease::V1.decode(&longer, &mut LongSer::default()).unwrap_err();
    }
}
