//! Mirrors that the derive macro refused. It reports the mistake, and nothing that follows from it is checked.

use crate::schema_data::{Field, Row, Schema, Shape, Type};

/// Describes a mirror that the derive macro refused: it has no version.
#[must_use]
pub const fn refused(name: &'static str) -> Schema {
    Schema::new(name, 0, Shape::Struct(&[]))
}

/// Returns `true` if the derive macro refused a mirror of the table, or a part of one.
#[must_use]
pub const fn has_refused(rows: &[Row]) -> bool {
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        if is_refused(row.schema) {
            return true;
        }
        rest = tail;
    }
    false
}

/// Returns `true` if the derive macro refused the mirror, or a part of it.
pub(crate) const fn is_refused(schema: &Schema) -> bool {
    if schema.version == 0 {
        return true;
    }
    if !schema.has_parts {
        return false;
    }
    match schema.shape {
        Shape::Struct(fields) => in_fields(fields),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                if in_fields(variant.fields) {
                    return true;
                }
                rest = tail;
            }
            false
        }
    }
}

const fn in_fields(fields: &[Field]) -> bool {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if !field.parts.is_empty() && in_type(field.ty) {
            return true;
        }
        rest = tail;
    }
    false
}

const fn in_type(ty: &Type) -> bool {
    match ty {
        Type::Mirror(schema) => is_refused(schema),
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => in_type(inner),
        Type::Tuple(types) => {
            let mut rest = *types;
            while let [ty, tail @ ..] = rest {
                if in_type(ty) {
                    return true;
                }
                rest = tail;
            }
            false
        }
        _ => false,
    }
}
