//! The keyboard password.

use devstate_i8042::{I8042State, Key, Lock, MouseInput};

use crate::support::{Bench, Guest, bench};

fn type_keys(device: &mut Bench, keys: &[Key]) {
    for key in keys {
        device.key(*key, true);
        device.key(*key, false);
    }
}

/// "ABA", with translation.
fn locked() -> Bench {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x43);
    device.mouse_command(&[0xf4]);
    device.command(0xa5);
    for byte in [0x1e, 0x30, 0x1e, 0x00] {
        device.send(byte);
    }
    device.command(0xa6);
    device
}

#[test]
fn a_password_is_installed_when_its_null_arrives() {
    let (mut device, _) = bench();
    let test = |device: &mut Bench| {
        device.command(0xa4);
        device.receive()
    };
    assert_eq!(test(&mut device), [0xf1]);
    device.command_with(0xa5, 0x1e);
    assert_eq!(test(&mut device), [0xf1]);
    device.send(0x00);
    assert_eq!(test(&mut device), [0xfa]);
    device.command_with(0xa5, 0x00);
    assert_eq!(test(&mut device), [0xf1], "an empty one is none");
    device.command_with(0xa5, 0x1e);
    device.command_with(0xd2, 0x11);
    device.receive();
    assert_eq!(test(&mut device), [0xf1], "an unfinished one is forgotten");
}

#[test]
fn without_a_password_the_lock_command_does_nothing() {
    let (mut device, _) = bench();
    device.command(0xa6);
    assert_eq!(device.state().lock, Lock::Open);
}

#[test]
fn while_it_locks_nothing_comes_through() {
    let mut device = locked();
    assert_eq!(device.status() & 0x10, 0);
    type_keys(&mut device, &[Key::B, Key::C, Key::A, Key::C]);
    device.mouse_packet(&MouseInput::NONE);
    assert_eq!(device.receive(), []);
    assert_eq!(device.keyboard(&[0xee]), []);
    device.command(0x20);
    assert_eq!(device.receive(), [0x43], "the controller answers");
    device.command(0xa5);
    device.send(0xee);
    assert_eq!(
        device.state().password.as_slice(),
        [0x1e, 0x30, 0x1e],
        "it cannot be replaced"
    );
}

#[test]
fn typing_it_unlocks() {
    let mut device = locked();
    device.mouse_packet(&MouseInput::NONE);
    type_keys(&mut device, &[Key::A, Key::A, Key::B]);
    assert_eq!(device.state().lock, Lock::Locked(2));
    device.key(Key::A, true);
    assert_eq!(device.state().lock, Lock::Open);
    device.key(Key::A, false);
    assert_eq!(device.status() & 0x10, 0x10);
    assert_eq!(device.receive(), [0x08, 0x9e, 0x00, 0x00]);
}

#[test]
fn bytes_that_wait_when_the_lock_is_enabled_are_held_or_compared() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x43);
    device.command_with(0xa5, 0x1e);
    device.send(0x00);
    device.key(Key::A, true);
    assert_eq!(device.status() & 1, 1);
    device.command(0xa6);
    assert_eq!((device.receive(), device.state().lock), (vec![], Lock::Open));
}

#[test]
fn the_ram_names_keys_to_ignore_and_bytes_to_announce() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x43);
    for (address, value) in [(0x13, 0x51), (0x14, 0x52), (0x16, 0x2a), (0x17, 0x36)] {
        device.command_with(0x60 | address, value);
    }
    device.command(0xa5);
    for byte in [0x1e, 0x30, 0x00] {
        device.send(byte);
    }
    device.command(0xa6);
    assert_eq!(device.receive(), [0x51]);
    device.key(Key::A, true);
    type_keys(&mut device, &[Key::Shift, Key::ShiftR]);
    device.key(Key::B, true);
    assert_eq!(device.receive(), [0x52]);
}

#[test]
fn a_long_one_is_cut_and_a_reset_removes_it() {
    let (mut device, _) = bench();
    device.command(0xa5);
    for byte in 1..=12 {
        device.send(byte);
    }
    device.send(0);
    assert_eq!(device.state().password.as_slice(), [1, 2, 3, 4, 5, 6, 7, 8]);
    device.command(0xa6);
    device.reset();
    assert_eq!(device.state(), I8042State::RESET);
}

#[test]
fn while_the_keyboard_port_is_disabled_nothing_is_compared() {
    let mut device = locked();
    device.command(0xad);
    type_keys(&mut device, &[Key::A, Key::B]);
    assert_eq!(device.state().lock, Lock::Locked(0));
    device.command(0xae);
    assert_eq!(device.state().lock, Lock::Locked(2));
}
