//! A release table and its mirrors as a table for people, written into any [`Write`](core::fmt::Write), without allocation.

use core::fmt::{self, Display, Formatter, Write};
use core::marker::PhantomData;

use crate::describe::{Origin, Quoted, goes_on_from, is_published};
use crate::fingerprint::version_in;
use crate::parts;
use crate::schema_data::{Field, Schema, Shape};
use crate::table::TableData;

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

impl<R: TableData> Table<R> {
    /// Creates the description.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: TableData> Default for Table<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

impl<R: TableData> Display for Table<R> {
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
        if (0..R::ALL.len()).any(|release| goes_on_from::<R>(release) != Origin::Before) {
            f.write_str("\nparent                      ")?;
            for release in 0..R::ALL.len() {
                let name = match goes_on_from::<R>(release) {
                    Origin::Before => "",
                    Origin::Gone => "_",
                    Origin::Release(from) => R::NAMES.get(from.index()).copied().unwrap_or_default(),
                };
                write!(f, " {name:>8}")?;
            }
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
    write!(f, "\n{name}, latest version {version}, at most {max} bytes")?;
    if schema.history.oldest > 1 {
        write!(f, ", oldest version {}", schema.history.oldest)?;
    }
    for branch in schema.history.branches {
        write!(f, ", version {} has parent {}", branch.version, branch.from)?;
    }
    f.write_char('\n')?;
    match schema.shape {
        Shape::Struct(fields) => table_fields(f, schema, fields, "  "),
        Shape::Enum(variants) => variants.iter().try_for_each(|variant| {
            let tag = usize::from(variant.tag);
            writeln!(f, "  {:<50} {}", Tagged(tag, variant.name), variant.versions)?;
            table_fields(f, schema, variant.fields, "      ")
        }),
    }
}

fn table_fields(f: &mut Formatter<'_>, schema: &Schema, fields: &[Field], indent: &str) -> fmt::Result {
    fields.iter().try_for_each(|field| {
        let Field { name, versions, .. } = field;
        let ignorable = if field.ignorable { ", ignorable" } else { "" };
        let part = if field.parts.is_empty() { "" } else { ", part" };
        write!(f, "{indent}{:<1$}", name, 32_usize.saturating_sub(indent.len()))?;
        // A type's text has no width of its own: pad by hand.
        let mut counted = Counted { f, written: 0 };
        write!(counted, "{}", field.ty)?;
        let Counted { f, written } = counted;
        let bounds = Bounds(schema, field);
        let (comma, unit) = field.unit.map_or(("", ""), |unit| (", in ", unit));
        writeln!(
            f,
            "{:1$} {versions}{ignorable}{part}{bounds}{comma}{unit}",
            "",
            20_usize.saturating_sub(written)
        )
    })
}

/// Prints the bounds of a mirror's field that changed, each with its first version that the source has.
struct Bounds<'a>(&'a Schema, &'a Field);

impl Display for Bounds<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for (version, bound) in (1..).zip(self.1.bounds) {
            if self.0.has(version) && self.1.versions.contain(version) && last != Some(bound) {
                write!(
                    f,
                    "{}{version} = {bound}",
                    if last.is_none() { ", bound " } else { ", " }
                )?;
                last = Some(bound);
            }
        }
        Ok(())
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
