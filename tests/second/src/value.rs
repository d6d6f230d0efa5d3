//! Values, random ones, and their encoding: FORMAT.md, "Payload".

use crate::history::{Field, History, Shape, Ty};
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
}

/// A release of a history.
#[derive(Clone, Copy, Debug)]
pub struct At<'h> {
    /// The history.
    pub history: &'h History,
    /// The position of the release.
    pub release: usize,
}

impl At<'_> {
    /// The version of a mirror. Zero where the release does not have it.
    pub fn version(&self, mirror: usize) -> u16 {
        self.history.releases[self.release].versions[mirror].unwrap_or(0)
    }

    /// The fields of a struct or a variant at the release, with their types there, and whether the release has them.
    fn types<'f>(&self, mirror: usize, fields: &'f [Field]) -> impl Iterator<Item = (Ty, bool)> + use<'f, '_> {
        let owner = &self.history.mirrors[mirror];
        let version = self.version(mirror);
        fields.iter().map(move |field| {
            let there = owner.has_item(&field.start, &field.end, version);
            (field.ty.bounded(owner.bound(field, version)), there)
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
            Ty::Seq(element, n) => Value::List((0..rng.usize(..=*n)).map(|_| self.random(rng, element)).collect()),
            Ty::Str(n) => {
                let mut text = String::new();
                while text.len() < *n && rng.u8(..4) > 0 {
                    let char = ['x', 'é'][rng.usize(..2)];
                    if text.len() + char.len_utf8() <= *n {
                        text.push(char);
                    }
                }
                Value::Text(text)
            }
            Ty::Mirror(mirror) => match &self.history.mirrors[*mirror].shape {
                Shape::Struct(fields) => {
                    let types = self.types(*mirror, fields).zip(fields);
                    Value::List(
                        types
                            .map(|((ty, there), field)| {
                                if there {
                                    self.random(rng, &ty)
                                } else {
                                    self.history.default(&field.ty)
                                }
                            })
                            .collect(),
                    )
                }
                Shape::Enum(variants) => {
                    let owner = &self.history.mirrors[*mirror];
                    let version = self.version(*mirror);
                    let there: Vec<usize> = (0..variants.len())
                        .filter(|at| owner.has_item(&variants[*at].start, &variants[*at].end, version))
                        .collect();
                    let at = there[rng.usize(..there.len())];
                    let fields = variants[at].fields.iter().map(|field| self.random(rng, &field.ty));
                    Value::Variant(at, fields.collect())
                }
            },
        }
    }

    /// Appends the encoding of a value that the release can express.
    pub fn encode(&self, ty: &Ty, value: &Value, out: &mut Vec<u8>) {
        match (ty, value) {
            (Ty::Bool, Value::Number(number)) => out.push(*number as u8),
            (Ty::Char, Value::Number(number)) => {
                let text = char::from_u32(*number as u32).unwrap_or_default().to_string();
                out.push(text.len() as u8);
                out.extend(text.as_bytes());
            }
            (Ty::Int(bytes, _), Value::Number(number)) => out.extend(&number.to_le_bytes()[..*bytes]),
            (Ty::Array(element, _), Value::List(items)) => {
                items.iter().for_each(|item| self.encode(element, item, out));
            }
            (Ty::Tuple(parts), Value::List(items)) => {
                parts
                    .iter()
                    .zip(items)
                    .for_each(|(part, item)| self.encode(part, item, out));
            }
            (Ty::Option(_), Value::Option(None)) => out.push(0),
            (Ty::Option(ty), Value::Option(Some(value))) => {
                out.push(1);
                self.encode(ty, value, out);
            }
            (Ty::Seq(element, _), Value::List(items)) => {
                out.push(items.len() as u8);
                items.iter().for_each(|item| self.encode(element, item, out));
            }
            (Ty::Str(_), Value::Text(text)) => {
                out.push(text.len() as u8);
                out.extend(text.as_bytes());
            }
            (Ty::Mirror(mirror), value) => match (&self.history.mirrors[*mirror].shape, value) {
                (Shape::Struct(fields), Value::List(items)) => {
                    for ((ty, there), item) in self.types(*mirror, fields).zip(items) {
                        if there {
                            self.encode_bounded(&ty, item, out);
                        }
                    }
                }
                (Shape::Enum(variants), Value::Variant(at, items)) => {
                    out.push(variants[*at].tag);
                    for (field, item) in variants[*at].fields.iter().zip(items) {
                        self.encode(&field.ty, item, out);
                    }
                }
                (_, value) => panic!("{value:?} is no value of the mirror"),
            },
            (ty, value) => panic!("{value:?} is no value of {ty:?}"),
        }
    }

    /// An array in memory can have more elements than the version has.
    fn encode_bounded(&self, ty: &Ty, value: &Value, out: &mut Vec<u8>) {
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
                out.push(1);
                self.encode_bounded(ty, value, out);
            }
            _ => self.encode(ty, value, out),
        }
    }
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
            Ty::Bool | Ty::Char | Ty::Int(..) => Value::Number(0),
            Ty::Array(element, n) => Value::List(vec![self.default(element); *n]),
            Ty::Option(_) => Value::Option(None),
            Ty::Tuple(parts) => Value::List(parts.iter().map(|part| self.default(part)).collect()),
            Ty::Seq(..) => Value::List(Vec::new()),
            Ty::Str(_) => Value::Text(String::new()),
            Ty::Mirror(mirror) => match &self.mirrors[*mirror].shape {
                Shape::Struct(fields) => Value::List(fields.iter().map(|field| self.default(&field.ty)).collect()),
                Shape::Enum(_) => Value::Variant(0, Vec::new()),
            },
        }
    }
}
