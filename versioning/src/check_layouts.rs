//! Compile-time checks of the layouts of a mirror. All functions run during constant evaluation only.
//!
//! All are `#[track_caller]`, so that an error points to the mistake and not into this file.

#![expect(clippy::indexing_slicing, reason = "a failure of these functions is a compile error")]

use crate::diagnose::{LayoutChange, layout_change};
use crate::fingerprint::layout;
use crate::message::Message;
use crate::schema_data::{Field, MAX_DEPTH, Schema, Shape};

/// Checks that the layouts of a mirror are the published ones. `found` has the fingerprints of its versions. `pinned`
/// has the published fingerprint of each version as a literal, or `None` for a last version that is not published.
///
/// The derive macro does the same with `layouts(…)`. For a hand-written mirror, call this function in a `const _: () =
/// …;`.
///
/// # Panics
///
/// If a published layout changed, or if the mirror is nested too deep. In a constant, a panic is a compile error.
#[track_caller]
pub const fn check_layouts(schema: &Schema, found: &[u64], pinned: &[Option<u64>]) {
    check_found(schema, found);
    if pinned.len() != found.len() {
        Message::new()
            .str("the mirror `")
            .str(schema.name)
            .str("` has ")
            .number(found.len() as u64)
            .str(" versions, and `check_layouts` gets ")
            .number(pinned.len() as u64)
            .str(" fingerprints; give one for each version, and `None` for a last version that is not published")
            .fail()
    }
    check_pins(schema, found, pinned);
}

/// Checks that the fingerprints of a mirror are those of its schema. A hand-written mirror could have other ones. Then
/// nothing would pin its layouts.
#[track_caller]
pub(crate) const fn check_found(schema: &Schema, found: &[u64]) {
    if found.len() != schema.version as usize {
        Message::new()
            .str("`LAYOUTS` of the mirror `")
            .str(schema.name)
            .str("` has ")
            .number(found.len() as u64)
            .str(" fingerprints, and its latest version is ")
            .number(schema.version as u64)
            .str("; write `layout(Self::SCHEMA, version)` for each version from 1")
            .fail()
    }
    let mut version = 1;
    while version <= schema.version {
        if !schema.has(version) {
            version += 1;
            continue;
        }
        let (given, expected) = (found[version as usize - 1], layout(schema, version));
        if given != expected {
            Message::new()
                .str("`LAYOUTS` of the mirror `")
                .str(schema.name)
                .str("` has ")
                .fingerprint(given)
                .str(" for version ")
                .number(version as u64)
                .str(", and its schema gives ")
                .fingerprint(expected)
                .str("; write `layout(Self::SCHEMA, ")
                .number(version as u64)
                .str(")`")
                .fail()
        }
        version += 1;
    }
}

/// Checks the pins of a mirror whose fingerprints are those of its schema.
#[track_caller]
pub const fn check_pins(schema: &Schema, found: &[u64], pinned: &[Option<u64>]) {
    if schema.depth() > MAX_DEPTH {
        Message::new()
            .str("the mirror `")
            .str(schema.name)
            .str("` nests ")
            .number(schema.depth() as u64)
            .str(" deep, and the limit is ")
            .number(MAX_DEPTH as u64)
            .str(": put its fields into fewer levels of mirrors, sequences and arrays")
            .fail()
    }
    let mut version = 0;
    while version < pinned.len() && version < found.len() {
        if let Some(literal) = pinned[version]
            && literal != found[version]
        {
            refuse_layout(schema, version as u16 + 1, pinned, literal, found[version])
        }
        version += 1;
    }
}

#[track_caller]
const fn refuse_layout(schema: &Schema, version: u16, pinned: &[Option<u64>], literal: u64, found: u64) -> ! {
    let message = Message::new()
        .str("the layout of version ")
        .number(version as u64)
        .str(" of the mirror `")
        .str(schema.name)
        .str("` is not the published one: `layouts` pins ")
        .fingerprint(literal)
        .str(", the source gives ")
        .fingerprint(found)
        .str(". A published version may not change. ");
    // The version for the change, and whether it exists already.
    let (next, begun) = match pinned {
        [.., None] => (pinned.len() as u64, true),
        _ => (pinned.len() as u64 + 1, false),
    };
    let message = match layout_change(schema, version, literal) {
        LayoutChange::FieldAdded(field) => message
            .str("Without the field `")
            .str(field.name)
            .str("` the layout is the published one: if its `start` or `end` changed, undo that. If the field is new, \
                  give it `start = ")
            .number(next)
            .str("`")
            .begin(next, begun),
        LayoutChange::VariantAdded(variant, true) => message
            .str("Without the variant `")
            .str(variant.name)
            .str("` the layout is the published one: if its `start` or `end` changed, undo that. If the variant is \
                  new, give it `start = ")
            .number(next)
            .str("`")
            .begin(next, begun),
        LayoutChange::VariantAdded(variant, false) => message
            .str("Without the variant `")
            .str(variant.name)
            .str("` the layout is the published one: move the new variant to the end, because it changes the tags of \
                  the variants after it, and give it `start = ")
            .number(next)
            .str("`")
            .begin(next, begun),
        LayoutChange::Bound(field, bound) => message
            .str("With the bound ")
            .number(bound as u64)
            .str(" for the field `")
            .str(field.name)
            .str("` the layout is the published one: give the field that bound again. To change it, write `bound(")
            .number(version as u64)
            .str(" = ")
            .number(bound as u64)
            .str(", ")
            .number(next)
            .str(" = ")
            .number(match field.ty.bound() {
                Some(bound) => bound as u64,
                None => 0,
            })
            .str(")` on the field, with the bound of each version that changed it")
            .begin(next, begun),
        LayoutChange::Retyped(field, ty) => message
            .str("With the field `")
            .str(field.name)
            .str("` as ")
            .ty(&ty)
            .str(" the layout is the published one: give the field that type again. Or give it `end = ")
            .number(next)
            .str("` and add a field with another name and the new type, with `start = ")
            .number(next)
            .str("`")
            .begin(next, begun),
        LayoutChange::Unknown => message.str("Undo the change, or make it in a new version: increase `version`, give a new field or variant `start`, a removed one `end`, a renamed one `name = \"…\"`, and add `open` to `layouts`"),
    };
    message
        .str(". Only if this version was never published, pin ")
        .fingerprint(found)
        .str(". The layout is now ")
        .layout(schema, version)
        .fail()
}

/// Checks the bounds and the units of fields.
#[track_caller]
pub const fn check_fields(schema: &Schema) {
    match schema.shape {
        Shape::Struct(fields) => check_fields_of(schema, fields),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                check_fields_of(schema, variant.fields);
                rest = tail;
            }
        }
    }
}

#[track_caller]
const fn check_fields_of(schema: &Schema, fields: &[Field]) {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        check_bound(schema, field);
        check_unit(schema, field);
        rest = tail;
    }
}

/// Checks that a unit stands on numbers only.
#[track_caller]
const fn check_unit(schema: &Schema, field: &Field) {
    if let Some(unit) = field.unit
        && !field.ty.holds_numbers()
    {
        Message::new()
            .str("the field `")
            .str(field.name)
            .str("` of the mirror `")
            .str(schema.name)
            .str("` has the unit `")
            .str(unit)
            .str("`, and its type is not a number: delete `unit`, or give it to the field that has the number")
            .fail()
    }
}

/// Checks that a field whose bound changed has the bound of its type at the latest version, or where it was removed.
#[track_caller]
const fn check_bound(schema: &Schema, field: &Field) {
    let mut latest = None;
    let mut at = 0;
    while at < field.bounds.len() {
        if schema.has(at as u16 + 1) && field.versions.contain(at as u16 + 1) {
            latest = Some(field.bounds[at]);
        }
        at += 1;
    }
    if let Some(latest) = latest
        && let Some(own) = field.ty.bound()
        && latest != own
    {
        Message::new()
            .str("the field `")
            .str(field.name)
            .str("` of the mirror `")
            .str(schema.name)
            .str("` has the bound ")
            .number(latest as u64)
            .str(" at the last version in `bound(..)`, and its type has ")
            .number(own as u64)
            .str(": the type has the bound of the latest version, so correct one of them")
            .fail()
    }
}

impl Message {
    /// How to begin a new version, unless the last one is open.
    const fn begin(self, version: u64, begun: bool) -> Self {
        if begun {
            return self;
        }
        self.str(", increase `version` to ")
            .number(version)
            .str(", and add `open` to `layouts`")
    }
}
