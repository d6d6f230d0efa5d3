//! A snapshot as one self-contained HTML page: the bytes as a grid beside the tree of fields.

mod entries;
mod escape;
mod grid;
mod tree;

use std::fmt::Write;

use self::escape::Escaped;
use crate::report::{Report, file_name};

/// The maximum number of bytes in the grid. A browser gets slow with more.
pub const MAX_BYTES: usize = 1 << 16;

/// The maximum number of fields in the tree.
pub const MAX_FIELDS: usize = 20_000;

/// The beginning of each page. It marks the page as written by this program.
pub const BEGINNING: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                             <meta name=\"generator\" content=\"devstate inspect\">\n";

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Returns the page. Text of the snapshot or the schema is escaped, so it cannot add HTML.
#[must_use]
pub fn page(report: &Report<'_>) -> String {
    let mut html = String::new();
    // Writing to a `String` does not fail.
    let _ = write_page(report, &mut html);
    html
}

fn write_page(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let entries = entries::of(report);
    let name = report.snapshot.name();
    let name = Escaped(&name);
    let root = Escaped(&report.found.root.name);
    let release = Escaped(report.release_name());
    write!(
        out,
        "{BEGINNING}<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n\
         <p>{root} version {} at release {release}, {} bytes, by {}</p>\n",
        report.root_version(),
        report.snapshot.bytes.len(),
        Escaped(&file_name(report.found.file)),
    )?;
    write_state(report, out)?;
    out.push_str(
        "</header>\n<main>\n<section class=\"tree\" aria-labelledby=\"fields\">\n<h2 id=\"fields\">Fields</h2>\n\
         <p class=\"help\">Arrow keys move, left and right close and open. A selected field lights up its bytes.</p>\n",
    );
    tree::write(&entries, out)?;
    out.push_str(
        "</section>\n<section class=\"grid\" aria-labelledby=\"bytes\">\n<h2 id=\"bytes\">Bytes</h2>\n\
         <p class=\"help\">The same bytes as in the tree. A click selects a field.</p>\n",
    );
    grid::write(&report.snapshot.bytes, &entries, out)?;
    write!(
        out,
        "</section>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Says if the snapshot is whole, and what is not on the page.
fn write_state(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    if report.damage.is_empty() {
        out.push_str("<p class=\"state good\">Whole: length, checksum and every value are right.</p>\n");
    } else {
        out.push_str("<div class=\"state bad\" role=\"alert\">\n<p>Damaged:</p>\n<ul>\n");
        for damage in &report.damage {
            writeln!(out, "<li>{}</li>", Escaped(&damage.to_string()))?;
        }
        out.push_str("</ul>\n</div>\n");
    }
    let bytes = report.snapshot.bytes.len();
    if bytes > MAX_BYTES || report.fields.len() > MAX_FIELDS {
        writeln!(
            out,
            "<p class=\"state\">This page shows the first {MAX_BYTES} of {bytes} bytes, and the first {MAX_FIELDS} of {} \
             fields. <code>devstate inspect --json</code> has all.</p>",
            report.fields.len()
        )?;
    }
    Ok(())
}
