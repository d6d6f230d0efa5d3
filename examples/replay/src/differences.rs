//! Where a recorded value is known to differ from the manual's.

use devstate_i8042::Key;

use crate::facts::Facts;
use crate::trace::Port;

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
    /// Not a read, but the codes of a key in scan-code set 3: the key, and whether it goes down.
    KeyOfSet3(Key, bool),
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
pub const DIFFERENCES: [Difference; 6] = [
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
        name: "mouse-status-buttons",
        manual: "Chapweske, The PS/2 Mouse Interface, Status Request (E9), bits 0 to 2",
        summary: "the first byte of the mouse's status has the buttons: right, middle, left; QEMU's has none",
        judge: |read, facts| {
            let buttons = facts.mouse.buttons;
            let status = (buttons & 1) << 2 | (buttons & 2) >> 1 | (buttons & 4) >> 1;
            (read == Read::I8042(Port::Data) && facts.mouse_status_byte() == Some(0)).then_some(Values {
                bits: 0x07,
                manual: status.into(),
                recorded: 0,
            })
        },
    },
    Difference {
        name: "mouse-after-power-on",
        manual: "Chapweske, The PS/2 Mouse Interface, Reset Mode",
        summary: "a mouse that nobody has reset yet has resolution 2 and rate 100; QEMU's has 0 and 0",
        judge: |read, facts| {
            let manual = match facts.mouse_status_byte() {
                Some(1) => facts.mouse.resolution_after_power_on,
                Some(2) => facts.mouse.rate_after_power_on,
                _ => None,
            };
            let untouched = manual.filter(|_| read == Read::I8042(Port::Data));
            untouched.map(|manual| Values {
                bits: 0xff,
                manual: manual.into(),
                recorded: 0,
            })
        },
    },
    Difference {
        name: "keyboard-set-3-codes",
        manual: "IBM PS/2 Hardware Interface Technical Reference, keyboards, scan code set 3, keys 95 and 105",
        summary: "in set 3 the keypad's / and - send 77 and 84, and hiragana nothing; QEMU's send the codes of other keys",
        judge: |read, _| {
            let Read::KeyOfSet3(key, pressed) = read else {
                return None;
            };
            let (manual, recorded) = match key {
                Key::KpDivide => (0x77, 0x4a),
                Key::KpSubtract => (0x84, 0x4e),
                Key::Hiragana => (0, 0x87),
                _ => return None,
            };
            let code = |code| if pressed || code == 0 { code } else { 0xf000 | code };
            Some(Values {
                bits: 0xffff,
                manual: code(manual),
                recorded: code(recorded),
            })
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
