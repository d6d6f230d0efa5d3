//! Measures devstate beside other encoders and devices. `README.md` says how to read it and how to add a peer.

mod allocations;
mod callgrind;
mod case;
mod chart;
mod checksums;
mod conversions;
mod exports;
mod forwarding;
mod goals;
mod interrupts;
mod linear;
mod measure;
mod peer;
mod peers;
mod registers;
mod releases;
mod replays;
mod report;
mod sizes;
mod table;
mod vm_superio_ser;
mod work;

use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;

use crate::case::{Case, of_work};
use crate::work::flat::FlatWork;
use crate::work::nested::NestedWork;

/// Instruction counts and times of devstate and of others that do the same.
#[derive(Parser)]
enum Command {
    /// Count the instructions of every case, or of those whose name contains FILTER.
    Count { filter: Option<String> },
    /// Take the time of every case, or of those whose name contains FILTER.
    Times { filter: Option<String> },
    /// Take the time of an export on its way through a client to a file.
    Forward,
    /// Counts the calls that drive the UART's interrupt
    Interrupts,
    /// Compare the counts with the table in `counts.tsv`, or with `--accept` write it anew.
    Check {
        #[arg(long)]
        accept: bool,
    },
    /// Measure everything, write BENCHMARKS.md and its pictures, and the table of counts.
    Report,
    /// Run each of the cases twice, the second time where valgrind counts.
    #[command(hide = true)]
    RunOnce { names: Vec<String> },
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    of_work::<NestedWork>(&mut cases);
    of_work::<FlatWork>(&mut cases);
    vm_superio_ser::cases(&mut cases);
    checksums::cases(&mut cases);
    releases::cases(&mut cases);
    conversions::cases(&mut cases);
    registers::cases(&mut cases);
    exports::cases(&mut cases);
    // Groups together, each in the order in which its cases were made.
    let mut groups: Vec<&str> = Vec::new();
    for case in &cases {
        if !groups.contains(&case.group) {
            groups.push(case.group);
        }
    }
    cases.sort_by_key(|case| (groups.iter().position(|group| *group == case.group), case.only_timed));
    cases
}

/// The largest store is made on the stack on its way to the heap where the compiler does not see that it need not.
const STACK: usize = 256 << 20;

fn main() -> Result<()> {
    let command = Command::parse();
    let worker = thread::Builder::new().stack_size(STACK).spawn(move || run(&command))?;
    worker.join().map_err(|_| anyhow!("measuring panicked"))?
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Count { filter } => count(filter.as_deref().unwrap_or_default()),
        Command::Times { filter } => times(filter.as_deref().unwrap_or_default()),
        Command::Forward => forward(),
        Command::Interrupts => interrupts(),
        Command::Check { accept } => check(*accept),
        Command::Report => report::write(),
        Command::RunOnce { names } => run_once(names),
    }
}

fn selected(filter: &str) -> Result<Vec<Case>> {
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|case| case.name().contains(filter))
        .collect();
    if cases.is_empty() {
        bail!("no case has `{filter}` in its name");
    }
    Ok(cases)
}

fn count(filter: &str) -> Result<()> {
    for one in measure::count(selected(filter)?)? {
        if let Some(count) = one.instructions {
            let bytes = one.bytes.map_or(String::new(), |bytes| format!("{bytes} bytes"));
            println!(
                "{:70} {count:8}  {bytes:10} {} allocations",
                one.name(),
                one.allocations
            );
        }
    }
    Ok(())
}

fn times(filter: &str) -> Result<()> {
    let mut cases = selected(filter)?;
    let times = measure::time(&mut cases, report::ROUNDS);
    for (case, time) in cases.iter().zip(times) {
        let rate = case
            .content
            .map_or(String::new(), |bytes| format!("{:8.0} MB/s", bytes as f64 * 1e3 / time));
        println!("{:70} {time:12.1} ns {rate}", case.name());
    }
    Ok(())
}

fn forward() -> Result<()> {
    for cost in forwarding::measure()? {
        let (server, client) = (cost.server as f64 / 1e3, cost.client as f64 / 1e3);
        println!(
            "{:6} items  {:58} server {server:9.1} µs  client {client:9.1} µs",
            cost.items, cost.design
        );
    }
    Ok(())
}

fn interrupts() -> Result<()> {
    for calls in interrupts::measure()? {
        let theirs = calls.vm_superio.map_or("stops".to_owned(), |calls| calls.to_string());
        println!(
            "{:44} {:4} with a timer {:4} without {theirs:>6} vm-superio",
            calls.driver, calls.with_timer, calls.without_timer
        );
    }
    Ok(())
}

fn check(accept: bool) -> Result<()> {
    let mut measured = measure::count(cases())?;
    time_goals(&mut measured);
    let too_steep = linear::failures(&measured);
    if !too_steep.is_empty() {
        bail!(
            "the cost of an export grows faster than its bytes\n{}",
            too_steep.join("\n")
        );
    }
    print!("{}", report::goals_table(&measured));
    if accept {
        return table::accept(&measured);
    }
    let (failures, remarks) = table::compare(&measured)?;
    for remark in remarks {
        println!("{remark}");
    }
    if failures.is_empty() {
        println!("{} counts are as in the table, or less", measured.len());
        return Ok(());
    }
    bail!(
        "{}\nIf this is meant, run `cargo xtask bench --accept` and commit the table together with the change",
        failures.join("\n")
    )
}

/// Takes the times that goals are about. They are printed and never tested.
fn time_goals(measured: &mut [measure::Measured]) {
    let is_timed = |group: &str| goals::TIMED.contains(&group);
    let mut cases: Vec<Case> = cases().into_iter().filter(|case| is_timed(case.group)).collect();
    let times = measure::time(&mut cases, report::ROUNDS);
    let timed = measured.iter_mut().filter(|one| is_timed(one.group));
    for (one, time) in timed.zip(times) {
        one.nanoseconds = Some(time);
    }
}

fn run_once(names: &[String]) -> Result<()> {
    let mut cases = cases();
    cases.push(Case::new("", "", "", || ()));
    for name in names {
        let wanted = if name == callgrind::NOTHING { "//" } else { name };
        let case = cases
            .iter_mut()
            .find(|case| case.name() == wanted)
            .with_context(|| format!("no case {name}"))?;
        // The first time warms up what is made once.
        (case.run)();
        callgrind::devstate_bench_measured(&mut case.run);
    }
    Ok(())
}
