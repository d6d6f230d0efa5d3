//! The accepted bytes are exactly those that the encoder writes: for any bytes, decoding either fails or gives a value that
//! encodes to the same bytes. A million cases of each kind; `STRICTNESS_CASES` asks for another number.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_tests::generate::{Chosen, Seeded, payload};
use devstate_tests::matrix::Root;
use devstate_tests::sample::{LinkSer, MachineSer, QueueSer, Release, foreign};
use devstate_versioning::{
    Checksum, Container, Crc64, HEADER_LEN, ReleaseTable, Str, TRAILER_LEN, Versioned, load, max_snapshot_len,
    release_table,
};

fn cases() -> u64 {
    std::env::var("STRICTNESS_CASES").map_or(1_000_000, |cases| cases.parse().unwrap())
}

fn roots() -> [Root<Release>; 3] {
    [Root::of::<LinkSer>(), Root::of::<QueueSer>(), Root::of::<MachineSer>()]
}

/// Whether they were accepted.
fn fails_or_comes_back(root: &Root<Release>, release: Release, bytes: &[u8]) -> bool {
    match (root.reencode)(release, bytes) {
        Ok(again) => {
            assert_eq!(again, bytes, "{root:?} at {release:?}");
            true
        }
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error} in {bytes:02x?}");
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

#[test]
fn arbitrary_bytes() {
    let roots = roots();
    let mut random = Seeded(1);
    let mut accepted = 0;
    for _ in 0..cases() {
        let root = &roots[random.number() as usize % roots.len()];
        let release = pick(&mut random, Release::ALL);
        if (root.version)(release) == 0 {
            continue;
        }
        let len = random.number() as usize % 64;
        let mut bytes = random.bytes(len);
        // Mostly small values, or hardly anything would get beyond its first length.
        let mask = pick(&mut random, &[0xff, 0x0f, 0x03, 0x01]);
        for byte in &mut bytes {
            *byte &= mask;
        }
        accepted += u64::from(fails_or_comes_back(root, release, &bytes));
    }
    assert!(accepted > cases() / 1000, "{accepted}: nothing was tried");
}

#[test]
fn valid_payloads_with_a_few_bytes_changed() {
    let roots = roots();
    let mut random = Seeded(2);
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    for _ in 0..cases() {
        let root = &roots[random.number() as usize % roots.len()];
        let release = pick(&mut random, Release::ALL);
        if (root.version)(release) == 0 {
            continue;
        }
        let choices = random.bytes(40);
        let mut bytes = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &foreign);
        for _ in 0..random.number() % 4 {
            if bytes.is_empty() {
                break;
            }
            let position = random.number() as usize % bytes.len();
            match random.number() % 4 {
                0 => bytes[position] = pick(&mut random, &[0, 1, 2, 0x7f, 0x80, 0xff]),
                1 => bytes[position] ^= 1 << (random.number() % 8),
                2 => bytes.insert(position, random.number() as u8),
                _ => _ = bytes.remove(position),
            }
        }
        *(if fails_or_comes_back(root, release, &bytes) {
            &mut accepted
        } else {
            &mut refused
        }) += 1;
    }
    assert!(
        accepted > cases() / 20 && refused > cases() / 20,
        "{accepted} accepted, {refused} refused"
    );
}

/// With the checksum repaired, so that what is behind it is reached.
#[test]
fn whole_snapshots_with_a_few_bytes_changed() {
    let mut random = Seeded(3);
    let mut memory = vec![0; max_snapshot_len::<MachineSer>()];
    let (mut loaded, mut refused) = (0_u64, 0_u64);
    for _ in 0..cases() {
        let mut machine = MachineSer::default();
        let choices = random.bytes(40);
        let root = Root::<Release>::of::<MachineSer>();
        let latest = payload(&(root.payload_schema)(Release::LATEST), &mut Chosen(&choices), &foreign);
        devstate_versioning::payload::decode(&latest, Release::LATEST, &mut machine).unwrap();
        let mut snapshot = Container::NATIVE
            .save::<Release, _>(&machine, &mut memory)
            .unwrap()
            .to_vec();
        for _ in 0..=random.number() % 3 {
            // The length and the release of the header are what a hostile file would change.
            let position = match random.number() % 4 {
                0 => 8 + random.number() as usize % (HEADER_LEN - 8),
                _ => random.number() as usize % (snapshot.len() - TRAILER_LEN),
            };
            snapshot[position] = pick(&mut random, &[0, 1, 2, 3, 0x7f, 0x80, 0xff]);
        }
        let end = snapshot.len() - TRAILER_LEN;
        let checksum = Crc64::checksum(&snapshot[..end]).to_le_bytes();
        snapshot[end..].copy_from_slice(&checksum);
        match load::<Release, _>(&snapshot, &mut machine) {
            Ok(release) => {
                let payload = &snapshot[HEADER_LEN..end];
                assert_eq!((root.reencode)(release, payload).unwrap(), payload);
                loaded += 1;
            }
            Err(error) => {
                assert!(error.offset <= snapshot.len(), "{error}");
                refused += 1;
            }
        }
    }
    assert!(
        loaded > cases() / 100 && refused > cases() / 100,
        "{loaded} loaded, {refused} refused"
    );
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
    use devstate_versioning::payload::{decode, encode};
    let text = "x".repeat(100_000);
    for len in (0..300).chain([16_383, 16_384, 99_999, 100_000]) {
        let long = LongSer {
            text: Str::new(&text[..len]).unwrap(),
            bytes: [true, false, true],
        };
        let mut memory = vec![0; 100_010];
        let taken = encode(&long, LongRelease::V1, &mut memory).unwrap();
        let mut read = LongSer::default();
        decode(&memory[..taken], LongRelease::V1, &mut read).unwrap();
        assert_eq!(read, long);
        let prefix = taken - len - 3;
        let mut longer = memory[..taken].to_vec();
        longer[prefix - 1] |= 0x80;
        longer.insert(prefix, 0);
        decode(&longer, LongRelease::V1, &mut LongSer::default()).unwrap_err();
    }
}
