//! What a guest prints, made safe for the terminal of whoever watches.

use std::fmt::Write;

/// The text of what a UART sent: ends of lines as `\n`, tabs as they are, other control characters in caret notation
/// and bytes that are not ASCII as `\x` and two digits, so that no guest can talk to the terminal.
///
/// ```
/// assert_eq!(devstate_replay::printable(b"\x1b[0mok\r\nc:\\ \xe9\r"), "^[[0mok\nc:\\ \\xe9^M");
/// ```
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\r' if rest.peek() == Some(&b'\n') => {}
            b'\n' | b'\t' | b' '..=b'~' => text.push(char::from(byte)),
            0..=0x1f | 0x7f => text.extend(['^', char::from(byte ^ 0x40)]),
            0x80.. => {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}
