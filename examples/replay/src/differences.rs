//! Where a recorded value is known to differ from the manual's.

use crate::trace::{Event, I8042Event, Port};

/// One difference between the manual, which our devices follow, and the machine that the traces were recorded on.
///
/// It is not a mask. It says for one register and one moment what the manual's value of certain bits is and what the
/// recorded one, and excuses exactly that: ours has to be the first, the trace's the second.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// Its name, as in the device's own list of differences.
    pub name: &'static str,
    /// The manual's section.
    pub manual: &'static str,
    /// What differs, in a sentence.
    pub summary: &'static str,
    /// Whether it concerns this read, and what it then says of the value. What it goes by is what the guest did.
    judge: fn(Read, Facts) -> Option<Values>,
}

/// A register that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Of the UART.
    Serial(u16),
    /// Of the keyboard controller.
    I8042(Port),
    /// Of the clock.
    Rtc(u16),
}

/// What a difference says of a register's value: its bits, and those in the manual's value and in the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    /// The bits that it speaks of.
    pub bits: u32,
    /// How they are by the manual.
    pub manual: u32,
    /// How they were recorded.
    pub recorded: u32,
}

/// Every known difference that shows in a value. None changes how much a device sends.
pub const DIFFERENCES: [Difference; 3] = [
    Difference {
        name: "status-command-bit",
        manual: "IBM PS/2 Hardware Interface Technical Reference, keyboard controller, status register, bit 3",
        summary: "the i8042's status bit 3 says whether the last write was a command; QEMU's is always 1",
        judge: |read, facts| {
            (read == Read::I8042(Port::Command)).then(|| Values::of_bit(3, facts.last_write_was_command, true))
        },
    },
    Difference {
        name: "status-system-flag",
        manual: "IBM PS/2 Hardware Interface Technical Reference, keyboard controller, status register, bit 2",
        summary: "the i8042's status bit 2 follows bit 2 of the command byte; QEMU's stays 1 once a self-test has passed",
        judge: |read, facts| {
            (read == Read::I8042(Port::Command)).then(|| Values::of_bit(2, facts.system_flag, facts.self_tested))
        },
    },
    Difference {
        name: "revision",
        manual: "ARM DDI 0224C, 3.4.3",
        summary: "RTCPeriphID2 reports revision 0 (04); QEMU's reports 1 (14)",
        judge: |read, _| {
            (read == Read::Rtc(0xfe8)).then_some(Values {
                bits: 0xff,
                manual: 0x04,
                recorded: 0x14,
            })
        },
    },
];

impl Difference {
    /// What this says of the value of a read, if it concerns it and the two values are not the same.
    #[must_use]
    pub fn values(&self, read: Read, facts: Facts) -> Option<Values> {
        (self.judge)(read, facts).filter(|values| values.manual != values.recorded)
    }
}

impl Values {
    fn of_bit(bit: u32, manual: bool, recorded: bool) -> Self {
        Self {
            bits: 1 << bit,
            manual: u32::from(manual) << bit,
            recorded: u32::from(recorded) << bit,
        }
    }

    /// Both values are in these bits what the difference says they are.
    #[must_use]
    pub const fn explain(self, ours: u32, recorded: u32) -> bool {
        ours & self.bits == self.manual && recorded & self.bits == self.recorded
    }

    /// Both values are in these bits the manual's.
    #[must_use]
    pub const fn follow_the_manual(self, ours: u32, recorded: u32) -> bool {
        ours & self.bits == self.manual && recorded & self.bits == self.manual
    }
}

/// What has to be known of the past to judge a read. It is gathered from the guest's writes alone, never from our
/// devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The last write to the keyboard controller was a command.
    pub last_write_was_command: bool,
    /// What made the system flag by the manual: a self-test sets it, bit 2 of the command byte is copied to it.
    pub system_flag: bool,
    /// A self-test has been made.
    pub self_tested: bool,
    pending: Pending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pending {
    #[default]
    Nothing,
    CommandByte,
    OutputPort,
    Other,
}

impl Facts {
    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::I8042(I8042Event::Write { port, value }) => match port {
                Port::Command => self.note_command(*value),
                Port::Data => self.note_data(*value),
            },
            Event::I8042(_) | Event::Serial(_) | Event::Rtc(_) => {}
        }
    }

    fn note_command(&mut self, command: u8) {
        self.last_write_was_command = true;
        self.pending = match command {
            0x60 => Pending::CommandByte,
            0xd1 => Pending::OutputPort,
            0x61..=0x7f | 0xa5 | 0xd2..=0xd4 => Pending::Other,
            _ => Pending::Nothing,
        };
        match command {
            0xaa => (self.system_flag, self.self_tested) = (true, true),
            0xf0..=0xff if command & 1 == 0 => *self = Self::default(),
            _ => {}
        }
    }

    fn note_data(&mut self, byte: u8) {
        self.last_write_was_command = false;
        match std::mem::take(&mut self.pending) {
            Pending::CommandByte => self.system_flag = byte & 4 != 0,
            Pending::OutputPort if byte & 1 == 0 => *self = Self::default(),
            Pending::OutputPort | Pending::Other | Pending::Nothing => {}
        }
    }
}
