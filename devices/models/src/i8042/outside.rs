//! The outside of a controller: the machine's two interrupt lines, and an event handler that takes notes.

use devstate_i8042::{I8042Events, Key, MouseButtons, SystemControl};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub(super) struct Wiring(Rc<RefCell<Vec<bool>>>, Rc<Cell<usize>>);

impl Wiring {
    pub(super) fn take_a20(&self) -> Vec<bool> {
        self.0.take()
    }

    pub(super) fn take_resets(&self) -> usize {
        self.1.take()
    }
}

impl SystemControl for Wiring {
    fn set_a20(&mut self, enabled: bool) {
        self.0.borrow_mut().push(enabled);
    }

    fn reset(&mut self) {
        self.1.set(self.1.get() + 1);
    }
}

/// An event with what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    ResetRequested,
    UnknownToController(u8),
    ReplyLost,
    NothingToRead,
    PasswordMatched,
    UnknownToKeyboard(u8),
    KeyIgnored(u8, bool),
    KeyLost(u8, bool),
    UnknownToMouse(u8),
    KeyboardEmptied,
    PacketDelayed,
    ClickLost(u8),
    MouseReplyLost,
    MouseEmptied,
    InvalidRead(u16),
    InvalidWrite(u16, u8),
}

/// The event handler.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Rc<RefCell<Vec<Event>>>);

impl Recorder {
    pub(super) fn take(&self) -> Vec<Event> {
        self.0.take()
    }
}

/// Records each event of the device's as one of these.
macro_rules! recorded {
    ($($method:ident($($name:ident: $ty:ty),*) => $event:expr;)*) => {
        $(fn $method(&self $(, $name: $ty)*) {
            self.0.borrow_mut().push($event);
        })*
    };
}

impl I8042Events for Recorder {
    recorded! {
        reset_requested() => Event::ResetRequested;
        unknown_controller_command(command: u8) => Event::UnknownToController(command);
        controller_reply_lost() => Event::ReplyLost;
        nothing_to_read() => Event::NothingToRead;
        password_matched() => Event::PasswordMatched;
        unknown_keyboard_command(command: u8) => Event::UnknownToKeyboard(command);
        key_ignored(key: Key, pressed: bool) => Event::KeyIgnored(key as u8, pressed);
        key_lost(key: Key, pressed: bool) => Event::KeyLost(key as u8, pressed);
        keyboard_emptied() => Event::KeyboardEmptied;
        mouse_click_lost(buttons: MouseButtons) => Event::ClickLost(buttons.0);
        unknown_mouse_command(command: u8) => Event::UnknownToMouse(command);
        mouse_packet_delayed() => Event::PacketDelayed;
        mouse_reply_lost() => Event::MouseReplyLost;
        mouse_emptied() => Event::MouseEmptied;
        invalid_read(offset: u16) => Event::InvalidRead(offset);
        invalid_write(offset: u16, value: u8) => Event::InvalidWrite(offset, value);
    }
}
