//! Values, random ones, and their encoding: FORMAT.md, "Payload".

use crate::history::{At, Field, Foreign, History, Shape, Ty};
use crate::snapshot;
use fastrand::Rng;

/// A value of a type. A struct has all fields of all versions that the source knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, a `bool` or a `char`.
    Number(i128),
    /// Text.
    Text(String),
    /// The elements of an array, a tuple or a sequence, or the fields of a struct.
    List(Vec<Value>),
    /// An option.
    Option(Option<Box<Value>>),
    /// The position of a variant, and its fields.
    Variant(usize, Vec<Value>),
    /// What is in an inner snapshot, and the position of its release.
    Inner(usize, Box<Value>),
}

/// An encoding.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// An inner snapshot is longer than its field allows, so nobody writes this.
    pub too_long: bool,
}

impl Encoded {
    fn length(&mut self, length: usize) {
        self.number(length as u128);
    }

    /// A number in base 128, in as few bytes as possible.
    fn number(&mut self, mut number: u128) {
        while number > 127 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend(text.as_bytes());
    }
}

impl<'h> At<'h> {
    /// The fields of a struct or a variant: the release for each, its type there, and whether the release has it.
    pub fn fields<'f>(
        &self,
        mirror: usize,
        fields: &'f [Field],
    ) -> impl Iterator<Item = (Self, Ty, bool)> + use<'f, 'h> {
        let owner = &self.history.mirrors[mirror];
        let (at, version) = (*self, self.version(mirror));
        fields.iter().map(move |field| {
            let there = owner.has_item(&field.start, &field.end, version);
            (
                at.of(field, version),
                field.ty.bounded(owner.bound(field, version)),
                there,
            )
        })
    }

    /// A value with what the release can express. Everything else is the default.
    pub fn random(&self, rng: &mut Rng, ty: &Ty) -> Value {
        match ty {
            Ty::Bool => Value::Number(i128::from(rng.bool())),
            Ty::Char => Value::Number(i128::from(u32::from(['\0', 'a', 'é', '\u{10ffff}'][rng.usize(..4)]))),
            Ty::Int(bytes, signed) => Value::Number(integer(rng, *bytes, *signed)),
            Ty::Array(element, n) => Value::List((0..*n).map(|_| self.random(rng, element)).collect()),
            Ty::Option(value) => Value::Option(rng.bool().then(|| Box::new(self.random(rng, value)))),
            Ty::Tuple(parts) => Value::List(parts.iter().map(|part| self.random(rng, part)).collect()),
            Ty::Seq(element, n, _) => Value::List((0..rng.usize(..=*n)).map(|_| self.random(rng, element)).collect()),
            Ty::Str(n, _) => Value::Text(text(rng, *n)),
            // The length is one byte of them.
            Ty::Foreign(Foreign::Text, n) => Value::Text(text(rng, n - 1)),
            Ty::Foreign(Foreign::Number, n) => {
                Value::Number(integer(rng, 4, false) & ((1 << (7 * n)) - 1) & i128::from(u32::MAX))
            }
            Ty::Foreign(Foreign::Float, _) => {
                Value::Number([0, f32::NAN.to_bits(), 1.5_f32.to_bits(), 1 << 31][rng.usize(..4)].into())
            }
            Ty::Inner(root, _) => {
                let own = self.inner();
                // A reader takes any release.
                let release = match rng.u8(..4) {
                    0 => rng.usize(..own.history.releases.len()),
                    _ => own.release,
                };
                let value = At::new(own.history, release).random(rng, &Ty::Mirror(*root));
                Value::Inner(release, Box::new(value))
            }
            Ty::Mirror(mirror) => match &self.history.mirrors[*mirror].shape {
                Shape::Struct(fields) => Value::List(self.random_fields(rng, *mirror, fields)),
                Shape::Enum(variants) => {
                    let owner = &self.history.mirrors[*mirror];
                    let version = self.version(*mirror);
                    let there: Vec<usize> = (0..variants.len())
                        .filter(|at| owner.has_item(&variants[*at].start, &variants[*at].end, version))
                        .collect();
                    let at = there[rng.usize(..there.len())];
                    Value::Variant(at, self.random_fields(rng, *mirror, &variants[at].fields))
                }
            },
        }
    }

    fn random_fields(&self, rng: &mut Rng, mirror: usize, fields: &[Field]) -> Vec<Value> {
        let types = self.fields(mirror, fields).zip(fields);
        types
            .map(|((at, ty, there), field)| {
                if there {
                    at.random(rng, &ty)
                } else {
                    self.history.default(&field.ty)
                }
            })
            .collect()
    }

    /// Appends the encoding of a value that the release can express.
    pub fn encode(&self, ty: &Ty, value: &Value, out: &mut Encoded) {
        match (ty, value) {
            (Ty::Bool, Value::Number(number)) => out.bytes.push(*number as u8),
            (Ty::Char, Value::Number(number)) => {
                out.text(&char::from_u32(*number as u32).unwrap_or_default().to_string());
            }
            (Ty::Int(bytes, _), Value::Number(number)) => out.bytes.extend(&number.to_le_bytes()[..*bytes]),
            (Ty::Array(element, _), Value::List(items)) => {
                items.iter().for_each(|item| self.encode(element, item, out));
            }
            (Ty::Tuple(parts), Value::List(items)) => {
                parts
                    .iter()
                    .zip(items)
                    .for_each(|(part, item)| self.encode(part, item, out));
            }
            (Ty::Option(_), Value::Option(None)) => out.bytes.push(0),
            (Ty::Option(ty), Value::Option(Some(value))) => {
                out.bytes.push(1);
                self.encode(ty, value, out);
            }
            (Ty::Seq(element, ..), Value::List(items)) => {
                out.length(items.len());
                items.iter().for_each(|item| self.encode(element, item, out));
            }
            (Ty::Str(..), Value::Text(text)) => out.text(text),
            (Ty::Foreign(foreign, _), value) => {
                let bytes = foreign.encode(value);
                out.length(bytes.len());
                out.bytes.extend(bytes);
            }
            (Ty::Inner(root, max), Value::Inner(release, value)) => {
                let within = self.within(*release);
                let mut payload = Encoded::default();
                within.encode(&Ty::Mirror(*root), value, &mut payload);
                let snapshot = snapshot::write(within, *root, snapshot::ANY, &payload.bytes);
                out.too_long |= payload.too_long || snapshot.len() > *max;
                out.length(snapshot.len());
                out.bytes.extend(snapshot);
            }
            (Ty::Mirror(mirror), value) => match (&self.history.mirrors[*mirror].shape, value) {
                (Shape::Struct(fields), Value::List(items)) => self.encode_fields(*mirror, fields, items, out),
                (Shape::Enum(variants), Value::Variant(at, items)) => {
                    out.bytes.push(variants[*at].tag);
                    self.encode_fields(*mirror, &variants[*at].fields, items, out);
                }
                (_, value) => panic!("{value:?} is no value of the mirror"),
            },
            (ty, value) => panic!("{value:?} is no value of {ty:?}"),
        }
    }

    fn encode_fields(&self, mirror: usize, fields: &[Field], items: &[Value], out: &mut Encoded) {
        for ((at, ty, there), item) in self.fields(mirror, fields).zip(items) {
            if there {
                at.encode_bounded(&ty, item, out);
            }
        }
    }

    /// An array in memory can have more elements than the version has.
    fn encode_bounded(&self, ty: &Ty, value: &Value, out: &mut Encoded) {
        match (ty, value) {
            (Ty::Array(element, n), Value::List(items)) => {
                items.iter().take(*n).for_each(|item| self.encode(element, item, out));
                for _ in items.len()..*n {
                    let mut missing = self.history.default(element);
                    // A default that the version cannot express was refused before.
                    let _ = self.downgrade(element, &mut missing);
                    self.encode(element, &missing, out);
                }
            }
            (Ty::Option(ty), Value::Option(Some(value))) => {
                out.bytes.push(1);
                self.encode_bounded(ty, value, out);
            }
            _ => self.encode(ty, value, out),
        }
    }
}

impl Foreign {
    /// What postcard writes for a value.
    pub fn encode(self, value: &Value) -> Vec<u8> {
        let mut out = Encoded::default();
        match (self, value) {
            (Self::Number, Value::Number(number)) => out.number(number.cast_unsigned()),
            (Self::Float, Value::Number(bits)) => out.bytes.extend((*bits as u32).to_le_bytes()),
            (Self::Text, Value::Text(text)) => out.text(text),
            (foreign, value) => panic!("{value:?} is no value of {foreign:?}"),
        }
        out.bytes
    }

    /// The value for which postcard writes these bytes.
    pub fn decode(self, bytes: &[u8]) -> Option<Value> {
        let number = (0..)
            .zip(bytes)
            .take(5)
            .fold(0, |number, (at, byte)| number | i128::from(byte & 0x7f) << (7 * at));
        let value = match self {
            Self::Number => Value::Number(number & i128::from(u32::MAX)),
            Self::Float => Value::Number(u32::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::Text => Value::Text(String::from_utf8(bytes.get(1..)?.to_vec()).ok()?),
        };
        (self.encode(&value) == bytes).then_some(value)
    }
}

fn text(rng: &mut Rng, bound: usize) -> String {
    let mut text = String::new();
    while text.len() < bound && rng.u8(..4) > 0 {
        let char = ['x', 'é'][rng.usize(..2)];
        if text.len() + char.len_utf8() <= bound {
            text.push(char);
        }
    }
    text
}

fn integer(rng: &mut Rng, bytes: usize, signed: bool) -> i128 {
    let bits = 8 * bytes as u32;
    // Small and extreme values are the ones that mean something.
    let raw = match rng.u8(..4) {
        0 => rng.u128(..),
        1 => u128::MAX,
        2 => 1 << (bits - 1),
        _ => rng.u128(..40),
    };
    let unused = 128 - bits;
    if signed {
        (raw << unused).cast_signed() >> unused
    } else {
        ((raw << unused) >> unused).cast_signed()
    }
}

impl History {
    /// The default of a type.
    pub fn default(&self, ty: &Ty) -> Value {
        match ty {
            Ty::Foreign(Foreign::Text, _) | Ty::Str(..) => Value::Text(String::new()),
            Ty::Bool | Ty::Char | Ty::Int(..) | Ty::Foreign(..) => Value::Number(0),
            Ty::Array(element, n) => Value::List(vec![self.default(element); *n]),
            Ty::Option(_) => Value::Option(None),
            Ty::Tuple(parts) => Value::List(parts.iter().map(|part| self.default(part)).collect()),
            Ty::Seq(..) => Value::List(Vec::new()),
            Ty::Mirror(mirror) => match &self.mirrors[*mirror].shape {
                Shape::Struct(fields) => Value::List(fields.iter().map(|field| self.default(&field.ty)).collect()),
                Shape::Enum(_) => Value::Variant(0, Vec::new()),
            },
            Ty::Inner(root, _) => {
                let inner = self.inner.as_ref().expect("a history within");
                Value::Inner(inner.releases.len() - 1, Box::new(inner.default(&Ty::Mirror(*root))))
            }
        }
    }
}
