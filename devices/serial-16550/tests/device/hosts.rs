//! Hosts of several kinds boot a recorded Linux and type into its echo. No typed or printed character is lost, except those
//! that a policy counts.

use std::collections::VecDeque;
use std::time::Duration;

use devstate_core::Instant;
use devstate_serial_16550::{Config, OutputPolicy, Serial, spec};

use crate::support::{Counters, KEEPING, Mode, Pic, Sink};

const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/replay/traces/linux-6.1-x86-serial-i8042.trace"
);

/// What a host does, and what happens to it.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    config: Config,
    /// It offers input again only after `receive_ready`, once it was refused.
    stops_listening: bool,
    /// How the output misbehaves, for 1 ms of every 4.
    trouble: Option<Mode>,
    /// The clock is set back and forth by this much while the machine runs.
    clock_jumps: Duration,
    /// Something is piped in before the guest boots.
    piped: bool,
}

const PLAIN: Kind = Kind {
    name: "with a timer",
    config: KEEPING,
    stops_listening: false,
    trouble: None,
    clock_jumps: Duration::ZERO,
    piped: false,
};

const NO_TIMER: Config = Config {
    failed_output: OutputPolicy::Keep,
    ..Config::DEFAULT
};

struct Host {
    kind: Kind,
    uart: Serial<Pic, Sink, Counters>,
    pic: Pic,
    /// Microseconds that the host has run.
    micros: u64,
    /// Typed and not received.
    typed: VecDeque<u8>,
    listens: bool,
    ready_events: usize,
}

impl Host {
    fn new(kind: Kind) -> Self {
        let pic = Pic::default();
        Self {
            kind,
            uart: Serial::with_config(pic.clone(), Sink::default(), Counters::default(), kind.config),
            pic,
            micros: 0,
            typed: VecDeque::new(),
            listens: true,
            ready_events: 0,
        }
    }

    fn now(&self) -> Instant {
        let time = Instant::from_secs(10_000).saturating_add(Duration::from_micros(self.micros));
        match self.micros / 5_000 % 3 {
            0 => time,
            1 => time.saturating_sub(self.kind.clock_jumps),
            _ => time.saturating_add(self.kind.clock_jumps),
        }
    }

    /// Lets time pass: the timer, the output, the input.
    fn pass(&mut self, micros: u64) {
        self.micros += micros;
        let now = self.now();
        if self.kind.config.timer && self.uart.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.uart.advance(now);
        }
        if let Some(trouble) = self.kind.trouble {
            let troubled = self.micros % 4_000 < 1_000;
            let mode = if troubled { trouble } else { Mode::Ready };
            if self.uart.output().mode != mode {
                self.uart.output_mut().mode = mode;
                if mode == Mode::Ready {
                    self.uart.drain_output(now);
                }
            }
        }
        self.feed();
    }

    fn feed(&mut self) {
        let ready = self.uart.events().count("receive_ready");
        self.listens |= ready != self.ready_events;
        self.ready_events = ready;
        if self.typed.is_empty() || !self.listens {
            return;
        }
        let offered: Vec<u8> = self.typed.iter().copied().collect();
        let now = self.now();
        let taken = self.uart.receive(&offered, now);
        self.typed.drain(..taken);
        if self.kind.stops_listening && taken < offered.len() {
            self.listens = false;
        }
    }

    fn read(&mut self, register: u16) -> u8 {
        self.pass(1);
        let now = self.now();
        self.uart.read(register, now)
    }

    fn write(&mut self, register: u16, value: u8) {
        self.pass(1);
        let now = self.now();
        self.uart.write(register, value, now);
    }
}

/// The guest's side: what it printed, and the echo of its driver.
struct Guest {
    host: Host,
    printed: Vec<u8>,
    read: Vec<u8>,
    echo: VecDeque<u8>,
}

impl Guest {
    /// Boots as in the trace, until the first character is typed. The console polls for room, as long as this host takes.
    fn boot(&mut self) {
        let trace = std::fs::read_to_string(TRACE).unwrap();
        let (mut lcr, mut mcr) = (0, 0);
        for line in trace.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let hex = |index: usize| u8::from_str_radix(words[index], 16).unwrap();
            match words[..] {
                ["serial", "w", ..] => {
                    let (register, value) = (u16::from(hex(2)), hex(3));
                    match register {
                        spec::THR if lcr & 0x80 == 0 && mcr & 0x10 == 0 => {
                            self.wait_for_room();
                            self.printed.push(value);
                        }
                        spec::LCR => lcr = value,
                        spec::MCR => mcr = value,
                        _ => {}
                    }
                    self.host.write(register, value);
                }
                ["serial", "r", ..] => drop(self.host.read(hex(2).into())),
                ["serial", "rx", ..] => return,
                _ => {}
            }
        }
        panic!("nobody types in the trace");
    }

    fn wait_for_room(&mut self) {
        for _ in 0..10_000 {
            if self.host.read(spec::LSR) & 0x20 != 0 {
                return;
            }
        }
        panic!("{}: the guest hangs", self.host.kind.name);
    }

    /// Linux's interrupt handler, behind an edge-triggered controller; the echo is a program's.
    fn serve_interrupts(&mut self) {
        let mut turns = 0;
        while self.host.pic.take_interrupt() {
            turns += 1;
            assert!(turns < 100, "{}: an interrupt storm", self.host.kind.name);
            while self.host.read(spec::IIR) & 1 == 0 {
                let mut status = self.host.read(spec::LSR);
                let mut limit = 256;
                while status & 1 != 0 && limit > 0 {
                    let character = self.host.read(spec::RBR);
                    self.read.push(character);
                    self.echo.push_back(character);
                    status = self.host.read(spec::LSR);
                    limit -= 1;
                }
                self.host.read(spec::MSR);
                if status & 0x20 != 0 {
                    self.send_echo();
                }
            }
            self.start_echo();
        }
    }

    fn send_echo(&mut self) {
        for _ in 0..16 {
            let Some(character) = self.echo.pop_front() else { break };
            self.printed.push(character);
            self.host.write(spec::THR, character);
        }
        if self.echo.is_empty() {
            self.host.write(spec::IER, 0x05);
        }
    }

    fn start_echo(&mut self) {
        if !self.echo.is_empty() {
            self.host.write(spec::IER, 0x07);
        }
    }
}

/// Boots, types, and returns what was typed, what the guest read and printed, and the host.
fn run(kind: Kind) -> (Vec<u8>, Guest) {
    let mut guest = Guest {
        host: Host::new(kind),
        printed: Vec::new(),
        read: Vec::new(),
        echo: VecDeque::new(),
    };
    let mut typed = Vec::new();
    if kind.piped {
        typed.extend((0..200).map(|index| b'0' + index % 10));
        guest.host.typed.extend(&typed);
        guest.host.feed();
    }
    guest.boot();
    // The driver has opened the port: trigger level 8, received data and line status enabled.
    for (register, value) in [(spec::MCR, 0x0b), (spec::FCR, 0x81), (spec::IER, 0x05)] {
        guest.host.write(register, value);
    }
    for step in 0_u32..4_000 {
        guest.host.pass(50);
        // Somebody types, and now and then pastes 40 characters.
        let new = match step {
            3_600.. => 0,
            _ if step % 500 == 250 => 40,
            _ => usize::from(step % 20 == 0),
        };
        for _ in 0..new {
            let character = b'a' + (typed.len() % 26) as u8;
            typed.push(character);
            guest.host.typed.push_back(character);
        }
        guest.host.feed();
        guest.serve_interrupts();
    }
    (typed, guest)
}

fn lost(guest: &Guest, event: &str) -> usize {
    guest.host.uart.events().count(event)
}

/// Nothing at all is lost.
fn check(kind: Kind) {
    let (typed, guest) = run(kind);
    assert_eq!(guest.read, typed, "{}: typed", kind.name);
    let sent = &guest.host.uart.output().taken;
    assert!(String::from_utf8_lossy(sent).contains("Linux version 6.1"));
    assert!(*sent == guest.printed, "{}: printed", kind.name);
    assert!(guest.printed.len() > 20_000 + typed.len());
    for event in ["output_discarded", "transmit_overrun", "receive_overrun"] {
        assert_eq!(lost(&guest, event), 0, "{}: {event}", kind.name);
    }
}

#[test]
fn a_host_with_a_timer_and_one_without_lose_nothing() {
    check(PLAIN);
    check(Kind {
        name: "without a timer",
        config: NO_TIMER,
        ..PLAIN
    });
}

#[test]
fn a_host_that_stops_listening_when_the_receiver_is_full_is_not_deaf_for_ever() {
    for config in [KEEPING, NO_TIMER] {
        check(Kind {
            name: "stops listening",
            config,
            stops_listening: true,
            ..PLAIN
        });
    }
}

#[test]
fn output_that_blocks_or_fails_and_comes_back_loses_nothing_where_it_is_kept() {
    for (name, mode) in [
        ("blocks", Mode::Busy),
        ("takes nothing", Mode::TakesNothing),
        ("fails", Mode::FailsToWrite),
        ("cannot say", Mode::FailsToSay),
    ] {
        for config in [KEEPING, NO_TIMER] {
            check(Kind {
                name,
                config,
                trouble: Some(mode),
                stops_listening: true,
                ..PLAIN
            });
        }
    }
}

#[test]
fn output_that_is_discarded_is_counted_character_by_character() {
    for config in [
        Config {
            stalled_output: OutputPolicy::Discard,
            ..Config::DEFAULT
        },
        Config {
            stalled_output: OutputPolicy::DiscardAfter(Duration::from_micros(200)),
            ..Config::WITH_TIMER
        },
    ] {
        for mode in [Mode::Busy, Mode::FailsToWrite] {
            let (typed, guest) = run(Kind {
                name: "discards",
                config,
                trouble: Some(mode),
                ..PLAIN
            });
            assert_eq!(guest.read, typed);
            let discarded = lost(&guest, "output_discarded");
            assert!(discarded > 100, "{mode:?}");
            assert_eq!(guest.host.uart.output().taken.len() + discarded, guest.printed.len());
            // What was sent is in order.
            let mut printed = guest.printed.iter();
            let sent = &guest.host.uart.output().taken;
            assert!(sent.iter().all(|character| printed.any(|other| other == character)));
        }
    }
}

#[test]
fn output_that_is_gone_for_good_does_not_hang_the_guest() {
    let (typed, guest) = run(Kind {
        name: "gone",
        config: Config::DEFAULT,
        trouble: Some(Mode::FailsToWrite),
        ..PLAIN
    });
    assert_eq!(guest.read, typed);
}

#[test]
fn a_clock_that_is_set_while_the_machine_runs_loses_nothing() {
    for clock_jumps in [Duration::from_millis(3), Duration::from_secs(3_600)] {
        for config in [KEEPING, NO_TIMER] {
            check(Kind {
                name: "clock is set",
                config,
                clock_jumps,
                ..PLAIN
            });
        }
    }
}

#[test]
fn at_line_rate_nothing_is_lost() {
    check(Kind {
        name: "at line rate",
        config: Config {
            receive_at_line_rate: true,
            ..KEEPING
        },
        stops_listening: true,
        ..PLAIN
    });
}

#[test]
fn input_that_was_piped_in_before_the_boot_is_kept_by_flow_control() {
    let piped = Kind {
        name: "piped",
        stops_listening: true,
        piped: true,
        ..PLAIN
    };
    let (typed, guest) = run(piped);
    assert!(guest.read.ends_with(&typed[typed.len() - 300..]), "deaf");
    assert_ne!(
        lost(&guest, "receive_discarded"),
        0,
        "the driver clears the FIFO when it opens the port"
    );
    check(Kind {
        config: Config {
            flow_control: true,
            ..KEEPING
        },
        ..piped
    });
}
