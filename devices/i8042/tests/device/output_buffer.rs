//! The output buffer: who has it, when, and what the interrupt lines make of it.

use devstate_i8042::{Key, MouseInput};

use crate::support::{Bench, Guest, bench};

fn both_waiting() -> Bench {
    let (mut device, _) = bench();
    device.mouse_command(&[0xf4]);
    device.command_with(0x60, 0x73);
    device.key(Key::Up, true);
    device.key(Key::A, true);
    device.mouse_packet(&MouseInput::NONE);
    assert_eq!(device.status() & 0x21, 0, "nothing comes through disabled ports");
    device
}

#[test]
fn a_disabled_port_holds_bytes_back_until_it_is_enabled() {
    let mut device = both_waiting();
    device.command(0xae);
    assert_eq!(device.receive(), [0xe0, 0x48, 0x1e]);
    device.command(0xa8);
    assert_eq!(device.status() & 0x21, 0x21);
    assert_eq!(device.receive(), [0x08, 0x00, 0x00]);
}

#[test]
fn a_byte_that_is_in_the_buffer_can_be_read_though_its_port_is_disabled_then() {
    let (mut device, _) = bench();
    device.key(Key::Up, true);
    device.command(0xad);
    assert_eq!(device.receive(), [0xe0]);
    device.command(0xae);
    assert_eq!(device.receive(), [0x75]);
}

#[test]
fn the_keyboard_comes_first_and_then_they_take_turns() {
    let mut device = both_waiting();
    device.command_with(0x60, 0x43);
    assert_eq!(device.receive(), [0xe0, 0x08, 0x48, 0x00, 0x1e, 0x00]);
}

#[test]
fn the_controller_goes_before_both() {
    let mut device = both_waiting();
    device.command(0xaa);
    device.command_with(0x60, 0x43);
    assert_eq!(device.receive(), [0x55, 0xe0, 0x08, 0x48, 0x00, 0x1e, 0x00]);
    let (mut device, _) = bench();
    device.key(Key::A, true);
    device.command(0xaa);
    device.key(Key::B, true);
    assert_eq!(
        device.receive(),
        [0x1c, 0x55, 0x32],
        "but not before a byte that is there"
    );
}

#[test]
fn a_later_reply_of_the_controller_replaces_one_that_was_not_read() {
    let (mut device, _) = bench();
    device.command(0xaa);
    device.command(0x20);
    assert_eq!(device.receive(), [0x03]);
    device.command_with(0xd3, 0x5a);
    device.command(0x20);
    assert_eq!(device.status() & 0x21, 0x01, "with its own source");
    assert_eq!(device.receive(), [0x03]);
}

#[test]
fn an_empty_buffer_gives_its_last_byte_again() {
    let (mut device, _) = bench();
    device.command_with(0xd2, 0x77);
    assert_eq!([device.read(0), device.read(0), device.read(0)], [0x77; 3]);
    assert_eq!(device.status() & 1, 0);
}

#[test]
fn bytes_of_the_controller_are_not_translated() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x43);
    device.command_with(0xd2, 0x1c);
    assert_eq!(device.receive(), [0x1c]);
}

#[test]
fn each_byte_makes_an_edge() {
    let (mut device, lines) = bench();
    device.command_with(0x60, 0x43);
    device.key(Key::Up, true);
    assert_eq!(lines.irq_1.take(), [true]);
    device.read(0);
    assert_eq!(lines.irq_1.take(), [false, true]);
    device.read(0);
    assert_eq!(lines.irq_1.take(), [false]);
    device.command_with(0xd4, 0xf2);
    assert_eq!(lines.irq_12.take(), [true]);
    device.read(0);
    device.read(0);
    assert_eq!(lines.irq_12.take(), [false, true, false]);
    assert_eq!(lines.irq_1.take(), []);
}

#[test]
fn interrupts_are_levels_that_the_command_byte_lets_through() {
    let (mut device, lines) = bench();
    device.command_with(0x60, 0x00);
    device.key(Key::A, true);
    assert!(!lines.irq_1.level());
    device.command_with(0x60, 0x01);
    assert!(lines.irq_1.level());
    device.command_with(0x60, 0x02);
    assert!(!lines.irq_1.level() && !lines.irq_12.level());
}

#[test]
fn a_reply_of_the_controller_interrupts_also_while_the_keyboard_port_is_disabled() {
    let (mut device, lines) = bench();
    device.command(0xad);
    device.command(0xab);
    assert!(lines.irq_1.level());
}

#[test]
fn nothing_is_driven_twice() {
    let (mut device, lines) = bench();
    for _ in 0..3 {
        device.key(Key::A, true);
        device.status();
    }
    assert_eq!(lines.irq_1.take(), [true]);
    assert_eq!(lines.irq_12.take(), []);
}
