//! Compile-time checks of parts and inner snapshots. The owner gives the version or release for each of its own
//! versions.

#![expect(clippy::indexing_slicing, reason = "a failure of these functions is a compile error")]

use crate::check_step::check_step;
use crate::fingerprint::{find, version_in, with_parts};
use crate::message::Message;
use crate::refused::is_refused;
use crate::schema_data::{Field, InnerSchema, Presence, Row, Schema, Shape, Type};

/// Checks the parts and inner snapshots of a mirror, and the fingerprints of its published versions with them. There is
/// one literal for each version, or `None` for a last version that is not published.
///
/// # Panics
///
/// If a check fails. In a constant, a panic is a compile error.
#[track_caller]
pub const fn check_parts<const N: usize>(schema: &Schema, pinned: &[Option<u64>]) {
    if is_refused(schema) {
        return;
    }
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
                .str("` has other parts or inner snapshots than the published one: `parts` pins ")
                .fingerprint(literal)
                .str(", the source gives ")
                .fingerprint(found[at])
                .str(". A published version keeps the versions of its parts and the releases of its inner snapshots. Undo the change of `part`, of `inner` or of the part, or add a version to `")
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
                    .str("has `part`, but its type contains no mirror: delete `part`")
                    .fail()
            }
            check_type(owner, field, around, field.ty);
        }
        if !field.inner.is_empty() && !check_inner_type(owner, field, field.ty) {
            about(owner, field)
                .str("has `inner`, but its type contains no inner snapshot: delete `inner`")
                .fail()
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
            .str("`, which contains a mirror that is not a part: give that field of `")
            .str(part.name)
            .str("` a `part = [..]` too")
            .fail()
    }
    let mut version = 1;
    while version <= owner.version {
        if owner.has(version)
            && around.contain(version)
            && field.versions.contain(version)
            && field.part_at(version) == 0
        {
            about(owner, field)
                .str("has no version of its part `")
                .str(part.name)
                .str("` for version ")
                .number(version as u64)
                .str(" of the owner, which has the field: `parts` needs one for each version of the owner")
                .fail()
        }
        version += 1;
    }
    let mut at = 0;
    while at < field.parts.len() {
        let version = at as u16 + 1;
        let parent = owner.history.parent(version);
        if field.parts[at] != 0
            && owner.has(parent)
            && field.part_at(parent) != 0
            && !part.history.leads(field.part_at(parent), field.parts[at])
        {
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
                .str("` does not have: increase `oldest` on `")
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

/// Checks the inner snapshots in a type. Returns `false` if there are none.
#[track_caller]
const fn check_inner_type(owner: &Schema, field: &Field, ty: &Type) -> bool {
    match ty {
        Type::Inner(inner) => {
            check_inner(owner, field, inner);
            true
        }
        Type::Array(of, _) | Type::Option(of) | Type::Seq(of, _) => check_inner_type(owner, field, of),
        Type::Tuple(types) => {
            let mut any = false;
            let mut rest = *types;
            while let [ty, tail @ ..] = rest {
                any |= check_inner_type(owner, field, ty);
                rest = tail;
            }
            any
        }
        _ => false,
    }
}

/// Checks the releases that a field gives its inner snapshot: each is in the inner table, and the latest version has the latest
/// one.
#[track_caller]
const fn check_inner(owner: &Schema, field: &Field, inner: &InnerSchema) {
    let mut version = 1;
    while version <= owner.version {
        let number = field.inner_at(version);
        let release = inner.position(number);
        if number != 0 && release == inner.numbers.len() {
            about_inner(owner, field)
                .number(number as u64)
                .str(" in `inner`, and the inner release table has no such number: correct it")
                .fail()
        }
        if let Some(row) = find(inner.rows, inner.root)
            && number != 0
            && version_in(row, release) == 0
        {
            about_inner(owner, field)
                .number(number as u64)
                .str(" in `inner`, and that release has no mirror `")
                .str(inner.root.name)
                .str("`: give one that has it")
                .fail()
        }
        let before = field.inner_at(owner.history.parent(version));
        if number != 0 && before != 0 {
            check_inner_step(
                owner,
                field,
                inner.rows,
                (inner.position(before), before),
                (release, number),
            );
        }
        version += 1;
    }
    let last = field.inner_at(owner.version);
    if let [.., latest] = inner.numbers
        && last != 0
        && last != *latest
    {
        about_inner(owner, field)
            .number(last as u64)
            .str(" in the latest version, and the latest release of the inner table is ")
            .number(*latest as u64)
            .str(": add a version to `")
            .str(owner.name)
            .str("` with `inner = [.., ")
            .number(*latest as u64)
            .str("]`. Only if that version was never published, correct its entry")
            .fail()
    }
}

/// Checks that each mirror of the inner table may step from its version in one release to that in the other. Each release has
/// its position and its number.
#[track_caller]
const fn check_inner_step(owner: &Schema, field: &Field, rows: &[Row], before: (usize, u16), release: (usize, u16)) {
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        let (old, new) = (version_in(row, before.0), version_in(row, release.0));
        let place = about_inner(owner, field)
            .number(release.1 as u64)
            .str(" in `inner` after release ")
            .number(before.1 as u64)
            .str(", and with it the inner mirror `")
            .str(row.schema.name)
            .str("` ");
        if old != 0 && new == 0 {
            place.str("is gone: give a release that has it").fail()
        }
        if old != 0 {
            check_step(place, row.schema, old, new);
        }
        rest = tail;
    }
}

const fn about_inner(owner: &Schema, field: &Field) -> Message {
    about(owner, field).str("has release ")
}
