//! The bytes as a grid, sixteen in a row, or eight where there is little room.

use std::fmt::Write;

use super::MAX_BYTES;
use super::entries::Entry;

/// The number of colours in the style sheet.
const COLOURS: usize = 8;

/// Writes the grid. A screen reader has the bytes in the tree, so the grid is hidden from it.
pub(super) fn write(bytes: &[u8], entries: &[Entry], out: &mut String) -> std::fmt::Result {
    out.push_str("<div class=\"bytes\" aria-hidden=\"true\">\n");
    let mut owners = Owners { entries, at: 0 };
    for (row, bytes) in bytes
        .get(..MAX_BYTES.min(bytes.len()))
        .unwrap_or_default()
        .chunks(16)
        .enumerate()
    {
        out.push_str("<div class=\"row\">");
        for (half, bytes) in bytes.chunks(8).enumerate() {
            let start = 16 * row + 8 * half;
            write!(out, "<span class=\"half\"><b>{start:04x}</b>")?;
            for (offset, byte) in (start..).zip(bytes) {
                match owners.of(offset) {
                    Some((number, class)) => write!(out, "<i data-f=\"{number}\" class=\"{class}\">{byte:02x}</i>")?,
                    None => write!(out, "<i>{byte:02x}</i>")?,
                }
            }
            out.push_str("</span>");
        }
        out.push_str("</div>\n");
    }
    out.push_str("</div>\n");
    Ok(())
}

/// Finds the entry of each byte, front to back.
struct Owners<'e> {
    entries: &'e [Entry],
    at: usize,
}

impl Owners<'_> {
    /// Returns the number and the classes of the entry that has the byte.
    fn of(&mut self, offset: usize) -> Option<(usize, String)> {
        while self
            .entries
            .get(self.at)
            .is_some_and(|entry| offset >= entry.offset + entry.len)
        {
            self.at += 1;
        }
        let entry = self.entries.get(self.at).filter(|entry| offset >= entry.offset)?;
        Some((self.at, class(entry, self.at)))
    }
}

/// Neighbours differ in shade, and the fields of one group share a colour.
pub(super) fn class(entry: &Entry, number: usize) -> String {
    let shade = if number.is_multiple_of(2) { "even" } else { "odd" };
    match (entry.is_bad, entry.colour) {
        (true, _) => format!("bad {shade}"),
        (false, 0) => format!("frame {shade}"),
        (false, colour) => format!("c{} {shade}", colour % COLOURS),
    }
}
