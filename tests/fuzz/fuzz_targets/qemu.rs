//! Any bytes as a migration file of QEMU's, and as each section: they are refused, or give devices that go back in.

#![no_main]

use std::io::Cursor;

use devstate_core::Instant;
use devstate_i8042_ser::qemu::{I8042Sections, PckbdSection, Ps2KbdSection, Ps2MouseSection};
use devstate_qemu::Migration;
use devstate_qemu_section::Section;
use devstate_rtc_pl031_ser::qemu::Pl031Section;
use devstate_serial_16550_ser::qemu::SerialSection;
use libfuzzer_sys::fuzz_target;

const NOW: Instant = Instant::from_secs(77);

fuzz_target!(|data: &[u8]| {
    file(data);
    if let Some(section) = written_as_read::<SerialSection>(data)
        && let Ok(state) = section.to_state(NOW, &mut |_| true)
    {
        let again = SerialSection::from_state(&state, NOW, &mut |_| true).unwrap();
        again.to_state(NOW, &mut |_| true).unwrap();
    }
    if let Some(section) = written_as_read::<Pl031Section>(data) {
        let state = section.to_state(NOW, &mut |_| true).unwrap();
        Pl031Section::from_state(&state, NOW, &mut |_| true).unwrap();
    }
    controller(data);
});

fn file(data: &[u8]) {
    let ends = Migration::parse_file(&mut Cursor::new(data)).map(|ends| ends.trimmed());
    assert_eq!(Migration::parse(data).map(|whole| whole.trimmed()), ends);
    let Ok(migration) = Migration::parse(data) else { return };
    let Ok(devices) = migration.import(Some(5), &mut |_| true) else {
        return;
    };
    let again = migration.export(&devices, Some(5), &mut |_| true).unwrap();
    let migration = Migration::parse(&again).unwrap();
    assert_eq!(migration.import(Some(5), &mut |_| true).unwrap(), devices);
}

/// The sections of a controller, one behind the other: each has a length before it.
fn controller(data: &[u8]) {
    let mut rest = data;
    let mut next = || {
        let (len, behind) = rest.split_at_checked(2)?;
        let (section, behind) = behind.split_at_checked(usize::from(len[0]) << 8 | usize::from(len[1]))?;
        rest = behind;
        Some(section)
    };
    let (Some(controller), Some(keyboard), Some(mouse)) = (next(), next(), next()) else {
        return;
    };
    let sections = (
        written_as_read::<PckbdSection>(controller),
        written_as_read::<Ps2KbdSection>(keyboard),
        written_as_read::<Ps2MouseSection>(mouse),
    );
    let (Some(controller), Some(keyboard), Some(mouse)) = sections else {
        return;
    };
    let sections = I8042Sections {
        controller,
        keyboard,
        mouse,
    };
    let Ok(state) = sections.to_state(&mut |_| true) else {
        return;
    };
    for extended in [true, false] {
        let again = I8042Sections::from_state(&state, extended, &mut |_| true).unwrap();
        again.to_state(&mut |_| true).unwrap();
    }
}

/// The section, if the bytes are one. It has as many bytes when it is written, and reads as the same.
fn written_as_read<S: Section + PartialEq + core::fmt::Debug>(bytes: &[u8]) -> Option<S> {
    let section = S::parse(bytes).ok()?;
    let mut buffer = vec![0; S::MAX_LEN];
    let len = section.write(&mut buffer).unwrap();
    assert_eq!(len, bytes.len());
    assert_eq!(S::parse(&buffer[..len]).unwrap(), section);
    Some(section)
}
