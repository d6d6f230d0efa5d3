//! Sections from bytes and to bytes.

#![allow(clippy::panic, reason = "a test")]

use devstate_qemu_section::{Section, SectionError, SectionProblem, section};

section! {
    /// A device.
    pub(crate) struct Device = "device", version 3 {
        /// A struct in it.
        pub(crate) queue: Queue = "parent_obj" | "common",
        /// Behind it.
        pub(crate) last: u16,
    }
    subsections {
        /// Of the device.
        pub(crate) late: Late,
        /// Of the device.
        pub(crate) early: Early,
    }
}

section! {
    /// Its queue.
    pub(crate) struct Queue = "queue", version 2 {
        /// A number.
        pub(crate) len: i32,
        /// Bytes.
        pub(crate) data: [u8; 3],
    }
    subsections {
        /// Of the queue.
        pub(crate) early: Early,
    }
}

section! {
    /// A subsection.
    pub(crate) struct Late = "device/late", version 1 {
        /// A number.
        pub(crate) by: u8,
    }
}

section! {
    /// Another one.
    pub(crate) struct Early = "early", version 0 {
        /// A number.
        pub(crate) by: i64,
    }
}

const WHOLE: Device = Device {
    queue: Queue {
        len: -2,
        data: *b"abc",
        early: Some(Early { by: -1 }),
    },
    last: 0x0102,
    late: Some(Late { by: 7 }),
    early: Some(Early { by: 9 }),
};

fn bytes(device: &Device) -> Vec<u8> {
    let mut buffer = [0xa5; Device::MAX_LEN];
    let len = device.write(&mut buffer).unwrap_or(0);
    buffer.iter().copied().take(len).collect()
}

const BYTES: &[u8] = b"\xff\xff\xff\xfeabc\x05\x05early\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\
    \x05\x0bdevice/late\0\0\0\x01\x07\x05\x05early\0\0\0\0\0\0\0\0\0\0\0\x09";

#[test]
fn fields_and_subsections_are_where_qemu_has_them() {
    assert_eq!(bytes(&WHOLE), BYTES);
    assert_eq!(Device::parse(BYTES), Ok(WHOLE));
    assert_eq!(Device::MAX_LEN, BYTES.len());
}

#[test]
fn subsections_may_be_absent_and_in_another_order() {
    let plain = Device {
        queue: Queue {
            early: None,
            ..WHOLE.queue
        },
        late: None,
        early: None,
        ..WHOLE
    };
    assert_eq!(bytes(&plain), b"\xff\xff\xff\xfeabc\x01\x02");
    assert_eq!(Device::parse(&bytes(&plain)), Ok(plain));
    let swapped =
        b"\xff\xff\xff\xfeabc\x01\x02\x05\x05early\0\0\0\0\0\0\0\0\0\0\0\x09\x05\x0bdevice/late\0\0\0\x01\x07";
    let expected = Device {
        queue: plain.queue,
        ..WHOLE
    };
    assert_eq!(Device::parse(swapped), Ok(expected));
}

#[test]
fn every_truncation_names_the_field_and_its_place() {
    for len in 0..BYTES.len() {
        let result = Device::parse(BYTES.get(..len).unwrap_or_default());
        // A subsection that is not there at all is no error. At 9 bytes, what begins one is the last field.
        if matches!(len, 9 | 28 | 46) {
            assert!(result.is_ok(), "{len}");
            continue;
        }
        let Err(error) = result else {
            panic!("{len} bytes are enough")
        };
        assert!(error.offset <= len, "{len}: {error}");
    }
    let error = Device::parse(b"\xff\xff\xff\xfeab");
    let problem = SectionProblem::Truncated { needed: 3, left: 2 };
    assert_eq!(
        error,
        Err(SectionError {
            offset: 4,
            field: "data",
            problem
        })
    );
}

#[test]
fn another_version_a_second_time_and_what_is_unknown_are_refused() {
    let plain = &b"\xff\xff\xff\xfeabc\x01\x02"[..];
    let late = |version: u8| [&b"\x05\x0bdevice/late\0\0\0"[..], &[version, 7]].concat();
    let error = |rest: Vec<u8>| Device::parse(&[plain, &rest].concat());
    let version = SectionProblem::Version { found: 2, known: 1 };
    assert_eq!(
        error(late(2)),
        Err(SectionError {
            offset: 22,
            field: "device/late",
            problem: version
        })
    );
    let twice = SectionError {
        offset: 27,
        field: "device/late",
        problem: SectionProblem::Twice,
    };
    assert_eq!(error([late(1), late(1)].concat()), Err(twice));
    let unknown = SectionProblem::Unknown { left: 10 };
    assert_eq!(
        error(b"\x05\x04lazy\0\0\0\x01".to_vec()),
        Err(SectionError {
            offset: 9,
            field: "device",
            problem: unknown
        })
    );
}

#[test]
fn a_buffer_that_is_too_small_is_refused_with_both_lengths() {
    for len in 0..BYTES.len() {
        let mut buffer = vec![0; len];
        assert!(WHOLE.write(&mut buffer).is_err(), "{len}");
    }
    let error = WHOLE.write(&mut [0; 5]);
    let problem = SectionProblem::NoRoom { needed: 3, left: 1 };
    assert_eq!(
        error,
        Err(SectionError {
            offset: 4,
            field: "data",
            problem
        })
    );
}
