//! The format of traces: what is taken, and what is said of what is not.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::path::Path;

use devstate_replay::{Event, I8042Event, Packet, RtcEvent, SerialEvent, Settings, Span, Trace, replay};

fn parse(text: &str) -> Trace {
    Trace::parse("a.trace", text).unwrap()
}

fn error(text: &str) -> String {
    Trace::parse("a.trace", text).unwrap_err().to_string()
}

#[test]
fn comments_empty_lines_and_line_ends_of_both_kinds_are_fine() {
    let trace = parse("# recorded by hand\r\n\r\nserial idle\r\n\nrtc irq 1\n# the end");
    let lines: Vec<_> = trace.steps.iter().map(|step| step.line).collect();
    assert_eq!(lines, [3, 5]);
    assert_eq!(trace.steps[0].event, Event::Serial(SerialEvent::Idle));
    assert_eq!(trace.steps[1].event, Event::Rtc(RtcEvent::Interrupt(true)));
}

#[test]
fn the_horizontal_wheel_may_be_left_out() {
    let packet = |text| match parse(text).steps[0].event {
        Event::I8042(I8042Event::Mouse(packet)) => packet,
        ref other => panic!("{other:?}"),
    };
    let expected = Packet {
        dx: -127,
        dy: 5,
        dz: -1,
        buttons: 0x1f,
        dw: 0,
    };
    assert_eq!(packet("i8042 mouse -127 5 -1 1f"), expected);
    assert_eq!(packet("i8042 mouse -127 5 -1 1f -3"), Packet { dw: -3, ..expected });
}

#[test]
fn a_bad_line_is_named_with_what_was_expected() {
    for (text, expected) in [
        ("parallel r 0 0", "expected serial, i8042 or rtc, found \"parallel\""),
        ("serial", "expected w, r, rx or idle after serial, found the line's end"),
        ("serial x", "expected w, r, rx or idle after serial, found \"x\""),
        ("serial w 8 00", "expected a register from 0 to 7, found \"8\""),
        ("serial r 0 100", "expected a value from 0 to ff, found \"100\""),
        ("serial r 0 0x1", "expected a value from 0 to ff, found \"0x1\""),
        ("serial r 0 +1", "expected a value from 0 to ff, found \"+1\""),
        ("serial r 0", "expected a value from 0 to ff, found the line's end"),
        ("serial r 0 1 2", "expected the line's end, found \"2\""),
        (
            "serial  r 0 1",
            "expected w, r, rx or idle after serial, found an empty word (words are separated by one space)",
        ),
        (
            "serial r 0 1 ",
            "expected the line's end, found an empty word (words are separated by one space)",
        ),
        (
            " serial r 0 1",
            "expected serial, i8042 or rtc, found an empty word (words are separated by one space)",
        ),
        ("serial idle now", "expected the line's end, found \"now\""),
        ("i8042 r 61 00", "expected port 60 or 64, found \"61\""),
        (
            "i8042 key any down 1c",
            "expected a key by QEMU's name for it, such as a, ret or ctrl_r, found \"any\"",
        ),
        ("i8042 key a sideways", "expected up or down, found \"sideways\""),
        (
            "i8042 key a down 1c 123",
            "expected a scan code from 0 to ff, found \"123\"",
        ),
        (
            "i8042 mouse 256 0 0 0",
            "expected a movement from -256 to 255, found \"256\"",
        ),
        (
            "i8042 mouse 0 0 128 0",
            "expected a movement of the wheel from -128 to 127, found \"128\"",
        ),
        ("i8042 mouse 0 0 0 20", "expected buttons from 0 to 1f, found \"20\""),
        (
            "i8042 mouse 0 0 0 0 32",
            "expected a movement of the horizontal wheel from -32 to 31, found \"32\"",
        ),
        (
            "i8042 mouse 1-1 0 0 0",
            "expected a movement from -256 to 255, found \"1-1\"",
        ),
        ("rtc r 1000 0", "expected a register from 0 to fff, found \"1000\""),
        (
            "rtc w 0 100000000",
            "expected a value from 0 to ffffffff, found \"100000000\"",
        ),
        ("rtc epoch -1", "expected seconds from 0 to 4294967295, found \"-1\""),
        (
            "rtc elapse 4294967296",
            "expected seconds from 0 to 4294967295, found \"4294967296\"",
        ),
        ("rtc irq 2", "expected 0 or 1, found \"2\""),
    ] {
        assert_eq!(
            error(&format!("serial idle\n{text}\n")),
            format!("a.trace:2: {expected}")
        );
    }
    assert_eq!(error("# nothing\n"), "a.trace: expected at least one event, found none");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Trace::read(Path::new("no/such.trace")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no/such.trace: expected a file that can be read, found ")
    );
}

#[test]
fn a_packet_after_the_write_that_asks_for_it_is_part_of_the_answer() {
    let remote = "i8042 w 64 d4\ni8042 w 60 f0\ni8042 r 60 fa\ni8042 w 64 d4\n";
    let answer = "i8042 r 60 fa\ni8042 r 60 29\ni8042 r 60 05\ni8042 r 60 fd\n";
    let trace = parse(&format!("{remote}i8042 w 60 eb\ni8042 mouse 5 -3 0 1\n{answer}"));
    let report = replay(&trace, &Settings::default(), Span::WHOLE).unwrap();
    assert_eq!(report.mismatches, []);
    assert_eq!((report.reads, report.packets), (5, 1));
}
