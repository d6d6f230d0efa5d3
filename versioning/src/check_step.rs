//! What the compiler checks of the step of a mirror from one version to another.

use crate::message::Message;
use crate::schema_data::{Field, Schema, Shape, Type};

/// Checks the step of a mirror from its version in a release to that in a release that goes on from it. `place` is the
/// beginning of the message.
#[track_caller]
pub(crate) const fn check_step(place: Message, schema: &Schema, before: u16, version: u16) {
    if schema.history.leads(before, version) {
        return;
    }
    if schema.history.may_step(before, version) {
        let Some((field, old, new)) = lost_part(schema, before, version) else {
            return;
        };
        place
            .str("steps from version ")
            .number(before as u64)
            .str(" to ")
            .number(version as u64)
            .str(" of another branch, and with it the part in the field `")
            .str(field)
            .str("` from version ")
            .number(old as u64)
            .str(" to ")
            .number(new as u64)
            .str(", which does not have all changes of that part. Add a version with a later version of the part, and name it there, or correct the release behind `from`")
            .fail()
    }
    if schema.history.leads(version, before) {
        place
            .str("goes down from version ")
            .number(before as u64)
            .str(" to ")
            .number(version as u64)
            .str(": a later release has the same version or a higher one")
            .fail()
    }
    let place = place
        .str("steps from version ")
        .number(before as u64)
        .str(" to ")
        .number(version as u64)
        .str(" of another branch");
    match schema.history.lost_change(before, version) {
        Some(change) => place
            .str(", which does not have a change that version ")
            .number(before as u64)
            .str(" has: ")
            .str(change.what.text())
            .str(" `")
            .str(change.name)
            .str("`. Add a version that has both, and name it there, or correct the release behind `from`")
            .fail(),
        None => place.fail(),
    }
}

/// Finds a part that may not step with its owner to a version of another branch: the name of its field, and the versions of
/// the part.
const fn lost_part(owner: &Schema, before: u16, version: u16) -> Option<(&'static str, u16, u16)> {
    if !owner.has_parts {
        return None;
    }
    match owner.shape {
        Shape::Struct(fields) => lost_in_fields(fields, before, version),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                let lost = lost_in_fields(variant.fields, before, version);
                if lost.is_some() {
                    return lost;
                }
                rest = tail;
            }
            None
        }
    }
}

const fn lost_in_fields(fields: &'static [Field], before: u16, version: u16) -> Option<(&'static str, u16, u16)> {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        let (old, new) = (field.part_at(before), field.part_at(version));
        if old != 0 && new != 0 && !keeps_changes(field.ty, old, new) {
            return Some((field.name, old, new));
        }
        rest = tail;
    }
    None
}

/// Returns `true` if the mirrors in a type may step from one version to the other.
const fn keeps_changes(ty: &Type, before: u16, version: u16) -> bool {
    match ty {
        Type::Mirror(part) => {
            part.history.leads(before, version)
                || (part.history.may_step(before, version) && lost_part(part, before, version).is_none())
        }
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => keeps_changes(inner, before, version),
        Type::Tuple(types) => {
            let mut rest = *types;
            while let [ty, tail @ ..] = rest {
                if !keeps_changes(ty, before, version) {
                    return false;
                }
                rest = tail;
            }
            true
        }
        _ => true,
    }
}
