//! What the command `devstate` reads from the JSON of a schema is what the library knows: fingerprints, fields, errors.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use devstate_cli::payload::{self, Why};
use devstate_cli::schema::{Folder, Schema, diff};
use devstate_replay::Release as Machine;
use devstate_tests::generate::{Chosen, Seeded, payload};
use devstate_tests::matrix::Root;
use devstate_tests::{published, sample};
use devstate_versioning::schema::Json;
use devstate_versioning::{LoadErrorKind, ReleaseTable};

fn schema<R: ReleaseTable>() -> Schema {
    let json = Json::<R>::new().to_string();
    let schema = Schema::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{json}"));
    assert_eq!(diff(&schema, &schema), []);
    schema
}

/// The fingerprints that follow from the fields of a schema are those in it, and those of the library.
fn has_its_fingerprints<R: ReleaseTable>() {
    let schema = schema::<R>();
    let document = schema.document();
    let text = |fingerprint: u64| format!("{fingerprint:#018x}");
    for mirror in &document.mirrors {
        for (version, layout) in (1..).zip(&mirror.layouts) {
            // One that is forgotten has none.
            if version >= mirror.oldest && layout.is_some() {
                assert_eq!(
                    *layout,
                    Some(text(mirror.layout_fingerprint(version))),
                    "{} version {version}",
                    mirror.name
                );
            }
        }
    }
    for (position, release) in document.releases.iter().enumerate() {
        assert_eq!(
            text(schema.release_fingerprint(position)),
            release.fingerprint,
            "{}",
            release.name
        );
    }
    for (row, roots) in R::ROWS.iter().zip(R::ROOTS) {
        for (release, fingerprint) in R::ALL.iter().zip(*roots).filter(|(_, fingerprint)| **fingerprint != 0) {
            let found = schema.roots(release.number(), *fingerprint).unwrap();
            assert_eq!(
                found.iter().map(|mirror| mirror.name.as_str()).collect::<Vec<_>>(),
                [row.schema.name]
            );
        }
    }
}

#[test]
fn fingerprints_follow_from_the_fields() {
    has_its_fingerprints::<sample::Release>();
    has_its_fingerprints::<published::Release>();
    has_its_fingerprints::<Machine>();
    has_its_fingerprints::<devstate_branch_main::Release>();
}

/// Walks a payload in both ways, and compares every item and the error. Returns `true` if there was none.
fn walks_alike<R: ReleaseTable>(schema: &Schema, root: &Root<R>, release: R, bytes: &[u8]) -> bool {
    let mut expected = Vec::new();
    let known = (root.payload_schema)(release).walk(bytes, 24, &mut |item| {
        expected.push((item.path.to_string(), item.offset, item.len, item.ty.to_string()));
    });
    let mut found = Vec::new();
    let mirror = schema.mirror(root.schema.name).unwrap();
    let none = Folder::default();
    let walked = payload::walk(schema, mirror, release.index(), bytes, 24, &none, &mut |item| {
        found.push((item.path.to_string(), item.offset, item.len, item.ty.to_string()));
    });
    assert_eq!(found, expected, "{root:?} at {release:?}");
    match (known, walked) {
        (Ok(()), Ok(())) => true,
        (Err(known), Err(walked)) => {
            assert_eq!(Why::Bytes(known.error), walked.why, "{root:?} at {release:?}");
            // Bytes behind the end belong to no field.
            if !matches!(known.error.kind, LoadErrorKind::TrailingBytes { .. }) {
                assert_eq!(known.path.to_string(), walked.path, "{root:?} at {release:?}");
            }
            false
        }
        (known, walked) => panic!("{root:?} at {release:?}: {known:?}, {walked:?}"),
    }
}

/// Returns how many payloads were read to their end, and how many were not.
fn walks_random_payloads_alike<R: ReleaseTable>(roots: &[Root<R>]) -> (usize, usize) {
    let schema = schema::<R>();
    let mut counts = (0, 0);
    for root in roots {
        for &release in R::ALL.iter().filter(|release| (root.version)(**release) != 0) {
            for seed in 0..400 {
                let mut random = Seeded(seed);
                let choices = random.bytes(4 * root.schema.max_len());
                let mut bytes = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &sample::foreign);
                for damage in 0..4 {
                    let whole = walks_alike(&schema, root, release, &bytes);
                    assert!(whole || damage > 0);
                    counts = if whole {
                        (counts.0 + 1, counts.1)
                    } else {
                        (counts.0, counts.1 + 1)
                    };
                    match random.number() % 3 {
                        0 => bytes.push(random.number() as u8),
                        1 => bytes.truncate(random.number() as usize % (bytes.len() + 1)),
                        _ if bytes.is_empty() => {}
                        _ => {
                            let at = random.number() as usize % bytes.len();
                            bytes[at] = random.number() as u8;
                        }
                    }
                }
            }
        }
    }
    counts
}

#[test]
fn payloads_are_read_as_the_library_reads_them() {
    let (whole, damaged) = walks_random_payloads_alike(&sample::roots());
    assert!(whole > 5_000 && damaged > 5_000, "{whole}, {damaged}");
    let (whole, damaged) = walks_random_payloads_alike(&[Root::of::<devstate_branch_main::FanSer>()]);
    assert!(whole > 1_000 && damaged > 1_000, "{whole}, {damaged}");
    let (whole, damaged) = walks_random_payloads_alike(&published::roots());
    assert!(whole > 5_000 && damaged > 5_000, "{whole}, {damaged}");
}
