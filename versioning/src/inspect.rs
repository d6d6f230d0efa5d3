//! Reads each field of a payload with its path, offset and value. It needs only the schema. Use it in tools and for
//! error messages.
//!
//! A program that does not call this module does not link it, so the names of fields cost no flash there.

use core::fmt;

use crate::at::RowOf;
use crate::error::{Expected, LoadError, LoadErrorKind};
use crate::fingerprint::{find, version_in};
use crate::header::Header;
use crate::path::{FieldPath, NamedPath};
use crate::reader::{Malformed, Reader};
use crate::schema_data::{Field, InnerSchema, MAX_EMPTY, Row, Schema, Shape, Type, Variant};
use crate::table::TableData;

/// Describes the bytes of a payload. It consists of the root mirror and the release, as data.
///
/// ```
/// use devstate_versioning::inspect::PayloadSchema;
/// use devstate_versioning::{Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct TimerSer {
///     pub count: u32,
///     pub label: heapless::String<8>,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     TimerSer => [1],
/// }
///
/// let mut lines = Vec::new();
/// PayloadSchema::of::<Release, TimerSer>(Release::V1).walk(b"\x07\0\0\0\x03led", 0, &mut |item| {
///     lines.push(format!("{} {} = {}", item.offset, item.path, item.value));
/// })?;
/// assert_eq!(lines, ["0 count = 7", "4 label = \"led\""]);
/// # Ok::<(), devstate_versioning::inspect::Unreadable>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PayloadSchema {
    rows: &'static [Row],
    release: usize,
    number: u16,
    root: &'static Schema,
}

/// One value of a payload with its path, offset and type. [`PayloadSchema::walk`] passes each item to its visitor.
///
/// A value is a number, a text, some bytes, a tag or a length. Items follow each other without a gap, and together they are
/// the payload. A sequence, an option or an enum is an item for its length or tag. Its content follows as further items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'p> {
    /// The path of the field or element that has the value.
    pub path: NamedPath,
    /// The offset of the first byte of the value. [`PayloadSchema::walk`] got the offset of the payload as `start`.
    pub offset: usize,
    /// The number of bytes.
    pub len: usize,
    /// The type.
    pub ty: Type,
    /// The unit of each number in the value, from `unit = "…"` on the field.
    pub unit: Option<&'static str>,
    /// The value.
    pub value: Value<'p>,
}

/// The value of an [`Item`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'p> {
    /// A `bool`.
    Bool(bool),
    /// A character.
    Char(char),
    /// An unsigned integer of any width.
    UInt(u128),
    /// A signed integer of any width.
    Int(i128),
    /// Text.
    Str(&'p str),
    /// An array or a sequence of bytes.
    Bytes(&'p [u8]),
    /// The bytes that postcard wrote for a foreign type, undecoded.
    Foreign(&'p [u8]),
    /// An option without a value.
    Absent,
    /// An option whose value follows.
    Present,
    /// The number of elements of a sequence. The elements follow.
    Elements(usize),
    /// The wire name of a variant of an enum. The fields follow.
    Variant(&'static str),
    /// The length and the header of an inner snapshot. The items of its payload follow, and its checksum.
    Snapshot(Header),
    /// The checksum of an inner snapshot. It is not verified.
    Checksum(u64),
}

/// Why and where [`PayloadSchema::walk`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The field that could not be read.
    pub path: NamedPath,
    /// The reason.
    pub error: LoadError,
}

impl PayloadSchema {
    /// Returns the schema of payloads of the mirror `M` at a release.
    #[must_use]
    pub fn of<R: TableData, M: RowOf<R>>(release: R) -> Self {
        Self {
            rows: R::ROWS,
            release: release.index(),
            number: release.number(),
            root: M::SCHEMA,
        }
    }

    /// Identifies the root mirror of a snapshot by the release and the fingerprint in its header. Returns `None` if no
    /// mirror of the table has this release and fingerprint.
    #[must_use]
    pub fn identify<R: TableData>(header: &Header) -> Option<Self> {
        let release = R::from_number(header.release)?;
        let mut roots = R::ROWS.iter().zip(R::ROOTS);
        let (row, _) = roots
            .find(|(_, roots)| header.fingerprint != 0 && roots.get(release.index()) == Some(&header.fingerprint))?;
        Some(Self {
            rows: R::ROWS,
            release: release.index(),
            number: release.number(),
            root: row.schema,
        })
    }

    /// Returns the root mirror.
    #[must_use]
    pub const fn root(&self) -> &'static Schema {
        self.root
    }

    /// Returns the version of a mirror at the release. Zero if the release does not have the mirror.
    #[must_use]
    pub const fn version_of(&self, mirror: &Schema) -> u16 {
        match find(self.rows, mirror) {
            Some(row) => version_in(row, self.release),
            None => 0,
        }
    }

    /// Calls `visit` with each item of `payload`, front to back. `start` is the offset of the first byte: 0 to count from
    /// the payload, [`Header::LEN`] to count from the snapshot.
    ///
    /// ```
    /// use devstate_versioning::inspect::PayloadSchema;
    /// use devstate_versioning::{Header, Options, ReleaseTable, buffer};
    /// # use devstate_versioning::{Versioned, release_table};
    /// # #[derive(Versioned, Clone, Debug, Default)]
    /// # #[versioned(version = 1, layouts(open))]
    /// # pub struct TimerSer { pub count: u32 }
    /// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
    ///
    /// let mut memory = buffer!(TimerSer);
    /// let snapshot = Release::save(&TimerSer { count: 7 }, &mut memory)?;
    ///
    /// let (header, payload) = Options::NATIVE.verify(snapshot)?;
    /// let schema = PayloadSchema::identify::<Release>(&header).ok_or("another release table")?;
    /// schema.walk(payload, Header::LEN, &mut |item| println!("{}: {} = {}", item.offset, item.path, item.value))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The time is proportional to the length of the payload, whatever it contains. `walk` refuses the same payloads as
    /// decoding, with two exceptions. It does not decode the bytes of a foreign type. It accepts a value that fits the
    /// bound of its own version but not the bound of the latest one.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] with the field, if the encoder never writes such a payload. `visit` was called with every item
    /// before that field.
    pub fn walk<'p>(
        &self,
        payload: &'p [u8],
        start: usize,
        visit: &mut dyn FnMut(&Item<'p>),
    ) -> Result<(), Unreadable> {
        let mut walk = Walk {
            schema: *self,
            root: self.root,
            reader: Reader::at(payload, start),
            stopped_at: FieldPath::ROOT,
            unit: None,
            visit,
        };
        let walked = walk.value(
            &Type::Mirror(self.root),
            OfField::default(),
            FieldPath::ROOT,
            MAX_NESTING,
        );
        let path = walk.stopped_at.display(self.root);
        match walked {
            Ok(()) => walk.reader.finish(),
            Err(malformed) => Err(walk.reader.error(malformed)),
        }
        .map_err(|error| Unreadable { path, error })
    }
}

/// The maximum nesting of types. Derived mirrors stay far below it. A schema that was written by hand could contain
/// itself.
const MAX_NESTING: usize = 64;

struct Walk<'w, 'p> {
    schema: PayloadSchema,
    /// Where the names of paths begin, also within an inner snapshot.
    root: &'static Schema,
    reader: Reader<'p>,
    stopped_at: FieldPath,
    /// The unit of the field.
    unit: Option<&'static str>,
    visit: &'w mut dyn FnMut(&Item<'p>),
}

/// What a field says of its type at the owner's version.
#[derive(Clone, Copy, Default)]
struct OfField {
    /// The version of the mirrors in it. Zero if the release says it.
    part: u16,
    /// Another bound than that of the type.
    bound: Option<usize>,
}

impl OfField {
    /// Returns what is said of the elements and parts of the type: a bound is that of the whole only.
    const fn inner(self) -> Self {
        Self { bound: None, ..self }
    }
}

impl<'p> Walk<'_, 'p> {
    fn value(&mut self, ty: &Type, of: OfField, path: FieldPath, nesting: usize) -> Result<(), Malformed> {
        self.stopped_at = path;
        let Some(nesting) = nesting.checked_sub(1) else {
            return Err(self.not_in_release());
        };
        let start = self.reader.offset();
        match ty {
            Type::Array(Type::UInt(1), n) => {
                let bytes = self.reader.bytes(of.bound.unwrap_or(*n))?;
                self.show(path, ty, start, Value::Bytes(bytes));
            }
            Type::Seq(Type::UInt(1), bound) => {
                let length = self.reader.length(of.bound.unwrap_or(*bound))?;
                let bytes = self.reader.bytes(length)?;
                self.show(path, ty, start, Value::Bytes(bytes));
            }
            Type::Array(element, n) => {
                self.elements(element, of.inner(), of.bound.unwrap_or(*n), path, nesting)?;
            }
            Type::Seq(element, bound) => {
                let length = self.reader.length(of.bound.unwrap_or(*bound))?;
                self.show(path, ty, start, Value::Elements(length));
                if self.elements(element, of.inner(), length, path, nesting)? && length > MAX_EMPTY {
                    let expected = Expected::LengthUpTo(MAX_EMPTY);
                    return Err(self.reader.refuse_at(start, expected, length as u64));
                }
            }
            Type::Tuple(types) => {
                for (step, ty) in (0..).zip(*types) {
                    self.value(ty, of.inner(), path.join(step), nesting)?;
                }
            }
            Type::Option(value) => match self.reader.byte()? {
                0 => self.show(path, ty, start, Value::Absent),
                1 => {
                    self.show(path, ty, start, Value::Present);
                    self.value(value, of, path, nesting)?;
                }
                found => return Err(self.reader.refuse_at(start, Expected::OptionTag, found.into())),
            },
            Type::Mirror(schema) => self.mirror(schema, of.part, path, ty, nesting)?,
            Type::Inner(inner) => self.inner(inner, path, ty, nesting)?,
            Type::Bool | Type::Char | Type::UInt(_) | Type::Int(_) | Type::Str(_) | Type::Foreign { .. } => {
                let value = self.scalar(ty, of.bound)?;
                self.show(path, ty, start, value);
            }
        }
        Ok(())
    }

    /// Walks elements. Returns `true` if they have no bytes.
    fn elements(
        &mut self,
        element: &Type,
        of: OfField,
        count: usize,
        path: FieldPath,
        nesting: usize,
    ) -> Result<bool, Malformed> {
        for index in 0..count {
            let start = self.reader.offset();
            self.value(
                element,
                of,
                path.join(u16::try_from(index).unwrap_or(u16::MAX)),
                nesting,
            )?;
            if self.reader.offset() == start {
                // Elements without bytes are all equal.
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn mirror(
        &mut self,
        schema: &'static Schema,
        part: u16,
        path: FieldPath,
        ty: &Type,
        nesting: usize,
    ) -> Result<(), Malformed> {
        let version = if part == 0 {
            self.schema.version_of(schema)
        } else {
            part
        };
        if version == 0 {
            return Err(self.not_in_release());
        }
        match schema.shape {
            Shape::Struct(fields) => self.fields(fields, version, path, 0, nesting),
            Shape::Enum(variants) => {
                let start = self.reader.offset();
                let tag = self.reader.byte()?;
                let variant = Variant::with_tag(variants, tag);
                let Some(variant) = variant.filter(|variant| variant.versions.contain(version)) else {
                    return Err(self.reader.refuse_at(start, Expected::VariantTag, tag.into()));
                };
                self.show(path, ty, start, Value::Variant(variant.name));
                self.fields(variant.fields, version, path, u16::from(tag) << 8, nesting)
            }
        }
    }

    /// Walks an inner snapshot: its length and header, the items of its payload, and its checksum. One that the inner release
    /// table does not know is bytes.
    fn inner(
        &mut self,
        inner: &'static InnerSchema,
        path: FieldPath,
        ty: &Type,
        nesting: usize,
    ) -> Result<(), Malformed> {
        let start = self.reader.offset();
        let length = self.reader.length(inner.max)?;
        let mut whole = self.reader.fork();
        let snapshot = whole.bytes(length).unwrap_or_default();
        let Some((header, within)) = inner.identify(snapshot) else {
            let bytes = self.reader.bytes(length)?;
            self.show(path, ty, start, Value::Bytes(bytes));
            return Ok(());
        };
        self.reader.bytes(Header::LEN)?;
        self.show(path, ty, start, Value::Snapshot(header));
        let start = self.reader.offset();
        let payload = self.reader.bytes(header.payload_len as usize)?;
        // Names and rows are those of the inner table, and no byte beyond the payload is read.
        let outer = core::mem::replace(&mut self.schema, within);
        let behind = core::mem::replace(&mut self.reader, Reader::at(payload, start));
        let walked = self.mirror(inner.root, 0, path, ty, nesting);
        self.schema = outer;
        let read = core::mem::replace(&mut self.reader, behind);
        let walked = match walked {
            Ok(()) => read.finish(),
            Err(malformed) => Err(read.error(malformed)),
        };
        if let Err(error) = walked {
            return Err(self.reader.fail(error));
        }
        self.stopped_at = path;
        let start = self.reader.offset();
        let checksum = *self.reader.array::<{ Header::TRAILER_LEN }>()?;
        self.show(path, ty, start, Value::Checksum(u64::from_le_bytes(checksum)));
        Ok(())
    }

    /// Walks the fields that the version has. `first` is the step of the first one.
    fn fields(
        &mut self,
        fields: &'static [Field],
        version: u16,
        path: FieldPath,
        first: u16,
        nesting: usize,
    ) -> Result<(), Malformed> {
        for (step, field) in (first..).zip(fields) {
            if field.versions.contain(version) {
                let of = OfField {
                    part: field.part_at(version),
                    bound: field.bound_at(version),
                };
                let outer = core::mem::replace(&mut self.unit, field.unit);
                self.value(field.ty, of, path.join(step), nesting)?;
                self.unit = outer;
            }
        }
        Ok(())
    }

    /// Reads a value that contains no others.
    fn scalar(&mut self, ty: &Type, bound: Option<usize>) -> Result<Value<'p>, Malformed> {
        let start = self.reader.offset();
        Ok(match *ty {
            Type::Bool => match self.reader.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                found => return Err(self.reader.refuse_at(start, Expected::Bool, found.into())),
            },
            Type::UInt(len) => Value::UInt(unsigned(self.reader.bytes(len.into())?)),
            Type::Int(len) => Value::Int(signed(self.reader.bytes(len.into())?)),
            Type::Char => {
                let length = self.reader.length(4)?;
                let bytes = self.reader.bytes(length)?;
                let mut chars = core::str::from_utf8(bytes).unwrap_or_default().chars();
                match (chars.next(), chars.next()) {
                    (Some(only), None) => Value::Char(only),
                    _ => return Err(self.reader.refuse_at(start, Expected::Char, length as u64)),
                }
            }
            Type::Foreign { max, .. } => {
                let length = self.reader.length(bound.unwrap_or(max))?;
                Value::Foreign(self.reader.bytes(length)?)
            }
            Type::Str(max) => {
                let length = self.reader.length(bound.unwrap_or(max))?;
                let text = self.reader.offset();
                let bytes = self.reader.bytes(length)?;
                match core::str::from_utf8(bytes) {
                    Ok(text) => Value::Str(text),
                    Err(error) => {
                        let bad = error.valid_up_to();
                        let found = bytes.get(bad).copied().unwrap_or(0).into();
                        return Err(self.reader.refuse_at(text + bad, Expected::Utf8, found));
                    }
                }
            }
            // These contain others.
            Type::Array(..) | Type::Option(_) | Type::Tuple(_) | Type::Seq(..) | Type::Mirror(_) | Type::Inner(_) => {
                return Err(self.not_in_release());
            }
        })
    }

    fn show(&mut self, path: FieldPath, ty: &Type, start: usize, value: Value<'p>) {
        (self.visit)(&Item {
            path: path.display(self.root),
            offset: start,
            len: self.reader.offset() - start,
            ty: *ty,
            unit: self
                .unit
                .filter(|_| matches!(value, Value::UInt(_) | Value::Int(_) | Value::Bytes(_))),
            value,
        });
    }

    fn not_in_release(&mut self) -> Malformed {
        let release = self.schema.number;
        let offset = self.reader.offset();
        self.reader.fail(LoadErrorKind::NotInRelease { release }.at(offset))
    }
}

impl InnerSchema {
    /// Returns the header of an inner snapshot that is complete, and the schema of its payload, if its table knows it.
    fn identify(&'static self, snapshot: &[u8]) -> Option<(Header, PayloadSchema)> {
        let header = Header::peek(snapshot).ok()?;
        let (schema, fingerprint) = self.payload_schema(header.release)?;
        let known = header.fingerprint == fingerprint && header.snapshot_len() == snapshot.len();
        known.then_some((header, schema))
    }

    /// Returns the schema of the payload of the release `number`, and the fingerprint in the header of its snapshots.
    /// `None` if the inner table does not have the release, or if the release does not have the mirror.
    #[must_use]
    pub fn payload_schema(&'static self, number: u16) -> Option<(PayloadSchema, u64)> {
        let release = self.position(number);
        let row = self
            .rows
            .iter()
            .position(|row| row.schema.name_hash == self.root.name_hash)?;
        let fingerprint = *self.roots.get(row)?.get(release)?;
        let schema = PayloadSchema {
            rows: self.rows,
            release,
            number,
            root: self.root,
        };
        (fingerprint != 0).then_some((schema, fingerprint))
    }
}

fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte))
}

fn signed(bytes: &[u8]) -> i128 {
    let unused = 128_u32.saturating_sub(8 * bytes.len() as u32);
    (unsigned(bytes).checked_shl(unused).unwrap_or(0).cast_signed())
        .checked_shr(unused)
        .unwrap_or(0)
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Char(value) => write!(f, "{value:?}"),
            Self::UInt(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) | Self::Foreign(bytes) => {
                f.write_str("[")?;
                for (i, byte) in bytes.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if i == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Self::Absent => f.write_str("none"),
            Self::Present => f.write_str("some"),
            Self::Elements(1) => f.write_str("1 element"),
            Self::Elements(count) => write!(f, "{count} elements"),
            Self::Variant(name) => f.write_str(name),
            Self::Snapshot(header) => write!(f, "snapshot of release {}", header.release),
            Self::Checksum(checksum) => write!(f, "checksum {checksum:#018x}"),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

impl core::error::Error for Unreadable {}
