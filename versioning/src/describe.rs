//! A release table and its mirrors as text: JSON for tools, and a table for people. Both are written into any
//! [`Write`](core::fmt::Write), without allocation.

use core::fmt::{self, Display, Formatter, Write};
use core::marker::PhantomData;

use crate::fingerprint::{layout, version_in};
use crate::parts::{self, release_fingerprint};
use crate::schema_data::{Field, Schema, Shape, Type, Versions};
use crate::table::Releases;

/// The release table `R` with all its mirrors and their parts, printed as JSON by [`Display`].
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

/// The release table `R` with all its mirrors and their parts, printed for people by [`Display`].
///
/// ```
/// use devstate_versioning::schema::Table;
/// # use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1_0 = 1 @ open } TimerSer => [1], }
///
/// let table = Table::<Release>::new().to_string();
/// assert!(table.contains("count"));
/// ```
pub struct Table<R>(PhantomData<R>);

impl<R: Releases> Json<R> {
    /// Creates the description.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Releases> Table<R> {
    /// Creates the description.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: Releases> Display for Json<R> {
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
            let layouts = (1..=part.version).map(|version| layout(part, version));
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
    write!(f, "\"max_len\": {}, ", schema.max_len())?;
    f.write_str("\"releases\": [")?;
    for (i, version) in versions.enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        match version {
            0 => write!(f, "{comma}null")?,
            version => write!(f, "{comma}{version}")?,
        }
    }
    f.write_str("], \"layouts\": [")?;
    for (i, layout) in layouts.enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        write!(f, "{comma}\"{layout:#018x}\"")?;
    }
    match schema.shape {
        Shape::Struct(fields) => {
            f.write_str("], \"fields\": [")?;
            json_fields(f, fields, 3)?;
        }
        Shape::Enum(variants) => {
            f.write_str("], \"variants\": [")?;
            for (i, variant) in variants.iter().enumerate() {
                line(f, i, 3)?;
                write!(f, "{{\"name\": {}, \"tag\": {}, ", Quoted(variant.name), variant.tag)?;
                json_versions(f, variant.versions)?;
                f.write_str(", \"fields\": [")?;
                json_fields(f, variant.fields, 4)?;
                f.write_str("]}")?;
            }
        }
    }
    f.write_str("]}")
}

fn json_fields(f: &mut Formatter<'_>, fields: &[Field], depth: usize) -> fmt::Result {
    for (i, field) in fields.iter().enumerate() {
        line(f, i, depth)?;
        write!(f, "{{\"name\": {}, ", Quoted(field.name))?;
        json_versions(f, field.versions)?;
        write!(f, ", \"ignorable\": {}, \"type\": ", field.ignorable)?;
        json_type(f, field.ty)?;
        if !field.parts.is_empty() {
            f.write_str(", \"part\": [")?;
            for (i, version) in field.parts.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                match version {
                    0 => f.write_str("null")?,
                    version => write!(f, "{version}")?,
                }
            }
            f.write_str("]")?;
        }
        f.write_str("}")?;
    }
    Ok(())
}

fn json_versions(f: &mut Formatter<'_>, versions: Versions) -> fmt::Result {
    write!(f, "\"start\": {}, \"end\": ", versions.start)?;
    match versions.end {
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

impl<R: Releases> Display for Table<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !R::TABLE.is_empty() {
            writeln!(f, "table                        {}", Quoted(R::TABLE))?;
        }
        f.write_str("release                     ")?;
        for name in R::NAMES {
            write!(f, " {name:>8}")?;
        }
        f.write_str("\nnumber                      ")?;
        for release in R::ALL {
            write!(f, " {:>8}", release.number())?;
        }
        f.write_str("\n                            ")?;
        for i in 0..R::ALL.len() {
            write!(f, " {:>8}", if is_published::<R>(i) { "" } else { "open" })?;
        }
        for row in R::ROWS {
            let versions = (0..R::ALL.len()).map(|release| version_in(row, release));
            table_versions(f, row.schema, versions)?;
        }
        let mut result = Ok(());
        parts::for_each(R::ROWS, &mut |part| {
            let versions = (0..R::ALL.len()).map(|release| parts::version_of(R::ROWS, part, release));
            result = result.and_then(|()| table_versions(f, part, versions));
        });
        result?;
        f.write_char('\n')?;
        R::ROWS.iter().try_for_each(|row| table_mirror(f, row.schema))?;
        let mut result = Ok(());
        parts::for_each(R::ROWS, &mut |part| {
            result = result.and_then(|()| table_mirror(f, part));
        });
        result
    }
}

fn table_versions(f: &mut Formatter<'_>, schema: &Schema, mut versions: impl Iterator<Item = u16>) -> fmt::Result {
    write!(f, "\n{:<28}", schema.name)?;
    versions.try_for_each(|version| match version {
        0 => write!(f, " {:>8}", "-"),
        version => write!(f, " {version:>8}"),
    })
}

fn table_mirror(f: &mut Formatter<'_>, schema: &Schema) -> fmt::Result {
    let (name, version, max) = (schema.name, schema.version, schema.max_len());
    writeln!(f, "\n{name}, latest version {version}, at most {max} bytes")?;
    match schema.shape {
        Shape::Struct(fields) => table_fields(f, fields, "  "),
        Shape::Enum(variants) => variants.iter().try_for_each(|variant| {
            let tag = usize::from(variant.tag);
            writeln!(f, "  {:<50} {}", Tagged(tag, variant.name), variant.versions)?;
            table_fields(f, variant.fields, "      ")
        }),
    }
}

fn table_fields(f: &mut Formatter<'_>, fields: &[Field], indent: &str) -> fmt::Result {
    fields.iter().try_for_each(|field| {
        let Field { name, versions, .. } = field;
        let ignorable = if field.ignorable { ", ignorable" } else { "" };
        let part = if field.parts.is_empty() { "" } else { ", part" };
        write!(f, "{indent}{:<1$}", name, 32 - indent.len())?;
        // A type's text has no width of its own: pad by hand.
        let mut counted = Counted { f, written: 0 };
        write!(counted, "{}", field.ty)?;
        let Counted { f, written } = counted;
        writeln!(
            f,
            "{:1$} {versions}{ignorable}{part}",
            "",
            20_usize.saturating_sub(written)
        )
    })
}

/// Returns `true` if the table pins the release.
fn is_published<R: Releases>(release: usize) -> bool {
    matches!(R::PINNED.get(release), Some(Some(_)))
}

/// Starts the line of the element at `position` in a list.
fn line(f: &mut Formatter<'_>, position: usize, depth: usize) -> fmt::Result {
    write!(f, "{}\n{:2$}", if position == 0 { "" } else { "," }, "", 2 * depth)
}

/// Prints a JSON string.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// Prints the tag and the name of a variant.
struct Tagged<'a>(usize, &'a str);

impl Display for Tagged<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = if self.0 < 10 {
            1
        } else {
            1 + usize::from(self.0 >= 100) + 1
        };
        let width = f.width().unwrap_or(0).saturating_sub(digits + 1);
        write!(f, "{} {:<width$}", self.0, self.1)
    }
}

/// Counts the bytes that it passes on.
struct Counted<'f, 'a> {
    f: &'f mut Formatter<'a>,
    written: usize,
}

impl Write for Counted<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.written += s.len();
        self.f.write_str(s)
    }
}

impl Display for Versions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.end {
            None => write!(f, "{}..", self.start),
            Some(end) => write!(f, "{}..{end}", self.start),
        }
    }
}

/// Prints the type as in the text of a layout: `seq<u8,16>`.
impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Char => f.write_str("char"),
            Self::UInt(bytes) => write!(f, "u{}", u16::from(*bytes) * 8),
            Self::Int(bytes) => write!(f, "i{}", u16::from(*bytes) * 8),
            Self::Array(element, n) => write!(f, "[{element};{n}]"),
            Self::Option(value) => write!(f, "option<{value}>"),
            Self::Tuple(parts) => {
                f.write_char('(')?;
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { "," })?;
                }
                f.write_char(')')
            }
            Self::Seq(element, n) => write!(f, "seq<{element},{n}>"),
            Self::Str(n) => write!(f, "str<{n}>"),
            Self::Mirror(schema) => f.write_str(schema.name),
            Self::Foreign { layout, max } => write!(f, "foreign<{layout},{max}>"),
        }
    }
}

macro_rules! common {
    ($($Description:ident),+) => {$(
        impl<R: Releases> Default for $Description<R> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<R> fmt::Debug for $Description<R> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($Description))
            }
        }
    )+};
}

common!(Json, Table);
