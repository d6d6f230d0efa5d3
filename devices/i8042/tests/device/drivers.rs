//! What real drivers do first, with the answers that they insist on.

use devstate_i8042::{Key, MouseButtons, MouseInput, ScanCodeSet};

use crate::support::{Bench, Guest, bench};

/// `SeaBIOS`: test controller and port, reset the keyboard, set 2 with translation.
fn bios(device: &mut Bench) {
    device.command(0xad);
    device.command(0xa7);
    assert_eq!(device.receive(), []);
    device.command(0xaa);
    assert_eq!(device.receive(), [0x55]);
    device.command(0xab);
    assert_eq!(device.receive(), [0x00]);
    device.command_with(0x60, 0x30);
    device.command_with(0x60, 0x20);
    assert_eq!(device.keyboard(&[0xff]), [0xfa, 0xaa]);
    assert_eq!(device.keyboard(&[0xf5, 0xf0, 0x02, 0xf4]), [0xfa; 4]);
    device.command_with(0x60, 0x61);
}

/// Linux's i8042: command byte, auxiliary loopback and its interrupt, ports.
fn i8042(device: &mut Bench) {
    device.command(0x20);
    assert_eq!(device.receive(), [0x61]);
    device.command_with(0x60, 0x70);
    device.command_with(0xd3, 0x5a);
    assert_eq!(device.status() & 0x21, 0x21);
    assert_eq!(device.receive(), [0x5a]);
    device.command(0xa7);
    device.command(0x20);
    assert_eq!(device.receive(), [0x70]);
    device.command(0xa8);
    device.command(0x20);
    assert_eq!(device.receive(), [0x50]);
    // A multiplexer would answer A4 with its version.
    for (byte, answer) in [(0xf0, 0xf0), (0x56, 0x56), (0xa4, 0xa4)] {
        device.command_with(0xd3, byte);
        assert_eq!(device.receive(), [answer]);
    }
    device.command_with(0x60, 0x43);
}

fn linux() -> Bench {
    let (mut device, _) = bench();
    bios(&mut device);
    i8042(&mut device);
    device
}

#[test]
fn the_auxiliary_loopback_raises_irq_12_alone() {
    let (mut device, lines) = bench();
    bios(&mut device);
    device.command_with(0x60, 0x52);
    lines.irq_1.take();
    device.command_with(0xd3, 0xa5);
    assert_eq!(lines.irq_12.take(), [true]);
    assert_eq!(device.receive(), [0xa5]);
    assert_eq!(lines.irq_12.take(), [false]);
    assert!(!lines.irq_12.level());
    assert_eq!(lines.irq_1.take(), []);
}

#[test]
fn atkbd_finds_a_translated_set_2_keyboard() {
    let mut device = linux();
    assert_eq!(device.keyboard(&[0xf2]), [0xfa, 0xab, 0x41]);
    assert_eq!(device.keyboard(&[0xf5, 0xed, 0x00, 0xf3, 0x00, 0xf4]), [0xfa; 6]);
    device.key(Key::Up, true);
    device.key(Key::Up, false);
    assert_eq!(device.receive(), [0xe0, 0x48, 0xe0, 0xc8]);
    assert_eq!(device.keyboard(&[0xed, 0x04]), [0xfa, 0xfa]);
    assert_eq!(device.leds(), 4);
}

#[test]
fn atkbd_with_set_3_gets_make_and_break_of_each_key() {
    let (mut device, _) = bench();
    bios(&mut device);
    // Without translation, as atkbd wants it for set 3.
    device.command_with(0x60, 0x03);
    assert_eq!(device.keyboard(&[0xf2]), [0xfa, 0xab, 0x83]);
    assert_eq!(device.keyboard(&[0xf5]), [0xfa]);
    // Linux probes twice for an OmniKey keyboard.
    assert_eq!(device.keyboard(&[0xe8, 0xe8]), [0xfe, 0xfe]);
    assert_eq!(
        device.keyboard(&[0xf0, 0x03, 0xf0, 0x00]),
        [0xfa, 0xfa, 0xfa, 0xfa, 0x03]
    );
    assert_eq!(device.keyboard(&[0xfa, 0xed, 0x00, 0xf3, 0x00, 0xf4]), [0xfa; 6]);
    assert_eq!(device.state().keyboard.scan_code_set, ScanCodeSet::Three);
    for (key, code) in [
        (Key::CapsLock, 0x14),
        (Key::Up, 0x63),
        (Key::Pause, 0x62),
        (Key::Print, 0x57),
    ] {
        device.key(key, true);
        assert_eq!(device.receive(), [code], "{key}");
        device.key(key, true);
        device.key(key, false);
        assert_eq!(device.receive(), [code, 0xf0, code], "{key}");
    }
}

/// Linux's psmouse: its probes for special mice.
fn psmouse_probe(device: &mut Bench) {
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 0x00]);
    assert_eq!(device.mouse_command(&[0xf6]), [0xfa]);
    // FocalTech, ALPS, Synaptics: a sequence of rates and resolutions, then the status.
    for rate in [10, 20, 60, 40, 20, 20, 60, 40, 20, 20] {
        assert_eq!(device.mouse_command(&[0xf3, rate]), [0xfa, 0xfa]);
    }
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 0x00]);
    assert_eq!(device.mouse_command(&[0xe8, 0, 0xe8, 0, 0xe8, 0, 0xe8, 0]), [0xfa; 8]);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x00, 0x00, 20]);
    assert_eq!(device.mouse_command(&[0xf6, 0xe8, 0, 0xe7, 0xe7, 0xe7]), [0xfa; 6]);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x10, 0x00, 100]);
    // No reply: leaving a wrap mode that it is not in, commands of the TrackPoint and of other mice.
    assert_eq!(device.mouse_command(&[0xec, 0xe1]), []);
    assert_eq!(device.mouse_command(&[0xf5, 0xe6, 0xf3, 0x66]), [0xfa; 4]);
    assert_eq!(device.mouse_command(&[0x88, 0x00]), []);
    assert_eq!(device.mouse_command(&[0xe9]), [0xfa, 0x00, 0x00, 0x66]);
    assert_eq!(device.mouse_command(&[0xff]), [0xfa, 0xaa, 0x00]);
}

fn select(device: &mut Bench, rates: [u8; 3]) -> Vec<u8> {
    for rate in rates {
        assert_eq!(device.mouse_command(&[0xf3, rate]), [0xfa, 0xfa]);
    }
    device.mouse_command(&[0xf2])
}

fn psmouse_start(device: &mut Bench) {
    assert_eq!(device.mouse_command(&[0xf3, 100, 0xe8, 3, 0xe6, 0xf4]), [0xfa; 6]);
}

fn drag(device: &mut Bench) -> Vec<u8> {
    let input = MouseInput {
        dx: 5,
        dy: -3,
        dz: -1,
        dw: 0,
        buttons: MouseButtons::LEFT | MouseButtons::FOURTH,
    };
    assert!(device.mouse(&input));
    device.receive()
}

#[test]
fn psmouse_finds_a_standard_mouse() {
    let mut device = linux();
    psmouse_probe(&mut device);
    psmouse_start(&mut device);
    assert_eq!(drag(&mut device), [0x29, 0x05, 0xfd]);
}

#[test]
fn psmouse_finds_an_intellimouse() {
    let mut device = linux();
    psmouse_probe(&mut device);
    assert_eq!(select(&mut device, [200, 100, 80]), [0xfa, 3]);
    psmouse_start(&mut device);
    assert_eq!(drag(&mut device), [0x29, 0x05, 0xfd, 0xff]);
}

#[test]
fn psmouse_finds_an_explorer_and_no_more() {
    let mut device = linux();
    psmouse_probe(&mut device);
    assert_eq!(select(&mut device, [200, 100, 80]), [0xfa, 3]);
    assert_eq!(select(&mut device, [200, 200, 80]), [0xfa, 4]);
    // These rates enable the horizontal wheel, if the mouse has one.
    assert_eq!(select(&mut device, [200, 80, 40]), [0xfa, 4]);
    psmouse_start(&mut device);
    assert_eq!(drag(&mut device), [0x29, 0x05, 0xfd, 0x1f]);
    let wheel = MouseInput {
        dw: 2,
        ..MouseInput::NONE
    };
    assert!(device.mouse(&wheel));
    assert_eq!(device.receive(), [0x08, 0, 0, 0x42, 0x08, 0, 0, 0]);
}

#[test]
fn linux_leaves_the_devices_as_the_bios_had_them() {
    let mut device = linux();
    psmouse_probe(&mut device);
    psmouse_start(&mut device);
    assert_eq!(device.mouse_command(&[0xf5, 0xf6, 0xf4]), [0xfa; 3]);
    assert_eq!(device.keyboard(&[0xf6]), [0xfa]);
    device.command_with(0x60, 0x70);
    device.command_with(0x60, 0x61);
    device.key(Key::Ret, true);
    assert_eq!(device.receive(), [0x1c]);
}
