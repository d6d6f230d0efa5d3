//! Commands to the controller, one by one.

use crate::support::{Guest, bench};

#[test]
fn after_power_on_nothing_is_there_and_both_ports_are_open() {
    let (mut device, lines) = bench();
    assert_eq!(device.status(), 0x10);
    assert_eq!(device.read(0), 0x00);
    device.command(0x20);
    assert_eq!(device.receive(), [0x03]);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xcf]);
    assert_eq!(lines.irq_12.take(), []);
    assert_eq!(device.interrupt_levels(), (false, false));
}

#[test]
fn the_last_write_shows_in_bit_3() {
    let (mut device, _) = bench();
    device.command(0xff);
    assert_eq!(device.status(), 0x18);
    device.send(0xee);
    assert_eq!(device.status(), 0x11);
    assert_eq!(device.read(0), 0xee);
    assert_eq!(device.status(), 0x10);
}

#[test]
fn the_self_test_sets_the_system_flag_and_the_command_byte_decides_about_it() {
    let (mut device, _) = bench();
    device.command(0xaa);
    assert_eq!(device.status() & 0x04, 0x04);
    assert_eq!(device.receive(), [0x55]);
    device.command(0x20);
    assert_eq!(device.receive(), [0x03], "the command byte is as it was");
    device.command_with(0x60, 0x03);
    assert_eq!(device.status() & 0x04, 0);
    device.command_with(0x60, 0x07);
    assert_eq!(device.status() & 0x04, 0x04);
}

#[test]
fn every_byte_of_the_ram_holds_what_is_written() {
    let (mut device, _) = bench();
    for address in 1..32 {
        device.command(0x20 | address);
        assert_eq!(device.receive(), [0]);
        device.command_with(0x60 | address, 0xa5 ^ address);
    }
    for value in 0..=u8::MAX {
        device.command_with(0x60, value);
        device.command(0x20);
        assert_eq!(device.receive(), [value]);
    }
    for address in 1..32 {
        device.command(0x20 | address);
        assert_eq!(device.receive(), [0xa5 ^ address]);
    }
}

#[test]
fn ports_are_disabled_and_enabled() {
    let (mut device, _) = bench();
    for (command, config) in [(0xa7, 0x23), (0xad, 0x33), (0xa8, 0x13), (0xae, 0x03)] {
        device.command(command);
        device.command(0x20);
        assert_eq!(device.receive(), [config], "{command:02x}");
    }
}

#[test]
fn sending_to_a_device_enables_its_port() {
    let (mut device, _) = bench();
    device.command_with(0x60, 0x30);
    assert_eq!(device.keyboard(&[0xee]), [0xee]);
    device.command(0x20);
    assert_eq!(device.receive(), [0x20]);
    assert_eq!(device.mouse_command(&[0xf2]), [0xfa, 0x00]);
    device.command(0x20);
    assert_eq!(device.receive(), [0x00]);
}

#[test]
fn both_ports_pass_their_tests() {
    let (mut device, _) = bench();
    for command in [0xa9, 0xab] {
        device.command(command);
        assert_eq!(device.receive(), [0x00]);
    }
}

#[test]
fn the_input_port_is_read_and_polled() {
    let (mut device, _) = bench();
    device.command(0xc0);
    assert_eq!(device.receive(), [0x80]);
    device.command(0xc2);
    assert_eq!(device.status(), 0x88);
    assert_eq!(device.status(), 0x88, "continuously");
    device.command(0xc1);
    assert_eq!(device.status(), 0x08);
    device.command(0xff);
    assert_eq!(device.status(), 0x18, "until the next command");
}

#[test]
fn the_output_port_is_written_and_read() {
    let (mut device, _) = bench();
    device.command_with(0xd1, 0x01);
    assert_eq!(device.control().a20, [false]);
    device.command(0xd0);
    assert_eq!(device.receive(), [0x01]);
    device.command_with(0xd1, 0xdf);
    assert_eq!(device.control().a20, [false, true]);
    assert_eq!(device.control().resets, 0);
}

#[test]
fn the_output_port_shows_whose_byte_is_in_the_buffer() {
    let (mut device, _) = bench();
    device.command_with(0xd2, 0x11);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xdf]);
    device.command_with(0xd3, 0x22);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xef]);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xcf]);
}

#[test]
fn gate_a20_has_commands_of_its_own() {
    let (mut device, _) = bench();
    device.command(0xdd);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xcd]);
    device.command(0xdf);
    device.command(0xdf);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xcf]);
    assert_eq!(device.control().a20, [false, true, true]);
}

#[test]
fn a_pulse_of_bit_0_or_a_zero_there_resets_the_machine() {
    let (mut device, _) = bench();
    for command in 0xf0..=0xff {
        let before = device.control().resets;
        device.command(command);
        assert_eq!(
            device.control().resets - before,
            u32::from(command % 2 == 0),
            "{command:02x}"
        );
    }
    device.command_with(0xd1, 0xce);
    assert_eq!(device.control().resets, 9);
    assert_eq!(device.status(), 0x10, "nothing else happened");
}

#[test]
fn the_test_inputs_are_the_clock_lines() {
    let (mut device, _) = bench();
    for (config, inputs) in [(0x03, 3), (0x13, 2), (0x23, 1), (0x33, 0)] {
        device.command_with(0x60, config);
        device.command(0xe0);
        assert_eq!(device.receive(), [inputs]);
    }
}

#[test]
fn unknown_commands_do_nothing_not_even_to_one_that_waits() {
    let (mut device, _) = bench();
    let known = |command: u8| matches!(command, 0x20..=0x3f | 0x60..=0x7f | 0xa4..=0xab | 0xad | 0xae | 0xc0..=0xc2 | 0xd0..=0xd4 | 0xdd | 0xdf | 0xe0 | 0xf0..);
    device.command(0xd3);
    let mut unknown = 0;
    for command in (0..=u8::MAX).filter(|command| !known(*command)) {
        device.command(command);
        assert_eq!(device.status(), 0x18, "{command:02x}");
        unknown += 1;
    }
    assert_eq!(device.events().of("unknown_controller_command"), unknown);
    device.send(0x5a);
    assert_eq!(device.status(), 0x31);
    assert_eq!(device.receive(), [0x5a]);
}

#[test]
fn a_command_that_takes_no_data_lets_another_wait_and_one_that_does_replaces_it() {
    let (mut device, _) = bench();
    device.command(0x60);
    device.command(0xae);
    device.send(0x47);
    device.command(0x20);
    assert_eq!(device.receive(), [0x47]);
    device.command(0x60);
    device.command_with(0xd2, 0x11);
    assert_eq!(device.receive(), [0x11]);
    device.command(0x20);
    assert_eq!(device.receive(), [0x47]);
}

#[test]
fn a_machine_reset_leaves_nothing_behind() {
    let (mut device, lines) = bench();
    device.command_with(0x60, 0x43);
    device.command_with(0x75, 0x11);
    device.mouse_command(&[0xf4, 0xf3, 200]);
    device.keyboard(&[0xf0, 3, 0xed]);
    device.key(devstate_i8042::Key::A, true);
    device.command_with(0xd1, 0xdd);
    device.command(0xd3);
    assert!(lines.irq_1.level());
    device.reset();
    assert_eq!(device.state(), devstate_i8042::I8042State::RESET);
    assert!(!lines.irq_1.level());
    assert_eq!(device.control().a20, [false, true]);
}

#[test]
fn the_interrupt_bits_of_the_output_port_follow_the_output_buffer() {
    for (fill, shown) in [(0xaa, 0xd3), (0xd2, 0xd3), (0xd3, 0xe3)] {
        for query_again in [false, true] {
            let (mut device, _) = bench();
            device.command_with(fill, 0x55);
            if fill == 0xaa {
                device.command(0xaa);
            }
            device.command_with(0xd1, 0xc3);
            if query_again && fill != 0xd3 {
                device.command(0x20);
            }
            device.command(0xd0);
            assert_eq!(device.read(0), shown, "{fill:02x}, {query_again}");
        }
    }
    let (mut device, _) = bench();
    device.command_with(0xd1, 0xff);
    device.command(0xd0);
    assert_eq!(device.receive(), [0xcf], "nothing is in the buffer");
}
