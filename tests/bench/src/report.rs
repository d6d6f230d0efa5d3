//! BENCHMARKS.md and its pictures.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::chart::{Bar, bars, thousands};
use crate::measure::Measured;
use crate::{cases, forwarding, goals, interrupts, measure, sizes, table};

/// Of which a time is the median.
pub const ROUNDS: usize = 41;

pub fn write() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Before this changes files itself.
    let commit = commit(&root);
    let mut measured = measure::count(cases())?;
    table::accept(&measured)?;
    for (one, time) in measured.iter_mut().zip(measure::time(&mut cases(), ROUNDS)) {
        one.nanoseconds = Some(time);
    }
    let text = text(&measured, &commit)?;
    fs::write(root.join("BENCHMARKS.md"), text)?;
    picture("payload.svg", &payload_picture(&measured))?;
    picture("export.svg", &export_picture(&measured))
}

fn picture(name: &str, svg: &str) -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pictures");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), svg).with_context(|| name.to_owned())
}

/// The last commit of the main branch below this one: a commit of a branch may be written anew before it gets there.
fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let base = git(&["merge-base", "HEAD", "main"]).unwrap_or_else(|| "HEAD".to_owned());
    git(&["rev-parse", "--short", &base]).unwrap_or_default()
}

fn text(measured: &[Measured], commit: &str) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench --report`; change that, not this. Everything stands beside its peers in \
         one run, and every round trip was checked before it was measured.\n\n",
    );
    writeln!(
        text,
        "- Machine: {}, {}",
        forwarding::processor()?,
        std::env::consts::OS
    )?;
    writeln!(
        text,
        "- Compiler: {}, release, one codegen unit, link-time optimisation",
        table::compiler()
    )?;
    writeln!(
        text,
        "- Commit: {commit}, or what was changed after it and came with this file\n"
    )?;
    text.push_str(
        "*Instructions* are counted by valgrind's callgrind: the same number on every run of the same program. *Times* are \
         medians, in processor time, of rounds in which the cases of a table take turns; they are this machine's and are never tested. \
         *Allocations* are what the program's allocator was asked for. A check in CI fails where a count of devstate's own grows \
         by more than 5 per cent, or where it allocates.\n",
    );
    text.push_str("\n## What was to be reached\n\nInstructions, unless it says otherwise.\n\n");
    text.push_str(&goals_table(measured));
    text.push_str("\nWhat is missed is explained in the [notes](#notes).\n");
    text.push_str("\n## Encoders\n\n![Instructions to save the work, logarithmic](tests/bench/pictures/payload.svg)\n");
    for group in measured.chunk_by(|one, next| one.group == next.group) {
        write_group(&mut text, group)?;
    }
    write_interrupts(&mut text)?;
    write_forwarding(&mut text)?;
    write_sizes(&mut text)?;
    text.push('\n');
    // The report is at the root.
    text.push_str(&include_str!("../NOTES.md").replace("](../../", "]("));
    Ok(text)
}

/// The table of goals, as it is printed and as it stands in BENCHMARKS.md.
pub fn goals_table(measured: &[Measured]) -> String {
    let mut text = String::from("| | goal | limit | best peer | found | |\n|---|---|---|---|--:|---|\n");
    for goal in goals::goals(measured) {
        let mark = if goal.reached { "reached" } else { "**missed**" };
        let goals::Goal {
            what,
            wanted,
            limit,
            peer,
            found,
            ..
        } = goal;
        let _ = writeln!(text, "| {what} | {wanted} | {limit} | {peer} | {found} | {mark} |");
    }
    text
}

/// The group's explanation, where its name does not say enough.
fn explanation(group: &str) -> &'static str {
    match group {
        "payload" => {
            "The state of three devices in the shape of real states: mirrors in mirrors, enums, one with a value, `Option`, and a \
             field whose meaning changed. Latest version, no header. Each peer has its best representation: bytes are copied in \
             one go. *By hand* is the limit: one bounds check for each struct, safe code, in place, no versions."
        }
        "payload, flat" => "Three flat structs: no enum, no `Option`, no mirror in a device's.",
        "at a version known at run time" => {
            "With everything that a caller pays. devstate copies, translates, and looks for losses, which no other does: packing by \
             hand and versionize drop what version 1 does not have."
        }
        "with header and checksum" => {
            "The same in a container. devstate: release, architecture, fingerprint, length, CRC-64 with 2 KiB of tables. By hand: \
             magic, length and CRC-64 with one table. versionize: Firecracker's header and crc64."
        }
        "RTC and UART, what vm-superio keeps of them" => {
            "vm-superio-ser as published, with versionize, against devstate's mirrors at version 1, which hold the same."
        }
        "checksums" => {
            "The work with header, and each implementation of the checksum. One table is the first version's; it and SIMD are a dozen lines of a caller's own."
        }
        "many devices, payload" => "How the cost grows with the devices in a snapshot.",
        "many releases, payload" => "How the cost grows with the releases in the table.",
        "between releases" => "RTC and UART, from each release to each.",
        "around the wire" => "What stands between a device and its payload.",
        "register access" => {
            "Including the call. vm-superio's UART keeps no time-out, no levels, no per-character errors; its i8042 has no \
             state at all: every read gives 0; its RTC asks the system for the time."
        }
        "1,000 characters" => {
            "At the guest's full rate, with the reads of the line status register that a driver makes."
        }
        "key-value export" => {
            "32-byte keys, values of 64 to 1,024 bytes, from the same store; MB/s of key and value bytes. By hand: magic, length, \
             the same CRC-64, and nothing is written where it does not fit, so it measures first. Without promises it does \
             none of that but the CRC-64: the limit.\n\n![Rates of an \
             export of 1,000 items](tests/bench/pictures/export.svg)"
        }
        "replay" => {
            "Two recorded guests, an early boot of Linux and a driver of the clock; 49,000 accesses and inputs."
        }
        "key-value export by length" => "32-byte keys: what an item costs beside its bytes, and how the whole grows.",
        _ => "",
    }
}

fn write_group(text: &mut String, group: &[Measured]) -> Result<()> {
    let Some(first) = group.first() else { return Ok(()) };
    let rated = first.content.is_some();
    writeln!(text, "\n### {}\n", capitalised(first.group))?;
    if !explanation(first.group).is_empty() {
        writeln!(text, "{}\n", explanation(first.group))?;
    }
    let mut columns: Vec<&str> = Vec::new();
    for one in group {
        if !columns.contains(&one.column.as_str()) {
            columns.push(&one.column);
        }
    }
    let extra = if rated {
        "MB/s | instr. a byte"
    } else {
        "bytes | allocations"
    };
    writeln!(
        text,
        "| | | instructions | of devstate's | ns | {extra} |\n|---|---|--:|--:|--:|--:|--:|"
    )?;
    for column in columns {
        let rows = || group.iter().filter(|one| one.column == column);
        let ours = rows()
            .find(|one| one.row.starts_with("devstate"))
            .and_then(|one| one.instructions);
        for one in rows() {
            let ratio = match (one.instructions, ours) {
                (Some(count), Some(ours)) if rows().count() > 1 && ours != 0 => {
                    format!("{:.2}", count as f64 / ours as f64)
                }
                _ => String::new(),
            };
            let count = one.instructions.map_or(String::new(), |count| thousands(count as f64));
            let time = one.nanoseconds.unwrap_or(f64::NAN);
            let time_text = if time < 100.0 {
                format!("{time:.1}")
            } else {
                thousands(time)
            };
            let extra = match one.content {
                Some(content) => {
                    let each = one
                        .instructions
                        .map_or(String::new(), |count| format!("{:.3}", count as f64 / content as f64));
                    format!("{} | {each}", thousands(content as f64 * 1e3 / time))
                }
                None => format!(
                    "{} | {}",
                    one.bytes.map_or(String::new(), |bytes| bytes.to_string()),
                    one.allocations
                ),
            };
            writeln!(
                text,
                "| {column} | {} | {count} | {ratio} | {time_text} | {extra} |",
                one.row
            )?;
        }
    }
    Ok(())
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn write_interrupts(text: &mut String) -> Result<()> {
    text.push_str(
        "\n### Calls to drive the UART's interrupt\n\n256 characters, behind an edge-triggered interrupt controller. devstate: \
         calls of `set_level`, two for each rise; vm-superio: kicks. Behind KVM each is a system call. Without a timer, a driver \
         that never reads IIR needs a rise for each character, since the device does not know which one is the last.\n\n| | devstate, \
         host with a timer | devstate, host without | vm-superio |\n|---|--:|--:|--:|\n",
    );
    for calls in interrupts::measure()? {
        let theirs = calls
            .vm_superio
            .map_or("the driver stops".to_owned(), |calls| calls.to_string());
        writeln!(
            text,
            "| {} | {} | {} | {theirs} |",
            calls.driver, calls.with_timer, calls.without_timer
        )?;
    }
    Ok(())
}

fn write_forwarding(text: &mut String) -> Result<()> {
    text.push_str(
        "\n### An export on its way through a client to a file\n\n32-byte keys, values of 64 to 1,024 bytes; processor time of \
         each side, medians. The client that lends memory allocates it; the server that fills it also seals it, and reads it once more, \
         to see that nobody has changed it meanwhile. A message cannot be changed, so the others do without.\n\n| items | bytes | | server, \
         µs | client, µs | both, µs | copies of each byte |\n|--:|--:|---|--:|--:|--:|---|\n",
    );
    for cost in forwarding::measure()? {
        let micros = |nanoseconds: u64| thousands(nanoseconds as f64 / 1e3);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            thousands(cost.items as f64),
            thousands(cost.bytes as f64),
            cost.design,
            micros(cost.server),
            micros(cost.client),
            micros(cost.server + cost.client),
            cost.copies
        )?;
    }
    Ok(())
}

fn write_sizes(text: &mut String) -> Result<()> {
    text.push_str(
        "\n## Sizes\n\n| bytes | state in memory | mirror in memory | payload at most |\n|---|--:|--:|--:|\n",
    );
    for size in sizes::sizes() {
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            size.device, size.state, size.mirror, size.most
        )?;
    }
    writeln!(text, "\nHeader and checksum add {} bytes to a snapshot.", sizes::AROUND)?;
    Ok(())
}

fn payload_picture(measured: &[Measured]) -> String {
    let saves = bars_of(measured, "payload", "save", |one| Some(one.instructions? as f64));
    let title = "Instructions to save three devices' state (logarithmic)";
    bars(title, "", true, &saves)
}

fn export_picture(measured: &[Measured]) -> String {
    let rate = |one: &Measured| Some(one.content? as f64 * 1e3 / one.nanoseconds?);
    let rates = bars_of(measured, "key-value export", "1000 items", rate);
    bars("Export of 1,000 items", "MB/s", false, &rates)
}

/// A bar for each row of a column.
fn bars_of(measured: &[Measured], group: &str, column: &str, value: fn(&Measured) -> Option<f64>) -> Vec<Bar> {
    let rows = measured.iter().filter(|one| one.group == group && one.column == column);
    let bar = |one: &Measured| {
        Some(Bar {
            label: one.row.to_owned(),
            value: value(one)?,
            ours: one.ours,
        })
    };
    rows.filter_map(bar).collect()
}
