//! The modem's inputs and outputs.

use devstate_core::Instant;
use devstate_serial_16550::{ModemLines, ModemOutputs, spec};

use crate::support::{Guest, bench};

#[test]
fn every_change_of_the_inputs_shows_with_its_delta() {
    for before in (0..=0xf0).step_by(16) {
        for after in (0..=0xf0).step_by(16) {
            let (mut device, line) = bench();
            device.set_modem_lines(ModemLines::from_msr(before), Instant::EPOCH);
            device.msr();
            device.write(spec::IER, 0x08, Instant::EPOCH);
            device.set_modem_lines(ModemLines::from_msr(after), Instant::EPOCH);
            let changed = (before ^ after) >> 4;
            let ring_ended = before & 0x40 != 0 && after & 0x40 == 0;
            let deltas = (changed & 0x0b) | if ring_ended { 0x04 } else { 0 };
            assert_eq!(line.level(), deltas != 0);
            assert_eq!(device.id(), u8::from(deltas == 0));
            assert_eq!(device.msr(), after | deltas, "{before:#x} to {after:#x}");
            assert_eq!(device.msr(), after);
            assert!(!line.level());
        }
    }
}

#[test]
fn deltas_add_up_until_msr_is_read() {
    let (mut device, _) = bench();
    device.set_modem_lines(
        ModemLines {
            cts: false,
            ..ModemLines::CONNECTED
        },
        Instant::EPOCH,
    );
    device.set_modem_lines(
        ModemLines {
            ri: true,
            ..ModemLines::CONNECTED
        },
        Instant::EPOCH,
    );
    device.set_modem_lines(ModemLines::CONNECTED, Instant::EPOCH);
    assert_eq!(device.msr(), 0xb5, "CTS fell and rose, a ring began and ended");
}

#[test]
fn the_same_lines_again_are_no_change() {
    let (mut device, _) = bench();
    device.set_modem_lines(ModemLines::CONNECTED, Instant::EPOCH);
    assert_eq!(device.msr(), 0xb0);
}

#[test]
fn outputs_follow_the_register() {
    let (mut device, _) = bench();
    for mcr in 0..=0xffu8 {
        device.write(spec::MCR, mcr, Instant::EPOCH);
        let connected = mcr & 0x10 == 0;
        let expected = ModemOutputs {
            dtr: connected && mcr & 1 != 0,
            rts: connected && mcr & 2 != 0,
            out1: connected && mcr & 4 != 0,
            out2: connected && mcr & 8 != 0,
        };
        assert_eq!(device.modem_outputs(), expected, "MCR {mcr:#x}");
    }
}

#[test]
fn outputs_do_not_reach_the_inputs_outside_of_loopback() {
    let (mut device, _) = bench();
    device.set_modem_lines(ModemLines::DISCONNECTED, Instant::EPOCH);
    device.msr();
    device.write(spec::MCR, 0x0f, Instant::EPOCH);
    assert_eq!(device.msr(), 0x00);
}
