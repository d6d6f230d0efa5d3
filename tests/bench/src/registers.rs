//! The register accesses that dominate a boot, beside vm-superio's where both do the same work.

use std::cell::Cell;
use std::convert::Infallible;
use std::hint::black_box;

use devstate_core::{Clock, Instant};
use devstate_i8042::{I8042, Key, NoControl};
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};
use devstate_serial_16550::{AlwaysReady, Serial};
use vm_superio::Trigger;

use crate::case::{Case, add};

const GROUP: &str = "register access";
const OURS: &str = "devstate";
const VM_SUPERIO: &str = "vm-superio";

/// A sink that takes everything and keeps the latest byte.
#[derive(Default)]
pub struct Last(u8);

impl embedded_io::ErrorType for Last {
    type Error = Infallible;
}

impl embedded_io::Write for Last {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0 = bytes.last().copied().unwrap_or(self.0);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl std::io::Write for Last {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = bytes.last().copied().unwrap_or(self.0);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An interrupt that nobody serves.
#[derive(Default)]
struct Count(Cell<u32>);

impl Trigger for Count {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

pub type Keyboard = I8042<&'static Cell<bool>, &'static Cell<bool>, NoControl>;

pub fn our_serial() -> Serial<&'static Cell<bool>, AlwaysReady<Last>> {
    let line: &'static Cell<bool> = Box::leak(Box::default());
    let mut serial = Serial::new(line, AlwaysReady(Last::default()));
    // 115,200 baud 8N1, FIFOs on, as Linux does; its console polls.
    for (offset, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x01)] {
        serial.write(offset, value, Instant::EPOCH);
    }
    serial
}

fn their_serial() -> vm_superio::Serial<Count, vm_superio::serial::NoEvents, Last> {
    vm_superio::Serial::new(Count::default(), Last::default())
}

pub fn cases(cases: &mut Vec<Case>) {
    serial(cases);
    rtc(cases);
    keyboard(cases);
    throughput(cases);
}

fn serial(cases: &mut Vec<Case>) {
    let mut device = our_serial();
    add(cases, GROUP, OURS, "UART line status read", move || {
        black_box(device.read(black_box(5), black_box(Instant::from_nanos(1_000))));
    });
    let mut device = their_serial();
    add(cases, GROUP, VM_SUPERIO, "UART line status read", move || {
        black_box(device.read(black_box(5)));
    });
    let mut device = our_serial();
    add(cases, GROUP, OURS, "UART transmit", move || {
        device.write(black_box(0), black_box(b'x'), black_box(Instant::from_nanos(1_000)));
    });
    let mut device = their_serial();
    add(cases, GROUP, VM_SUPERIO, "UART transmit", move || {
        let _ = black_box(device.write(black_box(0), black_box(b'x')));
    });
}

fn rtc(cases: &mut Vec<Case>) {
    let state = RtcState {
        counter: 1_767_323_046,
        enabled: true,
        ..RtcState::RESET
    };
    let line: &'static Cell<bool> = Box::leak(Box::default());
    let Ok(mut device) = Rtc::from_state(&state, line, NoEvents, Instant::EPOCH, Clock::Frozen) else {
        return;
    };
    let mut now = 0;
    add(cases, GROUP, OURS, "RTC counter read", move || {
        now += 1_000_000;
        black_box(device.read(black_box(0), black_box(Instant::from_nanos(now))));
    });
    // It asks the system for the time itself, which is most of what it does.
    let mut device = vm_superio::Rtc::new();
    add(cases, GROUP, VM_SUPERIO, "RTC counter read", move || {
        let mut data = [0; 4];
        device.read(black_box(0), &mut data);
        black_box(data);
    });
}

pub fn our_keyboard() -> Keyboard {
    let line: &'static Cell<bool> = Box::leak(Box::default());
    I8042::new(line, line, NoControl)
}

/// vm-superio's device has no status: it reads as 0 whatever the offset.
fn keyboard(cases: &mut Vec<Case>) {
    let mut device = our_keyboard();
    add(cases, GROUP, OURS, "i8042 status read", move || {
        black_box(device.read(black_box(4)));
    });
    let mut device = our_keyboard();
    add(cases, GROUP, OURS, "i8042 data read, nothing there", move || {
        black_box(device.read(black_box(0)));
    });
    let mut device = vm_superio::I8042Device::new(Count::default());
    add(cases, GROUP, VM_SUPERIO, "i8042 status read", move || {
        black_box(device.read(black_box(4)));
    });
    let mut device = vm_superio::I8042Device::new(Count::default());
    add(cases, GROUP, VM_SUPERIO, "i8042 data read, nothing there", move || {
        black_box(device.read(black_box(0)));
    });
    let mut device = our_keyboard();
    add(cases, "keys and movements", OURS, "a key pressed and read", move || {
        device.key(black_box(Key::A), true);
        black_box(device.read(4));
        black_box(device.read(0));
        device.key(black_box(Key::A), false);
        black_box(device.read(0));
        black_box(device.read(0));
    });
}

/// What a kilobyte costs on its way through the device, at the guest's full rate.
fn throughput(cases: &mut Vec<Case>) {
    let mut device = our_serial();
    add(cases, "1,000 characters", OURS, "transmit, polled", move || {
        for _ in 0..1_000 {
            while black_box(device.read(5, Instant::from_nanos(1_000))) & 0x20 == 0 {}
            device.write(0, black_box(b'x'), Instant::from_nanos(1_000));
        }
    });
    let mut device = their_serial();
    add(cases, "1,000 characters", VM_SUPERIO, "transmit, polled", move || {
        for _ in 0..1_000 {
            while black_box(device.read(5)) & 0x20 == 0 {}
            let _ = device.write(0, black_box(b'x'));
        }
    });
    let mut device = our_serial();
    let input = [b'x'; 16];
    add(cases, "1,000 characters", OURS, "receive, 16 at a time", move || {
        for _ in 0..1_000 / 16 {
            let _ = device.receive(black_box(&input), Instant::from_nanos(1_000));
            while black_box(device.read(5, Instant::from_nanos(1_000))) & 1 == 1 {
                black_box(device.read(0, Instant::from_nanos(1_000)));
            }
        }
    });
    let mut device = their_serial();
    add(
        cases,
        "1,000 characters",
        VM_SUPERIO,
        "receive, 16 at a time",
        move || {
            for _ in 0..1_000 / 16 {
                let _ = device.enqueue_raw_bytes(black_box(&input));
                while black_box(device.read(5)) & 1 == 1 {
                    black_box(device.read(0));
                }
            }
        },
    );
}
