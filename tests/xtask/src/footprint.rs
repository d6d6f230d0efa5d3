//! `cargo xtask footprint`: what saving and loading three devices cost a microcontroller.

use crate::bare::{BareTarget, bare_target};
use crate::install::program_path;
use crate::process;
use crate::workspace;
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures flash, memory, stack and instructions on Cortex-M3 and Cortex-M0, and writes the table that is kept in
/// examples/bare/footprint.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compares with the table that is there instead of writing it
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.check {
        check()?;
    } else {
        let table = measure()?;
        std::fs::write(table_file(), &table)?;
        print!("{table}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The numbers of another compiler are other numbers, so only those of the table's own are compared.
pub(crate) fn check() -> Result<()> {
    let kept =
        std::fs::read_to_string(table_file()).context("cannot read the table; `cargo xtask footprint` writes it")?;
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    if !kept.contains(&compiler) {
        println!("not compared: the table was measured with another compiler than {compiler}");
        return Ok(());
    }
    let measured = measure()?;
    // Which functions there are is the compiler's business.
    let [kept, measured] = [&kept, &measured].map(|page| page.split(WHERE).next().unwrap_or(page));
    let mut grown = false;
    for (before, after) in kept
        .lines()
        .zip(measured.lines())
        .filter(|(before, after)| before != after)
    {
        println!("- {before}\n+ {after}");
        grown |= has_grown(before, after);
    }
    if grown || kept.lines().count() != measured.lines().count() {
        bail!("the footprint has grown: if it is worth it, `cargo xtask footprint` writes the new table");
    }
    Ok(())
}

/// By more than noise: one part in twenty.
fn has_grown(before: &str, after: &str) -> bool {
    let numbers = |line: &str| {
        line.split(['|', ' ', ','])
            .filter_map(|word| word.parse::<u64>().ok())
            .collect::<Vec<_>>()
    };
    let (before, after) = (numbers(before), numbers(after));
    before.len() != after.len() || before.iter().zip(after).any(|(before, after)| after * 20 > before * 21)
}

const TARGETS: [&str; 2] = ["thumbv7m-none-eabi", "thumbv6m-none-eabi"];

/// What is linked, by the features of the package; and of what work the instructions and the stack are shown beside it.
const IMAGES: [(&str, &str, &str); 4] = [
    ("save", "save", "save"),
    ("load any release", "load", "load"),
    ("save and load", "save,load", ""),
    ("save, save as release 1, load", "save,save-older,load", "save-older"),
];

fn measure() -> Result<String> {
    let mut table = String::from(HEAD);
    let mut functions = Vec::new();
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    for name in TARGETS {
        let target = bare_target(name)?;
        let work = measure_work(&target)?;
        if name == TARGETS[0] {
            let (latest, older) = (work.value("bytes")?, work.value("bytes-older")?);
            let (mirror, buffer) = (work.value("mirror")?, work.value("buffer")?);
            writeln!(
                table,
                "Measured with {compiler}, `opt-level = \"s\"`.\nA snapshot has {latest} bytes, at release 1 {older}; the mirror \
                 takes {mirror} bytes of static memory, a buffer for any snapshot\n{buffer}. To write release 1 a second mirror \
                 is lent.\n"
            )?;
        }
        writeln!(table, "| {name} | .text | .rodata | instructions | stack |")?;
        writeln!(table, "|---|--:|--:|--:|--:|")?;
        let empty = Image::build(&target, "")?;
        for (what, features, piece) in IMAGES {
            let image = Image::build(&target, features)?;
            let (instructions, stack) = match piece {
                "" => Default::default(),
                piece => work.costs(piece)?,
            };
            if name == TARGETS[0] {
                functions.clone_from(&image.functions);
            }
            let (text, rodata) = (image.text - empty.text, image.rodata.saturating_sub(empty.rodata));
            writeln!(table, "| {what} | {text} | {rodata} | {instructions} | {stack} |")?;
        }
        let (instructions, stack) = work.costs("load-older")?;
        writeln!(
            table,
            "| …of which loading release 1 | | | {instructions} | {stack} |\n"
        )?;
    }
    let [.., (everything, ..)] = IMAGES;
    writeln!(table, "{WHERE}\n\n| {everything}: function | bytes |\n|---|--:|")?;
    for (name, size) in functions {
        writeln!(table, "| `{name}` | {size} |")?;
    }
    Ok(table)
}

const HEAD: &str = "# Footprint

Written by `cargo xtask footprint`: three devices (PL031, 16550A, i8042 with keyboard and mouse), two releases, header and
CRC-64 by a table of 128 bytes. `.text` and `.rodata` are what an image has more than one without any of it, `memcpy` and
its like included; instructions are counted by QEMU; the stack is painted, and counts from the call on.

";

const WHERE: &str = "## Where the bytes are";

struct Image {
    text: u64,
    rodata: u64,
    /// Those that are worth a line, the largest first.
    functions: Vec<(String, u64)>,
}

impl Image {
    fn build(target: &BareTarget, features: &str) -> Result<Self> {
        let mut cargo = target.cargo("build");
        cargo
            .current_dir(folder())
            .args(["--quiet", "--release", "--bin", "size", "--features", features]);
        process::run(&mut cargo)?;
        let bytes = std::fs::read(target.executable("release", "size"))?;
        let file = object::File::parse(&*bytes).context("the image is no ELF file")?;
        let size = |name: &str| file.section_by_name(name).map_or(0, |section| section.size());
        Ok(Self {
            text: size(".text"),
            rodata: size(".rodata"),
            functions: functions(&file),
        })
    }
}

fn functions(file: &object::File<'_>) -> Vec<(String, u64)> {
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let mut functions: Vec<_> = functions
        .filter(|symbol| symbol.size() >= 64)
        .map(|symbol| {
            let name = format!("{:#}", demangle(symbol.name().unwrap_or_default()));
            (without_paths(&name), symbol.size())
        })
        .collect();
    functions.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), name.clone()));
    functions
}

/// `core::clone::Clone` becomes `Clone`, wherever it stands in a name.
fn without_paths(name: &str) -> String {
    let mut short = String::new();
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        let word = rest
            .find(|c: char| c != '_' && !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(word.max(next.len_utf8()));
        rest = match behind.strip_prefix("::") {
            Some(behind) if begins_a_name(word) && begins_a_name(behind) => behind,
            _ => {
                short.push_str(word);
                behind
            }
        };
    }
    short
}

/// What the firmware `measure` prints: `NAME VALUE`, or `NAME instructions N stack M`.
struct Work(BTreeMap<String, Vec<String>>);

fn measure_work(target: &BareTarget) -> Result<Work> {
    program_path("qemu-system-arm")?;
    let mut cargo = target.cargo("run");
    cargo
        .current_dir(folder())
        .args(["--quiet", "--release", "--bin", "measure"]);
    let printed = process::output(&mut cargo)?;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines = printed.lines().map(words).filter(|words| !words.is_empty());
    Ok(Work(lines.map(|mut words| (words.remove(0), words)).collect()))
}

impl Work {
    fn value(&self, name: &str) -> Result<&str> {
        match self.0.get(name).map(Vec::as_slice) {
            Some([value]) => Ok(value),
            _ => bail!("the firmware said nothing of `{name}`"),
        }
    }

    /// Instructions and stack.
    fn costs(&self, name: &str) -> Result<(&str, &str)> {
        match self.0.get(name).map(Vec::as_slice) {
            Some([_, instructions, _, stack]) => Ok((instructions, stack)),
            _ => bail!("the firmware said nothing of `{name}`"),
        }
    }
}

fn folder() -> PathBuf {
    workspace::root().join("examples/bare/footprint")
}

fn table_file() -> PathBuf {
    folder().join("FOOTPRINT.md")
}

fn begins_a_name(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::{has_grown, without_paths};

    #[test]
    fn a_twentieth_more_is_growth() {
        assert!(!has_grown("| save | 1000 | 128 |", "| save | 1050 | 100 |"));
        assert!(has_grown("| save | 1000 | 128 |", "| save | 1051 | 128 |"));
        assert!(has_grown("| save | 1000 |", "| save | 1000 | 1 |"));
    }

    #[test]
    fn names_are_short() {
        let name = "<heapless::vec::Vec<u8, 16> as core::clone::Clone>::clone_from::{closure#0}";
        assert_eq!(without_paths(name), "<Vec<u8, 16> as Clone>::clone_from::{closure#0}");
        assert_eq!(without_paths("bare_footprint::save"), "save");
    }
}
