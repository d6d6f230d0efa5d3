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

    fn record(&self, event: Event) {
        self.0.borrow_mut().push(event);
    }
}

impl I8042Events for Recorder {
    fn reset_requested(&self) {
        self.record(Event::ResetRequested);
    }

    fn unknown_controller_command(&self, command: u8) {
        self.record(Event::UnknownToController(command));
    }

    fn controller_reply_lost(&self) {
        self.record(Event::ReplyLost);
    }

    fn nothing_to_read(&self) {
        self.record(Event::NothingToRead);
    }

    fn password_matched(&self) {
        self.record(Event::PasswordMatched);
    }

    fn unknown_keyboard_command(&self, command: u8) {
        self.record(Event::UnknownToKeyboard(command));
    }

    fn key_ignored(&self, key: Key, pressed: bool) {
        self.record(Event::KeyIgnored(key as u8, pressed));
    }

    fn key_lost(&self, key: Key, pressed: bool) {
        self.record(Event::KeyLost(key as u8, pressed));
    }

    fn keyboard_emptied(&self) {
        self.record(Event::KeyboardEmptied);
    }

    fn mouse_click_lost(&self, buttons: MouseButtons) {
        self.record(Event::ClickLost(buttons.0));
    }

    fn unknown_mouse_command(&self, command: u8) {
        self.record(Event::UnknownToMouse(command));
    }

    fn mouse_packet_delayed(&self) {
        self.record(Event::PacketDelayed);
    }

    fn mouse_reply_lost(&self) {
        self.record(Event::MouseReplyLost);
    }

    fn mouse_emptied(&self) {
        self.record(Event::MouseEmptied);
    }

    fn invalid_read(&self, offset: u16) {
        self.record(Event::InvalidRead(offset));
    }

    fn invalid_write(&self, offset: u16, value: u8) {
        self.record(Event::InvalidWrite(offset, value));
    }
}
