//! Messages of compile errors, built during constant evaluation.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "runs during constant evaluation only"
)]

use crate::fingerprint::{layout_text, type_text};
use crate::schema_data::{Row, Schema, Type};

/// The maximum length of a message, in bytes. What goes beyond it is cut off.
const CAPACITY: usize = 2048;

/// A message under construction.
pub(crate) struct Message {
    text: [u8; CAPACITY],
    len: usize,
}

impl Message {
    pub(crate) const fn new() -> Self {
        Self {
            text: [0; CAPACITY],
            len: 0,
        }
    }

    pub(crate) const fn str(mut self, s: &str) -> Self {
        let mut rest = s.as_bytes();
        while let [byte, tail @ ..] = rest {
            self.byte(*byte);
            rest = tail;
        }
        self
    }

    pub(crate) const fn number(self, n: u64) -> Self {
        let mut message = if n >= 10 { self.number(n / 10) } else { self };
        message.byte(b'0' + (n % 10) as u8);
        message
    }

    /// Adds a fingerprint as it is written in the source: `0x0123_4567_89ab_cdef`.
    pub(crate) const fn fingerprint(self, value: u64) -> Self {
        let mut message = self.str("0x");
        let mut digit = 16;
        while digit > 0 {
            digit -= 1;
            message.byte(b"0123456789abcdef"[(value >> (digit * 4)) as usize & 15]);
            if digit % 4 == 0 && digit > 0 {
                message.byte(b'_');
            }
        }
        message
    }

    /// Adds the other rows whose last version is not the latest of their mirror, so that one error answers for all of them.
    pub(crate) const fn other_wrong_rows(mut self, rows: &[Row], schema: &Schema) -> Self {
        let mut lead = ". The last release should also have ";
        let mut rest = rows;
        while let [row, tail @ ..] = rest {
            let is_other = row.schema.name_hash != schema.name_hash;
            if is_other
                && let [.., last] = row.versions
                && *last != row.schema.version
            {
                self = self.str(lead).str("`").str(row.schema.name).str("` at version ");
                self = self.number(row.schema.version as u64);
                lead = ", ";
            }
            rest = tail;
        }
        self
    }

    /// Adds the layout of a version, in the text that its fingerprint hashes. `…` replaces what does not fit.
    pub(crate) const fn layout(mut self, schema: &Schema, version: u16) -> Self {
        const ELLIPSIS: &str = "…";
        let (_, free) = self.text.split_at_mut(self.len);
        let whole = layout_text(schema, version, free);
        let room = CAPACITY - self.len - ELLIPSIS.len();
        if whole <= room {
            self.len += whole;
            return self;
        }
        // A character is not cut in two.
        let mut kept = room;
        while self.text[self.len + kept] & 0xc0 == 0x80 {
            kept -= 1;
        }
        self.len += kept;
        self.str(ELLIPSIS)
    }

    /// Adds a type as in the text of a layout.
    pub(crate) const fn ty(mut self, ty: &Type) -> Self {
        let (_, free) = self.text.split_at_mut(self.len);
        let len = type_text(ty, free);
        if len <= free.len() {
            self.len += len;
        }
        self
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < CAPACITY {
            self.text[self.len] = byte;
            self.len += 1;
        }
    }

    /// Ends the compilation with the message.
    #[track_caller]
    pub(crate) const fn fail(&self) -> ! {
        let text = self.text.split_at(self.len).0;
        // A message that is too long can end in the middle of a character.
        let whole = match core::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => match core::str::from_utf8(text.split_at(error.valid_up_to()).0) {
                Ok(text) => text,
                Err(_) => "the version history is wrong",
            },
        };
        panic!("{}", whole)
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Message};
    use crate::schema_data::{Schema, Shape};

    const TWO_BYTES_EACH: [u8; CAPACITY] = {
        let mut bytes = [0xc3; CAPACITY];
        let mut i = 1;
        while i < CAPACITY {
            bytes[i] = 0xa4;
            i += 2;
        }
        bytes
    };
    const LONG_NAME: &str = match core::str::from_utf8(&TWO_BYTES_EACH) {
        Ok(name) => name,
        Err(_) => "",
    };

    fn text(message: &Message) -> &str {
        core::str::from_utf8(&message.text[..message.len]).expect("no character is cut in two")
    }

    #[test]
    fn a_layout_follows_the_text() {
        let schema = Schema::new("TimerSer", 1, Shape::Struct(&[]));
        let message = Message::new().str("now ").layout(&schema, 1).str("!");
        assert_eq!(text(&message), "now TimerSer@1{}!");
    }

    #[test]
    fn a_layout_that_is_too_long_ends_with_an_ellipsis() {
        let schema = Schema::new(LONG_NAME, 1, Shape::Struct(&[]));
        for before in ["", ".", "..", "..."] {
            let message = Message::new().str(before).layout(&schema, 1);
            assert!(text(&message).ends_with("ä…"), "{before}");
            assert!(message.len >= CAPACITY - 1, "{before}: {}", message.len);
        }
    }

    #[test]
    #[should_panic(expected = ".ääää")]
    fn a_message_that_is_cut_in_the_middle_of_a_character_is_printed() {
        Message::new().str(".").str(LONG_NAME).fail()
    }
}
