//! A schema as a table for people.

use std::fmt::Write;

use super::document::Field;
use super::load::Schema;

/// Returns the releases, the version of each mirror in each release, and the fields of each mirror.
#[must_use]
pub fn show(schema: &Schema) -> String {
    let mut text = String::new();
    // Writing to a `String` does not fail.
    let _ = write_table(schema, &mut text);
    text
}

fn write_table(schema: &Schema, out: &mut String) -> std::fmt::Result {
    let document = &schema.document;
    if let Some(table) = &document.table {
        writeln!(out, "table                        {table}")?;
    }
    write!(out, "{:<28}", "release")?;
    document
        .releases
        .iter()
        .try_for_each(|release| write!(out, " {:>8}", release.name))?;
    write!(out, "\n{:<28}", "number")?;
    document
        .releases
        .iter()
        .try_for_each(|release| write!(out, " {:>8}", release.number))?;
    if document.releases.iter().any(|release| !release.published) {
        write!(out, "\n{:<28}", "")?;
        let state = |published| if published { "" } else { "open" };
        document
            .releases
            .iter()
            .try_for_each(|release| write!(out, " {:>8}", state(release.published)))?;
    }
    for mirror in &document.mirrors {
        write!(out, "\n{:<28}", mirror.name)?;
        mirror.releases.iter().try_for_each(|version| match version {
            None => write!(out, " {:>8}", "-"),
            Some(version) => write!(out, " {version:>8}"),
        })?;
    }
    out.push('\n');
    for mirror in &document.mirrors {
        let (name, version, max) = (&mirror.name, mirror.version, mirror.max_len);
        let is_published = schema.published(mirror).any(|(_, published)| published == version);
        let open = if is_published { "" } else { " (open)" };
        writeln!(out, "\n{name}, latest version {version}{open}, at most {max} bytes")?;
        mirror
            .own_fields()
            .iter()
            .try_for_each(|field| write_field(field, "  ", out))?;
        for variant in mirror.all_variants() {
            let title = format!("{} {}", variant.tag, variant.name);
            writeln!(out, "  {title:<50} {}", variant.versions())?;
            variant
                .fields
                .iter()
                .try_for_each(|field| write_field(field, "      ", out))?;
        }
    }
    Ok(())
}

fn write_field(field: &Field, indent: &str, out: &mut String) -> std::fmt::Result {
    let ignorable = if field.ignorable { ", ignorable" } else { "" };
    let part = if field.part.is_empty() { "" } else { ", part" };
    let unit = field
        .unit
        .as_deref()
        .map_or_else(String::new, |unit| format!(", in {unit}"));
    let (name, ty) = (&field.name, field.ty.to_string());
    let width = 32 - indent.len();
    let versions = field.versions();
    writeln!(out, "{indent}{name:<width$}{ty:<20} {versions}{ignorable}{part}{unit}")
}
