//! The THR-empty interrupt behind an edge-triggered interrupt controller: drivers of several kinds send 256 characters,
//! on hosts with and without a timer.

use devstate_core::{Instant, InterruptLine as _};
use devstate_serial_16550::{Config, NoEvents, Serial, spec};

use crate::support::{Pic, Sink};

type Uart = Serial<Pic, Sink>;

struct Machine {
    uart: Uart,
    pic: Pic,
    now: Instant,
    left: usize,
}

impl Machine {
    fn new(config: Config) -> Self {
        let pic = Pic::default();
        let uart = Serial::with_config(pic.clone(), Sink::default(), NoEvents, config);
        let mut machine = Self {
            uart,
            pic,
            now: Instant::EPOCH,
            left: 256,
        };
        // 115,200 baud 8N1, FIFOs on.
        for (offset, value) in [
            (spec::LCR, 0x83),
            (spec::DLL, 1),
            (spec::DLM, 0),
            (spec::LCR, 0x03),
            (spec::FCR, 0x81),
        ] {
            machine.write(offset, value);
        }
        machine
    }

    /// Each access takes a microsecond.
    fn tick(&mut self) -> Instant {
        self.now = self.now.saturating_add_nanos(1_000);
        self.now
    }

    fn read(&mut self, offset: u16) -> u8 {
        let now = self.tick();
        self.uart.read(offset, now)
    }

    fn write(&mut self, offset: u16, value: u8) {
        let now = self.tick();
        self.uart.write(offset, value, now);
    }

    fn write_some(&mut self, most: usize) {
        for _ in 0..most.min(self.left) {
            self.write(spec::THR, b'x');
            self.left -= 1;
        }
        if self.left == 0 {
            self.write(spec::IER, 0);
        }
    }

    /// Runs the handler for each interrupt, and the host's timer between them. Returns the number of interrupts.
    fn run(&mut self, mut handler: impl FnMut(&mut Self)) -> usize {
        let mut interrupts = 0;
        loop {
            if self.pic.take_interrupt() {
                interrupts += 1;
                assert!(interrupts < 2_000, "an interrupt storm");
                handler(self);
            } else if let Some(deadline) = self.uart.next_deadline()
                && self.uart.config().timer
            {
                self.now = self.now.max(deadline);
                self.uart.advance(self.now);
            } else {
                return interrupts;
            }
        }
    }

    /// The most that reached the interrupt controller, and that everything was sent.
    fn check(&self, most_calls: usize, what: &str) {
        assert_eq!(self.uart.output().taken.len(), 256, "{what}: the driver stopped");
        assert!(self.pic.calls() <= most_calls, "{what}: {} calls", self.pic.calls());
    }
}

const BOTH: [(Config, &str); 2] = [
    (Config::WITH_TIMER, "with a timer"),
    (Config::DEFAULT, "without a timer"),
];

/// As Linux does: IIR until nothing is pending, and up to 16 characters where LSR has room.
fn linux(machine: &mut Machine) {
    while machine.read(spec::IIR) & 1 == 0 {
        if machine.read(spec::LSR) & 0x20 != 0 {
            machine.write_some(16);
        }
    }
}

/// As FreeBSD does: IIR once, then what it says.
fn freebsd(machine: &mut Machine) {
    if machine.read(spec::IIR) & 0x0f == spec::iir::THR_EMPTY {
        machine.write_some(16);
    }
}

/// Writes where LSR has room, and never reads IIR.
fn without_iir(machine: &mut Machine) {
    if machine.read(spec::LSR) & 0x20 != 0 {
        machine.write_some(16);
    }
}

/// The same, one character for each interrupt.
fn one_without_iir(machine: &mut Machine) {
    machine.write_some(1);
}

#[test]
fn a_driver_like_linux_sends_all_with_one_rise_for_each_burst() {
    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.write(spec::IER, 0x02);
        machine.run(linux);
        machine.check(40, what);
    }
}

#[test]
fn a_driver_like_freebsd_sends_all_with_one_rise_for_each_burst() {
    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.write(spec::IER, 0x02);
        assert!(machine.run(freebsd) <= 17, "{what}");
        machine.check(40, what);
    }
}

#[test]
fn a_driver_that_never_reads_iir_sends_all() {
    let mut machine = Machine::new(Config::WITH_TIMER);
    machine.write(spec::IER, 0x02);
    assert!(machine.run(without_iir) <= 17);
    machine.check(40, "with a timer");

    let mut machine = Machine::new(Config::DEFAULT);
    machine.write(spec::IER, 0x02);
    machine.run(without_iir);
    machine.check(514, "without a timer, two for each character");

    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.write(spec::IER, 0x02);
        machine.run(one_without_iir);
        machine.check(514, what);
    }
}

#[test]
fn a_driver_that_never_reads_iir_sends_all_after_one_that_did() {
    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.left = 32;
        machine.write(spec::IER, 0x02);
        machine.run(linux);
        machine.left = 224;
        machine.write(spec::IER, 0x02);
        machine.run(without_iir);
        machine.check(514, what);
    }
}

/// A handler that reads IIR once, sees received data there, and sends as well.
#[test]
fn characters_sent_while_iir_showed_received_data_are_followed_by_an_interrupt() {
    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.write(spec::IER, 0x03);
        machine.run(|machine| {
            let id = machine.read(spec::IIR) & 0x0f;
            if id == spec::iir::RECEIVED_DATA || id == spec::iir::TIMEOUT {
                while machine.read(spec::LSR) & 1 != 0 {
                    machine.read(spec::RBR);
                }
            }
            if machine.read(spec::LSR) & 0x20 != 0 {
                machine.write_some(16);
            }
            // Somebody types all the time.
            let now = machine.tick();
            if machine.left % 32 == 0 && machine.left != 0 {
                assert_eq!(machine.uart.receive(b"y", now), 1);
            }
        });
        machine.check(80, what);
    }
}

#[test]
fn a_driver_goes_on_after_a_restore_at_any_access() {
    for (config, what) in BOTH {
        let mut machine = Machine::new(config);
        machine.write(spec::IER, 0x02);
        machine.run(|machine| {
            without_iir(machine);
            let state = machine.uart.state(machine.now);
            let output = std::mem::take(machine.uart.output_mut());
            machine.pic.set_level(false);
            let (pic, now) = (machine.pic.clone(), machine.now);
            machine.uart =
                Serial::from_state(&state, pic, output, NoEvents, config, now, devstate_core::Clock::Frozen).unwrap();
        });
        machine.check(1_000, what);
    }
}

#[test]
fn the_rise_is_repeated_one_character_time_after_the_last_write() {
    let mut machine = Machine::new(Config::WITH_TIMER);
    machine.write(spec::IER, 0x02);
    machine.pic.take_interrupt();
    machine.write(spec::THR, b'a');
    machine.write(spec::THR, b'b');
    let due = machine
        .now
        .saturating_add(machine.uart.line_parameters().character_time());
    assert_eq!(machine.uart.next_deadline(), Some(due));
    machine.uart.advance(Instant::from_nanos(due.as_nanos() - 1));
    assert!(!machine.pic.take_interrupt());
    machine.uart.advance(due);
    assert!(machine.pic.take_interrupt());
    assert_eq!(machine.uart.next_deadline(), None);
    assert!(machine.uart.interrupt_level());
}

#[test]
fn a_rise_that_was_served_is_not_repeated() {
    for serve in [
        |machine: &mut Machine| _ = machine.read(spec::IIR),
        |machine: &mut Machine| machine.write(spec::IER, 0),
        |machine: &mut Machine| {
            let now = machine.now;
            machine.uart.reset(now);
        },
    ] {
        let mut machine = Machine::new(Config::WITH_TIMER);
        machine.write(spec::IER, 0x02);
        machine.write(spec::THR, b'a');
        assert!(machine.uart.next_deadline().is_some());
        serve(&mut machine);
        assert_eq!(machine.uart.next_deadline(), None);
    }
}

/// A restore into the same device, behind an adapter to edges.
#[test]
fn an_interrupt_that_is_pending_before_and_after_a_restore_signals_again() {
    struct Signals(std::rc::Rc<std::cell::Cell<u32>>);
    impl devstate_core::Trigger for Signals {
        type E = ();

        fn trigger(&self) -> Result<(), ()> {
            self.0.set(self.0.get() + 1);
            Ok(())
        }
    }

    let signals = std::rc::Rc::default();
    let line = devstate_core::RisingEdge::new(Signals(std::rc::Rc::clone(&signals)));
    let mut uart = Serial::with_config(line, Sink::default(), NoEvents, Config::WITH_TIMER);
    uart.write(spec::IER, 0x02, Instant::EPOCH);
    uart.write(spec::THR, b'x', Instant::EPOCH);
    assert_eq!(signals.get(), 1);
    let state = uart.state(Instant::EPOCH);
    uart.restore(&state, Instant::EPOCH, devstate_core::Clock::Frozen)
        .unwrap();
    assert_eq!((signals.get(), uart.next_deadline()), (2, None));
}

#[test]
fn a_policy_that_changes_loses_no_rise() {
    let mut machine = Machine::new(Config::WITH_TIMER);
    machine.write(spec::IER, 0x02);
    machine.pic.take_interrupt();
    machine.write(spec::THR, b'a');
    assert!(!machine.pic.take_interrupt());
    let now = machine.now;
    machine.uart.set_config(Config::DEFAULT, now);
    assert!(machine.pic.take_interrupt());
    assert_eq!(machine.uart.next_deadline(), None);
}
