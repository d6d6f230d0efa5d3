//! FORMAT.md, "Canonical": what a reader accepts, and where it stops.

use crate::history::{At, Field, Shape, Ty};
use crate::snapshot::{self, Check};
use crate::value::Value;

/// Why a payload is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A byte or a length that no encoder writes: its offset, and the path of its field.
    Value(usize, Vec<u16>),
    /// The bytes end too early: the path of the field that is cut off.
    Truncated(Vec<u16>),
    /// There are bytes behind the end.
    Trailing(usize),
    /// An inner snapshot that is none, or of another table: the check, and the path of its field.
    Snapshot(Check, Vec<u16>),
    /// There are bytes behind the payload of an inner snapshot.
    TrailingWithin(usize, Vec<u16>),
}

struct Reader<'p, 'h> {
    at: At<'h>,
    payload: &'p [u8],
    offset: usize,
    path: Vec<u16>,
}

impl At<'_> {
    /// Reads a payload of a mirror. Fields that the release does not have are the default.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub fn decode(&self, mirror: usize, payload: &[u8]) -> Result<Value, Refused> {
        let mut reader = Reader {
            at: *self,
            payload,
            offset: 0,
            path: Vec::new(),
        };
        let value = reader.value(&Ty::Mirror(mirror))?;
        if reader.offset < payload.len() {
            return Err(Refused::Trailing(reader.offset));
        }
        Ok(value)
    }
}

impl Reader<'_, '_> {
    fn bytes(&mut self, count: usize) -> Result<&[u8], Refused> {
        let bytes = self.payload.get(self.offset..self.offset + count);
        let bytes = bytes.ok_or_else(|| Refused::Truncated(self.path.clone()))?;
        self.offset += count;
        Ok(bytes)
    }

    fn refused<T>(&self, offset: usize) -> Result<T, Refused> {
        Err(Refused::Value(offset, self.path.clone()))
    }

    /// A length of at most so many bytes as the bound needs.
    fn length(&mut self, bound: usize) -> Result<usize, Refused> {
        let start = self.offset;
        let mut length = 0;
        for place in 0..5 {
            let byte = usize::from(self.bytes(1)?[0]);
            length |= (byte & 0x7f) << (7 * place);
            if bound < 128 && byte > 127 || place > 0 && byte == 0 {
                break;
            }
            if byte < 128 {
                return if length > bound {
                    self.refused(start)
                } else {
                    Ok(length)
                };
            }
        }
        self.refused(start)
    }

    fn step(&mut self, step: u16, ty: &Ty) -> Result<Value, Refused> {
        self.path.push(step);
        let value = self.value(ty)?;
        self.path.pop();
        Ok(value)
    }

    fn value(&mut self, ty: &Ty) -> Result<Value, Refused> {
        let start = self.offset;
        Ok(match ty {
            Ty::Bool => match self.bytes(1)?[0] {
                byte @ 0..=1 => Value::Number(byte.into()),
                _ => return self.refused(start),
            },
            Ty::Char => {
                let length = self.length(4)?;
                let text = str::from_utf8(self.bytes(length)?).unwrap_or_default().to_owned();
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(char), None) => Value::Number(u32::from(char).into()),
                    _ => return self.refused(start),
                }
            }
            Ty::Int(bytes, signed) => {
                let mut raw = [0; 16];
                raw[..*bytes].copy_from_slice(self.bytes(*bytes)?);
                let unused = 128 - 8 * *bytes as u32;
                let number = i128::from_le_bytes(raw);
                Value::Number(if *signed { number << unused >> unused } else { number })
            }
            // Bytes are one value.
            Ty::Array(element, n) if **element == Ty::Int(1, false) => self.list(*n)?,
            Ty::Seq(element, n, _) if **element == Ty::Int(1, false) => {
                let length = self.length(*n)?;
                self.list(length)?
            }
            Ty::Array(element, n) => self.items(element, *n)?,
            Ty::Seq(element, n, _) => {
                let length = self.length(*n)?;
                self.items(element, length)?
            }
            Ty::Tuple(parts) => {
                let parts = (0..).zip(parts).map(|(step, part)| self.step(step, part));
                Value::List(parts.collect::<Result<_, _>>()?)
            }
            Ty::Option(ty) => match self.bytes(1)?[0] {
                0 => Value::Option(None),
                1 => Value::Option(Some(Box::new(self.value(ty)?))),
                _ => return self.refused(start),
            },
            Ty::Str(n, _) => {
                let length = self.length(*n)?;
                let start = self.offset;
                match str::from_utf8(self.bytes(length)?) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(error) => return self.refused(start + error.valid_up_to()),
                }
            }
            Ty::Mirror(position) => self.mirror(*position)?,
            Ty::Foreign(foreign, n) => {
                let length = self.length(*n)?;
                match foreign.decode(self.bytes(length)?) {
                    Some(value) => value,
                    None => return self.refused(start),
                }
            }
            Ty::Inner(root, n) => {
                let length = self.length(*n)?;
                let start = self.offset;
                let (at, payload) = snapshot::verify(self.at, *root, self.bytes(length)?)
                    .map_err(|check| Refused::Snapshot(check, self.path.clone()))?;
                let mut within = Reader {
                    at,
                    payload: &self.payload[..start + payload.end],
                    offset: start + payload.start,
                    path: self.path.clone(),
                };
                let value = within.value(&Ty::Mirror(*root))?;
                if within.offset < within.payload.len() {
                    return Err(Refused::TrailingWithin(within.offset, self.path.clone()));
                }
                Value::Inner(at.release, Box::new(value))
            }
        })
    }

    fn list(&mut self, length: usize) -> Result<Value, Refused> {
        let bytes = self.bytes(length)?;
        Ok(Value::List(
            bytes.iter().map(|byte| Value::Number((*byte).into())).collect(),
        ))
    }

    fn items(&mut self, element: &Ty, count: usize) -> Result<Value, Refused> {
        let items = (0..).take(count).map(|step| self.step(step, element));
        Ok(Value::List(items.collect::<Result<_, _>>()?))
    }

    fn mirror(&mut self, position: usize) -> Result<Value, Refused> {
        let at = self.at;
        let mirror = &at.history.mirrors[position];
        let version = at.version(position);
        match &mirror.shape {
            Shape::Struct(fields) => Ok(Value::List(self.fields(position, fields, 0)?)),
            Shape::Enum(variants) => {
                let start = self.offset;
                let tag = self.bytes(1)?[0];
                let found = variants
                    .iter()
                    .position(|variant| variant.tag == tag && mirror.has_item(&variant.start, &variant.end, version));
                let Some(found) = found else { return self.refused(start) };
                let first = u16::from(tag) << 8;
                Ok(Value::Variant(
                    found,
                    self.fields(position, &variants[found].fields, first)?,
                ))
            }
        }
    }

    fn fields(&mut self, mirror: usize, fields: &[Field], first: u16) -> Result<Vec<Value>, Refused> {
        let owner = self.at;
        let mut values = Vec::new();
        for (step, (field, (at, ty, there))) in (first..).zip(fields.iter().zip(owner.fields(mirror, fields))) {
            if !there {
                values.push(owner.history.default(&field.ty));
                continue;
            }
            self.at = at;
            self.path.push(step);
            values.push(self.bounded(&field.ty, &ty)?);
            self.path.pop();
        }
        self.at = owner;
        Ok(values)
    }

    /// Reads a value with the bound of the version into a type with the latest bound.
    fn bounded(&mut self, latest: &Ty, there: &Ty) -> Result<Value, Refused> {
        let start = self.offset;
        match (latest, there) {
            (Ty::Option(latest), Ty::Option(there)) => match self.bytes(1)?[0] {
                0 => Ok(Value::Option(None)),
                1 => Ok(Value::Option(Some(Box::new(self.bounded(latest, there)?)))),
                _ => self.refused(start),
            },
            (Ty::Array(element, latest), Ty::Array(_, there)) if latest != there => {
                // Bytes are one value, and still each one behind the end has to be the default.
                let is_bytes = **element == Ty::Int(1, false);
                let mut items = Vec::new();
                for step in (0..).take((*latest).max(*there)) {
                    if usize::from(step) >= *there {
                        items.push(self.at.history.default(element));
                        continue;
                    }
                    let start = self.offset;
                    let item = if is_bytes {
                        self.value(element)?
                    } else {
                        self.step(step, element)?
                    };
                    if usize::from(step) < *latest {
                        items.push(item);
                    } else if self.latest(element, item) != Some(self.at.history.default(element)) {
                        self.path.extend((!is_bytes).then_some(step));
                        return self.refused(start);
                    }
                }
                Ok(Value::List(items))
            }
            (Ty::Seq(_, latest, _), Ty::Seq(_, bound, _))
            | (Ty::Str(latest, _), Ty::Str(bound, _))
            | (Ty::Foreign(_, latest), Ty::Foreign(_, bound))
                if latest < bound =>
            {
                if self.length(*bound)? > *latest {
                    return self.refused(start);
                }
                self.offset = start;
                self.value(there)
            }
            (_, there) => self.value(there),
        }
    }

    fn latest(&self, ty: &Ty, mut value: Value) -> Option<Value> {
        self.at.upgrade(ty, &mut value).is_ok().then_some(value)
    }
}
