//! What vm-superio's tests assert of its i8042, one test for each of them.

mod common;

use common::Signals;
use devstate_vm_superio::{I8042Device, Trigger};

#[test]
fn valid_operations() {
    let signals = Signals::default();
    let mut i8042 = I8042Device::new(signals.clone());
    assert_eq!(i8042.read(0), 0);
    i8042.write(4, 0xfe).unwrap();
    assert_eq!(signals.take(), 1);
    assert_eq!(i8042.reset_evt().take(), 0);
}

#[test]
fn other_commands_and_other_offsets_do_not_reset() {
    let signals = Signals::default();
    let mut i8042 = I8042Device::new(signals.clone());
    i8042.write(4, 0xff).unwrap();
    i8042.write(5, 0xfe).unwrap();
    assert_eq!(signals.take(), 0);
}

// What vm-superio has no test for.

#[test]
fn offsets_of_other_devices_read_0() {
    let mut i8042 = I8042Device::new(Signals::default());
    // Port 61h is the speaker's.
    for offset in [1, 2, 3, 5, 255] {
        assert_eq!(i8042.read(offset), 0, "{offset}");
    }
}

#[test]
fn the_error_of_the_reset_event_is_returned_once() {
    struct Broken;
    impl Trigger for Broken {
        type E = u8;
        fn trigger(&self) -> Result<(), u8> {
            Err(7)
        }
    }
    let mut i8042 = I8042Device::new(Broken);
    assert_eq!(i8042.write(4, 0xfe), Err(7));
    assert_eq!(i8042.write(4, 0xff), Ok(()));
}

#[test]
fn differs_the_status_register_is_real() {
    let mut i8042 = I8042Device::new(Signals::default());
    assert_ne!(i8042.read(4), 0);
    // The controller's self-test.
    i8042.write(4, 0xaa).unwrap();
    assert_eq!(i8042.read(0), 0x55);
}
