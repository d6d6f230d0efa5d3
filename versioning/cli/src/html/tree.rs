//! The fields as a tree, by the WAI-ARIA pattern of that name.

use std::fmt::Write;

use super::entries::Entry;
use super::escape::Escaped;
use super::grid::class;

/// Writes the tree.
pub(super) fn write(entries: &[Entry], out: &mut String) -> std::fmt::Result {
    out.push_str("<ul role=\"tree\" aria-label=\"Fields of the snapshot\">\n");
    let mut open: Vec<&str> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let steps: Vec<&str> = entry.steps.iter().map(String::as_str).collect();
        let common = open.iter().zip(&steps).take_while(|(open, step)| open == step).count();
        close(&mut open, common, out);
        if common == steps.len() {
            // The value of an option, or the variant of the root: what contains it has the same path.
            write_item("value", number, entry, false, out)?;
            out.push_str("</li>\n");
            continue;
        }
        let Some((label, above)) = steps.split_last() else {
            continue;
        };
        for step in above.get(common..).unwrap_or_default() {
            write_group(step, out)?;
            open.push(step);
        }
        let next = entries.get(number + 1);
        let has_children = next.is_some_and(|next| {
            next.steps.starts_with(&entry.steps) && (next.steps.len() > steps.len() || entry.is_present)
        });
        write_item(label, number, entry, has_children, out)?;
        if has_children {
            out.push_str("<ul role=\"group\">\n");
            open.push(label);
        } else {
            out.push_str("</li>\n");
        }
    }
    close(&mut open, 0, out);
    out.push_str("</ul>\n");
    Ok(())
}

/// Closes what is open, down to a depth.
fn close(open: &mut Vec<&str>, depth: usize, out: &mut String) {
    while open.len() > depth {
        open.pop();
        out.push_str("</ul></li>\n");
    }
}

/// Opens an entry that has no bytes of its own.
fn write_group(label: &str, out: &mut String) -> std::fmt::Result {
    let label = Escaped(label);
    writeln!(
        out,
        "<li role=\"treeitem\" aria-expanded=\"true\" tabindex=\"-1\" aria-label=\"{label}\">\
         <span class=\"line\"><span class=\"name\">{label}</span></span><ul role=\"group\">"
    )
}

/// Writes an entry, and leaves its element open.
fn write_item(label: &str, number: usize, entry: &Entry, has_children: bool, out: &mut String) -> std::fmt::Result {
    let Entry {
        offset,
        len,
        ty,
        value,
        is_bad,
        ..
    } = entry;
    let (label, ty, value) = (Escaped(label), Escaped(ty), Escaped(value));
    let expanded = if has_children { " aria-expanded=\"true\"" } else { "" };
    let damaged = if *is_bad { ", damaged" } else { "" };
    let class = class(entry, number);
    let unit = if *len == 1 { "byte" } else { "bytes" };
    write!(
        out,
        "<li role=\"treeitem\"{expanded} tabindex=\"-1\" data-f=\"{number}\" \
         aria-label=\"{label}{damaged}: {value}, {ty} {len} {unit} at {offset}\">\
         <span class=\"line\"><span class=\"mark {class}\"></span><span class=\"name\">{label}</span> \
         <span class=\"value\">{value}</span> <span class=\"place\">{ty} at {offset}, {len} {unit}</span></span>"
    )
}
