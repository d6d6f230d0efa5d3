//! All values of a snapshot, for outputs that need all of them at once.

use std::borrow::Cow;
use std::path::Path;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value as Json, json};

use devstate_versioning::Header;

use crate::payload::{self, Item, Value, Within};
use crate::peek::architecture;
use crate::schema::{Found, Type};
use crate::snapshot::Snapshot;

/// The largest whole number that every JSON parser keeps.
const MAX_SAFE: u128 = (1 << 53) - 1;

/// A snapshot with its values.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The schema and the root mirror.
    pub found: Found<'a>,
    /// The values, front to back.
    pub fields: Vec<Shown<'a>>,
    /// The damaged parts.
    pub damage: Vec<Damage>,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The path.
    pub path: payload::Path<'a>,
    /// The offset of the first byte in the snapshot.
    pub offset: usize,
    /// The number of bytes.
    pub len: usize,
    /// The type.
    pub ty: &'a Type,
    /// The unit, if the schema has one.
    pub unit: Option<&'a str>,
    /// The value.
    pub value: Value<'a, 'a>,
}

/// Something that is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// The offset in the snapshot.
    pub offset: usize,
    /// The field, if the damage belongs to a field.
    pub path: Option<String>,
    /// What is wrong: one clause without a full stop.
    pub what: String,
}

impl<'a> Report<'a> {
    /// Reads all values.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, found: Found<'a>) -> Self {
        let mut fields = Vec::new();
        let mut damage = Vec::new();
        let walked = snapshot.walk(found, &mut |item| {
            damage.extend(Damage::of_item(item));
            fields.push(Shown::new(item));
        });
        damage.extend(walked.err().map(Damage::from_walk));
        damage.extend(Damage::of(snapshot));
        Self {
            snapshot,
            found,
            fields,
            damage,
        }
    }

    /// Returns the name of the release in the schema.
    #[must_use]
    pub fn release_name(&self) -> &'a str {
        self.found.release_name()
    }

    /// Returns the version of the root mirror.
    #[must_use]
    pub fn root_version(&self) -> u16 {
        self.found.root_version()
    }

    /// Returns the name of the file, as JSON has it: it is not escaped, and may be unsafe to print.
    pub(crate) fn file(&self) -> Cow<'a, str> {
        self.snapshot.file.to_string_lossy()
    }
}

/// Everything as JSON, one field at a time: a snapshot may have millions.
impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let checksum = self.snapshot.checksum().map(|checksum| format!("{checksum:#018x}"));
        let root = json!({ "name": self.found.root.name, "version": self.root_version() });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file())?;
        map.serialize_entry("ok", &self.damage.is_empty())?;
        map.serialize_entry("schema", &self.found.file.to_string_lossy())?;
        map.serialize_entry("table", &self.found.schema.document().table)?;
        map.serialize_entry("header", &header_to_json(self.snapshot.header, self.found))?;
        map.serialize_entry("root", &root)?;
        map.serialize_entry("fields", &Fields(self))?;
        map.serialize_entry("checksum", &checksum)?;
        map.serialize_entry("damage", &self.damage)?;
        map.end()
    }
}

/// The fields of a report as JSON.
struct Fields<'r>(&'r Report<'r>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = &self.0.snapshot.bytes;
        serializer.collect_seq(self.0.fields.iter().map(|field| field.to_json(bytes)))
    }
}

impl<'a> Shown<'a> {
    fn new(item: &Item<'_, 'a, 'a>) -> Self {
        Self {
            path: item.path.clone(),
            offset: item.offset,
            len: item.len,
            ty: item.ty,
            unit: item.unit,
            value: item.value,
        }
    }

    /// Returns the value as text, with its unit.
    #[must_use]
    pub fn text(&self) -> String {
        with_unit(self.value, self.unit)
    }

    /// Returns the bytes of the value.
    #[must_use]
    pub fn bytes<'b>(&self, snapshot: &'b [u8]) -> &'b [u8] {
        snapshot.get(self.offset..self.offset + self.len).unwrap_or_default()
    }

    fn to_json(&self, snapshot: &[u8]) -> Json {
        json!({
            "path": self.path.to_string(),
            "offset": self.offset,
            "len": self.len,
            "type": self.ty.to_string(),
            "value": value_to_json(self.value),
            "unit": self.unit,
            "bytes": hex(self.bytes(snapshot)),
        })
    }
}

/// Returns a value as text, with its unit. A quantity is decimal: `300 ns`.
pub(crate) fn with_unit(value: Value<'_, '_>, unit: Option<&str>) -> String {
    match (value, unit) {
        (Value::Uint(value, _), Some(unit)) => format!("{value} {unit}"),
        (value, Some(unit)) => format!("{value} {unit}"),
        (value, None) => value.to_string(),
    }
}

/// Numbers that some parsers would round are strings.
pub(crate) fn value_to_json(value: Value<'_, '_>) -> Json {
    match value {
        Value::Bool(value) => value.into(),
        Value::Char(value) => value.to_string().into(),
        Value::Uint(value, _) if value > MAX_SAFE => value.to_string().into(),
        Value::Uint(value, _) => Json::Number(Number::from(value as u64)),
        Value::Int(value) if value.unsigned_abs() > MAX_SAFE => value.to_string().into(),
        Value::Int(value) => Json::Number(Number::from(value as i64)),
        Value::Str(value) => value.into(),
        Value::Bytes(bytes) | Value::Foreign(bytes) => hex(bytes).into(),
        Value::Absent => Json::Null,
        Value::Present => true.into(),
        Value::Elements(count) => count.into(),
        Value::Variant(name) => name.into(),
        Value::Snapshot(Within { header, found }) => json!({
            "schema": found.file.to_string_lossy(),
            "table": found.schema.document().table,
            "header": header_to_json(header, found),
            "root": { "name": found.root.name, "version": found.root_version() },
        }),
        Value::Checksum(checksum) => format!("{checksum:#018x}").into(),
        Value::Unread(why) => json!({ "damage": why.to_string() }),
    }
}

fn header_to_json(header: Header, found: Found<'_>) -> Json {
    let Header {
        architecture_code,
        release,
        payload_len,
        fingerprint,
    } = header;
    json!({
        "architecture": architecture(architecture_code),
        "format": Header::FORMAT,
        "release": release,
        "release_name": found.release_name(),
        "payload_len": payload_len,
        "fingerprint": format!("{fingerprint:#018x}"),
    })
}

/// Returns bytes in hexadecimal, without spaces.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl Damage {
    /// Returns what is wrong with length or checksum.
    pub(crate) fn of(snapshot: &Snapshot) -> Option<Self> {
        let error = snapshot.damage()?;
        Some(Self {
            offset: error.offset.unwrap_or(0),
            path: None,
            what: error.kind.to_string(),
        })
    }

    /// Checks each value of a payload.
    ///
    /// # Errors
    ///
    /// [`Damage`] with the first field that is damaged.
    pub(crate) fn check(snapshot: &Snapshot, found: Found<'_>) -> Result<(), Self> {
        let mut damage = None;
        let walked = snapshot.walk(found, &mut |item| {
            if damage.is_none() {
                damage = Self::of_item(item);
            }
        });
        match (damage, walked) {
            (Some(damage), _) => Err(damage),
            (None, walked) => walked.map_err(Self::from_walk),
        }
    }

    /// Returns what is wrong with a value of a snapshot within another one.
    pub(crate) fn of_item(item: &Item<'_, '_, '_>) -> Option<Self> {
        let Value::Unread(why) = item.value else { return None };
        Some(Self {
            offset: why.offset().unwrap_or(item.offset),
            path: Some(item.path.to_string()),
            what: why.to_string(),
        })
    }

    pub(crate) fn from_walk(stopped: crate::payload::Stopped) -> Self {
        Self {
            offset: stopped.offset,
            path: (!stopped.path.is_empty()).then_some(stopped.path),
            what: stopped.why.to_string(),
        }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        write!(f, "{} (at byte {})", self.what, self.offset)
    }
}

/// Returns the name of a schema's file, as it can be printed.
pub(crate) fn file_name(file: &Path) -> String {
    crate::failure::printable(&file.to_string_lossy())
}
