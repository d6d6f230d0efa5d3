//! An i8042 on a bench: its lines are recorded, its events are counted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use devstate_core::InterruptLine;
use devstate_i8042::{Config, I8042, I8042Events, I8042State, Key, MouseButtons, SystemControl};

pub(crate) type Bench = I8042<Line, Line, Machine, Counters>;

pub(crate) struct Lines {
    pub(crate) irq_1: Line,
    pub(crate) irq_12: Line,
}

pub(crate) fn bench() -> (Bench, Lines) {
    let lines = Lines {
        irq_1: Line::default(),
        irq_12: Line::default(),
    };
    let device = I8042::with_events(
        lines.irq_1.clone(),
        lines.irq_12.clone(),
        Machine::default(),
        Counters::default(),
    );
    (device, lines)
}

pub(crate) fn restored(state: &I8042State) -> (Bench, Lines) {
    let lines = Lines {
        irq_1: Line::default(),
        irq_12: Line::default(),
    };
    let device = I8042::from_state(
        state,
        lines.irq_1.clone(),
        lines.irq_12.clone(),
        Machine::default(),
        Counters::default(),
        Config::DEFAULT,
    );
    (device.expect("a state that a device was in"), lines)
}

/// Keys with a scan code of one byte in each set, as many as fit into the keyboard's buffer.
pub(crate) const SIXTEEN: [Key; 16] = [
    Key::A,
    Key::B,
    Key::C,
    Key::D,
    Key::E,
    Key::F,
    Key::G,
    Key::H,
    Key::I,
    Key::J,
    Key::K,
    Key::L,
    Key::M,
    Key::N,
    Key::O,
    Key::P,
];

pub(crate) trait Guest {
    /// Writes the command port.
    fn command(&mut self, command: u8);
    /// Writes the command port, then the data port.
    fn command_with(&mut self, command: u8, data: u8);
    /// Writes the data port.
    fn send(&mut self, byte: u8);
    /// Reads the status port.
    fn status(&mut self) -> u8;
    /// Reads the data port while the status says that there is something.
    fn receive(&mut self) -> Vec<u8>;
    /// Sends bytes to the keyboard and reads what comes back.
    fn keyboard(&mut self, bytes: &[u8]) -> Vec<u8>;
    /// Sends bytes to the mouse and reads what comes back.
    fn mouse_command(&mut self, bytes: &[u8]) -> Vec<u8>;
}

impl Guest for Bench {
    fn command(&mut self, command: u8) {
        self.write(4, command);
    }

    fn command_with(&mut self, command: u8, data: u8) {
        self.write(4, command);
        self.write(0, data);
    }

    fn send(&mut self, byte: u8) {
        self.write(0, byte);
    }

    fn status(&mut self) -> u8 {
        self.read(4)
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.status() & 1 != 0 {
            bytes.push(self.read(0));
            assert!(bytes.len() < 64, "it never ends");
        }
        bytes
    }

    fn keyboard(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut replies = Vec::new();
        for byte in bytes {
            self.send(*byte);
            replies.extend(self.receive());
        }
        replies
    }

    fn mouse_command(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut replies = Vec::new();
        for byte in bytes {
            self.command_with(0xd4, *byte);
            replies.extend(self.receive());
        }
        replies
    }
}

/// Remembers its level and every time it was driven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    level: Rc<Cell<bool>>,
    driven: Rc<RefCell<Vec<bool>>>,
}

impl Line {
    pub(crate) fn level(&self) -> bool {
        self.level.get()
    }

    /// Takes the levels that it was driven to since the last call.
    pub(crate) fn take(&self) -> Vec<bool> {
        self.driven.take()
    }
}

impl InterruptLine for Line {
    fn set_level(&mut self, asserted: bool) {
        self.level.set(asserted);
        self.driven.borrow_mut().push(asserted);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) a20: Vec<bool>,
    pub(crate) resets: u32,
}

impl SystemControl for Machine {
    fn set_a20(&mut self, enabled: bool) {
        self.a20.push(enabled);
    }

    fn reset(&mut self) {
        self.resets += 1;
    }
}

/// How often each event happened, by name.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: RefCell<BTreeMap<&'static str, u64>>,
    pub(crate) last: Cell<u64>,
}

impl Counters {
    pub(crate) fn of(&self, name: &str) -> u64 {
        self.counts.borrow().get(name).copied().unwrap_or(0)
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.counts.borrow().keys().copied().collect()
    }

    fn count(&self, name: &'static str, value: u64) {
        *self.counts.borrow_mut().entry(name).or_default() += 1;
        self.last.set(value);
    }
}

/// Counts each of these events by its name, and remembers the number of what it names.
macro_rules! counted {
    ($($method:ident($($argument:ident: $ty:ty),*) => $value:expr;)*) => {
        $(fn $method(&self $(, $argument: $ty)*) {
            self.count(stringify!($method), $value);
        })*
    };
}

impl I8042Events for Counters {
    counted! {
        reset_requested() => 0;
        unknown_controller_command(command: u8) => command.into();
        controller_reply_lost() => 0;
        nothing_to_read() => 0;
        password_matched() => 0;
        unknown_keyboard_command(command: u8) => command.into();
        key_ignored(key: Key, pressed: bool) => key as u64 * 2 + u64::from(pressed);
        key_lost(key: Key, pressed: bool) => key as u64 * 2 + u64::from(pressed);
        keyboard_emptied() => 0;
        mouse_click_lost(buttons: MouseButtons) => buttons.0.into();
        unknown_mouse_command(command: u8) => command.into();
        mouse_packet_delayed() => 0;
        mouse_reply_lost() => 0;
        mouse_emptied() => 0;
        invalid_read(offset: u16) => offset.into();
        invalid_write(offset: u16, value: u8) => u64::from(offset) << 8 | u64::from(value);
    }
}
