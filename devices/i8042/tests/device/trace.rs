//! A recorded machine, from its BIOS to the end of Linux: every read gives what it gave then, but for two bits.

use devstate_i8042::{Key, MouseButtons, MouseInput};

use crate::support::{Bench, bench, restored};

const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/replay/traces/linux-6.1-x86-serial-i8042.trace"
);

/// Status bits whose recorded value follows from what the guest did, and differs from the manual's.
#[derive(Default)]
struct Recorded {
    self_test: bool,
    system_flag_differs: u32,
    command_bit_differs: u32,
}

impl Recorded {
    /// `status-command-bit` and `status-system-flag`: what the recorded machine showed where we show `ours`.
    fn status(&mut self, ours: u8) -> u8 {
        let theirs = ours | 0x08 | if self.self_test { 0x04 } else { 0 };
        self.command_bit_differs += u32::from((theirs ^ ours) & 0x08 != 0);
        self.system_flag_differs += u32::from((theirs ^ ours) & 0x04 != 0);
        theirs
    }
}

#[test]
fn a_recorded_machine_reads_what_it_read_then() {
    replay(bench().0, |device| device);
}

#[test]
fn a_recorded_machine_does_not_notice_a_restore_after_every_event() {
    replay(bench().0, |device| restored(&device.state()).0);
}

fn replay(mut device: Bench, mut between: impl FnMut(Bench) -> Bench) {
    let trace = std::fs::read_to_string(TRACE).expect("the trace is part of the repository");
    let mut recorded = Recorded::default();
    let mut reads = 0;
    for (number, line) in (1..).zip(trace.lines()) {
        let words: Vec<_> = line.split(' ').collect();
        let hex = |index: usize| u8::from_str_radix(words[index], 16).unwrap();
        let counts = |index: usize| words[index].parse::<i16>().unwrap();
        match words[..] {
            ["i8042", "w", port, ..] => {
                let offset = u16::from_str_radix(port, 16).unwrap() - 0x60;
                recorded.self_test |= (offset, hex(3)) == (4, 0xaa);
                device.write(offset, hex(3));
            }
            ["i8042", "r", "60", _] => {
                assert_eq!(device.read(0), hex(3), "line {number}: {line}");
                reads += 1;
            }
            ["i8042", "r", "64", _] => {
                let ours = device.read(4);
                assert_eq!(recorded.status(ours), hex(3), "line {number}: {line}");
                reads += 1;
            }
            ["i8042", "key", name, direction, ..] => {
                let key: Key = name.parse().unwrap();
                let codes: Vec<_> = (4..words.len()).map(hex).collect();
                let pressed = direction == "down";
                assert_eq!(
                    device.scan_codes(key, pressed).as_slice(),
                    codes,
                    "line {number}: {line}"
                );
                assert!(device.key_as_sent(key, pressed, &codes), "line {number}: {line}");
            }
            ["i8042", "mouse", ..] => {
                let packet = MouseInput {
                    dx: counts(2),
                    dy: counts(3),
                    dz: counts(4),
                    dw: 0,
                    buttons: MouseButtons(hex(5)),
                };
                assert!(device.mouse_packet(&packet), "line {number}: {line}");
            }
            _ => continue,
        }
        device = between(device);
    }
    assert!(reads > 700, "{reads} reads");
    assert!(recorded.system_flag_differs > 0 && recorded.command_bit_differs > 0);
}
