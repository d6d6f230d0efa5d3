//! What is to be reached, and whether it is.

use crate::interrupts;
use crate::measure::Measured;

/// One line of the list.
pub struct Goal {
    pub what: String,
    pub wanted: String,
    pub found: String,
    pub reached: bool,
}

/// Looks one number up.
struct Numbers<'m>(&'m [Measured]);

impl Numbers<'_> {
    fn find(&self, name: &str) -> Option<&Measured> {
        self.0.iter().find(|one| one.name() == name)
    }

    fn count(&self, name: &str) -> f64 {
        self.find(name)
            .and_then(|one| one.instructions)
            .map_or(f64::NAN, |count| count as f64)
    }

    fn time(&self, name: &str) -> f64 {
        self.find(name).and_then(|one| one.nanoseconds).unwrap_or(f64::NAN)
    }

    fn bytes(&self, name: &str) -> f64 {
        self.find(name)
            .and_then(|one| one.bytes)
            .map_or(f64::NAN, |bytes| bytes as f64)
    }
}

fn at_most(what: impl Into<String>, limit: f64, found: f64, unit: &str) -> Goal {
    Goal {
        what: what.into(),
        wanted: format!("at most {limit}{unit}"),
        found: format!("{}{unit}", short(found)),
        reached: found <= limit,
    }
}

fn at_least(what: impl Into<String>, limit: f64, found: f64, unit: &str) -> Goal {
    Goal {
        what: what.into(),
        wanted: format!("at least {limit}{unit}"),
        found: format!("{}{unit}", short(found)),
        reached: found >= limit,
    }
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format!("{value:.2}")
    }
}

pub fn goals(measured: &[Measured]) -> Vec<Goal> {
    let numbers = Numbers(measured);
    let mut goals = Vec::new();
    payload(&numbers, &mut goals);
    snapshot(&numbers, &mut goals);
    exports(&numbers, &mut goals);
    for access in ["UART line status read", "UART transmit", "RTC counter read"] {
        let of = |who: &str| numbers.count(&format!("register access/{who}/{access}"));
        goals.push(at_most(
            format!("{access}, instructions; vm-superio's"),
            of("vm-superio"),
            of("devstate"),
            "",
        ));
    }
    for (calls, host) in interrupts::measure()
        .iter()
        .flat_map(|rows| rows.first())
        .flat_map(|row| [(row.with_timer, "with a timer"), (row.without_timer, "without one")])
    {
        goals.push(at_most(
            format!("256 characters sent, 16 for each interrupt, host {host}: calls of `set_level`"),
            40.0,
            calls as f64,
            "",
        ));
    }
    goals
}

fn payload(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for (action, limit, versionize) in [("save", 270.0, 25.0), ("load", 290.0, 14.0)] {
        let of = |who: &str| numbers.count(&format!("payload/{who}/{action}"));
        let ours = of("devstate");
        goals.push(at_most(format!("payload, {action}, instructions"), limit, ours, ""));
        goals.push(at_least(
            format!("payload, {action}, fewer than versionize"),
            versionize,
            of("versionize") / ours,
            " times",
        ));
        goals.push(at_least(
            format!("payload, {action}, fewer than postcard"),
            2.5,
            of("postcard") / ours,
            " times",
        ));
        let older = numbers.count(&format!("version at run time/devstate/{action} v1"));
        goals.push(at_most(
            format!("payload, {action} at the older version, of the latest"),
            1.2,
            older / ours,
            "",
        ));
    }
}

fn snapshot(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for (action, firecracker) in [("save", 10.0), ("load", 5.0)] {
        let of = |who: &str| numbers.count(&format!("with header and checksum/{who}/{action}"));
        let ours = of("devstate");
        goals.push(at_most(
            format!("snapshot with one table of 2 KiB, {action}, instructions"),
            1_300.0,
            ours,
            "",
        ));
        let what = format!("snapshot, {action}, fewer than versionize in Firecracker's container");
        goals.push(at_least(what, firecracker, of("versionize") / ours, " times"));
    }
    let bytes = numbers.bytes("with header and checksum/devstate/save");
    goals.push(at_most("snapshot of the work", 125.0, bytes, " bytes"));
}

fn exports(numbers: &Numbers<'_>, goals: &mut Vec<Goal>) {
    for checksum in ["crc-fast", "sixteen tables"] {
        for size in [10, 1_000, 100_000] {
            let of = |who: &str| numbers.time(&format!("key-value export/{who} + {checksum}/{size} items"));
            let what = format!("export of {size} items with {checksum}, rate of packing by hand");
            goals.push(at_least(what, 0.95, of("by hand") / of("devstate"), ""));
        }
    }
    let case = numbers.find("key-value export/devstate + crc-fast/1000 items");
    if let Some((content, time)) = case.and_then(|case| Some((case.content?, case.nanoseconds?))) {
        goals.push(at_least(
            "export of 1000 items with SIMD",
            12.0,
            content as f64 / time,
            " GB/s",
        ));
    }
}
