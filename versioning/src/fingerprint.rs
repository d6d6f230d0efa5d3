//! Fingerprints of layouts: the 64-bit FNV-1a hash of a canonical text. `FORMAT.md` has the grammar and an example.

#![expect(
    clippy::indexing_slicing,
    reason = "runs during constant evaluation, with lengths that its callers fix"
)]

use crate::fnv::{fnv1a_byte, fnv1a_onto, fnv1a_start};
use crate::schema_data::{Field, InnerSchema, Presence, Row, Schema, Shape, Type, Variant};
use crate::schema_len::or;

/// Returns the fingerprint of one version of a mirror: the number that `layouts(…)` pins. A hand-written mirror computes
/// [`LAYOUTS`](crate::Mirror::LAYOUTS) with it.
///
/// It covers only the name of a nested mirror, not its fields: these have a fingerprint of their own.
#[must_use]
pub const fn layout(schema: &Schema, version: u16) -> u64 {
    layout_edited(schema, version, Edit::None)
}

/// A change of a layout.
#[derive(Clone, Copy)]
pub(crate) enum Edit<'a> {
    /// No change.
    None,
    /// Without the field or variant at that position. Those behind it move up.
    Without(usize),
    /// With another type of the field at that position.
    Retyped(usize, &'a Type),
}

/// Returns the fingerprint of one version of a mirror after a change.
pub(crate) const fn layout_edited(schema: &Schema, version: u16, edit: Edit<'_>) -> u64 {
    let mut text = Text {
        hash: fnv1a_start(),
        out: &mut [],
        len: 0,
    };
    text.schema(schema, version, edit);
    text.hash
}

/// Writes the text whose hash is the fingerprint of a version into `out`. [`layout`] returns that hash. Compare the
/// texts of two builds to see why their fingerprints differ.
///
/// Writes as much as fits, and returns the length of the whole text in bytes.
pub const fn layout_text(schema: &Schema, version: u16, out: &mut [u8]) -> usize {
    let mut text = Text {
        hash: fnv1a_start(),
        out,
        len: 0,
    };
    text.schema(schema, version, Edit::None);
    text.len
}

/// Writes the text of a type into `out`, as far as it fits, and returns the length of the whole text in bytes.
pub(crate) const fn type_text(ty: &Type, out: &mut [u8]) -> usize {
    let mut text = Text {
        hash: fnv1a_start(),
        out,
        len: 0,
    };
    text.ty(ty, None);
    text.len
}

/// Returns the fingerprints of the versions `1..=N`. Zero for a version that this source does not have.
#[must_use]
pub const fn layouts<const N: usize>(schema: &Schema) -> [u64; N] {
    let mut hashes = [0; N];
    let mut rest: &mut [u64] = &mut hashes;
    let mut version = 1;
    while let [hash, tail @ ..] = rest {
        if schema.has(version) {
            *hash = layout(schema, version);
        }
        version += 1;
        rest = tail;
    }
    hashes
}

/// Returns the deep fingerprint of `root` at each of the `N` releases of a table. Zero if the release does not have
/// `root`.
///
/// It is FNV-1a over the layouts of the root and of all mirrors below it in that release, depth first and in wire order, each
/// as eight little-endian bytes. The name of the table follows, if it has one.
#[must_use]
pub const fn deep<const N: usize>(table: &str, rows: &[Row], root: &Schema) -> [u64; N] {
    let versions = match find(rows, root) {
        Some(row) => versions_in(row),
        None => [0; N],
    };
    let mut hashes = reach_all(rows, root, versions);
    let mut at = 0;
    while at < N {
        if versions[at] != 0 {
            hashes[at] = fnv1a_onto(hashes[at], table.as_bytes());
        }
        at += 1;
    }
    hashes
}

/// Returns the deep fingerprints of the versions `1..=N` of `root`, with its parts and without mirrors that have rows. The
/// fingerprint of each inner snapshot follows, in wire order.
#[must_use]
pub(crate) const fn with_parts<const N: usize>(root: &Schema) -> [u64; N] {
    let mut versions = [0; N];
    let mut at = 0;
    while at < N {
        if root.has(at as u16 + 1) {
            versions[at] = at as u16 + 1;
        }
        at += 1;
    }
    let mut hashes = reach_all(&[], root, versions);
    match root.shape {
        Shape::Struct(fields) => reach_inner(fields, &versions, &mut hashes),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                reach_inner(variant.fields, &versions, &mut hashes);
                rest = tail;
            }
        }
    }
    hashes
}

/// Adds the fingerprints of the inner snapshots in fields to each hash.
const fn reach_inner<const N: usize>(fields: &[Field], versions: &[u16; N], hashes: &mut [u64; N]) {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        let mut at = 0;
        while at < N {
            let number = field.inner_at(versions[at]);
            if number != 0 {
                hashes[at] = onto_inner(hashes[at], field.ty, number);
            }
            at += 1;
        }
        rest = tail;
    }
}

const fn onto_inner(hash: u64, ty: &Type, number: u16) -> u64 {
    match ty {
        Type::Inner(inner) => fnv1a_onto(hash, &inner.fingerprint(number).to_le_bytes()),
        Type::Array(of, _) | Type::Option(of) | Type::Seq(of, _) => onto_inner(hash, of, number),
        Type::Tuple(types) => {
            let mut hash = hash;
            let mut rest = *types;
            while let [ty, tail @ ..] = rest {
                hash = onto_inner(hash, ty, number);
                rest = tail;
            }
            hash
        }
        _ => hash,
    }
}

impl InnerSchema {
    /// Returns the fingerprint in the header of a snapshot of the release with that number. Zero if there is none.
    const fn fingerprint(&self, number: u16) -> u64 {
        let release = self.position(number);
        let mut row = 0;
        while row < self.rows.len() && row < self.roots.len() {
            if self.rows[row].schema.name_hash == self.root.name_hash && release < self.roots[row].len() {
                return self.roots[row][release];
            }
            row += 1;
        }
        0
    }
}

/// Returns the deep fingerprint of `root` at each of `versions`. Zero for version 0.
const fn reach_all<const N: usize>(rows: &[Row], root: &Schema, versions: [u16; N]) -> [u64; N] {
    let mut hashes = [fnv1a_start(); N];
    reach(rows, root, &versions, &mut hashes);
    let mut at = 0;
    while at < N {
        if versions[at] == 0 {
            hashes[at] = 0;
        }
        at += 1;
    }
    hashes
}

/// Adds `schema` and the mirrors below it to each hash, at the version of `schema` for that hash. Version 0 adds nothing.
const fn reach<const N: usize>(rows: &[Row], schema: &Schema, versions: &[u16; N], hashes: &mut [u64; N]) {
    let layouts = match find(rows, schema) {
        Some(row) => row.layouts,
        None => &[],
    };
    // Neighbours often have the same version, and the layouts of a part are not known beforehand.
    let (mut known, mut hash) = (0, 0);
    let mut at = 0;
    while at < N {
        let version = versions[at];
        if version != 0 {
            if version as usize <= layouts.len() {
                hash = layouts[version as usize - 1];
            } else if version != known {
                (known, hash) = (version, layout(schema, version));
            }
            hashes[at] = fnv1a_onto(hashes[at], &hash.to_le_bytes());
        }
        at += 1;
    }
    match schema.shape {
        Shape::Struct(fields) => reach_fields(rows, fields, versions, hashes),
        Shape::Enum(variants) => {
            let mut rest = variants;
            while let [variant, tail @ ..] = rest {
                reach_fields(rows, variant.fields, &among(versions, variant.versions), hashes);
                rest = tail;
            }
        }
    }
}

const fn reach_fields<const N: usize>(rows: &[Row], fields: &[Field], owner: &[u16; N], hashes: &mut [u64; N]) {
    let mut rest = fields;
    while let [field, tail @ ..] = rest {
        if field.ty.holds_mirrors() {
            reach_type(rows, field, field.ty, &among(owner, field.versions), hashes);
        }
        rest = tail;
    }
}

/// Returns those of an owner's versions that are among `versions`, and zero for the others.
const fn among<const N: usize>(owner: &[u16; N], versions: Presence) -> [u16; N] {
    let mut present = *owner;
    let mut at = 0;
    while at < N {
        if !versions.contain(owner[at]) {
            present[at] = 0;
        }
        at += 1;
    }
    present
}

const fn reach_type<const N: usize>(rows: &[Row], field: &Field, ty: &Type, owner: &[u16; N], hashes: &mut [u64; N]) {
    match ty {
        Type::Mirror(schema) => {
            let mut versions = match find(rows, schema) {
                Some(row) if field.parts.is_empty() => versions_in(row),
                _ => [0; N],
            };
            let mut there = false;
            let mut at = 0;
            while at < N {
                if owner[at] == 0 {
                    versions[at] = 0;
                } else if !field.parts.is_empty() {
                    versions[at] = field.part_at(owner[at]);
                }
                there |= versions[at] != 0;
                at += 1;
            }
            if there {
                reach(rows, schema, &versions, hashes);
            }
        }
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => {
            reach_type(rows, field, inner, owner, hashes);
        }
        Type::Tuple(parts) => {
            let mut rest = *parts;
            while let [part, tail @ ..] = rest {
                reach_type(rows, field, part, owner, hashes);
                rest = tail;
            }
        }
        _ => {}
    }
}

/// Returns the versions in a row. Zero if the row is too short. Another check refuses such a row.
const fn versions_in<const N: usize>(row: &Row) -> [u16; N] {
    let mut versions = [0; N];
    let mut release = 0;
    while release < N {
        versions[release] = version_in(row, release);
        release += 1;
    }
    versions
}

/// Finds the row of a mirror by the hash of its name.
pub(crate) const fn find<'a>(rows: &'a [Row], schema: &Schema) -> Option<&'a Row> {
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        if row.schema.name_hash == schema.name_hash {
            return Some(row);
        }
        rest = tail;
    }
    None
}

/// Returns the version in a row at the position of a release. Zero if the row is too short. Another check refuses such
/// a row.
pub(crate) const fn version_in(row: &Row, release: usize) -> u16 {
    if release < row.versions.len() {
        row.versions[release]
    } else {
        0
    }
}

/// Hashes the text of a layout, and stores as much of it as fits.
struct Text<'a> {
    hash: u64,
    out: &'a mut [u8],
    len: usize,
}

impl Text<'_> {
    const fn schema(&mut self, schema: &Schema, version: u16, edit: Edit<'_>) {
        self.str(schema.name);
        self.str("@");
        self.number(version as usize);
        match schema.shape {
            Shape::Struct(fields) => self.fields(fields, version, edit),
            Shape::Enum(variants) => self.variants(variants, version, edit),
        }
    }

    const fn fields(&mut self, fields: &[Field], version: u16, edit: Edit<'_>) {
        self.str("{");
        let mut first = true;
        let mut position = 0;
        let mut rest = fields;
        while let [field, tail @ ..] = rest {
            let typed = match edit {
                Edit::Without(edited) if edited == position => None,
                Edit::Retyped(edited, ty) if edited == position => Some((ty, None)),
                _ => Some((field.ty, field.bound_at(version))),
            };
            if field.versions.contain(version)
                && let Some((ty, bound)) = typed
            {
                self.separator(&mut first);
                self.str(field.name);
                self.str(":");
                self.ty(ty, bound);
            }
            position += 1;
            rest = tail;
        }
        self.str("}");
    }

    const fn variants(&mut self, variants: &[Variant], version: u16, edit: Edit<'_>) {
        self.str("<");
        let mut first = true;
        let mut position = 0;
        // Without a variant in the middle, those behind it move up.
        let mut moved = 0;
        let mut rest = variants;
        while let [variant, tail @ ..] = rest {
            rest = tail;
            position += 1;
            if let Edit::Without(edited) = edit
                && edited + 1 == position
            {
                moved = 1;
                continue;
            }
            if variant.versions.contain(version) {
                self.separator(&mut first);
                self.number(variant.tag as usize - moved);
                self.str("=");
                self.str(variant.name);
                if !variant.fields.is_empty() {
                    self.fields(variant.fields, version, Edit::None);
                }
            }
        }
        self.str(">");
    }

    /// Adds a type, with another bound than its own where there is one.
    const fn ty(&mut self, ty: &Type, bound: Option<usize>) {
        match ty {
            Type::Bool => self.str("bool"),
            Type::Char => self.str("char"),
            Type::UInt(bytes) => self.integer("u", *bytes),
            Type::Int(bytes) => self.integer("i", *bytes),
            Type::Array(element, n) => self.bounded("[", element, ";", or(bound, *n), "]"),
            Type::Option(value) => {
                self.str("option<");
                self.ty(value, bound);
                self.str(">");
            }
            Type::Tuple(parts) => {
                self.str("(");
                let mut first = true;
                let mut rest = *parts;
                while let [part, tail @ ..] = rest {
                    self.separator(&mut first);
                    self.ty(part, None);
                    rest = tail;
                }
                self.str(")");
            }
            Type::Seq(element, n) => self.bounded("seq<", element, ",", or(bound, *n), ">"),
            Type::Str(n) => {
                self.str("str<");
                self.number(or(bound, *n));
                self.str(">");
            }
            Type::Mirror(schema) => self.str(schema.name),
            // On the wire it is bytes, and a program that does not know the mirror has the same fingerprint.
            Type::Inner(inner) => {
                self.str("seq<u8,");
                self.number(inner.max);
                self.str(">");
            }
            Type::Foreign { layout, max } => {
                self.str("foreign<");
                self.str(layout);
                self.str(",");
                self.number(or(bound, *max));
                self.str(">");
            }
        }
    }

    const fn bounded(&mut self, open: &str, element: &Type, between: &str, n: usize, close: &str) {
        self.str(open);
        self.ty(element, None);
        self.str(between);
        self.number(n);
        self.str(close);
    }

    const fn integer(&mut self, sign: &str, bytes: u8) {
        self.str(sign);
        self.number(bytes as usize * 8);
    }

    const fn separator(&mut self, first: &mut bool) {
        if !*first {
            self.str(",");
        }
        *first = false;
    }

    const fn number(&mut self, n: usize) {
        if n >= 10 {
            self.number(n / 10);
        }
        self.byte(b'0' + (n % 10) as u8);
    }

    const fn str(&mut self, s: &str) {
        let mut rest = s.as_bytes();
        while let [byte, tail @ ..] = rest {
            self.byte(*byte);
            rest = tail;
        }
    }

    const fn byte(&mut self, byte: u8) {
        self.hash = fnv1a_byte(self.hash, byte);
        if self.len < self.out.len() {
            self.out[self.len] = byte;
        }
        self.len += 1;
    }
}
