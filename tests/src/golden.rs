//! Frozen snapshots of every published release, as hexadecimal with a comment for each field.
//!
//! A file is written once, when its release is published, and never changed after that. Its payloads are made from the
//! schema, so no encoder had a part in them.

use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use devstate_versioning::{Architecture, Header, Options, ReleaseTable};

use crate::generate::{Chosen, Maximum, Minimum, Seeded, no_foreign, payload};
use crate::matrix::Root;

/// Set to `add` to write the files that are missing.
pub const VARIABLE: &str = "DEVSTATE_GOLDEN";

const RANDOM_STATES: u64 = 12;
const OPTIONS: Options = Options::new(Architecture::Any);

/// Compares the files of every published release of a table with what today's code makes of them.
///
/// They are in `folder/RELEASE/MIRROR.hex`. One that is missing is written where [`VARIABLE`] says so.
pub fn check<R: ReleaseTable>(folder: &Path, roots: &[Root<R>]) {
    check_or_add(
        folder,
        roots,
        std::env::var_os(VARIABLE).is_some_and(|value| value == "add"),
    );
}

/// [`check`], but whether to `add` what is missing is the caller's choice.
pub fn check_or_add<R: ReleaseTable>(folder: &Path, roots: &[Root<R>], add: bool) {
    let published = R::ALL.iter().zip(R::PINNED).filter(|(_, pinned)| pinned.is_some());
    for (&release, _) in published {
        for root in roots.iter().filter(|root| (root.version)(release) != 0) {
            let file = folder
                .join(format!("{release:?}"))
                .join(format!("{}.hex", root.schema.name));
            if !file.exists() {
                assert!(add, "{} is missing: `cargo xtask golden` writes it", file.display());
                write_new(&file, &document(root, release));
            }
            check_file(root, release, &file);
        }
    }
}

/// Never overwrites.
fn write_new(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().write(true).create_new(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn check_file<R: ReleaseTable>(root: &Root<R>, release: R, file: &PathBuf) {
    let text = fs::read_to_string(file).unwrap();
    let cases = parse(&text);
    let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, case_names(), "{}", file.display());
    let mut again = heading(root, release);
    for (name, snapshot) in &cases {
        let place = format!("{}, {name}", file.display());
        let (header, payload) = OPTIONS
            .verify(snapshot)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(header.release, release.number(), "{place}");
        assert_eq!(header.fingerprint, (root.fingerprint)(release), "{place}");
        let encoded = (root.reencode)(release, payload).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(encoded, payload, "{place}");
        // To the latest version and from there to every other: it may be refused or lose something, and says so.
        root.check(release, payload);
        case(&mut again, root, release, name, snapshot);
    }
    assert_eq!(text, again, "{}: the comments are no longer true", file.display());
}

/// Every file has these, in this order.
fn case_names() -> Vec<String> {
    let fixed = ["default", "minimum", "maximum"].map(str::to_owned);
    fixed.into_iter().chain((1..=RANDOM_STATES).map(random_state)).collect()
}

fn random_state(seed: u64) -> String {
    format!("random {seed}")
}

/// A whole file.
fn document<R: ReleaseTable>(root: &Root<R>, release: R) -> String {
    let mut text = heading(root, release);
    let schema = (root.payload_schema)(release);
    let mut add = |name: &str, payload: &[u8]| {
        let snapshot = root.snapshot(Architecture::Any, release, payload);
        case(&mut text, root, release, name, &snapshot);
    };
    let default = (root.default)(release);
    add(
        "default",
        &default.unwrap_or_else(|error| panic!("{root:?} has no default at {release:?}: {error}")),
    );
    add("minimum", &payload(&schema, &mut Minimum, &no_foreign));
    add("maximum", &payload(&schema, &mut Maximum, &no_foreign));
    for seed in 1..=RANDOM_STATES {
        let choices = Seeded(seed).bytes(4 * root.schema.max_len());
        let payload = payload(&schema, &mut Chosen(&choices), &no_foreign);
        add(&random_state(seed), &payload);
    }
    text
}

fn heading<R: ReleaseTable>(root: &Root<R>, release: R) -> String {
    format!(
        "# {} version {} at release {release:?}. Frozen: nothing in this file ever changes.\n",
        root.schema.name,
        (root.version)(release)
    )
}

fn case<R: ReleaseTable>(text: &mut String, root: &Root<R>, release: R, name: &str, snapshot: &[u8]) {
    writeln!(text, "\n== {name}").unwrap();
    let end = snapshot.len() - Header::TRAILER_LEN;
    for (range, what) in [
        (0..8, "magic, any architecture"),
        (8..10, "format"),
        (10..12, "release"),
        (12..16, "bytes of payload"),
        (16..24, "fingerprint"),
    ] {
        line(text, &snapshot[range], what);
    }
    let walked = (root.payload_schema)(release).walk(&snapshot[Header::LEN..end], 0, &mut |item| {
        let bytes = &snapshot[Header::LEN + item.offset..][..item.len];
        line(text, bytes, &format!("{}: {} = {}", item.path, item.ty, item.value));
    });
    walked.unwrap();
    line(text, &snapshot[end..], "checksum");
}

/// Sixteen bytes a line, with the comment behind the first.
fn line(text: &mut String, bytes: &[u8], comment: &str) {
    let mut comment = Some(comment);
    for bytes in bytes.chunks(16) {
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match comment.take() {
            Some(comment) => writeln!(text, "{:<47}  # {comment}", hex.join(" ")),
            None => writeln!(text, "{}", hex.join(" ")),
        }
        .unwrap();
    }
}

/// The cases of a file by name.
fn parse(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push((name.to_owned(), Vec::new()));
            continue;
        }
        let hex = line.split('#').next().unwrap_or_default();
        for byte in hex.split_whitespace() {
            let (_, bytes) = cases
                .last_mut()
                .unwrap_or_else(|| panic!("{byte} stands below no name"));
            bytes.push(u8::from_str_radix(byte, 16).unwrap_or_else(|error| panic!("{byte}: {error}")));
        }
    }
    cases
}
