//! What is to be reached, beside the limit and the best peer, and whether it is.

use crate::chart::thousands;
use crate::interrupts;
use crate::measure::Measured;
use crate::replays;

/// The groups whose times are compared with goals.
pub const TIMED: [&str; 3] = ["checksums", "key-value export", "the whole way"];

/// One line of the list. An empty limit or peer: there is none.
pub struct Goal {
    pub what: String,
    pub wanted: String,
    pub limit: String,
    pub peer: String,
    pub found: String,
    pub reached: bool,
}

/// What was measured, by name.
struct Numbers<'m>(&'m [Measured]);

impl Numbers<'_> {
    fn find(&self, name: &str) -> Option<&Measured> {
        self.0.iter().find(|one| one.name() == name)
    }

    fn count(&self, name: &str) -> f64 {
        let count = self.find(name).and_then(|one| one.instructions);
        count.map_or(f64::NAN, |count| count as f64)
    }

    /// Only where times were taken.
    fn time(&self, name: &str) -> Option<f64> {
        self.find(name)?.nanoseconds
    }
}

pub fn goals(measured: &[Measured]) -> Vec<Goal> {
    let numbers = Numbers(measured);
    let mut goals = Vec::new();
    encoders(&numbers, &mut goals);
    devices(&numbers, &mut goals);
    around_the_wire(&numbers, &mut goals);
    times(&numbers, &mut goals);
    ratios_of_times(&numbers, &mut goals);
    goals
}

/// Beside packing by hand and postcard or, where it has none of that, versionize.
fn encoders(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for (action, goal) in [("save", 270.0), ("load", 290.0)] {
        let of = |who: &str| numbers.count(&format!("payload/{who}/{action}"));
        let found = of("devstate");
        goals.push(at_most(format!("payload, {action}"), goal, found).beside(
            "by hand",
            of("by hand"),
            "postcard",
            of("postcard"),
        ));
    }
    for losses in ["nothing lost", "with losses"] {
        let of = |who: &str| numbers.count(&format!("at a version known at run time/{who}/save v1, {losses}"));
        let latest = numbers.count("payload/devstate/save");
        let what = format!("payload, save at version 1, copy and translation included, {losses}; of version 2");
        let goal = at_most(what, 1.2, of("devstate") / latest);
        goals.push(goal.beside(
            "by hand",
            of("by hand") / latest,
            "versionize",
            of("versionize") / latest,
        ));
    }
    for action in ["save", "load"] {
        let of = |who: &str| numbers.count(&format!("with header and checksum/{who}/{action}"));
        let goal = at_most(
            format!("snapshot with 2 KiB of tables, {action}"),
            1_550.0,
            of("devstate"),
        );
        goals.push(goal.beside("by hand", of("by hand"), "Firecracker's", of("versionize")));
    }
}

fn devices(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    let of = |who: &str, access: &str| numbers.count(&format!("register access/{who}/{access}"));
    for (access, goal) in [
        ("UART line status read", 23.0),
        ("UART transmit", 28.0),
        ("RTC counter read", 48.0),
        ("i8042 status read", 10.0),
    ] {
        let goal = at_most(access, goal, of("devstate", access));
        goals.push(goal.beside("", f64::NAN, "vm-superio", of("vm-superio", access)));
    }
    let of = |who: &str, way: &str| numbers.count(&format!("1,000 characters/{who}/{way}"));
    let way = "transmit, polled";
    let goal = at_most("1,000 characters sent, polled", 26_500.0, of("devstate", way));
    goals.push(goal.beside("", f64::NAN, "vm-superio", of("vm-superio", way)));
    let of = |who: &str| of(who, "receive, 16 at a time") / 992.0;
    let goal = at_most("a character received, with its polls", 54.0, of("devstate"));
    goals.push(goal.beside("", f64::NAN, "vm-superio", of("vm-superio")));
    if let Ok([sent, ..]) = interrupts::measure() {
        for (calls, host) in [(sent.with_timer, "with a timer"), (sent.without_timer, "without one")] {
            let what = format!("`set_level` for 256 characters sent 16 at a time, host {host}");
            let theirs = sent.vm_superio.map_or(f64::NAN, |calls| calls as f64);
            goals.push(at_most(what, 40.0, calls as f64).beside("", f64::NAN, "vm-superio's kicks", theirs));
        }
    }
}

fn around_the_wire(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for (device, step, goal) in [
        ("UART", "validate", 200.0),
        ("i8042", "validate", 340.0),
        ("UART", "mirror to state", 390.0),
        ("UART", "state to mirror", 155.0),
        ("i8042", "mirror to state", 636.0),
    ] {
        let found = numbers.count(&format!("around the wire/{device}/{step}"));
        goals.push(at_most(format!("{device}, {step}"), goal, found));
    }
}

/// Of this machine. The goals were set on another one.
fn times(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for (action, goal) in [("save", 240.0), ("restore", 310.0)] {
        if let Some(time) = numbers.time(&format!("the whole way/devstate/{action} three devices")) {
            let what = format!("{action} of three devices, the whole way: nanoseconds");
            goals.push(at_most(what, goal, time.round()));
        }
    }
    // Times are no more exact than this.
    let rate = replays::rate().map_or(f64::NAN, |rate| (rate / 1_000.0).round() * 1_000.0);
    goals.push(at_least("replay, saving after every event: events a second", 1e6, rate));
}

/// In one run on one machine.
fn ratios_of_times(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for action in ["save", "load"] {
        let time = |who: &str| numbers.time(&format!("checksums/devstate, {who}/{action}"));
        if let (Some(ours), Some(one)) = (time("the default"), time("one table of 2 KiB")) {
            let what = format!("snapshot, {action}: time, of one with the first version's checksum");
            goals.push(at_most(what, 0.55, ours / one));
        }
    }
    for (size, wanted) in [(10, 0.95), (1_000, 0.95), (100_000, 0.95)] {
        let of = |who: &str| numbers.time(&format!("key-value export/{who} + crc-fast/{size} items"));
        if let (Some(hand), Some(ours)) = (of("by hand"), of("devstate")) {
            let what = format!(
                "export of {} items: rate, of packing by hand",
                thousands(f64::from(size))
            );
            goals.push(at_least(what, wanted, hand / ours));
        }
    }
}

fn at_most(what: impl Into<String>, goal: f64, found: f64) -> Goal {
    verdict(what, "at most", goal, found, found <= goal)
}

fn at_least(what: impl Into<String>, goal: f64, found: f64) -> Goal {
    verdict(what, "at least", goal, found, found >= goal)
}

fn verdict(what: impl Into<String>, which: &str, goal: f64, found: f64, reached: bool) -> Goal {
    Goal {
        what: what.into(),
        wanted: format!("{which} {}", short(goal)),
        limit: String::new(),
        peer: String::new(),
        found: short(found),
        reached,
    }
}

impl Goal {
    fn beside(self, limit: &str, of_limit: f64, peer: &str, of_peer: f64) -> Self {
        let named = |name: &str, value: f64| match value.is_nan() {
            true => String::new(),
            false => format!("{name} {}", short(value)),
        };
        Self {
            limit: named(limit, of_limit),
            peer: named(peer, of_peer),
            ..self
        }
    }
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        thousands(value)
    } else if value < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}
