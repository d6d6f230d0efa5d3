//! How a type differs from another one.

use super::super::document::{Member, Type};

/// Says how the type of a field, or the tag of a variant, differs.
pub(super) fn type_changed(was: &Member, now: &Member) -> String {
    let Member { name, text: before, .. } = was;
    let after = &now.text;
    let kind = match (&was.ty, &now.ty) {
        (Some(a), Some(b)) => difference(a, b),
        (None, None) => "has another tag",
        _ => "has another type",
    };
    format!("`{name}` {kind}: {before} before, {after} now")
}

/// What is different, also where it lies below something that is as it was.
fn difference(was: &Type, now: &Type) -> &'static str {
    match (was, now) {
        (Type::Uint { bits: a }, Type::Int { bits: b }) | (Type::Int { bits: a }, Type::Uint { bits: b }) if a == b => {
            "has another sign"
        }
        (Type::Uint { .. }, Type::Uint { .. }) | (Type::Int { .. }, Type::Int { .. }) => "has another width",
        (Type::Seq { of: a, .. }, Type::Seq { of: b, .. }) if a == b => "has another bound",
        (Type::Array { of: a, .. }, Type::Array { of: b, .. }) if a == b => "has another length",
        (Type::Str { .. }, Type::Str { .. }) => "has another bound",
        (Type::Foreign { layout: a, .. }, Type::Foreign { layout: b, .. }) if a == b => "has another bound",
        (a, Type::Option { of }) if **of == *a => "became conditional",
        (Type::Option { of }, b) if **of == *b => "is no longer conditional",
        (Type::Option { of: a }, Type::Option { of: b }) => difference(a, b),
        (Type::Seq { of: a, max: m }, Type::Seq { of: b, max: n })
        | (Type::Array { of: a, len: m }, Type::Array { of: b, len: n })
            if m == n =>
        {
            difference(a, b)
        }
        (Type::Tuple { of: a }, Type::Tuple { of: b }) if a.len() == b.len() => {
            let mut different = a.iter().zip(b).filter(|(a, b)| a != b);
            match (different.next(), different.next()) {
                (Some((a, b)), None) => difference(a, b),
                _ => "has another type",
            }
        }
        _ => "has another type",
    }
}
