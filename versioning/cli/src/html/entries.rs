//! All bytes of a snapshot as entries of the tree: header, values, what could not be read, checksum.

use devstate_versioning::Header;

use super::{MAX_BYTES, MAX_FIELDS};
use crate::payload::Value;
use crate::peek::architecture;
use crate::report::{Report, Shown};

/// A run of bytes with a meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The labels from the root of the tree to the entry.
    pub(super) steps: Vec<String>,
    pub(super) offset: usize,
    pub(super) len: usize,
    pub(super) ty: String,
    pub(super) value: String,
    /// The number of the colour. The fields below one field of the root share it.
    pub(super) colour: usize,
    /// `true` if the bytes are damaged or could not be read.
    pub(super) is_bad: bool,
    /// `true` if the value follows under the same path.
    pub(super) is_present: bool,
}

/// Returns the entries front to back, up to the maximum of a page.
pub(super) fn of(report: &Report<'_>) -> Vec<Entry> {
    let mut entries = header(report);
    let root = format!("{} version {}", report.found.root.name, report.root_version());
    let (mut colour, mut last_group) = (0, None);
    let shown = report.fields.iter().take(MAX_FIELDS);
    for field in shown.take_while(|field| field.offset < MAX_BYTES) {
        let group = field.path.steps().first();
        if group != last_group {
            (colour, last_group) = (colour + 1, group);
        }
        entries.push(value(field, &root, colour));
    }
    if report.snapshot.bytes.len() <= MAX_BYTES && report.fields.len() <= MAX_FIELDS {
        entries.extend(unread(report, &entries));
        entries.extend(checksum(report));
    }
    entries
}

fn header(report: &Report<'_>) -> Vec<Entry> {
    let Header {
        architecture_code,
        release,
        payload_len,
        fingerprint,
    } = report.snapshot.header;
    let release = format!("{release}, {}", report.release_name());
    let parts = [
        ("magic", 0, 7, "DEVSTAT".to_owned()),
        ("architecture", 7, 1, architecture(architecture_code)),
        ("format", 8, 2, Header::FORMAT.to_string()),
        ("release", 10, 2, release),
        ("length", 12, 4, format!("{payload_len} bytes of payload")),
        ("fingerprint", 16, 8, format!("{fingerprint:#018x}")),
    ];
    let entry = |(name, offset, len, value): (&str, usize, usize, String)| Entry {
        steps: vec!["Header".to_owned(), name.to_owned()],
        offset,
        len,
        value,
        ..Entry::default()
    };
    parts.map(entry).into()
}

fn value(field: &Shown<'_>, root: &str, colour: usize) -> Entry {
    let mut steps = vec![root.to_owned()];
    steps.extend(field.path.steps().iter().map(ToString::to_string));
    let own = match field.value {
        Value::Checksum(_) => Some("Checksum"),
        Value::Unread(_) => Some("Not readable"),
        _ => None,
    };
    steps.extend(own.map(ToOwned::to_owned));
    Entry {
        steps,
        offset: field.offset,
        len: field.len,
        ty: field.ty.to_string(),
        value: field.text(),
        colour,
        is_bad: matches!(field.value, Value::Unread(_)),
        is_present: field.value == Value::Present,
    }
}

/// What stands behind the last value that could be read.
fn unread(report: &Report<'_>, entries: &[Entry]) -> Option<Entry> {
    let end = report.snapshot.payload().len() + Header::LEN;
    let start = entries.last().map_or(Header::LEN, |last| last.offset + last.len);
    (start < end).then(|| {
        let damage = report.damage.iter().find(|damage| damage.offset >= start);
        let damage = damage.map_or_else(String::new, ToString::to_string);
        Entry {
            steps: vec!["Not readable".to_owned()],
            offset: start,
            len: end - start,
            value: damage,
            is_bad: true,
            ..Entry::default()
        }
    })
}

fn checksum(report: &Report<'_>) -> Option<Entry> {
    let checksum = report.snapshot.checksum()?;
    let damage = report.damage.iter().find(|damage| damage.path.is_none());
    let verdict = damage.map_or_else(|| "right".to_owned(), ToString::to_string);
    Some(Entry {
        steps: vec!["Checksum".to_owned()],
        offset: report.snapshot.summed_len(),
        len: Header::TRAILER_LEN,
        value: format!("{checksum:#018x}, {verdict}"),
        is_bad: damage.is_some(),
        ..Entry::default()
    })
}
