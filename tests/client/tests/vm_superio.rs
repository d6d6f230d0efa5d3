//! What vm-superio and vm-superio-ser have written comes in and goes out, compared with the real crates.

use devstate_core::{Clock, Instant, NoInterrupt};
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_rtc_pl031_ser::{RtcStateSer, VmSuperioRtcState};
use devstate_serial_16550::{AlwaysReady, Config, NoEvents, Serial, SerialState};
use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState};
use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};
use versionize::{VersionMap, Versionize};

struct NoTrigger;

impl vm_superio::Trigger for NoTrigger {
    type E = Infallible;

    fn trigger(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Both ways between vm-superio's plain state and ours: what a client writes once, since neither crate knows the other.
fn taken_in(state: &vm_superio::SerialState) -> VmSuperioSerialState {
    VmSuperioSerialState {
        baud_divisor_low: state.baud_divisor_low,
        baud_divisor_high: state.baud_divisor_high,
        interrupt_enable: state.interrupt_enable,
        interrupt_identification: state.interrupt_identification,
        line_control: state.line_control,
        line_status: state.line_status,
        modem_control: state.modem_control,
        modem_status: state.modem_status,
        scratch: state.scratch,
        in_buffer: state.in_buffer.iter().copied().collect(),
    }
}

fn given_out(state: &VmSuperioSerialState) -> vm_superio::SerialState {
    vm_superio::SerialState {
        baud_divisor_low: state.baud_divisor_low,
        baud_divisor_high: state.baud_divisor_high,
        interrupt_enable: state.interrupt_enable,
        interrupt_identification: state.interrupt_identification,
        line_control: state.line_control,
        line_status: state.line_status,
        modem_control: state.modem_control,
        modem_status: state.modem_status,
        scratch: state.scratch,
        in_buffer: state.in_buffer.to_vec(),
    }
}

fn taken_in_rtc(state: &vm_superio::RtcState) -> VmSuperioRtcState {
    VmSuperioRtcState {
        lr: state.lr,
        offset: state.offset,
        mr: state.mr,
        imsc: state.imsc,
        ris: state.ris,
    }
}

fn versionized(state: &impl Versionize) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.serialize(&mut bytes, &VersionMap::new(), 1).unwrap();
    bytes
}

/// Numbers that look random.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// States of real vm-superio UARTs with a guest and somebody who types.
fn serials() -> impl Iterator<Item = vm_superio::SerialState> {
    (0..500).map(|seed| {
        let mut random = random(seed);
        let mut serial = vm_superio::Serial::new(NoTrigger, std::io::sink());
        for _ in 0..seed % 50 {
            let (offset, value) = ((random() % 8) as u8, random() as u8);
            match random() % 4 {
                0 => _ = serial.read(offset),
                1 => _ = serial.enqueue_raw_bytes(&[value; 9]),
                _ => _ = serial.write(offset, value),
            }
        }
        serial.state()
    })
}

#[test]
fn the_uarts_bincode_and_json_are_read_and_written() {
    for state in serials() {
        let theirs = vm_superio_ser::SerialStateSer::from(&state);
        let bytes = versionized(&theirs);
        let ours = VmSuperioSerialState::from_bincode(&bytes).unwrap();
        assert_eq!(ours, taken_in(&state));
        assert_eq!(&ours.to_bincode()[..], bytes);
        for end in 0..bytes.len() {
            VmSuperioSerialState::from_bincode(&bytes[..end]).unwrap_err();
        }
        VmSuperioSerialState::from_bincode(&[&bytes[..], &[0]].concat()).unwrap_err();

        let json = serde_json::to_string(&theirs).unwrap();
        assert_eq!(serde_json::from_str::<VmSuperioSerialState>(&json).unwrap(), ours);
        assert_eq!(serde_json::to_string(&ours).unwrap(), json);
    }
    let mut hostile = versionized(&vm_superio_ser::SerialStateSer::default());
    hostile[9..17].fill(0xff);
    VmSuperioSerialState::from_bincode(&hostile).unwrap_err();
}

#[test]
fn the_clocks_bincode_and_json_are_read_and_written() {
    for seed in 0..100 {
        let mut random = random(seed);
        let mut rtc = vm_superio::Rtc::new();
        for _ in 0..seed % 10 {
            rtc.write((random() % 9 * 4) as u16, &(random() as u32).to_le_bytes());
        }
        let theirs = vm_superio_ser::RtcStateSer::from(&rtc.state());
        let bytes = versionized(&theirs);
        let ours = VmSuperioRtcState::from_bincode(&bytes).unwrap();
        assert_eq!(ours, taken_in_rtc(&rtc.state()));
        assert_eq!(&ours.to_bincode()[..], bytes);
        for end in 0..bytes.len() {
            VmSuperioRtcState::from_bincode(&bytes[..end]).unwrap_err();
        }
        let json = serde_json::to_string(&theirs).unwrap();
        assert_eq!(serde_json::from_str::<VmSuperioRtcState>(&json).unwrap(), ours);
        assert_eq!(serde_json::to_string(&ours).unwrap(), json);
    }
}

/// Everything that the guest had not read yet is read, in order, from the device that takes over; what does not fit into
/// a 16550A's FIFO is offered again.
#[test]
fn a_uart_goes_on_here_without_losing_a_character() {
    let mut longest = 0;
    for state in serials() {
        let mut mirror = SerialStateSer::try_from(&taken_in(&state)).unwrap();
        let backlog = mirror.take_backlog();
        let state_here = SerialState::try_from(&mirror).unwrap();
        let out = AlwaysReady(Vec::new());
        let mut serial = Serial::from_state(
            &state_here,
            NoInterrupt,
            out,
            NoEvents,
            Config::DEFAULT,
            Instant::EPOCH,
            Clock::Frozen,
        )
        .unwrap();
        // The guest closes the divisor latch and leaves loopback to read.
        serial.write(3, 3, Instant::EPOCH);
        serial.write(4, 0, Instant::EPOCH);
        let mut waiting = &backlog[..];
        let mut read = Vec::new();
        while serial.read(5, Instant::EPOCH) & 1 != 0 {
            read.push(serial.read(0, Instant::EPOCH));
            waiting = &waiting[serial.receive(waiting, Instant::EPOCH)..];
        }
        assert_eq!(read, state.in_buffer);
        longest = longest.max(read.len());
    }
    assert!(longest > 16, "{longest}");
}

/// The other way, as far as vm-superio has the same registers.
#[test]
fn a_uart_goes_on_there() {
    for state in serials() {
        let mut mirror = SerialStateSer::try_from(&taken_in(&state)).unwrap();
        let back = given_out(&VmSuperioSerialState::try_from(&mirror).unwrap());
        let mut serial =
            vm_superio::Serial::from_state(&back, NoTrigger, vm_superio::serial::NoEvents, std::io::sink()).unwrap();
        serial.write(3, 3).unwrap();
        serial.write(4, 0).unwrap();
        let mut read = Vec::new();
        while serial.read(5) & 1 != 0 {
            read.push(serial.read(0));
        }
        assert_eq!(read, state.in_buffer);
        assert_eq!(
            (back.scratch, back.baud_divisor_low),
            (state.scratch, state.baud_divisor_low)
        );
        // And what went out comes in again as it was.
        let backlog = mirror.take_backlog();
        mirror.in_buffer.extend(backlog);
        assert_eq!(
            SerialStateSer::try_from(&taken_in(&back)).unwrap().in_buffer,
            mirror.in_buffer
        );
    }
}

#[test]
fn registers_that_contradict_the_fifo_are_reconciled_or_refused() {
    // Data ready without data, and data without data ready: the characters are believed.
    let mut state = vm_superio::SerialState {
        line_status: 0x61,
        ..Default::default()
    };
    assert!(
        SerialStateSer::try_from(&taken_in(&state))
            .unwrap()
            .in_buffer
            .is_empty()
    );
    state.line_status = 0x60;
    state.in_buffer = b"typed".to_vec();
    assert_eq!(SerialStateSer::try_from(&taken_in(&state)).unwrap().in_buffer, b"typed");
    // A character that is being sent, which vm-superio never has.
    state.line_status = 0x20;
    let refused = SerialStateSer::try_from(&taken_in(&state)).unwrap_err();
    assert_eq!(refused.field, "line_status");
    assert!(refused.reason.contains("being sent"), "{refused}");
    state.line_status = 0x60;
    state.interrupt_identification = 0x08;
    assert_eq!(
        SerialStateSer::try_from(&taken_in(&state)).unwrap_err().field,
        "interrupt_identification"
    );
}

#[test]
fn a_clock_goes_on_here_at_the_same_time() {
    let mut theirs = vm_superio::Rtc::new();
    // Set to another time than the host's.
    theirs.write(8, &1_000_000_u32.to_le_bytes());
    let mut mirror = RtcStateSer::try_from(&taken_in_rtc(&theirs.state())).unwrap();
    let before = read_theirs(&mut theirs);
    let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    mirror.resolve(host, Instant::EPOCH);
    let state = RtcState::try_from(&mirror).unwrap();
    let after = read_theirs(&mut theirs);
    let mut here = Rtc::from_state(
        &state,
        NoInterrupt,
        devstate_rtc_pl031::NoEvents,
        Instant::EPOCH,
        Clock::Wall,
    )
    .unwrap();
    let value = here.read(0, Instant::EPOCH);
    assert!((before..=after).contains(&value), "{before} {value} {after}");

    // And back: `saved_at` has to count from the Unix epoch for that.
    let saved_at = host.as_nanos() as u64;
    let out = VmSuperioRtcState::try_from(&RtcStateSer::new(&RtcState {
        saved_at: Instant::from_nanos(saved_at),
        ..state
    }))
    .unwrap();
    let back = vm_superio::RtcState {
        lr: out.lr,
        offset: out.offset,
        mr: out.mr,
        imsc: out.imsc,
        ris: out.ris,
    };
    let mut there = vm_superio::Rtc::from_state(&back, vm_superio::rtc_pl031::NoEvents);
    let (value, now) = (read_theirs(&mut there), read_theirs(&mut theirs));
    assert!(now.abs_diff(value) <= 1, "{value} {now}");
}

fn read_theirs(rtc: &mut vm_superio::Rtc<impl vm_superio::rtc_pl031::RtcEvents>) -> u32 {
    let mut value = [0; 4];
    rtc.read(0, &mut value);
    u32::from_le_bytes(value)
}
