//! The program as people run it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const X86: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/linux-6.1-x86-serial-i8042.trace");
const ARM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/linux-6.1-arm64-pl031.trace");

struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Runs the program in a directory that has nothing of the repository.
fn run(arguments: &[&str]) -> Ran {
    let elsewhere = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_replay"))
        .args(arguments)
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    Ran {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn summaries(ran: &Ran) -> Vec<&str> {
    ran.out.lines().filter(|line| line.contains(" events, ")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn without_arguments_it_replays_the_shipped_guests_wherever_it_is() {
    let ran = run(&[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let [x86, arm] = summaries(&ran)[..] else {
        panic!("{}", ran.out)
    };
    let start = "linux-6.1-x86-serial-i8042: 48934 events, 23873 reads checked, 0 mismatches, 2 known differences, 48934 snapshots, ";
    assert!(x86.starts_with(start) && x86.ends_with(" bytes"), "{x86}");
    let start = "linux-6.1-arm64-pl031: 66 events, 36 reads checked, 0 mismatches, 1 known differences, 66 snapshots, ";
    assert!(arm.starts_with(start) && arm.contains(".."), "{arm}");
    assert_eq!(ran.out.lines().last(), Some("total: 0 mismatches"));
    for said in [
        "Linux version 6.1",
        "\nkeys sent: a b shift caps_lock up ret ctrl_r delete\nmouse packets: 9\n",
        "\nknown difference status-command-bit: 398 reads, first in line 1: ",
        "\nknown difference status-system-flag: 551 reads, first in line 19: ",
        "\nknown difference revision: 1 reads, first in line 3: ",
    ] {
        assert!(ran.out.contains(said), "{said}");
    }
    assert!(!ran.out.contains('\r') && !ran.out.contains('\x1b'));
}

#[test]
fn quiet_says_the_last_lines_only() {
    let ran = run(&["--quiet"]);
    assert_eq!((ran.status, ran.out.lines().count()), (0, 3), "{}", ran.out);
}

#[test]
fn every_says_how_often() {
    for (every, snapshots) in [
        ("0", "0 snapshots, 0..0 bytes"),
        ("10", "6 snapshots, "),
        ("66", "1 snapshots, "),
    ] {
        let ran = run(&["--every", every, ARM]);
        assert_eq!(ran.status, 0);
        assert!(summaries(&ran)[0].contains(snapshots), "{}", ran.out);
    }
}

#[test]
fn a_mismatch_makes_it_exit_1_and_name_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("changed.trace");
    let original = std::fs::read_to_string(ARM).unwrap();
    std::fs::write(&path, original.replacen("rtc r 18 1", "rtc r 18 0", 1)).unwrap();
    let line = original.lines().position(|line| line == "rtc r 18 1").unwrap() + 1;
    let ran = run(&["-q", text(&path), ARM]);
    assert_eq!(ran.status, 1);
    let said = format!("{}:{line}: rtc r 18: expected 0, got 1\n", path.display());
    assert!(ran.out.starts_with(&said), "{}", ran.out);
    assert!(summaries(&ran)[0].starts_with("changed: 66 events, 36 reads checked, 1 mismatches, "));
    assert_eq!(ran.out.lines().last(), Some("total: 1 mismatches"));
}

#[test]
fn a_guest_goes_on_in_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join("half.snapshot");
    let whole = run(&[X86, ARM]);
    let sum = |parts: &[&Ran], column: usize| -> usize {
        let lines = parts.iter().flat_map(|part| summaries(part));
        lines
            .map(|line| line.split(' ').nth(column).unwrap().parse::<usize>().unwrap())
            .sum()
    };
    for at in ["0", "1", "20000", "46566", "48934", "48935", "48970", "49000"] {
        let first = run(&[X86, ARM, "--at", at, "--out", text(&snapshot)]);
        assert_eq!(first.status, 0, "{}", first.err);
        assert!(
            first.out.contains(&format!("bytes at release 3, after event {at}\n")),
            "{}",
            first.out
        );
        let second = run(&[X86, ARM, "--at", at, "--from", text(&snapshot)]);
        assert_eq!((second.status, second.err.as_str()), (0, ""), "{at}: {}", second.out);
        for column in [1, 3] {
            assert_eq!(sum(&[&first, &second], column), sum(&[&whole], column), "{at}");
        }
    }
}

#[test]
fn the_console_of_two_processes_is_that_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join("half.snapshot");
    let console = |ran: &Ran| ran.out[..ran.out.find("known difference").unwrap()].to_owned();
    let whole = console(&run(&[X86]));
    let first = console(&run(&[X86, "--at", "30001", "--out", text(&snapshot)]));
    let second = console(&run(&[X86, "--at", "30001", "--from", text(&snapshot)]));
    let flat = |text: String| text.replace('\n', "");
    assert_eq!(flat(first) + &flat(second), flat(whole));
}

#[test]
fn an_older_release_shows_its_losses() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join("old.snapshot");
    let ran = run(&["-q", "--release", "1"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("release 1 cannot hold, of 48934 snapshots (the devices concerned went on from the latest release):\n    i8042.config "), "{}", ran.out);
    assert!(ran.out.contains("\n    serial.fifo_control "));
    assert!(!ran.out.contains("rtc."));
    let ran = run(&["-q", "--release", "1", "--lossy", X86]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("(the guest went on without it)"));
    let ran = run(&["-q", ARM, "--release", "1", "--at", "30", "--out", text(&snapshot)]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.out
            .contains("66 bytes at release 1, after event 30\n    this release does not hold serial.fifo_control\n"),
        "{}",
        ran.out
    );
    let ran = run(&["-q", ARM, "--at", "30", "--from", text(&snapshot)]);
    assert_eq!(ran.status, 0, "{}", ran.out);
}

#[test]
fn unusable_input_gives_exit_status_2_and_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        text(&path).to_owned()
    };
    let bad_line = file("line.trace", b"serial idle\nserial r 9 0\n");
    let not_text = file("text.trace", b"serial idle\nserial \xff\n");
    let nothing = file("nothing.trace", b"");
    let snapshot = file("s", &[0; 40]);
    let long = file("long", &[0; 10_000]);
    let out = text(&dir.path().join("missing/out")).to_owned();
    let written = text(&dir.path().join("written")).to_owned();
    assert_eq!(run(&[ARM, "--at", "7", "--out", &written]).status, 0);
    let mut damaged = std::fs::read(&written).unwrap();
    damaged[40] ^= 1;
    let damaged = file("damaged", &damaged);
    for (arguments, said) in [
        (
            vec![bad_line.as_str()],
            "line.trace:2: expected a register from 0 to 7, found \"9\"",
        ),
        (
            vec![&not_text],
            "text.trace:2: expected text, found a byte that is not UTF-8 in column 8",
        ),
        (vec![&nothing], "nothing.trace: expected at least one event, found none"),
        (
            vec!["no/such.trace"],
            "no/such.trace: expected a file that can be read, found ",
        ),
        (vec!["--at", "7"], "--at needs --out FILE"),
        (vec!["--out", "x"], "--at <N>"),
        (vec!["--from", "x"], "--at <N>"),
        (vec!["--at", "7", "--from", "x", "--out", "y"], "cannot be used with"),
        (vec!["--at", "7", "--from", "no/such"], "cannot read no/such"),
        (
            vec!["--at", "49001", "--out", "x"],
            "--at 49001: there are only 49000 events",
        ),
        (
            vec!["--at", "67", "--out", "x", ARM],
            "--at 67: there are only 66 events",
        ),
        (vec!["--at", "7", "--out", &out, ARM], "cannot create"),
        (vec!["--at", "7", "--from", &snapshot, ARM], "/s: "),
        (vec!["--at", "7", "--from", &long, ARM], "longer than"),
        (vec!["--at", "7", "--from", &damaged, ARM], "checksum"),
        (
            vec!["--at", "8", "--from", &written, ARM],
            "it was written after event 7 of its trace, not after event 8",
        ),
        (vec!["--release", "4"], "the releases are 1, 2, 3"),
        (vec!["--every", "often"], "--every"),
        (vec!["--sideways"], "--sideways"),
    ] {
        let ran = run(&arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn help_explains_the_last_lines_and_the_exit_status() {
    let ran = run(&["--help"]);
    assert_eq!(ran.status, 0);
    for said in [
        "--every <N>",
        "--release <R>",
        "--at <N>",
        "--out <FILE>",
        "--from <FILE>",
        "--quiet",
        "Exit status: 0 without",
    ] {
        assert!(ran.out.contains(said), "{said}");
    }
}

/// A full device, and a pipe that nobody reads.
#[test]
fn nothing_that_is_printed_panics() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let unread = || Stdio::from(std::io::pipe().unwrap().1);
    for (arguments, expected) in [
        (&[ARM][..], 2),
        (&["/nonexistent"], 2),
        (&["--help"], 0),
        (&["--nonsense"], 2),
    ] {
        for error in [full(), unread()] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
            let status = command.args(arguments).stdout(full()).stderr(error).status().unwrap();
            assert_eq!(status.code(), Some(expected), "{arguments:?}");
        }
    }
}

#[test]
fn a_file_name_tells_the_terminal_nothing() {
    let elsewhere = tempfile::tempdir().unwrap();
    let nasty = elsewhere.path().join("\u{1b}[2J\r\n");
    let nasty = text(&nasty);
    let saved = run(&[ARM, "--at", "30", "--out", nasty]);
    assert_eq!((saved.status, saved.err.as_str()), (0, ""));
    let broken = run(&[X86, "--at", "30", "--from", ARM, nasty]);
    for said in [saved.out, broken.err, run(&["/nonexistent/\u{1b}[2J"]).err] {
        assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    }
}

#[test]
fn a_log_of_qemu_becomes_a_trace_that_replays() {
    let folder = tempfile::tempdir().unwrap();
    let [log, trace] = ["rtc.log", "rtc.trace"].map(|name| folder.path().join(name));
    let lines = "\
        pl031_read addr 0x00000000 value 0x00000010\n\
        pl031_write addr 0x00000004 value 0x00000012\n\
        pl031_set_alarm alarm set for 2 ticks\n\
        pl031_read addr 0x00000000 value 0x00000010\n";
    std::fs::write(&log, lines).unwrap();
    let ran = run(&["record", text(&trace), "--log", text(&log)]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("rtc.trace: 4 events"), "{}", ran.out);
    let ran = run(&[text(&trace)]);
    assert_eq!(
        ran.out.lines().last(),
        Some("total: 0 mismatches"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn the_schema_of_the_machine_is_json() {
    let ran = run(&["--schema"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with('{') && ran.out.contains("\"MachineStateSer\""),
        "{}",
        ran.out
    );
}
