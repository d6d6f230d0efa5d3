//! The shipped guests, and guests of other kernels, keys and mice: nothing is otherwise than it was recorded.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::path::Path;

use devstate_replay::{DIFFERENCES, Release, Report, Settings, Span, Trace, replay, shipped_traces};

fn whole(trace: &Trace, settings: &Settings) -> Report {
    let report = replay(trace, settings, Span::WHOLE).unwrap();
    assert_eq!(report.mismatches, [], "{} with {settings:?}", trace.file);
    assert_eq!(report.events, trace.steps.len());
    report
}

fn names(report: &Report) -> Vec<&str> {
    report.known.iter().map(|known| known.difference.name).collect()
}

#[test]
fn the_shipped_guests_notice_nothing() {
    let [x86, arm] = <[Trace; 2]>::try_from(shipped_traces().unwrap()).unwrap();
    for every in [1, 0, 2, 7, 1000] {
        for &release in Release::ALL {
            let settings = Settings {
                every,
                release,
                lossy: false,
            };
            let report = whole(&x86, &settings);
            assert_eq!((report.events, report.reads), (48_934, 23_873));
            assert_eq!(report.snapshots, report.events.checked_div(every).unwrap_or(0));
            assert_eq!(names(&report), ["status-command-bit", "status-system-flag"]);
            let report = whole(&arm, &settings);
            assert_eq!((report.events, report.reads), (66, 36));
            assert_eq!(names(&report), ["revision"]);
        }
    }
}

#[test]
fn a_report_has_what_the_guest_printed_and_was_sent() {
    let [x86, _] = <[Trace; 2]>::try_from(shipped_traces().unwrap()).unwrap();
    let report = whole(&x86, &Settings::default());
    let console = String::from_utf8_lossy(&report.console);
    assert!(console.contains("Linux version 6.1"));
    let pressed = report.keys.iter().filter(|stroke| stroke.pressed);
    let pressed: Vec<_> = pressed.map(|stroke| stroke.key.name()).collect();
    assert_eq!(
        pressed,
        ["a", "b", "shift", "caps_lock", "up", "ret", "ctrl_r", "delete"]
    );
    assert_eq!(report.packets, 9);
    assert_eq!(report.state.events, 48_934);
    let (smallest, largest) = report.sizes;
    assert!(smallest > 32 && largest < 512 && smallest <= largest);
}

#[test]
fn guests_of_other_kernels_keys_and_mice_notice_nothing() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut guests = 0;
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "trace") {
            let trace = Trace::read(&path).unwrap();
            for &release in Release::ALL {
                let report = whole(
                    &trace,
                    &Settings {
                        release,
                        ..Settings::default()
                    },
                );
                assert!(report.reads > 20 && report.known.len() <= 3, "{}", path.display());
            }
            guests += 1;
        }
    }
    assert!(guests > 0);
}

#[test]
fn an_older_release_says_what_it_loses_and_only_that_hurts() {
    let [x86, _] = <[Trace; 2]>::try_from(shipped_traces().unwrap()).unwrap();
    let mut settings = Settings {
        release: Release::V1,
        ..Settings::default()
    };
    let report = whole(&x86, &settings);
    let lost: Vec<_> = report.losses.iter().map(|lost| lost.field.as_str()).collect();
    assert!(lost.contains(&"serial.fifo_control") && lost.contains(&"i8042.config"));
    assert!(lost.iter().all(|field| !field.starts_with("rtc")), "{lost:?}");
    settings.lossy = true;
    let report = replay(&x86, &settings, Span::WHOLE).unwrap();
    assert!(!report.mismatches.is_empty());
    settings.release = Release::LATEST;
    let report = whole(&x86, &settings);
    assert_eq!(report.losses, []);
}

#[test]
fn a_guest_of_one_device_only_needs_no_other() {
    for text in include_str!("../traces/linux-6.1-x86-serial-i8042.trace")
        .lines()
        .map(|line| line.split(' ').next())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let device = text.unwrap();
        let lines = include_str!("../traces/linux-6.1-x86-serial-i8042.trace").lines();
        let lines: Vec<_> = lines.filter(|line| line.starts_with(device)).collect();
        whole(
            &Trace::parse(device, &lines.join("\r\n")).unwrap(),
            &Settings::default(),
        );
    }
}

#[test]
fn every_known_difference_stands_in_its_devices_list() {
    let devices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices");
    let list = |device: &str| std::fs::read_to_string(devices.join(device).join("DIFFERENCES.md")).unwrap();
    let lists = list("i8042") + &list("rtc-pl031") + &list("serial-16550");
    for difference in &DIFFERENCES {
        let name = difference.name;
        assert!(lists.contains(&format!("\n| {name} | ")), "{name}");
    }
}
