//! A release table and its mirrors as JSON, written into any [`Write`](core::fmt::Write), without allocation.

use core::fmt::{self, Display, Formatter};
use core::marker::PhantomData;

use crate::describe::{Origin, Quoted, goes_on_from, is_published};
use crate::fingerprint::layout;
use crate::history::{ChangeKind, History};
use crate::parts::{self, release_fingerprint};
use crate::schema_data::{Field, Presence, Schema, Shape, Type};
use crate::table::TableData;

/// The release table `R` with all its mirrors and their parts, printed as JSON by [`Display`].
///
/// The size of an integer (`bits`) is in bits. The maximum length of a mirror (`max_len`), of text and of a foreign value
/// (`max`) is in bytes. The maximum length of a sequence (`max`) is in elements. A release is `published` if the table pins
/// it. It is not published if the table says `open`: then it may still change.
///
/// ```
/// use devstate_versioning::schema::Json;
/// # use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1_0 = 1 @ open } TimerSer => [1], }
///
/// let json = Json::<Release>::new().to_string();
/// assert!(json.contains(r#""name": "V1_0", "number": 1, "published": false"#));
/// assert!(json.contains(r#"{"name": "count", "start": 1, "end": null, "ignorable": false, "type": {"kind": "uint", "bits": 32}}"#));
/// ```
pub struct Json<R>(PhantomData<R>);

impl<R: TableData> Json<R> {
    /// Creates the description.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: TableData> Default for Json<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Json<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Json")
    }
}

impl<R: TableData> Display for Json<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{\n")?;
        if !R::TABLE.is_empty() {
            writeln!(f, "  \"table\": {},", Quoted(R::TABLE))?;
        }
        f.write_str("  \"releases\": [")?;
        for (i, (release, name)) in R::ALL.iter().zip(R::NAMES).enumerate() {
            let published = is_published::<R>(i);
            let fingerprint = release_fingerprint(R::TABLE, R::ROWS, i);
            line(f, i, 2)?;
            write!(f, "{{\"name\": {}, \"number\": {}, ", Quoted(name), release.number())?;
            match goes_on_from::<R>(i) {
                Origin::Before => {}
                Origin::Gone => f.write_str("\"from\": null, ")?,
                Origin::Release(from) => write!(f, "\"from\": {}, ", from.number())?,
            }
            write!(
                f,
                "\"published\": {published}, \"fingerprint\": \"{fingerprint:#018x}\"}}"
            )?;
        }
        f.write_str("\n  ],\n  \"mirrors\": [")?;
        for (i, row) in R::ROWS.iter().enumerate() {
            line(f, i, 2)?;
            let layouts = row.layouts.iter().copied();
            json_mirror(f, row.schema, row.versions.iter().copied(), layouts)?;
        }
        let mut result = Ok(());
        parts::for_each(R::ROWS, &mut |part| {
            let versions = (0..R::ALL.len()).map(|release| parts::version_of(R::ROWS, part, release));
            let layouts = (1..=part.version).map(|version| if part.has(version) { layout(part, version) } else { 0 });
            result = result.and_then(|()| line(f, R::ROWS.len(), 2));
            result = result.and_then(|()| json_mirror(f, part, versions, layouts));
        });
        result?;
        f.write_str("\n  ]\n}\n")
    }
}

/// Writes a mirror with its version in each release, zero for none. A part is described like a mirror with a row.
fn json_mirror(
    f: &mut Formatter<'_>,
    schema: &Schema,
    versions: impl Iterator<Item = u16>,
    layouts: impl Iterator<Item = u64>,
) -> fmt::Result {
    write!(
        f,
        "{{\"name\": {}, \"version\": {}, ",
        Quoted(schema.name),
        schema.version
    )?;
    json_history(f, &schema.history)?;
    write!(f, "\"max_len\": {}, ", schema.max_len())?;
    f.write_str("\"releases\": ")?;
    json_numbers(f, versions.map(u64::from))?;
    f.write_str(", \"layouts\": [")?;
    for (i, layout) in layouts.enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        match layout {
            0 => write!(f, "{comma}null")?,
            layout => write!(f, "{comma}\"{layout:#018x}\"")?,
        }
    }
    match schema.shape {
        Shape::Struct(fields) => {
            f.write_str("], \"fields\": [")?;
            json_fields(f, schema, fields, 3)?;
        }
        Shape::Enum(variants) => {
            f.write_str("], \"variants\": [")?;
            for (i, variant) in variants.iter().enumerate() {
                line(f, i, 3)?;
                write!(f, "{{\"name\": {}, \"tag\": {}, ", Quoted(variant.name), variant.tag)?;
                json_versions(f, variant.versions)?;
                f.write_str(", \"fields\": [")?;
                json_fields(f, schema, variant.fields, 4)?;
                f.write_str("]}")?;
            }
        }
    }
    f.write_str("]}")
}

/// Writes the parents of the versions, unless they are a line from version 1.
fn json_history(f: &mut Formatter<'_>, history: &History) -> fmt::Result {
    if history.oldest > 1 {
        write!(f, "\"oldest\": {}, ", history.oldest)?;
    }
    if history.branches.is_empty() {
        return Ok(());
    }
    f.write_str("\"branches\": [")?;
    for (i, branch) in history.branches.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(
            f,
            "{comma}{{\"version\": {}, \"from\": {}}}",
            branch.version, branch.from
        )?;
    }
    f.write_str("], \"changes\": [")?;
    for (i, change) in history.changes.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let kind = match change.what {
            ChangeKind::Start => "start",
            ChangeKind::End => "end",
            ChangeKind::Meaning => "meaning",
            ChangeKind::Bound => "bound",
        };
        write!(
            f,
            "{comma}{{\"name\": {}, \"kind\": \"{kind}\", \"versions\": ",
            Quoted(change.name)
        )?;
        json_numbers(f, change.versions.iter().map(|version| u64::from(*version)))?;
        f.write_str("}")?;
    }
    f.write_str("], ")
}

/// Writes a list of numbers, with `null` for zero.
fn json_numbers(f: &mut Formatter<'_>, numbers: impl Iterator<Item = u64>) -> fmt::Result {
    f.write_str("[")?;
    for (i, number) in numbers.enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        match number {
            0 => f.write_str("null")?,
            number => write!(f, "{number}")?,
        }
    }
    f.write_str("]")
}

fn json_fields(f: &mut Formatter<'_>, schema: &Schema, fields: &[Field], depth: usize) -> fmt::Result {
    for (i, field) in fields.iter().enumerate() {
        line(f, i, depth)?;
        write!(f, "{{\"name\": {}, ", Quoted(field.name))?;
        json_versions(f, field.versions)?;
        write!(f, ", \"ignorable\": {}, \"type\": ", field.ignorable)?;
        json_type(f, field.ty)?;
        for (key, numbers) in [("part", field.parts), ("inner", field.inner)] {
            if !numbers.is_empty() {
                write!(f, ", \"{key}\": ")?;
                json_numbers(f, numbers.iter().map(|number| u64::from(*number)))?;
            }
        }
        if !field.bounds.is_empty() {
            f.write_str(", \"bounds\": [")?;
            for (i, bound) in field.bounds.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                // A bound may be zero.
                let version = u16::try_from(i).unwrap_or(u16::MAX).saturating_add(1);
                if schema.has(version) && field.versions.contain(version) {
                    write!(f, "{bound}")?;
                } else {
                    f.write_str("null")?;
                }
            }
            f.write_str("]")?;
        }
        if let Some(unit) = field.unit {
            write!(f, ", \"unit\": {}", Quoted(unit))?;
        }
        f.write_str("}")?;
    }
    Ok(())
}

fn json_versions(f: &mut Formatter<'_>, versions: Presence) -> fmt::Result {
    json_span(f, versions.start, versions.end)?;
    if versions.more.is_empty() {
        return Ok(());
    }
    f.write_str(", \"more\": [")?;
    for (i, span) in versions.more.iter().enumerate() {
        f.write_str(if i == 0 { "{" } else { ", {" })?;
        json_span(f, span.start, span.end)?;
        f.write_str("}")?;
    }
    f.write_str("]")
}

fn json_span(f: &mut Formatter<'_>, start: u16, end: Option<u16>) -> fmt::Result {
    write!(f, "\"start\": {start}, \"end\": ")?;
    match end {
        Some(end) => write!(f, "{end}"),
        None => f.write_str("null"),
    }
}

fn json_type(f: &mut Formatter<'_>, ty: &Type) -> fmt::Result {
    let (kind, inner, bound) = match ty {
        Type::Bool => return f.write_str("{\"kind\": \"bool\"}"),
        Type::Char => return f.write_str("{\"kind\": \"char\"}"),
        Type::UInt(bytes) => return write!(f, "{{\"kind\": \"uint\", \"bits\": {}}}", u16::from(*bytes) * 8),
        Type::Int(bytes) => return write!(f, "{{\"kind\": \"int\", \"bits\": {}}}", u16::from(*bytes) * 8),
        Type::Str(max) => return write!(f, "{{\"kind\": \"str\", \"max\": {max}}}"),
        Type::Mirror(schema) => return write!(f, "{{\"kind\": \"mirror\", \"name\": {}}}", Quoted(schema.name)),
        Type::Foreign { layout, max } => {
            return write!(
                f,
                "{{\"kind\": \"foreign\", \"layout\": {}, \"max\": {max}}}",
                Quoted(layout)
            );
        }
        Type::Inner(inner) => {
            let max = inner.max;
            return write!(
                f,
                "{{\"kind\": \"seq\", \"max\": {max}, \"of\": {{\"kind\": \"uint\", \"bits\": 8}}}}"
            );
        }
        Type::Tuple(parts) => {
            f.write_str("{\"kind\": \"tuple\", \"of\": [")?;
            for (i, part) in parts.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                json_type(f, part)?;
            }
            return f.write_str("]}");
        }
        Type::Option(value) => ("option", value, None),
        Type::Array(element, n) => ("array", element, Some(("len", n))),
        Type::Seq(element, n) => ("seq", element, Some(("max", n))),
    };
    write!(f, "{{\"kind\": \"{kind}\", ")?;
    if let Some((name, n)) = bound {
        write!(f, "\"{name}\": {n}, ")?;
    }
    f.write_str("\"of\": ")?;
    json_type(f, inner)?;
    f.write_str("}")
}

/// Starts the line of the element at `position` in a list.
fn line(f: &mut Formatter<'_>, position: usize, depth: usize) -> fmt::Result {
    write!(f, "{}\n{:2$}", if position == 0 { "" } else { "," }, "", 2 * depth)
}
