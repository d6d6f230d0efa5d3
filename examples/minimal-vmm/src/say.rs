//! What people are told, on standard error.

use devstate_host::Messages;

pub static MESSAGES: Messages = Messages::new("minimal-vmm");

/// Prints a line, if standard error takes it now.
pub fn say(text: impl std::fmt::Display) {
    MESSAGES.say(text);
}
