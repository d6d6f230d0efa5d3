//! Reports as text.

use std::fmt::Write;

use devstate_replay::{KeyStroke, Report, printable};

use crate::arguments::Arguments;

/// More mismatches than these of one trace follow from the first.
const SHOWN_MISMATCHES: usize = 100;

/// What is to be said of one trace.
pub(crate) fn report(report: &Report, arguments: &Arguments) -> String {
    let mut text = String::new();
    if !arguments.quiet {
        text += &printable(&report.console);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        inputs(report, &mut text);
    }
    // Writing to a string cannot fail.
    for mismatch in report.mismatches.iter().take(SHOWN_MISMATCHES) {
        let _ = writeln!(text, "{mismatch}");
    }
    if let Some(more @ 1..) = report.mismatches.len().checked_sub(SHOWN_MISMATCHES) {
        let _ = writeln!(text, "… and {more} more mismatches");
    }
    if !arguments.quiet {
        for known in &report.known {
            let _ = writeln!(text, "known difference {known}");
        }
    }
    losses(report, arguments, &mut text);
    let _ = writeln!(text, "{}", report.summary());
    text
}

fn inputs(report: &Report, text: &mut String) {
    if !report.keys.is_empty() {
        let _ = writeln!(text, "keys sent: {}", keys(&report.keys));
    }
    if report.packets != 0 {
        let _ = writeln!(text, "mouse packets: {}", report.packets);
    }
}

/// A key that goes down and up again is its name; one that is held says when.
fn keys(strokes: &[KeyStroke]) -> String {
    let mut words = Vec::new();
    let mut rest = strokes;
    while let [first, after @ ..] = rest {
        let name = first.key.name();
        rest = match after {
            [second, after @ ..] if first.pressed && !second.pressed && second.key == first.key => {
                words.push(name.to_owned());
                after
            }
            _ => {
                let direction = if first.pressed { "down" } else { "up" };
                words.push(format!("({name} {direction})"));
                after
            }
        };
    }
    words.join(" ")
}

fn losses(report: &Report, arguments: &Arguments, text: &mut String) {
    let Some(first) = report.losses.first() else { return };
    let then = if arguments.lossy {
        "the guest went on without it"
    } else {
        "the devices concerned went on from the latest release"
    };
    let _ = writeln!(
        text,
        "release {} cannot hold, of {} snapshots ({then}):",
        first.release.number(),
        report.snapshots
    );
    for lost in &report.losses {
        let _ = writeln!(
            text,
            "    {:<32} in {}, first after line {}",
            lost.field, lost.snapshots, lost.first_line
        );
    }
}
