//! The guest: plays a recording, then opens the port as a driver does, and echoes what is typed.

use crate::machine::{Machine, Signal};
use devstate_core::Trigger;
use devstate_i8042::{MouseButtons, MouseInput};
use devstate_replay::{Event, I8042Event as I8042, SerialEvent as Serial, Trace};
use devstate_serial_16550::CharacterErrors;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

const COM1: u16 = 0x3f8;
const CTRL_D: u8 = 0x04;
const PAUSE: Duration = Duration::from_millis(1);

/// A virtual processor.
pub struct Cpu {
    pub machine: Arc<Mutex<Machine>>,
    pub irq: Signal,
}

impl Cpu {
    /// An exit to the VMM. It wakes the main loop if it changed what that waits for.
    fn exit<T>(&self, access: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.lock().unwrap();
        let before = machine.serial.next_deadline();
        let result = access(&mut machine);
        if machine.serial.next_deadline() != before || machine.i8042.control().reset_requested {
            machine.serial.events().trigger().unwrap();
        }
        result
    }
    fn inb(&self, port: u16) -> u8 {
        self.exit(|machine| machine.read(port))
    }
    fn outb(&self, port: u16, value: u8) {
        self.exit(|machine| machine.write(port, value));
    }

    pub fn run(&self, trace: Option<&Trace>) {
        if let Some(trace) = trace {
            let differing = self.play(trace);
            // The recorded driver has the port open. It would get what waits, and the next driver would clear that.
            self.outb(COM1 + 1, 0);
            self.outb(COM1 + 4, 0);
            self.exit(|machine| machine.differing = Some(differing));
        }
        self.exit(|machine| {
            machine.live = Some(Instant::now());
            // What was typed meanwhile was not offered, so no event asks for it.
            machine.serial.events().trigger().unwrap();
        });
        // A kernel takes its time until it opens the port. The user does not wait.
        sleep(Duration::from_millis(50));
        self.login();
        self.outb(0x64, 0xfe);
    }

    /// Returns how many reads differed from the recording.
    fn play(&self, trace: &Trace) -> usize {
        let mut differing = 0;
        for step in &trace.steps {
            // The recorded guest knows no output that stalls.
            while self.exit(|machine| machine.serial.output_pending()) > 0 {
                sleep(PAUSE);
            }
            // Of the status, bits 2 and 3 differ between the manuals and the recorded machine.
            let (read, judged) = match &step.event {
                Event::Serial(Serial::Read { register, value }) => (self.inb(COM1 + register) ^ value, 0xff),
                Event::I8042(I8042::Read { port, value }) => (
                    self.inb(0x60 + port.offset()) ^ value,
                    if port.offset() == 4 { !0x0c } else { 0xff },
                ),
                event => {
                    self.exit(|machine| happens(machine, event));
                    continue;
                }
            };
            differing += usize::from(read & judged != 0);
        }
        differing
    }

    /// Opens the port, prints a prompt, and echoes until Ctrl-D.
    fn login(&self) {
        // 115,200 baud 8N1; FIFOs on and cleared; DTR, RTS and OUT2.
        for (register, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x07), (4, 0x0b)] {
            self.outb(COM1 + register, value);
        }
        let mut output = VecDeque::from(*b"login: ");
        loop {
            // Interrupts of the receiver, and of the transmitter while there is something to send.
            self.outb(COM1 + 1, if output.is_empty() { 0x01 } else { 0x03 });
            self.irq.wait().unwrap();
            while self.inb(COM1 + 2) & 0x01 == 0 {
                while self.inb(COM1 + 5) & 0x01 != 0 {
                    match self.inb(COM1) {
                        CTRL_D => return self.flush(output),
                        b'\r' => output.extend(b"\r\n"),
                        byte => output.push_back(byte),
                    }
                }
                while self.inb(COM1 + 5) & 0x20 != 0 {
                    let Some(byte) = output.pop_front() else { break };
                    self.outb(COM1, byte);
                }
            }
        }
    }

    /// Sends the rest without interrupts, and waits until the last character has left.
    fn flush(&self, mut output: VecDeque<u8>) {
        output.extend(b"\r\n");
        for byte in output {
            self.poll(0x20);
            self.outb(COM1, byte);
        }
        self.poll(0x40);
    }
    fn poll(&self, status: u8) {
        while self.inb(COM1 + 5) & status == 0 {
            sleep(PAUSE);
        }
    }
}

/// What the recording has besides reads.
fn happens(machine: &mut Machine, event: &Event) {
    match event {
        Event::Serial(Serial::Write { register, value }) => machine.write(COM1 + register, *value),
        Event::Serial(Serial::Receive(byte)) => {
            machine
                .serial
                .receive_character(*byte, CharacterErrors::NONE, machine.now());
        }
        Event::Serial(Serial::Idle) => {
            machine.recorded += Duration::from_secs(1);
            machine.serial.advance(machine.now());
        }
        Event::I8042(I8042::Write { port, value }) => machine.write(0x60 + port.offset(), *value),
        Event::I8042(I8042::Key { key, pressed, codes }) => {
            machine.i8042.key_as_sent(*key, *pressed, codes);
        }
        Event::I8042(I8042::Mouse(packet)) => {
            let (dz, dw, buttons) = (packet.dz.into(), packet.dw.into(), MouseButtons(packet.buttons));
            machine.i8042.mouse_packet(&MouseInput {
                dx: packet.dx,
                dy: packet.dy,
                dz,
                dw,
                buttons,
            });
        }
        _ => (),
    }
}
