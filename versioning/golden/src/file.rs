//! A frozen file: snapshots as hexadecimal, with a comment for each field.

use std::fmt::Write;
use std::path::Path;

use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::Schema;
use devstate_versioning::wire::RowOf;
use devstate_versioning::{Architecture, Header, Options, ReleaseTable};

use crate::Foreign;
use crate::error::GoldenError;
use crate::generate::{Chosen, Maximum, Minimum, Seeded, payload};

const RANDOM_STATES: u64 = 12;

/// Characters of a wrong word that an error shows. A damaged file may have no spaces.
const SHOWN: usize = 30;

const OPTIONS: Options = Options::new(Architecture::Any);

/// One snapshot in a frozen file, with its name, such as `minimum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name, such as `minimum` or `random 3`.
    pub name: String,
    /// The whole snapshot.
    pub snapshot: Vec<u8>,
}

impl Case {
    /// Returns the snapshots of a frozen file. `file` is its name, for errors.
    ///
    /// # Errors
    ///
    /// [`GoldenError`] if the text is not a frozen file.
    pub fn parse(file: &Path, text: &str) -> Result<Vec<Self>, GoldenError> {
        parse(file, text)
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let end = self.snapshot.len().saturating_sub(Header::TRAILER_LEN);
        self.snapshot.get(Header::LEN..end).unwrap_or_default()
    }
}

/// Decodes a payload and encodes it again.
type Reencode<'r> = &'r dyn Fn(&[u8]) -> Result<Vec<u8>, String>;

/// A mirror at a release, without its type.
pub(crate) struct Subject {
    schema: &'static Schema,
    payload_schema: PayloadSchema,
    version: u16,
    release: String,
    number: u16,
    fingerprint: u64,
}

impl Subject {
    pub(crate) fn of<R: ReleaseTable, M: RowOf<R>>(release: R) -> Self {
        Self {
            schema: M::SCHEMA,
            payload_schema: PayloadSchema::of::<R, M>(release),
            version: M::version(release),
            release: format!("{release:?}"),
            number: release.number(),
            fingerprint: release.fingerprint::<M>().unwrap_or(0),
        }
    }

    /// Checks a whole file. Returns the number of snapshots in it.
    pub(crate) fn check(&self, file: &Path, text: &str, reencode: Reencode<'_>) -> Result<usize, GoldenError> {
        let cases = parse(file, text)?;
        let names = case_names();
        let mut both = cases.iter().map(|case| &case.name).zip(&names);
        if let Some((found, expected)) = both.find(|(found, expected)| found != expected) {
            let what = format!("it has the snapshot `{found}` at the place of `{expected}`");
            return Err(GoldenError::new(file, "", what));
        }
        if cases.len() != names.len() {
            let what = format!(
                "it has {} snapshots, but every frozen file has {}",
                cases.len(),
                names.len()
            );
            return Err(GoldenError::new(file, "", what));
        }
        let mut again = self.heading();
        for case in &cases {
            let wrong = |what: String| GoldenError::new(file, &case.name, what);
            let verified = OPTIONS.verify(&case.snapshot);
            let (header, payload) = verified.map_err(|error| wrong(error.to_string()))?;
            if header.release != self.number || header.fingerprint != self.fingerprint {
                let (release, fingerprint) = (header.release, header.fingerprint);
                return Err(wrong(format!(
                    "it has release {release} and fingerprint {fingerprint:#018x}, and the release table has {} and {:#018x}",
                    self.number, self.fingerprint
                )));
            }
            let encoded = reencode(payload).map_err(wrong)?;
            if encoded != payload {
                let at = encoded
                    .iter()
                    .zip(payload)
                    .take_while(|(one, other)| one == other)
                    .count();
                return Err(wrong(format!(
                    "the code writes other bytes, from byte {} on",
                    Header::LEN + at
                )));
            }
            self.write_case(&mut again, &case.name, &case.snapshot).map_err(wrong)?;
        }
        if text != again {
            let line = text
                .lines()
                .zip(again.lines())
                .take_while(|(one, other)| one == other)
                .count();
            let what = format!("line {}: the comment is no longer true", line + 1);
            return Err(GoldenError::new(file, "", what));
        }
        Ok(cases.len())
    }

    /// Makes a whole file.
    pub(crate) fn document(&self, default: &[u8], foreign: Foreign<'_>) -> String {
        let mut text = self.heading();
        let mut add = |name: &str, payload: &[u8]| {
            // The payload follows from the schema, so it can be read by it.
            let _ = self.write_case(&mut text, name, &self.snapshot(payload));
        };
        let schema = &self.payload_schema;
        add("default", default);
        add("minimum", &payload(schema, &mut Minimum, foreign));
        add("maximum", &payload(schema, &mut Maximum, foreign));
        for seed in 1..=RANDOM_STATES {
            let choices = Seeded(seed).bytes(4 * self.schema.max_len());
            add(&random_state(seed), &payload(schema, &mut Chosen(&choices), foreign));
        }
        text
    }

    fn snapshot(&self, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            architecture_code: Architecture::Any.code(),
            release: self.number,
            payload_len: payload.len() as u32,
            fingerprint: self.fingerprint,
        };
        let mut snapshot = [&header.to_bytes()[..], payload].concat();
        snapshot.extend(Crc64::checksum(&snapshot).to_le_bytes());
        snapshot
    }

    fn heading(&self) -> String {
        let (name, version, release) = (self.schema.name, self.version, &self.release);
        format!("# {name} version {version} at release {release}. Frozen: nothing in this file ever changes.\n")
    }

    fn write_case(&self, text: &mut String, name: &str, snapshot: &[u8]) -> Result<(), String> {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "\n== {name}");
        let end = snapshot.len().saturating_sub(Header::TRAILER_LEN);
        let bytes = |start: usize, end: usize| snapshot.get(start..end).unwrap_or_default();
        for (start, end, what) in [
            (0, 8, "magic, any architecture"),
            (8, 10, "format"),
            (10, 12, "release"),
            (12, 16, "bytes of payload"),
            (16, Header::LEN, "fingerprint"),
        ] {
            write_line(text, bytes(start, end), what);
        }
        let walked = self
            .payload_schema
            .walk(bytes(Header::LEN, end), Header::LEN, &mut |item| {
                let comment = format!("{}: {} = {}", item.path, item.ty, item.value);
                write_line(text, bytes(item.offset, item.offset + item.len), &comment);
            });
        write_line(text, bytes(end, snapshot.len()), "checksum");
        walked.map_err(|error| error.to_string())
    }
}

/// Every file has these, in this order.
fn case_names() -> Vec<String> {
    let fixed = ["default", "minimum", "maximum"].map(str::to_owned);
    fixed.into_iter().chain((1..=RANDOM_STATES).map(random_state)).collect()
}

fn random_state(seed: u64) -> String {
    format!("random {seed}")
}

/// Sixteen bytes a line, with the comment behind the first.
fn write_line(text: &mut String, bytes: &[u8], comment: &str) {
    let mut comment = Some(comment);
    for bytes in bytes.chunks(16) {
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = match comment.take() {
            Some(comment) => writeln!(text, "{:<47}  # {comment}", hex.join(" ")),
            None => writeln!(text, "{}", hex.join(" ")),
        };
    }
}

/// Returns the snapshots of a file.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Vec<Case>, GoldenError> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("== ") {
            let (name, snapshot) = (name.to_owned(), Vec::new());
            cases.push(Case { name, snapshot });
            continue;
        }
        let hex = line.split('#').next().unwrap_or_default();
        for byte in hex.split_whitespace() {
            let parsed = u8::from_str_radix(byte, 16).ok().zip(cases.last_mut());
            let Some((byte, case)) = parsed else {
                let start: String = byte.chars().take(SHOWN).collect();
                let what = format!(
                    "line {}: `{}` is no byte of a snapshot",
                    number + 1,
                    start.escape_debug()
                );
                return Err(GoldenError::new(file, "", what));
            };
            case.snapshot.push(byte);
        }
    }
    Ok(cases)
}
