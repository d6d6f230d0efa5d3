//! The keyboard controller with keyboard and mouse: set up, wrecked, and looked at.

use crate::println;
use devstate_core::RegisterIo;
use devstate_i8042::{I8042State, spec};

/// Scan-code set 1 without translation, num lock on; a mouse with a wheel that reports 80 times a second.
pub fn set_up(ports: &mut impl RegisterIo<u8>) {
    configure(ports, spec::config::KEYBOARD_INTERRUPT | spec::config::MOUSE_INTERRUPT);
    keyboard(
        ports,
        &[spec::keyboard::SCAN_CODE_SET, 1, spec::keyboard::SET_LEDS, KNOWN_LEDS],
    );
    let knock = [200, 100, 80].map(|rate| [spec::mouse::SET_SAMPLE_RATE, rate]);
    mouse(ports, knock.as_flattened());
    mouse(ports, &[spec::mouse::SET_RESOLUTION, 3, spec::mouse::ENABLE]);
}

/// The LEDs cannot be read: the firmware has to remember them.
const KNOWN_LEDS: u8 = 2;

/// What the firmware knows and the hardware does not say.
pub fn known() -> I8042State {
    let mut known = I8042State::RESET;
    known.keyboard.leds = KNOWN_LEDS;
    known
}

/// Another scan-code set, a mouse without a wheel that says nothing, no interrupts.
pub fn wreck(ports: &mut impl RegisterIo<u8>) {
    keyboard(ports, &[spec::keyboard::SCAN_CODE_SET, 2, spec::keyboard::SET_LEDS, 7]);
    mouse(ports, &[spec::mouse::RESET]);
    configure(ports, spec::config::TRANSLATE);
}

pub fn print(state: &I8042State) {
    println!(
        "  i8042: command byte {:02x}, output port {:02x}; keyboard in {:?}, leds {}; {:?} mouse, rate {}, resolution {}, \
         reporting {}",
        state.config,
        state.output_port,
        state.keyboard.scan_code_set,
        state.keyboard.leds,
        state.mouse.protocol,
        state.mouse.sample_rate,
        state.mouse.resolution,
        state.mouse.reporting,
    );
}

/// Asks everyone who they are and how they are set.
pub fn prove(ports: &mut impl RegisterIo<u8>) {
    ports.write(spec::COMMAND, spec::controller::READ_RAM);
    println!("  i8042: command byte {:02x}", answer(ports));
    configure(ports, 0);
    keyboard(ports, &[spec::keyboard::IDENTIFY]);
    println!("  keyboard: identifies as {:02x} {:02x}", answer(ports), answer(ports));
    keyboard(ports, &[spec::keyboard::SCAN_CODE_SET, 0]);
    println!("  keyboard: scan-code set {}", answer(ports));
    mouse(ports, &[spec::mouse::IDENTIFY]);
    println!("  mouse: identifies as {:02x}", answer(ports));
    mouse(ports, &[spec::mouse::STATUS]);
    println!(
        "  mouse: status {:02x}, resolution {}, rate {}",
        answer(ports),
        answer(ports),
        answer(ports)
    );
    configure(ports, spec::config::KEYBOARD_INTERRUPT | spec::config::MOUSE_INTERRUPT);
}

fn configure(ports: &mut impl RegisterIo<u8>, config: u8) {
    ports.write(spec::COMMAND, spec::controller::WRITE_RAM);
    ports.write(spec::DATA, config);
}

/// Each byte is acknowledged.
fn keyboard(ports: &mut impl RegisterIo<u8>, bytes: &[u8]) {
    for byte in bytes {
        ports.write(spec::DATA, *byte);
        answer(ports);
    }
}

fn mouse(ports: &mut impl RegisterIo<u8>, bytes: &[u8]) {
    for byte in bytes {
        ports.write(spec::COMMAND, spec::controller::WRITE_MOUSE);
        ports.write(spec::DATA, *byte);
        answer(ports);
    }
}

fn answer(ports: &mut impl RegisterIo<u8>) -> u8 {
    while ports.read(spec::COMMAND) & spec::status::OUTPUT_FULL == 0 {}
    ports.read(spec::DATA)
}
