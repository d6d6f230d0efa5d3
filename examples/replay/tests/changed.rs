//! A trace that was tampered with is found out, whatever read it was.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::fmt::Write;

use devstate_replay::{
    Event, I8042Event, Release, RtcEvent, SerialEvent, Settings, Span, Step, Trace, replay, shipped_traces,
};

/// Only the devices: what snapshots do is tried elsewhere.
const QUICKLY: Settings = Settings {
    every: 0,
    release: Release::V3,
    lossy: false,
};

/// Changes the value that the guest read there, if it is a read. Not to the same, whatever `change` is.
fn change_read(step: &mut Step, change: u32) -> bool {
    let byte = |value: &mut u8| *value ^= (change % 255 + 1) as u8;
    match &mut step.event {
        Event::Serial(SerialEvent::Read { value, .. }) | Event::I8042(I8042Event::Read { value, .. }) => byte(value),
        Event::Rtc(RtcEvent::Read { value, .. }) => *value ^= change | 1,
        _ => return false,
    }
    true
}

fn lines_found(trace: &Trace) -> Vec<usize> {
    let report = replay(trace, &QUICKLY, Span::WHOLE).unwrap();
    report.mismatches.iter().map(|mismatch| mismatch.line).collect()
}

/// A linear congruential generator, so that a failure can be repeated.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}

#[test]
fn any_changed_read_is_named() {
    let mut seeded = Seeded(20_261_121);
    let traces = shipped_traces().unwrap();
    let mut changed = 0;
    while changed < 200 {
        let original = &traces[usize::from(changed >= 180)];
        let index = seeded.next() as usize % original.steps.len();
        let mut trace = original.clone();
        if !change_read(&mut trace.steps[index], seeded.next()) {
            continue;
        }
        let line = trace.steps[index].line;
        assert_eq!(lines_found(&trace), [line], "{}:{line}", trace.file);
        changed += 1;
    }
}

#[test]
fn a_single_read_that_takes_the_manuals_side_of_a_difference_is_named() {
    let original = &shipped_traces().unwrap()[0];
    let status_reads = original.steps.iter().enumerate().filter(|(_, step)| {
        let Event::I8042(I8042Event::Read { port, .. }) = step.event else {
            return false;
        };
        port == devstate_replay::Port::Command
    });
    for (index, step) in status_reads.step_by(29) {
        for bit in [0x04, 0x08] {
            let mut trace = original.clone();
            let Event::I8042(I8042Event::Read { value, .. }) = &mut trace.steps[index].event else {
                unreachable!()
            };
            *value ^= bit;
            assert_eq!(lines_found(&trace), [step.line], "bit {bit:#x}");
        }
    }
}

#[test]
fn a_changed_interrupt_level_or_scan_code_is_named() {
    let [x86, arm] = <[Trace; 2]>::try_from(shipped_traces().unwrap()).unwrap();
    let mut levels = 0;
    for index in 0..arm.steps.len() {
        let mut trace = arm.clone();
        if let Event::Rtc(RtcEvent::Interrupt(level)) = &mut trace.steps[index].event {
            *level = !*level;
            assert_eq!(lines_found(&trace), [trace.steps[index].line]);
            levels += 1;
        }
    }
    assert_eq!(levels, 12);
    let is_key = |index: &usize| matches!(x86.steps[*index].event, Event::I8042(I8042Event::Key { .. }));
    for index in (0..x86.steps.len()).filter(is_key) {
        let mut trace = x86.clone();
        if let Event::I8042(I8042Event::Key { codes, .. }) = &mut trace.steps[index].event {
            codes.push(0x5a);
        }
        // The guest then reads the recorded codes, one more than it did.
        assert_eq!(lines_found(&trace).first(), Some(&trace.steps[index].line));
    }
}

#[test]
fn a_machine_that_follows_the_manual_is_no_mismatch() {
    let text =
        "i8042 w 64 aa\ni8042 r 64 0d\ni8042 r 60 55\ni8042 w 64 60\ni8042 w 60 00\ni8042 r 64 10\nrtc r fe8 4\n";
    let text = text.replace("0d", "1d");
    let report = replay(&Trace::parse("real", &text).unwrap(), &Settings::default(), Span::WHOLE).unwrap();
    assert_eq!(report.mismatches, []);
    assert!(report.known.is_empty());
}

#[test]
fn the_mouses_status_differs_in_its_buttons_and_before_a_reset_in_its_settings() {
    let packet = "i8042 w 64 d4\ni8042 w 60 f4\ni8042 r 60 fa\ni8042 mouse 0 0 0 1\ni8042 r 60 09\ni8042 r 60 00\ni8042 r 60 00\n";
    let status = |bytes: [u8; 3]| {
        let mut text = format!("{packet}i8042 w 64 d4\ni8042 w 60 e9\ni8042 r 64 39\ni8042 r 60 fa\n");
        for byte in bytes {
            writeln!(text, "i8042 r 64 39\ni8042 r 60 {byte:02x}").unwrap();
        }
        let report = replay(&Trace::parse("e9", &text).unwrap(), &QUICKLY, Span::WHOLE).unwrap();
        let names: Vec<_> = report.known.iter().map(|known| known.difference.name).collect();
        (report.mismatches.len(), names.join(" "))
    };
    let (command_bit, both) = (
        "status-command-bit",
        "status-command-bit mouse-status-buttons mouse-after-power-on",
    );
    assert_eq!(status([0x24, 2, 100]), (0, command_bit.to_owned()));
    assert_eq!(status([0x20, 0, 0]), (0, both.to_owned()));
    for bytes in [[0x21, 0, 0], [0x30, 0, 0], [0x20, 1, 0], [0x20, 0, 99], [0x20, 0, 100]] {
        assert_ne!(status(bytes).0, 0, "{bytes:x?}");
    }
}

#[test]
fn time_that_a_trace_lets_pass_ends_at_the_last_moment_of_the_clock() {
    // 584 years are the end of nanoseconds in 64 bits. Five of these steps are beyond it.
    let text = "rtc elapse 4294967295\n".repeat(6);
    let report = replay(&Trace::parse("long", &text).unwrap(), &Settings::default(), Span::WHOLE).unwrap();
    assert_eq!((report.snapshots, report.mismatches.len()), (6, 0));
}
