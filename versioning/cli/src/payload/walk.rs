//! The walk over a payload.

use std::fmt;

use devstate_versioning::wire::{Malformed, Reader};
use devstate_versioning::{Expected, LoadError};

use super::inner::Known;
use super::value::{Item, Path, Step, Value};
use crate::schema::{Field, Folder, Found, Mirror, Schema, Type};

/// Steps that a walk may take, beyond [`STEPS_PER_BYTE`] for each byte. Values without bytes need them.
const FREE_STEPS: usize = 1_000_000;

/// Steps that a walk may take for each byte of the payload: the levels around a value, and the fields that its version
/// does not have.
const STEPS_PER_BYTE: usize = 256;

/// Where and why a walk stopped before the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The field that could not be read.
    pub path: String,
    /// The offset in the snapshot.
    pub offset: usize,
    /// The reason.
    pub why: Why,
}

/// Why a walk stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The encoder never writes these bytes.
    Bytes(LoadError),
    /// The release does not have the mirror of this field.
    NotInRelease,
    /// The schema describes more values without bytes than any product has.
    TooManyValues,
}

/// Calls `visit` with each value of `payload`, front to back. `root` is the mirror, `release` the position of the release in
/// the schema, and `start` the offset of the first byte. `schemas` has the schemas of snapshots within the payload.
///
/// Damaged bytes in a snapshot within the payload become an item with [`Value::Unread`]. The walk continues after them.
///
/// # Errors
///
/// [`Stopped`] with the field, if the encoder never writes such a payload. `visit` was called with every value before
/// it.
pub fn walk<'s, 'p>(
    schema: &'s Schema,
    root: &'s Mirror,
    release: usize,
    payload: &'p [u8],
    start: usize,
    schemas: &'s Folder,
    visit: &mut dyn FnMut(&Item<'_, 's, 'p>),
) -> Result<(), Stopped> {
    let mut walk = Walk {
        schema,
        release,
        known: Known::new(schemas),
        nesting: 0,
        shown: start,
        reader: Reader::at(payload, start),
        path: Path::default(),
        unit: None,
        steps: payload.len().saturating_mul(STEPS_PER_BYTE).saturating_add(FREE_STEPS),
        visit,
    };
    let walked = walk.root(root);
    let (path, offset) = (walk.path.to_string(), walk.reader.offset());
    match stopped(walked, walk.reader) {
        Some(why) => Err(Stopped {
            path,
            offset: why.offset().unwrap_or(offset),
            why,
        }),
        None => Ok(()),
    }
}

/// Returns why a walk did not read everything, if it did not.
fn stopped(walked: Result<(), Stop>, reader: Reader<'_>) -> Option<Why> {
    match (walked, reader.finish()) {
        (Err(Stop::Here(why)), _) => Some(why),
        // The reader has the error.
        (_, Err(error)) => Some(Why::Bytes(error)),
        (_, Ok(())) => None,
    }
}

impl Why {
    /// Returns the offset of what is wrong in the snapshot, if it is in the bytes.
    pub(crate) fn offset(self) -> Option<usize> {
        match self {
            Self::Bytes(error) => error.offset,
            Self::NotInRelease | Self::TooManyValues => None,
        }
    }
}

/// Why a step stopped.
enum Stop {
    /// The reader knows.
    Malformed,
    Here(Why),
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Why> for Stop {
    fn from(why: Why) -> Self {
        Self::Here(why)
    }
}

/// What the owner of a value says of it.
#[derive(Clone, Copy)]
struct Of<'s> {
    field: &'s Field,
    /// The version of the mirrors in it, if they are parts.
    part: Option<u16>,
    /// Another bound than that of the type.
    bound: Option<u64>,
}

impl Of<'_> {
    /// Returns what is said of elements and parts: a bound is that of the whole only.
    fn inner(self) -> Self {
        Self { bound: None, ..self }
    }
}

pub(super) struct Walk<'w, 's, 'p> {
    schema: &'s Schema,
    release: usize,
    pub(super) reader: Reader<'p>,
    /// On an error it stays where it was.
    pub(super) path: Path<'s>,
    /// The unit of the field.
    pub(super) unit: Option<&'s str>,
    steps: usize,
    pub(super) known: Known<'s>,
    /// The number of snapshots around a value.
    pub(super) nesting: usize,
    /// Where the last item ended.
    shown: usize,
    visit: &'w mut dyn FnMut(&Item<'_, 's, 'p>),
}

impl<'s, 'p> Walk<'_, 's, 'p> {
    /// Reads a value.
    fn value(&mut self, ty: &'s Type, of: Of<'s>) -> Result<(), Stop> {
        self.steps = self.steps.checked_sub(1).ok_or(Why::TooManyValues)?;
        let start = self.reader.offset();
        let bound = |own: u64| to_usize(of.bound.unwrap_or(own));
        match ty {
            Type::Array { of: element, len } if **element == BYTE => {
                let bytes = self.reader.bytes(bound(*len))?;
                self.show(ty, start, Value::Bytes(bytes));
            }
            Type::Seq { of: element, max } if **element == BYTE => {
                let length = self.reader.length(bound(*max))?;
                let bytes = self.reader.bytes(length)?;
                self.bytes(ty, start, bytes);
            }
            Type::Array { of: element, len } => {
                self.elements(element, of.inner(), bound(*len))?;
            }
            Type::Seq { of: element, max } => {
                let length = self.reader.length(bound(*max))?;
                self.show(ty, start, Value::Elements(length));
                if self.elements(element, of.inner(), length)? && length > MAX_EMPTY {
                    let expected = Expected::LengthUpTo(MAX_EMPTY);
                    return Err(self.reader.refuse_at(start, expected, length as u64).into());
                }
            }
            Type::Tuple { of: types } => {
                for (position, ty) in types.iter().enumerate() {
                    self.path.0.push(Step::Part(position));
                    self.value(ty, of.inner())?;
                    self.path.0.pop();
                }
            }
            Type::Option { of: value } => match self.reader.byte()? {
                0 => self.show(ty, start, Value::Absent),
                1 => {
                    self.show(ty, start, Value::Present);
                    self.value(value, of)?;
                }
                found => return Err(self.reader.refuse_at(start, Expected::OptionTag, found.into()).into()),
            },
            Type::Mirror { name } => {
                // The schema was checked: there is a mirror with that name.
                let mirror = self.schema.mirror(name).ok_or(Why::NotInRelease)?;
                let of_release = || mirror.releases.get(self.release).copied().flatten();
                let version = if of.field.part.is_empty() {
                    of_release()
                } else {
                    of.part
                };
                self.mirror(mirror, version.ok_or(Why::NotInRelease)?, ty)?;
            }
            Type::Bool
            | Type::Char
            | Type::Uint { .. }
            | Type::Int { .. }
            | Type::Str { .. }
            | Type::Foreign { .. } => {
                let value = self.scalar(ty, of.bound)?;
                self.show(ty, start, value);
            }
        }
        Ok(())
    }

    /// Reads elements. Returns `true` if they have no bytes.
    fn elements(&mut self, element: &'s Type, of: Of<'s>, count: usize) -> Result<bool, Stop> {
        for index in 0..count {
            let start = self.reader.offset();
            self.path.0.push(Step::Element(index));
            self.value(element, of)?;
            self.path.0.pop();
            if self.reader.offset() == start {
                // Elements without bytes are all equal, and a length can announce four billion of them.
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn mirror(&mut self, mirror: &'s Mirror, version: u16, ty: &'s Type) -> Result<(), Stop> {
        let Some(variants) = &mirror.variants else {
            return self.fields(None, mirror.own_fields(), version);
        };
        let start = self.reader.offset();
        let tag = self.reader.byte()?;
        let variant = variants
            .iter()
            .find(|variant| variant.tag == tag && variant.is_in(version));
        let Some(variant) = variant else {
            return Err(self.reader.refuse_at(start, Expected::VariantTag, tag.into()).into());
        };
        self.show(ty, start, Value::Variant(&variant.name));
        self.fields(Some(&variant.name), &variant.fields, version)
    }

    /// Reads the fields that the version has.
    fn fields(&mut self, variant: Option<&'s str>, fields: &'s [Field], version: u16) -> Result<(), Stop> {
        for field in fields {
            self.steps = self.steps.checked_sub(1).ok_or(Why::TooManyValues)?;
            if !field.is_in(version) {
                continue;
            }
            let name = &field.name;
            self.path.0.push(Step::Field { variant, name });
            let outer = std::mem::replace(&mut self.unit, field.unit.as_deref());
            let (part, bound) = (field.part_at(version), field.bound_at(version));
            self.value(&field.ty, Of { field, part, bound })?;
            self.unit = outer;
            self.path.0.pop();
        }
        Ok(())
    }

    /// Reads a value that contains no others.
    fn scalar(&mut self, ty: &Type, bound: Option<u64>) -> Result<Value<'s, 'p>, Stop> {
        let start = self.reader.offset();
        Ok(match ty {
            Type::Bool => match self.reader.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                found => return Err(self.reader.refuse_at(start, Expected::Bool, found.into()).into()),
            },
            Type::Uint { bits } => {
                let bytes = self.reader.bytes(usize::from(bits / 8))?;
                Value::Uint(unsigned(bytes), bytes.len())
            }
            Type::Int { bits } => Value::Int(signed(self.reader.bytes(usize::from(bits / 8))?)),
            Type::Char => {
                let length = self.reader.length(4)?;
                let bytes = self.reader.bytes(length)?;
                let mut chars = std::str::from_utf8(bytes).unwrap_or_default().chars();
                match (chars.next(), chars.next()) {
                    (Some(only), None) => Value::Char(only),
                    _ => return Err(self.reader.refuse_at(start, Expected::Char, length as u64).into()),
                }
            }
            Type::Foreign { max, .. } => {
                let length = self.reader.length(to_usize(bound.unwrap_or(*max)))?;
                Value::Foreign(self.reader.bytes(length)?)
            }
            Type::Str { max } => {
                let length = self.reader.length(to_usize(bound.unwrap_or(*max)))?;
                let text = self.reader.offset();
                let bytes = self.reader.bytes(length)?;
                match std::str::from_utf8(bytes) {
                    Ok(text) => Value::Str(text),
                    Err(error) => {
                        let bad = error.valid_up_to();
                        let found = bytes.get(bad).copied().unwrap_or(0).into();
                        return Err(self.reader.refuse_at(text + bad, Expected::Utf8, found).into());
                    }
                }
            }
            // These contain others, and are read elsewhere.
            Type::Array { .. } | Type::Option { .. } | Type::Tuple { .. } | Type::Seq { .. } | Type::Mirror { .. } => {
                return Err(Why::NotInRelease.into());
            }
        })
    }

    fn root(&mut self, root: &'s Mirror) -> Result<(), Stop> {
        let version = root.releases.get(self.release).copied().flatten();
        match version.zip(self.schema.type_of(root)) {
            Some((version, ty)) => self.mirror(root, version, ty),
            None => Err(Why::NotInRelease.into()),
        }
    }

    /// Reads the payload of a snapshot within this one. Returns where the last value ended, and why the walk did not read
    /// everything, if it did not. Then the path is that of the field.
    pub(super) fn payload_within(&mut self, found: Found<'s>, payload: &'p [u8], start: usize) -> (usize, Option<Why>) {
        let reader = std::mem::replace(&mut self.reader, Reader::at(payload, start));
        let outer = (self.schema, self.release, self.nesting);
        (self.schema, self.release, self.nesting) = (found.schema, found.release, self.nesting + 1);
        self.shown = start;
        let walked = self.root(found.root);
        (self.schema, self.release, self.nesting) = outer;
        let why = stopped(walked, std::mem::replace(&mut self.reader, reader));
        (self.shown, why)
    }

    pub(super) fn show(&mut self, ty: &'s Type, start: usize, value: Value<'s, 'p>) {
        self.show_until(ty, start, self.reader.offset(), value);
    }

    pub(super) fn show_until(&mut self, ty: &'s Type, start: usize, end: usize, value: Value<'s, 'p>) {
        self.shown = end;
        (self.visit)(&Item {
            path: &self.path,
            offset: start,
            len: end - start,
            ty,
            unit: self
                .unit
                .filter(|_| matches!(value, Value::Uint(..) | Value::Int(_) | Value::Bytes(_))),
            value,
        });
    }
}

/// The maximum number of elements without bytes. The library writes no more.
const MAX_EMPTY: usize = 127;

const BYTE: Type = Type::Uint { bits: 8 };

/// Converts a bound. More than fits is no bound at all.
fn to_usize(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte))
}

fn signed(bytes: &[u8]) -> i128 {
    let unused = 128_u32.saturating_sub(8 * bytes.len() as u32);
    let shifted = unsigned(bytes).checked_shl(unused).unwrap_or(0).cast_signed();
    shifted.checked_shr(unused).unwrap_or(0)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(error) => error.kind.fmt(f),
            Self::NotInRelease => f.write_str("the release has no version of this mirror"),
            Self::TooManyValues => f.write_str("the schema describes more values without bytes than any product has"),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} (at byte {})", self.why, self.offset)
    }
}
