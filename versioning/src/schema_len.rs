//! How long an encoding can be, and how deep it nests: what follows from a schema.

use crate::schema_data::{Field, Schema, Shape, Type};
use crate::varint;

impl Schema {
    /// Returns the maximum length in bytes, over all versions. `usize::MAX` if it does not fit into `usize`.
    #[must_use]
    pub const fn max_len(&self) -> usize {
        let mut max = 0;
        let mut version = 1;
        while version <= self.version {
            if self.has(version) {
                let len = self.max_len_of(version);
                if len > max {
                    max = len;
                }
            }
            version += 1;
        }
        max
    }

    /// Returns the maximum length of one version, with nested mirrors at their longest version, but parts at theirs.
    const fn max_len_of(&self, version: u16) -> usize {
        match self.shape {
            Shape::Struct(fields) => fields_max_len(fields, version),
            Shape::Enum(variants) => {
                let mut max = 0;
                let mut rest = variants;
                while let [variant, tail @ ..] = rest {
                    if variant.versions.contain(version) {
                        let len = fields_max_len(variant.fields, version);
                        if len > max {
                            max = len;
                        }
                    }
                    rest = tail;
                }
                max.saturating_add(1)
            }
        }
    }

    /// Returns `true` if some version may have no bytes at all.
    const fn may_be_empty(&self) -> bool {
        let Shape::Struct(fields) = self.shape else {
            return false;
        };
        let mut version = 1;
        while version <= self.version {
            let mut empty = true;
            let mut rest = fields;
            while let [field, tail @ ..] = rest {
                if field.versions.contain(version) && !field.ty.may_be_empty() && field.bounds.is_empty() {
                    empty = false;
                }
                rest = tail;
            }
            if empty && self.has(version) {
                return true;
            }
            version += 1;
        }
        false
    }

    /// Returns the number of steps of the longest [path](crate::FieldPath) from this mirror.
    #[must_use]
    pub const fn depth(&self) -> usize {
        match self.shape {
            Shape::Struct(fields) => fields_depth(fields),
            Shape::Enum(variants) => {
                let mut max = 0;
                let mut rest = variants;
                while let [variant, tail @ ..] = rest {
                    let depth = fields_depth(variant.fields);
                    if depth > max {
                        max = depth;
                    }
                    rest = tail;
                }
                max
            }
        }
    }
}

const fn fields_max_len(fields: &[Field], version: u16) -> usize {
    let mut len = 0;
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if field.versions.contain(version) {
            let field_len = field.ty.max_len_at(field.part_at(version), field.bound_at(version));
            len = field_len.saturating_add(len);
        }
        rest = tail;
    }
    len
}

const fn fields_depth(fields: &[Field]) -> usize {
    let mut max = 0;
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        let depth = 1 + field.ty.depth();
        if depth > max {
            max = depth;
        }
        rest = tail;
    }
    max
}

impl Type {
    /// Returns the maximum length in bytes. `usize::MAX` if it does not fit into `usize`.
    #[must_use]
    pub const fn max_len(&self) -> usize {
        self.max_len_at(0, None)
    }

    /// Returns the maximum length with the mirrors in it at a version, or at their longest version for 0, and with a bound
    /// other than that of the type.
    const fn max_len_at(&self, version: u16, bound: Option<usize>) -> usize {
        match self {
            Self::Bool => 1,
            Self::Char => 5,
            Self::UInt(bytes) | Self::Int(bytes) => *bytes as usize,
            Self::Array(element, n) => element.max_len_at(version, None).saturating_mul(or(bound, *n)),
            Self::Option(value) => value.max_len_at(version, bound).saturating_add(1),
            Self::Tuple(parts) => {
                let mut len = 0;
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    len = part.max_len_at(version, None).saturating_add(len);
                    rest = tail;
                }
                len
            }
            Self::Seq(element, n) => {
                let n = or(bound, *n);
                let elements = element.max_len_at(version, None).saturating_mul(n);
                elements.saturating_add(varint::len(n))
            }
            Self::Str(n) | Self::Foreign { max: n, .. } => {
                let n = or(bound, *n);
                n.saturating_add(varint::len(n))
            }
            Self::Inner(inner) => inner.max.saturating_add(varint::len(inner.max)),
            Self::Mirror(schema) if version == 0 => schema.max_len(),
            Self::Mirror(schema) => schema.max_len_of(version),
        }
    }

    /// Returns `true` if some version of a value may take no bytes at all.
    pub(crate) const fn may_be_empty(&self) -> bool {
        match self {
            Self::Array(element, n) => *n == 0 || element.may_be_empty(),
            Self::Tuple(parts) => {
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    if !part.may_be_empty() {
                        return false;
                    }
                    rest = tail;
                }
                true
            }
            Self::Mirror(schema) => schema.may_be_empty(),
            _ => false,
        }
    }

    const fn depth(&self) -> usize {
        match self {
            Self::Bool | Self::Char | Self::UInt(_) | Self::Int(_) | Self::Str(_) | Self::Foreign { .. } => 0,
            Self::Array(element, _) | Self::Seq(element, _) => 1 + element.depth(),
            Self::Option(value) => value.depth(),
            Self::Tuple(parts) => {
                let mut max = 0;
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    let depth = 1 + part.depth();
                    if depth > max {
                        max = depth;
                    }
                    rest = tail;
                }
                max
            }
            Self::Mirror(schema) => schema.depth(),
            Self::Inner(inner) => inner.root.depth(),
        }
    }
}

/// Returns a bound of the version, or that of the type.
pub(crate) const fn or(bound: Option<usize>, own: usize) -> usize {
    match bound {
        Some(bound) => bound,
        None => own,
    }
}
