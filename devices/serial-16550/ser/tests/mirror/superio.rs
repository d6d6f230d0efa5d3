//! The real vm-superio: a guest that was saved under it goes on under this device, and the other way.

use std::cell::Cell;

use devstate_serial_16550::{Clock, Config, Instant, SerialState};
use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState};
use vm_superio::serial::NoEvents;
use vm_superio::{Serial as Superio, SerialState as SuperioState, Trigger};

use crate::support::{device, restored};

#[derive(Default)]
struct Kicks(Cell<u32>);

impl Trigger for &Kicks {
    type E = ();

    fn trigger(&self) -> Result<(), ()> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

fn taken_in(state: &SuperioState) -> VmSuperioSerialState {
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
        in_buffer: heapless::Vec::from_slice(&state.in_buffer).unwrap(),
    }
}

fn given_out(state: &VmSuperioSerialState) -> SuperioState {
    SuperioState {
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

#[test]
fn both_start_from_the_same_registers() {
    assert_eq!(taken_in(&SuperioState::default()), VmSuperioSerialState::default());
}

#[test]
fn a_guest_of_vm_superio_goes_on_here() {
    let kicks = Kicks::default();
    let mut old = Superio::with_events(&kicks, NoEvents, Vec::new());
    for (offset, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (7, 0x77), (1, 0x03), (4, 0xeb)] {
        old.write(offset, value).unwrap();
    }
    old.write(0, b'$').unwrap();
    old.enqueue_raw_bytes(b"a command of more than sixteen characters")
        .unwrap();
    assert_eq!(old.read(0), b'a');

    let mut mirror = SerialStateSer::try_from(&taken_in(&old.state())).unwrap();
    let mut backlog = mirror.take_backlog().to_vec();
    let line = Cell::new(false);
    let mut new = restored(&SerialState::try_from(&mirror).unwrap(), &line);
    assert!(line.get());
    assert_eq!(new.read(2, Instant::EPOCH), 0xc4, "one source at a time");
    assert_eq!(
        [
            new.read(1, Instant::EPOCH),
            new.read(3, Instant::EPOCH),
            new.read(7, Instant::EPOCH)
        ],
        [old.read(1), old.read(3), old.read(7)]
    );
    assert_eq!(
        [new.read(4, Instant::EPOCH), old.read(4)],
        [0x0b, 0xeb],
        "bits that no 16550A has"
    );
    let mut read = Vec::new();
    while new.read(5, Instant::EPOCH) & 1 != 0 {
        read.push(new.read(0, Instant::EPOCH));
        let taken = new.receive(&backlog, Instant::EPOCH);
        backlog.drain(..taken);
    }
    assert_eq!(read, b" command of more than sixteen characters");
    assert_eq!(
        new.read(2, Instant::EPOCH),
        0xc2,
        "the transmitter's interrupt is still pending"
    );
}

#[test]
fn a_guest_of_ours_goes_on_under_vm_superio() {
    let line = Cell::new(false);
    let mut new = device(&line);
    new.output_mut().ready = true;
    for (offset, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, 0x01), (7, 0x77), (1, 0x03)] {
        new.write(offset, value, Instant::EPOCH);
    }
    assert_eq!(new.receive(b"exit", Instant::EPOCH), 4);

    let state = VmSuperioSerialState::try_from(&SerialStateSer::new(&new.state(Instant::EPOCH))).unwrap();
    let kicks = Kicks::default();
    let mut old = Superio::from_state(&given_out(&state), &kicks, NoEvents, Vec::new()).unwrap();
    assert!(kicks.0.get() > 0, "the pending interrupts were raised again");
    for offset in [1, 3, 5, 6, 7] {
        assert_eq!(
            old.read(offset),
            new.read(offset.into(), Instant::EPOCH),
            "offset {offset}"
        );
    }
    let read: Vec<_> = std::iter::repeat_with(|| old.read(0)).take(4).collect();
    assert_eq!(read, b"exit");
}

#[test]
fn a_reading_of_iir_under_vm_superio_loses_no_character_here() {
    let kicks = Kicks::default();
    let mut old = Superio::with_events(&kicks, NoEvents, Vec::new());
    old.write(1, 0x01).unwrap();
    old.enqueue_raw_bytes(b"x").unwrap();
    assert_eq!(old.read(2), 0xc4);
    // Its IIR now says that nothing is pending, with the character unread.
    let state = taken_in(&old.state());
    assert_eq!(state.interrupt_identification, 0x01);
    let mirror = SerialStateSer::try_from(&state).unwrap();
    let line = Cell::new(false);
    let device = devstate_serial_16550::Serial::from_state(
        &SerialState::try_from(&mirror).unwrap(),
        &line,
        crate::support::Sink::default(),
        devstate_serial_16550::NoEvents,
        Config::WITH_TIMER,
        Instant::EPOCH,
        Clock::Wall,
    );
    assert!(device.is_ok() && line.get());
}

#[cfg(feature = "serde")]
#[test]
fn the_json_that_vm_superio_ser_writes_is_taken_in() {
    let json = r#"{
        "baud_divisor_low": 1, "baud_divisor_high": 0, "interrupt_enable": 5, "interrupt_identification": 4,
        "line_control": 3, "line_status": 97, "modem_control": 11, "modem_status": 176, "scratch": 0,
        "in_buffer": [104, 105]
    }"#;
    let old: VmSuperioSerialState = serde_json::from_str(json).unwrap();
    let mirror = SerialStateSer::try_from(&old).unwrap();
    assert_eq!(SerialState::try_from(&mirror).unwrap().rx.as_slice(), b"hi");
    let again: SerialStateSer = serde_json::from_str(&serde_json::to_string(&mirror).unwrap()).unwrap();
    assert_eq!(again, mirror);
    let too_long = json.replace("[104, 105]", &format!("{:?}", [0; 65]));
    assert!(serde_json::from_str::<VmSuperioSerialState>(&too_long).is_err());
}
