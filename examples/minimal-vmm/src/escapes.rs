//! What a person asks for with Ctrl-A at the console.

use std::path::PathBuf;

use crate::control::Requests;

/// Picks what is asked for with Ctrl-A out of what is typed.
#[derive(Debug)]
pub struct EscapeFilter {
    after_ctrl_a: bool,
    /// Where Ctrl-A s saves.
    directory: PathBuf,
}

impl EscapeFilter {
    pub fn new(directory: PathBuf) -> Self {
        Self {
            after_ctrl_a: false,
            directory,
        }
    }

    /// Gives the bytes for the guest, and what else was asked for.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, Requests) {
        const CTRL_A: u8 = 1;
        let (mut bytes, mut requests) = (Vec::new(), Requests::default());
        for &byte in typed {
            match (std::mem::take(&mut self.after_ctrl_a), byte) {
                (false, CTRL_A) => self.after_ctrl_a = true,
                (true, b'x') => requests.quit = true,
                (true, b's') => requests.save = Some(self.directory.clone()),
                (true, b'k') => requests.key.push("ctrl-alt-delete".into()),
                // Twice is once for the guest; other keys are for the guest too.
                (_, byte) => bytes.push(byte),
            }
        }
        (bytes, requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_a_and_a_letter_is_not_for_the_guest_even_when_they_come_apart() {
        let mut filter = EscapeFilter::new("saved".into());
        assert_eq!(filter.filter(b"ls\x01"), (b"ls".to_vec(), Requests::default()));
        let (bytes, requests) = filter.filter(b"x\n");
        assert!(bytes == b"\n" && requests.quit);
        let (bytes, requests) = filter.filter(b"\x01\x01\x01z\x01s\x01k");
        assert!(bytes == b"\x01z" && requests.save == Some("saved".into()) && !requests.quit);
        assert_eq!(requests.key, ["ctrl-alt-delete"]);
    }
}
