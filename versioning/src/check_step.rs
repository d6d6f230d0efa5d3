//! Compile-time checks of the step of a mirror from one version to another.

use crate::fingerprint::version_in;
use crate::message::Message;
use crate::schema_data::{Field, InnerSchema, Schema, Shape, Type};

/// Checks the step of a mirror from its version in a parent release to its version in a release. `place` is the
/// beginning of the message.
#[track_caller]
pub(crate) const fn check_step(place: Message, schema: &Schema, before: u16, version: u16) {
    if schema.history.leads(before, version) {
        return;
    }
    if schema.history.may_step(before, version) {
        let Some(lost) = lost_part(schema, before, version) else {
            return;
        };
        let [what, number, later] = if lost.is_inner {
            ["the inner snapshot", "release", "release of it"]
        } else {
            ["the part", "version", "version of the part"]
        };
        place
            .str("steps from version ")
            .number(before as u64)
            .str(" to ")
            .number(version as u64)
            .str(" of another branch, and with it ")
            .str(what)
            .str(" in the field `")
            .str(lost.field)
            .str("` from ")
            .str(number)
            .str(" ")
            .number(lost.before as u64)
            .str(" to ")
            .number(lost.version as u64)
            .str(", which does not have all changes of the earlier one. Add a version with a later ")
            .str(later)
            .str(", and name it there, or correct the release behind `from`")
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

/// A part or an inner snapshot that may not step with its owner to a version of another branch.
struct Lost {
    field: &'static str,
    /// The versions of the part, or the numbers of the releases.
    before: u16,
    version: u16,
    is_inner: bool,
}

/// Finds a part or an inner snapshot that may not step with its owner.
const fn lost_part(owner: &Schema, before: u16, version: u16) -> Option<Lost> {
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

const fn lost_in_fields(fields: &'static [Field], before: u16, version: u16) -> Option<Lost> {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        let is_inner = !field.inner.is_empty();
        let (old, new) = if is_inner {
            (field.inner_at(before), field.inner_at(version))
        } else {
            (field.part_at(before), field.part_at(version))
        };
        if old != 0 && new != 0 && !keeps_changes(field.ty, old, new) {
            return Some(Lost {
                field: field.name,
                before: old,
                version: new,
                is_inner,
            });
        }
        rest = tail;
    }
    None
}

/// Returns `true` if each mirror of the inner table may step from its version in one release to that in the other.
const fn keeps_rows(inner: &InnerSchema, before: u16, release: u16) -> bool {
    let (before, release) = (inner.position(before), inner.position(release));
    let mut rest = inner.rows;
    while let [row, tail @ ..] = rest {
        let (old, new) = (version_in(row, before), version_in(row, release));
        if old != 0 && (new == 0 || !keeps_mirror(row.schema, old, new)) {
            return false;
        }
        rest = tail;
    }
    true
}

/// Returns `true` if a mirror may step from one version to the other.
const fn keeps_mirror(mirror: &Schema, before: u16, version: u16) -> bool {
    mirror.history.leads(before, version)
        || (mirror.history.may_step(before, version) && lost_part(mirror, before, version).is_none())
}

/// Returns `true` if the mirrors in a type may step from one version to the other, and inner snapshots from one release to the other.
const fn keeps_changes(ty: &Type, before: u16, version: u16) -> bool {
    match ty {
        Type::Mirror(part) => keeps_mirror(part, before, version),
        Type::Inner(inner) => keeps_rows(inner, before, version),
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
