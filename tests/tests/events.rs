//! Every event of every device can happen: a recipe for each, and a recipe is missing where the trait has a method without one.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_core::{Instant, NoInterrupt};
use devstate_i8042::{I8042, I8042Events, Key, MouseButtons, MouseInput, NoControl};
use devstate_rtc_pl031::{Rtc, RtcEvents};
use devstate_serial_16550::{CharacterErrors, Config, LineParameters, ModemOutputs, Serial, SerialEvents};
use embedded_io::{ErrorKind, ErrorType, Write, WriteReady};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The names of the events that were told.
#[derive(Default)]
struct Heard(RefCell<BTreeSet<&'static str>>);

impl Heard {
    fn hear(&self, event: &'static str) {
        self.0.borrow_mut().insert(event);
    }
}

/// Each recipe makes its event happen, and each method of the trait in `source` has a recipe.
fn check<Recipe: Fn(&Heard)>(trait_name: &str, source: &'static str, recipes: &[(&str, Recipe)]) {
    for (event, recipe) in recipes {
        let heard = Heard::default();
        recipe(&heard);
        assert!(
            heard.0.borrow().contains(event),
            "{event} did not happen: {:?}",
            heard.0
        );
    }
    let (_, body) = source.split_once(&format!("pub trait {trait_name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let methods: BTreeSet<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    fn ")?.split_once('('))
        .map(|(name, _)| name)
        .collect();
    let with_recipe: BTreeSet<&str> = recipes.iter().map(|(event, _)| *event).collect();
    assert!(methods.len() > 2, "methods are not found in the source");
    assert_eq!(methods, with_recipe);
}

/// Implements an event trait by telling the method's name.
macro_rules! hear {
    ($trait:ident: $($event:ident($($value:ident: $type:ty),*)),* $(,)?) => {
        impl $trait for Heard {
            $(
                fn $event(&self, $($value: $type),*) {
                    let _ = ($($value,)*);
                    self.hear(stringify!($event));
                }
            )*
        }
    };
}

hear!(RtcEvents: alarm(), invalid_read(offset: u16), invalid_write(offset: u16, value: u32));

hear!(
    SerialEvents: transmitted(), output_stalled(), output_failed(),
    output_discarded(count: usize), transmit_overrun(),
    transmit_discarded(count: usize), received(), received_with_errors(), receive_overrun(),
    receive_disconnected(), receive_discarded(count: usize), receive_ready(), timed_out(),
    modem_outputs_changed(outputs: ModemOutputs), break_changed(active: bool), line_changed(line: LineParameters),
    invalid_read(offset: u16), invalid_write(offset: u16, value: u8),
);

hear!(
    I8042Events: reset_requested(), unknown_controller_command(command: u8), controller_reply_lost(),
    nothing_to_read(), password_matched(), unknown_keyboard_command(command: u8),
    key_ignored(key: Key, pressed: bool), key_lost(key: Key, pressed: bool), keyboard_emptied(),
    unknown_mouse_command(command: u8), mouse_packet_delayed(), mouse_click_lost(buttons: MouseButtons),
    mouse_reply_lost(), mouse_emptied(),
    invalid_read(offset: u16), invalid_write(offset: u16, value: u8),
);

#[test]
fn of_the_clock() {
    // The events go through a reference, as to counters that somebody else reads.
    fn with(act: fn(&mut Rtc<NoInterrupt, &Heard>)) -> impl Fn(&Heard) {
        move |heard| act(&mut Rtc::with_events(NoInterrupt, heard))
    }
    check(
        "RtcEvents",
        include_str!("../../devices/rtc-pl031/src/events.rs"),
        &[
            ("alarm", with(|rtc| rtc.write(0x04, 0, Instant::EPOCH))),
            ("invalid_read", with(|rtc| _ = rtc.read(0x1c, Instant::EPOCH))),
            ("invalid_write", with(|rtc| rtc.write(0x14, 1, Instant::EPOCH))),
        ],
    );
}

/// An output that is ready, or not, or broken.
#[derive(Clone, Copy)]
enum Output {
    Ready,
    Full,
    Broken,
}

impl ErrorType for Output {
    type Error = ErrorKind;
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl WriteReady for Output {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        match self {
            Self::Ready => Ok(true),
            Self::Full => Ok(false),
            Self::Broken => Err(ErrorKind::BrokenPipe),
        }
    }
}

#[test]
fn of_the_uart() {
    type Uart<'a> = Serial<NoInterrupt, Output, &'a Heard>;
    /// With its FIFOs on.
    fn with(output: Output, act: fn(&mut Uart<'_>)) -> impl Fn(&Heard) {
        move |heard| {
            let mut uart = Serial::with_config(NoInterrupt, output, heard, Config::WITH_TIMER);
            uart.write(2, 0x01, Instant::EPOCH);
            act(&mut uart);
        }
    }
    fn send(uart: &mut Uart<'_>, count: usize) {
        (0..count).for_each(|_| uart.write(0, b'x', Instant::EPOCH));
    }
    fn receive(uart: &mut Uart<'_>, count: usize) {
        (0..count).for_each(|_| uart.receive_character(b'x', CharacterErrors::NONE, Instant::EPOCH));
    }
    check(
        "SerialEvents",
        include_str!("../../devices/serial-16550/src/events.rs"),
        &[
            ("transmitted", with(Output::Ready, |uart| send(uart, 1))),
            ("output_stalled", with(Output::Full, |uart| send(uart, 1))),
            ("output_failed", with(Output::Broken, |uart| send(uart, 1))),
            ("output_discarded", with(Output::Broken, |uart| send(uart, 1))),
            ("transmit_overrun", with(Output::Full, |uart| send(uart, 18))),
            (
                "transmit_discarded",
                with(Output::Full, |uart| {
                    send(uart, 2);
                    uart.write(2, 0x05, Instant::EPOCH);
                }),
            ),
            ("received", with(Output::Ready, |uart| receive(uart, 1))),
            (
                "received_with_errors",
                with(Output::Ready, |uart| {
                    uart.receive_character(0, CharacterErrors::FRAMING, Instant::EPOCH);
                }),
            ),
            ("receive_overrun", with(Output::Ready, |uart| receive(uart, 17))),
            (
                "receive_disconnected",
                with(Output::Ready, |uart| {
                    uart.write(4, 0x10, Instant::EPOCH);
                    receive(uart, 1);
                }),
            ),
            (
                "receive_discarded",
                with(Output::Ready, |uart| {
                    receive(uart, 1);
                    uart.write(2, 0x03, Instant::EPOCH);
                }),
            ),
            (
                "receive_ready",
                with(Output::Ready, |uart| {
                    receive(uart, 1);
                    uart.read(0, Instant::EPOCH);
                }),
            ),
            (
                "modem_outputs_changed",
                with(Output::Ready, |uart| uart.write(4, 0x01, Instant::EPOCH)),
            ),
            (
                "break_changed",
                with(Output::Ready, |uart| uart.write(3, 0x40, Instant::EPOCH)),
            ),
            (
                "line_changed",
                with(Output::Ready, |uart| uart.write(3, 0x03, Instant::EPOCH)),
            ),
            (
                "timed_out",
                with(Output::Ready, |uart| {
                    receive(uart, 1);
                    uart.advance(uart.next_deadline().unwrap());
                }),
            ),
            (
                "invalid_read",
                with(Output::Ready, |uart| _ = uart.read(8, Instant::EPOCH)),
            ),
            (
                "invalid_write",
                with(Output::Ready, |uart| uart.write(5, 0, Instant::EPOCH)),
            ),
        ],
    );
}

#[test]
fn of_the_keyboard_controller() {
    type Controller<'a> = I8042<NoInterrupt, NoInterrupt, NoControl, &'a Heard>;
    fn with(act: fn(&mut Controller<'_>)) -> impl Fn(&Heard) {
        move |heard| act(&mut I8042::with_events(NoInterrupt, NoInterrupt, NoControl, heard))
    }
    fn to_mouse(device: &mut Controller<'_>, bytes: &[u8]) {
        for byte in bytes {
            device.write(4, 0xd4);
            device.write(0, *byte);
        }
    }
    check(
        "I8042Events",
        include_str!("../../devices/i8042/src/events.rs"),
        &[
            ("reset_requested", with(|device| device.write(4, 0xfe))),
            ("unknown_controller_command", with(|device| device.write(4, 0x00))),
            (
                "controller_reply_lost",
                with(|device| {
                    device.write(4, 0xaa);
                    device.write(4, 0xaa);
                }),
            ),
            ("nothing_to_read", with(|device| _ = device.read(0))),
            (
                "password_matched",
                with(|device| {
                    for (port, byte) in [(4, 0xa5), (0, 0x1c), (0, 0x00), (4, 0xa6)] {
                        device.write(port, byte);
                    }
                    device.key(Key::A, true);
                }),
            ),
            ("unknown_keyboard_command", with(|device| device.write(0, 0x01))),
            (
                "key_ignored",
                with(|device| {
                    device.write(0, 0xf5);
                    device.key(Key::A, true);
                }),
            ),
            (
                "key_lost",
                with(|device| Key::ALL.iter().for_each(|key| _ = device.key(*key, true))),
            ),
            (
                "keyboard_emptied",
                with(|device| {
                    device.key(Key::A, true);
                    device.read(0);
                }),
            ),
            (
                "mouse_click_lost",
                with(|device| {
                    to_mouse(device, &[0xf4]);
                    for buttons in [1, 0, 1].map(MouseButtons) {
                        device.count_mouse(&MouseInput {
                            buttons,
                            ..MouseInput::NONE
                        });
                    }
                }),
            ),
            ("unknown_mouse_command", with(|device| to_mouse(device, &[0x00]))),
            (
                "mouse_packet_delayed",
                with(|device| (0..6).for_each(|_| _ = device.mouse_packet(&MouseInput::NONE))),
            ),
            ("mouse_reply_lost", with(|device| to_mouse(device, &[0xf4; 25]))),
            (
                "mouse_emptied",
                with(|device| {
                    to_mouse(device, &[0xf4]);
                    device.read(0);
                }),
            ),
            ("invalid_read", with(|device| _ = device.read(1))),
            ("invalid_write", with(|device| device.write(1, 0))),
        ],
    );
}

/// Counts received characters.
struct Counter(Arc<AtomicUsize>);

impl SerialEvents for Counter {
    fn received(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A handler behind every pointer of the standard library; the crates themselves need no heap for that.
#[test]
fn a_handler_can_stand_behind_any_pointer() {
    fn alarm(events: impl RtcEvents) {
        Rtc::with_events(NoInterrupt, events).write(0x04, 0, Instant::EPOCH);
    }
    let (heard, counted) = (Rc::new(Heard::default()), Arc::new(AtomicUsize::new(0)));
    alarm(&*heard);
    alarm(Rc::clone(&heard));
    alarm(Box::new(Rc::clone(&heard)));
    assert!(heard.0.borrow().contains("alarm"));

    let shared: Arc<dyn SerialEvents + Send + Sync> = Arc::new(Counter(Arc::clone(&counted)));
    let mut serial = Serial::with_events(NoInterrupt, Output::Ready, Arc::clone(&shared));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(serial.receive(b"x", Instant::EPOCH), 1));
    });
    assert_eq!(counted.load(Ordering::Relaxed), 1);
}

#[test]
fn an_interrupt_line_can_be_a_level_behind_any_pointer() {
    let (shared, local) = (Arc::new(AtomicBool::new(false)), Rc::new(Cell::new(false)));
    let mut rtc = Rtc::new(Arc::clone(&shared));
    let mut here = Rtc::new(Rc::clone(&local));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            rtc.write(0x10, 1, Instant::EPOCH);
            rtc.write(0x04, 0, Instant::EPOCH);
        });
    });
    here.write(0x10, 1, Instant::EPOCH);
    here.write(0x04, 0, Instant::EPOCH);
    assert!(shared.load(Ordering::Acquire) && local.get());
}
