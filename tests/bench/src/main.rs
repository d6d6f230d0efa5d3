//! Measures devstate beside other encoders. `devstate-bench --help` says how.

#[macro_use]
mod work;
mod callgrind;
mod case;
mod peer;
mod peers;
mod registers;
mod releases;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::case::{Case, of_peer};

/// Instruction counts and times of devstate and of others that do the same.
#[derive(Parser)]
enum Command {
    /// Count the instructions of every case, or of those whose name contains FILTER.
    Count { filter: Option<String> },
    /// Run one case twice, the second time where valgrind counts.
    #[command(hide = true)]
    RunOnce { case: String },
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    of_peer::<peers::hand::Hand>(&mut cases);
    of_peer::<peers::devstate::Devstate>(&mut cases);
    of_peer::<peers::postcard::Postcard>(&mut cases);
    of_peer::<peers::bincode::Bincode>(&mut cases);
    of_peer::<peers::minicbor::Minicbor>(&mut cases);
    of_peer::<peers::versionize::VersionizePeer>(&mut cases);
    of_peer::<peers::json::Json>(&mut cases);
    registers::cases(&mut cases);
    releases::cases(&mut cases);
    cases
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Count { filter } => count(filter.as_deref().unwrap_or_default()),
        Command::RunOnce { case } => run_once(&case),
    }
}

fn count(filter: &str) -> Result<()> {
    let mut tables: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let empty = callgrind::count("nothing", 0)?;
    for case in cases() {
        if case.name().contains(filter) {
            let count = callgrind::count(&case.name(), empty)?;
            println!("{:60} {count:8} {}", case.name(), case.bytes.map_or(String::new(), |n| format!("{n} bytes")));
            tables.entry(case.group).or_default().insert(case.row.to_owned(), count.to_string());
        }
    }
    if tables.is_empty() {
        bail!("no case has `{filter}` in its name");
    }
    Ok(())
}

fn run_once(name: &str) -> Result<()> {
    let mut run: Box<dyn FnMut()> = if name == "nothing" {
        Box::new(|| ())
    } else {
        cases().into_iter().find(|case| case.name() == name).context("no such case")?.run
    };
    // The first time warms up what is made once.
    run();
    callgrind::devstate_bench_measured(&mut run);
    Ok(())
}
