//! Finds the one change that explains why a layout or a release differs from the published one, so that the message can name
//! the field or the row. It tries likely changes. It runs during constant evaluation only, and only before that fails.

#![expect(
    clippy::indexing_slicing,
    reason = "runs during constant evaluation, with positions below the length"
)]

use crate::fingerprint::{Edit, layout_edited, layout_text, version_in};
use crate::parts::sum_of;
use crate::schema_data::{Field, Row, Schema, Shape, Type, Variant};

/// A change of a layout since it was published.
pub(crate) enum LayoutChange {
    /// Without this field the layout is the published one.
    FieldAdded(&'static Field),
    /// Without this variant the layout is the published one. `true` if it is the last variant.
    VariantAdded(&'static Variant, bool),
    /// With this bound of the field the layout is the published one.
    Bound(&'static Field, usize),
    /// With this type of the field the layout is the published one.
    Retyped(&'static Field, Type),
    /// Another change, or more than one.
    Unknown,
}

/// The number of types that are tried for each field.
const CANDIDATES: usize = PRIMITIVES.len();

const PRIMITIVES: [Type; 12] = [
    Type::UInt(1),
    Type::UInt(2),
    Type::UInt(4),
    Type::UInt(8),
    Type::UInt(16),
    Type::Int(1),
    Type::Int(2),
    Type::Int(4),
    Type::Int(8),
    Type::Int(16),
    Type::Bool,
    Type::Char,
];

/// The limit of the search, in bytes that are hashed. Beyond half a million the compiler warns of a long evaluation.
const MOST_BYTES: usize = 300_000;

/// Searches for the one change between the published layout of a version, given by its fingerprint, and the current one.
pub(crate) const fn layout_change(schema: &Schema, version: u16, published: u64) -> LayoutChange {
    let length = layout_text(schema, version, &mut []);
    match schema.shape {
        Shape::Struct(fields) => {
            let once = length * fields.len();
            let mut at = 0;
            while at < fields.len() && once <= MOST_BYTES {
                if layout_edited(schema, version, Edit::Without(at)) == published {
                    return LayoutChange::FieldAdded(&fields[at]);
                }
                at += 1;
            }
            if once * (1 + CANDIDATES) <= MOST_BYTES {
                return retyped(schema, version, published, fields);
            }
        }
        Shape::Enum(variants) => {
            let mut at = 0;
            while at < variants.len() && length * variants.len() <= MOST_BYTES {
                if layout_edited(schema, version, Edit::Without(at)) == published {
                    return LayoutChange::VariantAdded(&variants[at], at + 1 == variants.len());
                }
                at += 1;
            }
        }
    }
    LayoutChange::Unknown
}

const fn retyped(schema: &Schema, version: u16, published: u64, fields: &'static [Field]) -> LayoutChange {
    let mut at = 0;
    while at < fields.len() {
        let mut nth = 0;
        while let Some(ty) = candidate(fields[at].ty, nth) {
            if layout_edited(schema, version, Edit::Retyped(at, &ty)) == published {
                return match ty.bound() {
                    Some(bound) => LayoutChange::Bound(&fields[at], bound),
                    None => LayoutChange::Retyped(&fields[at], ty),
                };
            }
            nth += 1;
        }
        at += 1;
    }
    LayoutChange::Unknown
}

/// Returns a likely earlier type of a field: another primitive type, or another bound, which is a power of two.
const fn candidate(ty: &Type, nth: usize) -> Option<Type> {
    if nth >= CANDIDATES {
        return None;
    }
    let bound = 1 << nth;
    Some(match *ty {
        Type::Array(element, _) => Type::Array(element, bound),
        Type::Seq(element, _) => Type::Seq(element, bound),
        Type::Str(_) => Type::Str(bound),
        Type::Foreign { layout, .. } => Type::Foreign { layout, max: bound },
        _ => PRIMITIVES[nth],
    })
}

/// Searches for the one row, and the version in it, with which a release is the published one. Version 0 stands for a
/// release without the mirror.
///
/// `found` is the present fingerprint of the release, a sum over its rows.
pub(crate) const fn release_change(rows: &[Row], release: usize, found: u64, published: u64) -> Option<(usize, u16)> {
    let mut at = 0;
    while at < rows.len() {
        let row = &rows[at];
        let rest = found.wrapping_sub(sum_of(row, version_in(row, release)));
        let mut version = 0;
        while version as usize <= row.layouts.len() {
            if rest.wrapping_add(sum_of(row, version)) == published {
                return Some((at, version));
            }
            version += 1;
        }
        at += 1;
    }
    None
}
