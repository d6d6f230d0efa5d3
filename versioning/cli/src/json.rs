//! JSON on standard output.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::failure::{Failure, is_printable};
use crate::output::written;

/// Prints a value as JSON for people, on lines of its own. The text is never in memory as a whole.
///
/// # Errors
///
/// [`Failure`] if it cannot be written.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(|out| Ok(serde_json::to_writer_pretty(out, value)?))
}

/// Prints a value as JSON on one line.
///
/// # Errors
///
/// [`Failure`] if it cannot be written.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    print(|out| Ok(serde_json::to_writer(out, value)?))
}

fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    // Not `anstream`, which drops control characters if this is no terminal. They are part of the values.
    let mut out = Escaping(BufWriter::new(io::stdout().lock()));
    written(
        write(&mut out)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush()),
    )
}

/// Writes characters that are not safe to print as `\u` and four digits. Outside of strings, JSON has none of them but the
/// end of a line.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            self.0.write_all(bytes)?;
            return Ok(bytes.len());
        }
        // serde_json writes whole pieces of text.
        let text = str::from_utf8(bytes).map_err(io::Error::other)?;
        for piece in text.split_inclusive(|c| !is_safe(c)) {
            let safe = piece.trim_end_matches(|c| !is_safe(c));
            self.0.write_all(safe.as_bytes())?;
            for unit in piece.get(safe.len()..).unwrap_or_default().encode_utf16() {
                write!(self.0, "\\u{unit:04x}")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn is_safe(c: char) -> bool {
    c == '\n' || is_printable(c.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_read_again_and_none_reaches_a_terminal() -> io::Result<()> {
        let value = "größe\u{7f}\u{9b}31m\u{202e}\u{e0001}\u{1b}\n\"\\";
        let mut out = Escaping(Vec::new());
        serde_json::to_writer(&mut out, value)?;
        let text = String::from_utf8(out.0).map_err(io::Error::other)?;
        assert_eq!(text, r#""größe\u007f\u009b31m\u202e\udb40\udc01\u001b\n\"\\""#);
        assert_eq!(serde_json::from_str::<String>(&text)?, value);
        Ok(())
    }
}
