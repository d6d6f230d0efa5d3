//! Types, versions and releases as text, for tools and for people.

use core::fmt::{self, Display, Formatter, Write};

use crate::schema_data::{Presence, Type};
use crate::table::TableData;

/// The parent of a release.
#[derive(PartialEq, Eq)]
pub(crate) enum Origin<R> {
    /// The release before it, or nothing for the first one.
    Before,
    /// A release that the table no longer has.
    Gone,
    /// Another release of the table.
    Release(R),
}

/// Returns the parent of the release at a position.
pub(crate) fn goes_on_from<R: TableData>(release: usize) -> Origin<R> {
    match R::PARENTS.get(release) {
        Some(Some(parent)) if parent.checked_add(1) != Some(release) => {
            R::ALL.get(*parent).copied().map_or(Origin::Before, Origin::Release)
        }
        Some(None) if release > 0 => Origin::Gone,
        _ => Origin::Before,
    }
}

/// Returns `true` if the table pins the release.
pub(crate) fn is_published<R: TableData>(release: usize) -> bool {
    matches!(R::PINNED.get(release), Some(Some(_)))
}

/// Prints a JSON string.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

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

impl Display for Presence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        span(f, self.start, self.end)?;
        self.more.iter().try_for_each(|more| {
            f.write_char(' ')?;
            span(f, more.start, more.end)
        })
    }
}

fn span(f: &mut Formatter<'_>, start: u16, end: Option<u16>) -> fmt::Result {
    match end {
        None => write!(f, "{start}.."),
        Some(end) => write!(f, "{start}..{end}"),
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
            Self::Inner(inner) => write!(f, "seq<u8,{}>", inner.max),
            Self::Foreign { layout, max } => write!(f, "foreign<{layout},{max}>"),
        }
    }
}
