//! The devices on a bus, served by an event loop.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use devstate_core::RisingEdge;
use devstate_i8042::{I8042, Key};
use devstate_rtc_pl031::Rtc;
use devstate_rust_vmm::{HostClock, Input, NonBlocking, OnBus, Shared, Signal, access, lock};
use devstate_serial_16550::{Config, Serial};
use event_manager::{EventManager, MutEventSubscriber, SubscriberOps};
use vm_device::bus::{MmioAddress, MmioRange, PioAddress, PioRange};
use vm_device::device_manager::{IoManager, MmioManager, PioManager};

type Irq = RisingEdge<Signal>;
type Loop = EventManager<Arc<Mutex<dyn MutEventSubscriber>>>;

const TICK_MS: i32 = 20_000;

fn irq() -> Irq {
    RisingEdge::new(Signal::new().unwrap())
}

fn file(end: impl Into<OwnedFd>) -> File {
    File::from(end.into())
}

struct Uart {
    serial: Shared<Serial<Irq, NonBlocking, Signal>>,
    input: Arc<Mutex<Input<Irq, NonBlocking>>>,
    gone: Signal,
    keyboard: PipeWriter,
    screen: PipeReader,
    main_loop: Loop,
}

impl Uart {
    fn new() -> Self {
        let ((typed, keyboard), (screen, output)) = (pipe().unwrap(), pipe().unwrap());
        let gone = Signal::new().unwrap();
        let output = NonBlocking::new(file(output), gone.try_clone().unwrap());
        let serial = Serial::with_config(irq(), output, Signal::new().unwrap(), Config::WITH_TIMER);
        let serial = OnBus::shared(serial, HostClock::start()).unwrap();
        let input = Arc::new(Mutex::new(Input::new(file(typed), Arc::clone(&serial)).unwrap()));
        let mut main_loop = Loop::new().unwrap();
        main_loop.add_subscriber(Arc::clone(&serial) as _);
        main_loop.add_subscriber(Arc::clone(&input) as _);
        Self {
            serial,
            input,
            gone,
            keyboard,
            screen,
            main_loop,
        }
    }

    fn read(&self, register: u16) -> u8 {
        access(&self.serial, |serial, now| serial.read(register, now))
    }

    fn write(&self, register: u16, value: u8) {
        access(&self.serial, |serial, now| serial.write(register, value, now));
    }
}

#[test]
fn the_uart_is_on_both_buses() {
    let uart = Uart::new();
    let mut bus = IoManager::new();
    let ports = PioRange::new(PioAddress(0x3f8), 8).unwrap();
    bus.register_pio(ports, Arc::clone(&uart.serial) as _).unwrap();
    let memory = MmioRange::new(MmioAddress(0x0900_0000), 8).unwrap();
    bus.register_mmio(memory, Arc::clone(&uart.serial) as _).unwrap();
    bus.pio_write(PioAddress(0x3ff), &[0x5a]).unwrap();
    let mut value = [0];
    bus.mmio_read(MmioAddress(0x0900_0007), &mut value).unwrap();
    assert_eq!(value, [0x5a]);
    bus.mmio_write(MmioAddress(0x0900_0007), &[0xa5]).unwrap();
    bus.pio_read(PioAddress(0x3ff), &mut value).unwrap();
    assert_eq!(value, [0xa5]);
}

#[test]
fn the_keyboard_controller_answers_at_its_two_ports_in_one_range_or_in_two() {
    for ranges in [&[(0x60, 1), (0x64, 1)][..], &[(0x60, 5)]] {
        let i8042 = I8042::new(irq(), irq(), Signal::new().unwrap());
        let i8042 = OnBus::shared(i8042, HostClock::start()).unwrap();
        let mut bus = IoManager::new();
        for (base, len) in ranges {
            let range = PioRange::new(PioAddress(*base), *len).unwrap();
            bus.register_pio(range, Arc::clone(&i8042) as _).unwrap();
        }
        assert!(access(&i8042, |i8042, _| i8042.key(Key::A, true)));
        let (mut status, mut code) = ([0], [0]);
        bus.pio_read(PioAddress(0x64), &mut status).unwrap();
        assert_eq!(status[0] & 0x01, 0x01);
        bus.pio_read(PioAddress(0x60), &mut code).unwrap();
        assert_eq!(code, [0x1c], "scan code set 2 of A");
        bus.pio_read(PioAddress(0x64), &mut status).unwrap();
        assert_eq!(status[0] & 0x01, 0);
    }
}

#[test]
fn the_alarm_of_the_clock_comes_by_the_timer() {
    let rtc = OnBus::shared(Rtc::new(irq()), HostClock::start()).unwrap();
    let mut main_loop = Loop::new().unwrap();
    main_loop.add_subscriber(Arc::clone(&rtc) as _);
    access(&rtc, |rtc, now| {
        rtc.write(0x0c, 1, now);
        rtc.write(0x10, 1, now);
        let second = rtc.read(0x00, now);
        rtc.write(0x04, second + 1, now);
    });
    let level = || access(&rtc, |rtc, _| rtc.interrupt_level());
    assert!(!level());
    while !level() {
        assert_eq!(main_loop.run_with_timeout(TICK_MS).unwrap(), 1, "the timer");
    }
    // It fired once: nothing is left to do.
    assert_eq!(main_loop.run_with_timeout(0).unwrap(), 0);
    assert!(access(&rtc, |rtc, _| rtc.interrupt().trigger().take()));
}

#[test]
fn an_expiration_that_nobody_waits_for_does_not_block() {
    let rtc = OnBus::shared(Rtc::new(irq()), HostClock::start()).unwrap();
    let mut main_loop = Loop::new().unwrap();
    main_loop.add_subscriber(Arc::clone(&rtc) as _);
    for seconds in [100, 1] {
        // The second deadline is earlier, and sets the timer again.
        access(&rtc, |rtc, now| {
            rtc.write(0x0c, 1, now);
            rtc.write(0x10, 1, now);
            let second = rtc.read(0x00, now);
            rtc.write(0x04, second + seconds, now);
        });
    }
    assert_eq!(main_loop.run_with_timeout(TICK_MS).unwrap(), 1);
    assert_eq!(main_loop.run_with_timeout(0).unwrap(), 0);
}

#[test]
fn input_waits_for_the_guest_and_comes_in_order() {
    let mut uart = Uart::new();
    uart.write(2, 0x07);
    let typed: Vec<u8> = (0..=255).collect();
    uart.keyboard.write_all(&typed).unwrap();
    let mut read = Vec::new();
    while read.len() < typed.len() {
        uart.main_loop.run_with_timeout(0).unwrap();
        assert!(lock(&uart.input).waiting().len() <= 64);
        while uart.read(5) & 0x01 != 0 {
            read.push(uart.read(0));
        }
    }
    assert_eq!(read, typed);
}

#[test]
fn input_of_a_snapshot_comes_by_itself_and_before_what_is_typed() {
    for typed in ["", "new"] {
        let mut uart = Uart::new();
        uart.write(2, 0x07);
        // That makes room, which the UART has signalled.
        uart.main_loop.run_with_timeout(0).unwrap();
        uart.keyboard.write_all(typed.as_bytes()).unwrap();
        lock(&uart.input).restore(b"old, ".iter().copied().collect());
        let expected = format!("old, {typed}");
        let mut read = Vec::new();
        while read.len() < expected.len() {
            assert!(uart.main_loop.run_with_timeout(TICK_MS).unwrap() > 0);
            while uart.read(5) & 0x01 != 0 {
                read.push(uart.read(0));
            }
        }
        assert_eq!(String::from_utf8(read).unwrap(), expected);
    }
}

#[test]
fn the_end_of_the_input_is_seen_once() {
    let mut uart = Uart::new();
    drop(uart.keyboard);
    assert_eq!(uart.main_loop.run_with_timeout(TICK_MS).unwrap(), 1);
    assert_eq!(uart.main_loop.run_with_timeout(0).unwrap(), 0);
}

#[test]
fn output_whose_reader_is_gone_signals() {
    let Uart {
        serial, screen, gone, ..
    } = Uart::new();
    let send = |byte| access(&serial, |serial, now| serial.write(0, byte, now));
    send(b'a');
    assert!(!gone.take());
    drop(screen);
    send(b'b');
    assert!(gone.take());
}

#[test]
fn output_that_stalls_is_tried_again() {
    let mut uart = Uart::new();
    uart.write(2, 0x07);
    // Nobody reads: a pipe takes 64 KiB, then the transmitter fills.
    let mut sent = 0_usize;
    while uart.read(5) & 0x20 != 0 {
        uart.write(0, b'a');
        sent += 1;
    }
    assert!(sent > 4_096, "{sent}");
    let pending = || access(&uart.serial, |serial, _| serial.output_pending());
    assert!(pending() > 0);
    uart.main_loop.run_with_timeout(TICK_MS).unwrap();
    assert!(pending() > 0, "there is still no room");
    std::io::Read::read_exact(&mut uart.screen, &mut vec![0; sent - pending()]).unwrap();
    while pending() > 0 {
        assert_eq!(uart.main_loop.run_with_timeout(TICK_MS).unwrap(), 1, "the timer");
    }
}
