//! Mirrors without a row, whose owner says which version each of its own versions has, and what they add to a release.

#![expect(clippy::indexing_slicing, reason = "runs during constant evaluation")]

use crate::fingerprint::{find, layout, version_in};
use crate::fnv::fnv1a;
use crate::schema_data::{Field, Presence, Row, Schema, Shape, Type};

/// The fingerprint of a whole release: the wrapping sum of the layouts of its mirrors, each counted once. So the order of
/// the rows does not matter, and neither does whether a mirror has a row or is a part. The hash of the table's name is added,
/// if it has one.
#[must_use]
pub(crate) const fn release_fingerprint(table: &str, rows: &[Row], release: usize) -> u64 {
    let mut column = Column::new(rows, release);
    let mut rest = rows;
    while let [row, tail @ ..] = rest {
        column.row(row, version_in(row, release));
        rest = tail;
    }
    if table.is_empty() {
        column.sum
    } else {
        column.sum.wrapping_add(fnv1a(table.as_bytes()))
    }
}

/// What a row adds to the sum of its release with that version in it.
pub(crate) const fn sum_of(row: &Row, version: u16) -> u64 {
    let mut column = Column::new(&[], 0);
    column.row(row, version);
    column.sum
}

/// The sum of a release under construction.
struct Column<'a> {
    rows: &'a [Row],
    release: usize,
    sum: u64,
    /// The parts that have been counted, as far as there is room for them.
    counted: [u64; 64],
    len: usize,
}

impl<'a> Column<'a> {
    const fn new(rows: &'a [Row], release: usize) -> Self {
        Self {
            rows,
            release,
            sum: 0,
            counted: [0; 64],
            len: 0,
        }
    }

    const fn row(&mut self, row: &Row, version: u16) {
        if version > 0 && version as usize <= row.layouts.len() {
            self.sum = self.sum.wrapping_add(row.layouts[version as usize - 1]);
            self.parts(row.schema, version);
        }
    }

    /// Adds the parts of a mirror.
    const fn parts(&mut self, schema: &Schema, version: u16) {
        if !schema.has_parts {
            return;
        }
        match schema.shape {
            Shape::Struct(fields) => self.fields(fields, Presence::ALWAYS, version),
            Shape::Enum(variants) => {
                let mut rest = variants;
                while let [variant, tail @ ..] = rest {
                    self.fields(variant.fields, variant.versions, version);
                    rest = tail;
                }
            }
        }
    }

    const fn fields(&mut self, fields: &[Field], around: Presence, version: u16) {
        let mut rest = fields;
        while let [field, tail @ ..] = rest {
            let part = field.part_at(version);
            if part != 0 && around.contain(version) {
                self.ty(field.ty, part);
            }
            rest = tail;
        }
    }

    const fn ty(&mut self, ty: &Type, version: u16) {
        match ty {
            Type::Mirror(schema) => {
                self.part(schema, version);
                self.parts(schema, version);
            }
            Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => self.ty(inner, version),
            Type::Tuple(types) => {
                let mut rest = *types;
                while let [ty, tail @ ..] = rest {
                    self.ty(ty, version);
                    rest = tail;
                }
            }
            _ => {}
        }
    }

    /// Adds a part, unless it has a row with that version or was counted before.
    const fn part(&mut self, schema: &Schema, version: u16) {
        if let Some(row) = find(self.rows, schema)
            && version_in(row, self.release) == version
        {
            return;
        }
        let layout = layout(schema, version);
        let mut at = 0;
        while at < self.len && at < self.counted.len() {
            if self.counted[at] == layout {
                return;
            }
            at += 1;
        }
        if self.len < self.counted.len() {
            self.counted[self.len] = layout;
            self.len += 1;
        }
        self.sum = self.sum.wrapping_add(layout);
    }
}

/// Calls `visit` with each mirror below the rows that is a part and has no row, each once, in the order of the rows.
pub(crate) fn for_each(rows: &'static [Row], visit: &mut dyn FnMut(&'static Schema)) {
    let mut nth = 0;
    occurrences(rows, &mut |part, _| {
        nth += 1;
        let (mut at, mut first) = (0, 0);
        occurrences(rows, &mut |other, _| {
            at += 1;
            if first == 0 && other.name_hash == part.name_hash {
                first = at;
            }
        });
        if first == nth && find(rows, part).is_none() {
            visit(part);
        }
    });
}

/// The version of a part in a release: the highest, if several owners have different ones. Zero where no row reaches it.
pub(crate) fn version_of(rows: &'static [Row], part: &Schema, release: usize) -> u16 {
    let mut highest = 0;
    for row in rows {
        below(row.schema, Some(version_in(row, release)), &mut |other, version| {
            if other.name_hash == part.name_hash {
                highest = highest.max(version);
            }
        });
    }
    highest
}

/// Calls `visit` with every part below the rows, at any version.
fn occurrences(rows: &'static [Row], visit: &mut dyn FnMut(&'static Schema, u16)) {
    for row in rows {
        below(row.schema, None, visit);
    }
}

/// Calls `visit` with every part below a mirror and its version: of one version of the mirror, or of any.
fn below(schema: &'static Schema, version: Option<u16>, visit: &mut dyn FnMut(&'static Schema, u16)) {
    let mut fields = |fields: &'static [Field], around: Presence| {
        for field in fields.iter().filter(|field| !field.parts.is_empty()) {
            match version {
                None => below_type(field.ty, None, visit),
                Some(version) if around.contain(version) && field.versions.contain(version) => {
                    below_type(field.ty, Some(field.part_at(version)), visit);
                }
                Some(_) => {}
            }
        }
    };
    match schema.shape {
        Shape::Struct(own) => fields(own, Presence::ALWAYS),
        Shape::Enum(variants) => {
            for variant in variants {
                fields(variant.fields, variant.versions);
            }
        }
    }
}

fn below_type(ty: &'static Type, version: Option<u16>, visit: &mut dyn FnMut(&'static Schema, u16)) {
    match ty {
        Type::Mirror(schema) => {
            visit(schema, version.unwrap_or(0));
            below(schema, version, visit);
        }
        Type::Array(inner, _) | Type::Option(inner) | Type::Seq(inner, _) => below_type(inner, version, visit),
        Type::Tuple(types) => {
            for ty in *types {
                below_type(ty, version, visit);
            }
        }
        _ => {}
    }
}
