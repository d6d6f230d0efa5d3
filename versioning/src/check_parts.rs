//! What the compiler checks of parts: mirrors whose owner says which version each of its own versions has.

#![expect(clippy::indexing_slicing, reason = "a failure of these functions is a compile error")]

use crate::check_table::check_step;
use crate::fingerprint::with_parts;
use crate::message::Message;
use crate::schema_data::{Field, Presence, Schema, Shape, Type};

/// Checks the parts of a mirror, and the fingerprints of its published versions with their parts: one literal for each,
/// `None` for an open last one.
///
/// # Panics
///
/// During constant evaluation, where they are wrong.
#[track_caller]
pub const fn check_parts<const N: usize>(schema: &Schema, pinned: &[Option<u64>]) {
    match schema.shape {
        Shape::Struct(fields) => check_fields(schema, fields, Presence::ALWAYS),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                check_fields(schema, variant.fields, variant.versions);
                rest = tail;
            }
        }
    }
    let found: [u64; N] = with_parts(schema);
    let mut at = 0;
    while at < N && at < pinned.len() {
        if let Some(literal) = pinned[at]
            && literal != found[at]
        {
            Message::new()
                .str("version ")
                .number(at as u64 + 1)
                .str(" of the mirror `")
                .str(schema.name)
                .str("` has other parts than the published one: `parts` pins ")
                .fingerprint(literal)
                .str(", the source gives ")
                .fingerprint(found[at])
                .str(". A published version keeps the versions of its parts. Undo the change of `part` or of the part, or add a version to `")
                .str(schema.name)
                .str("`. Only if this version was never published, pin ")
                .fingerprint(found[at])
                .fail()
        }
        at += 1;
    }
}

#[track_caller]
const fn check_fields(owner: &Schema, fields: &[Field], around: Presence) {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if !field.parts.is_empty() {
            if !field.ty.holds_mirrors() {
                about(owner, field)
                    .str("has `part`, and its type holds no mirror: delete `part`")
                    .fail()
            }
            check_type(owner, field, around, field.ty);
        }
        rest = tail;
    }
}

#[track_caller]
const fn check_type(owner: &Schema, field: &Field, around: Presence, ty: &Type) {
    match ty {
        Type::Mirror(part) => check_part(owner, field, around, part),
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => check_type(owner, field, around, inner),
        Type::Tuple(types) => {
            let mut rest = *types;
            while let [ty, tail @ ..] = rest {
                check_type(owner, field, around, ty);
                rest = tail;
            }
        }
        _ => {}
    }
}

#[track_caller]
const fn check_part(owner: &Schema, field: &Field, around: Presence, part: &Schema) {
    if part.needs_rows() {
        about(owner, field)
            .str("has the part `")
            .str(part.name)
            .str("`, which holds a mirror that is no part: give that field of `")
            .str(part.name)
            .str("` a `part = [..]` too")
            .fail()
    }
    let mut at = 0;
    while at < field.parts.len() {
        let version = at as u16 + 1;
        let parent = owner.history.parent(version);
        if field.parts[at] != 0 && owner.has(parent) && field.part_at(parent) != 0 {
            let place = about(owner, field)
                .str("has a part that, with version ")
                .number(version as u64)
                .str(" of the owner, ");
            check_step(place, part, field.part_at(parent), field.parts[at]);
        }
        if field.parts[at] != 0 && !part.has(field.parts[at]) && field.parts[at] <= part.version {
            about(owner, field)
                .str("has its part `")
                .str(part.name)
                .str("` at version ")
                .number(field.parts[at] as u64)
                .str(", which the source of `")
                .str(part.name)
                .str("` no longer has, or has not: raise `oldest` on `")
                .str(owner.name)
                .str("` as well, or keep that version of the part")
                .fail()
        }
        if field.parts[at] > part.version {
            about(owner, field)
                .str("has its part `")
                .str(part.name)
                .str("` at version ")
                .number(field.parts[at] as u64)
                .str(", and the latest version of `")
                .str(part.name)
                .str("` is ")
                .number(part.version as u64)
                .str(": correct `part`, or increase `version` on `")
                .str(part.name)
                .str("`")
                .fail()
        }
        at += 1;
    }
    let latest = owner.version;
    let there = field.versions.contain(latest) && around.contain(latest);
    if there && field.part_at(latest) != part.version {
        Message::new()
            .str("version ")
            .number(latest as u64)
            .str(" of the mirror `")
            .str(owner.name)
            .str("` is its latest and has the part `")
            .str(part.name)
            .str("` in the field `")
            .str(field.name)
            .str("` at version ")
            .number(field.part_at(latest) as u64)
            .str(", and the latest version of `")
            .str(part.name)
            .str("` is ")
            .number(part.version as u64)
            .str(": add a version to `")
            .str(owner.name)
            .str("` with `part = [.., ")
            .number(part.version as u64)
            .str("]`. Only if version ")
            .number(latest as u64)
            .str(" was never published, correct its entry in `part`")
            .fail()
    }
}

const fn about(owner: &Schema, field: &Field) -> Message {
    Message::new()
        .str("the field `")
        .str(field.name)
        .str("` of the mirror `")
        .str(owner.name)
        .str("` ")
}

/// Checks the releases that a field with an inner snapshot has: each is in the inner table, and the latest version has the
/// latest one. `numbers` are those of the inner table, and zero in `given` stands for a version without the field.
///
/// # Panics
///
/// During constant evaluation, where they are wrong.
#[track_caller]
pub const fn check_inner(mirror: &str, field: &str, numbers: &[u16], given: &[u16]) {
    let place = Message::new()
        .str("the field `")
        .str(field)
        .str("` of the mirror `")
        .str(mirror)
        .str("` has release ");
    let mut at = 0;
    while at < given.len() {
        let mut known = given[at] == 0;
        let mut number = 0;
        while number < numbers.len() {
            known |= numbers[number] == given[at];
            number += 1;
        }
        if !known {
            place
                .number(given[at] as u64)
                .str(" in `inner`, and the inner release table has no such number: correct it")
                .fail()
        }
        at += 1;
    }
    if let ([.., latest], [.., last]) = (numbers, given)
        && *last != 0
        && *last != *latest
    {
        place
            .number(*last as u64)
            .str(" in the latest version, and the latest release of the inner table is ")
            .number(*latest as u64)
            .str(": add a version to `")
            .str(mirror)
            .str("` with `inner = [.., ")
            .number(*latest as u64)
            .str("]`. Only if that version was never published, correct its entry")
            .fail()
    }
}
