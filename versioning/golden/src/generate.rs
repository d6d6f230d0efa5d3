//! Generates payloads from a schema alone, without an encoder: with the smallest values, with the largest values, or
//! with values that some bytes choose.

use devstate_versioning::Header;
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Field, InnerSchema, Schema, Shape, Type};

/// Chooses the values of a generated payload.
pub trait Choice {
    /// Chooses the bytes of an integer.
    fn integer(&mut self, bytes: &mut [u8], signed: bool);
    /// Chooses a number up to and including `max`: of elements, of bytes, or of a variant.
    fn number(&mut self, max: usize) -> usize;
    /// Chooses the length of a sequence.
    fn length(&mut self, max: usize) -> usize {
        self.number(max)
    }
}

/// Chooses the minimum of every field: the lowest numbers, empty sequences, the first variant.
#[derive(Debug)]
pub struct Minimum;

impl Choice for Minimum {
    fn integer(&mut self, bytes: &mut [u8], signed: bool) {
        bytes.fill(0);
        if let (Some(top), true) = (bytes.last_mut(), signed) {
            *top = 0x80;
        }
    }

    fn number(&mut self, _max: usize) -> usize {
        0
    }
}

/// Chooses the maximum of every field: the highest numbers, full sequences, the last variant.
#[derive(Debug)]
pub struct Maximum;

impl Choice for Maximum {
    fn integer(&mut self, bytes: &mut [u8], signed: bool) {
        bytes.fill(0xff);
        if let (Some(top), true) = (bytes.last_mut(), signed) {
            *top = 0x7f;
        }
    }

    fn number(&mut self, max: usize) -> usize {
        max
    }
}

/// Takes the choices from some bytes, front to back, and chooses the minimum after their end. So fewer and smaller
/// bytes give a smaller value. A fuzzer uses this to shrink a failing value.
#[derive(Debug)]
pub struct Chosen<'a>(pub &'a [u8]);

impl Chosen<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }
}

impl Choice for Chosen<'_> {
    fn integer(&mut self, bytes: &mut [u8], _signed: bool) {
        match self.next() {
            // Small and extreme values are the ones that mean something.
            choice @ 0..0x60 => {
                bytes.fill(0);
                if let Some(first) = bytes.first_mut() {
                    *first = choice % 0x18;
                }
            }
            0x60..0x70 => bytes.fill(0xff),
            0x70..0x78 => {
                bytes.fill(0);
                *bytes.last_mut().unwrap_or(&mut 0) = 0x80;
            }
            _ => bytes.fill_with(|| self.next()),
        }
    }

    fn number(&mut self, max: usize) -> usize {
        let choice = usize::from(self.next()) | usize::from(if max > 0xff { self.next() } else { 0 }) << 8;
        choice % (max + 1)
    }

    fn length(&mut self, max: usize) -> usize {
        match self.next() {
            0..0x20 => 0,
            0x20..0x30 => max,
            // Few: a payload is made of many fields, and long ones would use up all choices.
            0x30..0xe0 => self.number(max.min(5)),
            _ => self.number(max),
        }
    }
}

/// Returns a payload of `root` at the release of `schema`, with the values of `choice`. Values of foreign types come
/// from `foreign`, by the name of their layout. An inner snapshot has the release that its field gives.
pub fn payload(
    schema: &PayloadSchema,
    choice: &mut dyn Choice,
    foreign: &dyn Fn(&str, &mut dyn Choice) -> Vec<u8>,
) -> Vec<u8> {
    let mut out = Out {
        schema,
        choice,
        foreign,
        bytes: Vec::new(),
    };
    out.mirror(schema.root(), 0);
    out.bytes
}

struct Out<'a> {
    schema: &'a PayloadSchema,
    choice: &'a mut dyn Choice,
    foreign: &'a dyn Fn(&str, &mut dyn Choice) -> Vec<u8>,
    bytes: Vec<u8>,
}

impl Out<'_> {
    /// A mirror, at the version of its row, or of the `part` that it is.
    fn mirror(&mut self, mirror: &Schema, part: u16) {
        let version = if part == 0 {
            self.schema.version_of(mirror)
        } else {
            part
        };
        match mirror.shape {
            Shape::Struct(fields) => self.fields(fields, version),
            Shape::Enum(variants) => {
                let there = variants.iter();
                let there: Vec<_> = there.filter(|variant| variant.versions.contain(version)).collect();
                let number = self.choice.number(there.len().saturating_sub(1));
                let Some(variant) = there.get(number) else { return };
                self.bytes.push(variant.tag);
                self.fields(variant.fields, version);
            }
        }
    }

    fn fields(&mut self, fields: &[Field], version: u16) {
        for field in fields.iter().filter(|field| field.versions.contain(version)) {
            let part = field.part_at(version).max(field.inner_at(version));
            self.value(field.ty, part, field.bound_at(version));
        }
    }

    /// A value of a type. `part` is the version of its mirrors, or the release of its inner snapshots, if the field says it. The
    /// version may give it another bound.
    fn value(&mut self, ty: &Type, part: u16, bound: Option<usize>) {
        let bound = bound.or(ty.bound()).unwrap_or(0);
        match ty {
            Type::Bool => {
                let value = self.choice.number(1);
                self.bytes.push(value as u8);
            }
            Type::UInt(len) => self.integer(usize::from(*len), false),
            Type::Int(len) => self.integer(usize::from(*len), true),
            Type::Char => {
                let chars = ['\0', 'a', 'é', '\u{d7ff}', '\u{10ffff}'];
                let char = chars.get(self.choice.number(4)).copied().unwrap_or_default();
                self.text(&char.to_string());
            }
            Type::Array(element, _) => (0..bound).for_each(|_| self.value(element, part, None)),
            Type::Option(value) => {
                let present = self.choice.number(1);
                self.bytes.push(present as u8);
                if present == 1 {
                    self.value(value, part, Some(bound));
                }
            }
            Type::Tuple(types) => types.iter().for_each(|ty| self.value(ty, part, None)),
            Type::Seq(element, _) => {
                let length = self.choice.length(bound);
                self.length(length);
                (0..length).for_each(|_| self.value(element, part, None));
            }
            Type::Str(_) => {
                let length = self.choice.length(bound);
                let mut text = String::new();
                while text.len() < length {
                    text.push(if length - text.len() >= 2 && self.choice.number(3) == 3 {
                        'é'
                    } else {
                        'x'
                    });
                }
                self.text(&text);
            }
            Type::Mirror(mirror) => self.mirror(mirror, part),
            Type::Inner(inner) => self.snapshot(inner, part),
            Type::Foreign { layout, .. } => self.foreign(layout),
        }
    }

    /// A whole snapshot of the inner table: the smallest one, if another would be too long for the field.
    fn snapshot(&mut self, inner: &'static InnerSchema, release: u16) {
        // The compiler has checked that the inner table has the release.
        let Some((schema, fingerprint)) = inner.payload_schema(release) else {
            return;
        };
        let around = Header::LEN + Header::TRAILER_LEN;
        let mut payload = payload(&schema, self.choice, self.foreign);
        if payload.len() + around > inner.max {
            payload = self::payload(&schema, &mut Minimum, self.foreign);
        }
        let header = Header {
            architecture_code: 0,
            release,
            payload_len: payload.len() as u32,
            fingerprint,
        };
        self.length(payload.len() + around);
        let start = self.bytes.len();
        self.bytes.extend(header.to_bytes());
        self.bytes.extend(payload);
        let checksum = Crc64::checksum(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend(checksum.to_le_bytes());
    }

    fn foreign(&mut self, name: &str) {
        let value = (self.foreign)(name, self.choice);
        self.length(value.len());
        self.bytes.extend(value);
    }

    fn integer(&mut self, len: usize, signed: bool) {
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        self.choice
            .integer(self.bytes.get_mut(start..).unwrap_or_default(), signed);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
    }
}

/// Use it for tables without foreign types.
///
/// # Panics
///
/// If the table has a foreign type.
#[expect(clippy::panic, reason = "a test says what it expects by panicking")]
pub fn no_foreign(layout: &str, _choice: &mut dyn Choice) -> Vec<u8> {
    panic!("there are no values for the foreign layout {layout}")
}

/// Generates pseudo-random numbers that are the same on every machine (`SplitMix64`).
#[derive(Debug)]
pub struct Seeded(pub u64);

impl Seeded {
    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns the next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }
}
