//! The JSON that cloud-hypervisor and crosvm keep of their UARTs, as the README has it.

use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::{CloudHypervisorSerialState, CrosvmSerialState, SerialStateSer, VmSuperioSerialState};

/// The sample in the README.
fn sample() -> &'static str {
    let readme = include_str!("../../README.md");
    let (_, sample) = readme.split_once("```json\n").unwrap();
    sample.split_once("```").unwrap().0
}

fn without_the_hosts_fields() -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(sample()).unwrap();
    for field in ["has_input", "has_output", "last_write_was_newline"] {
        assert!(value.as_object_mut().unwrap().remove(field).is_some());
    }
    value
}

fn state(mirror: &SerialStateSer) -> SerialState {
    SerialState::try_from(mirror).unwrap()
}

#[test]
fn both_give_the_state_that_the_guest_had() {
    let crosvm: CrosvmSerialState = serde_json::from_str(sample()).unwrap();
    let cloud_hypervisor: CloudHypervisorSerialState = serde_json::from_value(without_the_hosts_fields()).unwrap();
    assert_eq!(CloudHypervisorSerialState::from(crosvm.clone()), cloud_hypervisor);
    assert!(!crosvm.last_write_was_newline);
    let mirror = SerialStateSer::try_from(&crosvm).unwrap();
    assert_eq!(SerialStateSer::try_from(&cloud_hypervisor).unwrap(), mirror);
    let state = state(&mirror);
    assert_eq!((state.divisor, state.ier, state.lcr, state.mcr), (1, 0x05, 0x13, 0x0b));
    assert_eq!((state.fcr, state.rx.as_slice()), (0x01, &b"ls\n"[..]));
}

#[test]
fn exported_states_have_exactly_their_fields() {
    let crosvm: CrosvmSerialState = serde_json::from_str(sample()).unwrap();
    let mirror = SerialStateSer::try_from(&crosvm).unwrap();
    let back = CloudHypervisorSerialState::try_from(&mirror).unwrap();
    let mut expected = without_the_hosts_fields();
    // It follows from the characters that wait: received data, which the guest has enabled.
    expected["interrupt_identification"] = 4.into();
    assert_eq!(serde_json::to_value(&back).unwrap(), expected);
    let back = CrosvmSerialState::try_from(&mirror).unwrap();
    for field in ["has_input", "has_output", "last_write_was_newline"] {
        expected[field] = true.into();
    }
    assert_eq!(serde_json::to_value(&back).unwrap(), expected);
}

#[test]
fn they_lose_what_vm_superio_loses_and_no_more() {
    let mut theirs = CloudHypervisorSerialState {
        baud_divisor: 0x1234,
        scratch: 0x5a,
        ..CloudHypervisorSerialState::default()
    };
    theirs.in_buffer = (0..64).collect();
    theirs.line_status |= 1;
    let superio = VmSuperioSerialState::from(theirs.clone());
    assert_eq!((superio.baud_divisor_low, superio.baud_divisor_high), (0x34, 0x12));
    let mirror = SerialStateSer::try_from(&theirs).unwrap();
    assert_eq!(mirror, SerialStateSer::try_from(&superio).unwrap());
    assert_eq!(CloudHypervisorSerialState::try_from(&mirror).unwrap(), theirs);
}

#[test]
fn impossible_values_are_refused() {
    let refused = |field: &str, value: serde_json::Value| {
        let mut json = without_the_hosts_fields();
        json[field] = value;
        let read = serde_json::from_value::<CloudHypervisorSerialState>(json);
        read.map_or_else(
            |error| error.to_string(),
            |state| SerialStateSer::try_from(&state).unwrap_err().to_string(),
        )
    };
    assert!(
        refused("in_buffer", vec![0; 65].into()).contains("65"),
        "too many characters"
    );
    assert!(refused("baud_divisor", 70_000.into()).contains("70000"));
    assert!(!refused("line_status", 1.into()).is_empty());
    let mut missing = without_the_hosts_fields();
    missing.as_object_mut().unwrap().remove("scratch");
    let error = serde_json::from_value::<CloudHypervisorSerialState>(missing).unwrap_err();
    assert!(error.to_string().contains("scratch"));
    assert!(serde_json::from_value::<CrosvmSerialState>(without_the_hosts_fields()).is_err());
}
