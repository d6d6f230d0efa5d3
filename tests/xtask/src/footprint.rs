//! `cargo xtask footprint`: what saving and loading three devices cost a microcontroller.

use crate::bare::{BareTarget, bare_target};
use crate::install::program_path;
use crate::process;
use crate::workspace;
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

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

/// Another compiler has other numbers, so more is granted to it; but not all.
pub(crate) fn check() -> Result<()> {
    let kept =
        std::fs::read_to_string(table_file()).context("cannot read the table; `cargo xtask footprint` writes it")?;
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    let margin = margin(&kept, &compiler);
    let grown = grown_lines(&kept, &measure()?, margin);
    for line in &grown {
        println!("{line}");
    }
    if !grown.is_empty() {
        bail!(
            "the footprint has grown by more than {margin} %: if it is worth it, `cargo xtask footprint` writes the new table"
        );
    }
    Ok(())
}

/// In per cent: noise, or what another compiler may differ by.
fn margin(kept: &str, compiler: &str) -> u64 {
    if kept.contains(compiler) { 5 } else { 20 }
}

/// The lines of the tables that have grown, before and after. What follows the tables is made of them.
fn grown_lines(kept: &str, measured: &str, margin: u64) -> Vec<String> {
    let [kept, measured] = [kept, measured].map(|page| page.split(LIMITS_HEADING).next().unwrap_or(page));
    let rows = |page: &str| {
        page.lines()
            .filter(|line| line.starts_with('|'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (before, after) = (rows(kept), rows(measured));
    if before.len() != after.len() {
        return vec![format!("there were {} rows, and now {}", before.len(), after.len())];
    }
    before
        .iter()
        .zip(&after)
        .filter(|(before, after)| has_grown(before, after, margin))
        .map(|(before, after)| format!("- {before}\n+ {after}"))
        .collect()
}

fn has_grown(before: &str, after: &str, margin: u64) -> bool {
    let numbers = |line: &str| {
        line.split(['|', ' ', ','])
            .filter_map(|word| word.parse::<u64>().ok())
            .collect::<Vec<_>>()
    };
    let (before, after) = (numbers(before), numbers(after));
    let is_more = |(before, after)| after * 100 > before * (100 + margin);
    before.len() != after.len() || before.into_iter().zip(after).any(is_more)
}

const TARGETS: [&str; 2] = ["thumbv7m-none-eabi", "thumbv6m-none-eabi"];

/// What is linked, by the features of the package; and of what work the instructions and the stack are shown beside it.
const IMAGES: [(&str, &str, &str); 4] = [
    ("save", "save", "save"),
    ("load any release", "load", "load"),
    ("save and load", SAVE_AND_LOAD, ""),
    ("save, save as release 1, load", "save,save-older,load", "save-older"),
];

/// What a firmware has that knows its own release and reads the older one: the image that the limits are for.
const SAVE_AND_LOAD: &str = "save,load";

fn measure() -> Result<String> {
    let mut table = String::from(HEAD);
    let mut limits = None;
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    for name in TARGETS {
        let target = bare_target(name)?;
        let work = measure_work(&target)?;
        if name == TARGETS[0] {
            limits = Some(Measured {
                snapshot: work.value("bytes")?.parse()?,
                text: 0,
                rodata: 0,
                stack: [work.costs("save")?.1.parse()?, work.costs("load")?.1.parse()?],
                instructions: [work.costs("save")?.0.parse()?, work.costs("load")?.0.parse()?],
            });
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
            let (text, rodata) = (image.text - empty.text, image.rodata.saturating_sub(empty.rodata));
            if let (Some(limits), SAVE_AND_LOAD, true) = (&mut limits, features, name == TARGETS[0]) {
                (limits.text, limits.rodata) = (text, rodata);
            }
            writeln!(table, "| {what} | {text} | {rodata} | {instructions} | {stack} |")?;
        }
        let (instructions, stack) = work.costs("load-older")?;
        writeln!(
            table,
            "| …of which loading release 1 | | | {instructions} | {stack} |\n"
        )?;
    }
    let limits = limits.context("nothing was measured")?;
    writeln!(table, "{}", limits.against_the_limits())?;
    table.push_str(WHERE);
    let symbols = Image::build_with_stack_sizes(&bare_target(TARGETS[0])?, SAVE_AND_LOAD)?.symbols;
    for Symbol { name, size, frame } in symbols {
        let frame = frame.map_or_else(String::new, |frame| frame.to_string());
        writeln!(table, "| `{name}` | {size} | {frame} |")?;
    }
    Ok(table)
}

const HEAD: &str = "# Footprint

Written by `cargo xtask footprint`: three devices (PL031, 16550A, i8042 with keyboard and mouse), two releases, header and
CRC-64 by a table of 128 bytes. `.text` and `.rodata` are what an image has more than one without any of it, `memcpy` and
its like included; instructions are counted by QEMU; the stack is painted, and counts from the call on.

";

const LIMITS_HEADING: &str = "## Against the limits";

const WHERE: &str = "## Where the bytes are

Of the image that saves and loads, on thumbv7m: functions with the stack of their own frames, and constants, from 32 bytes
on.

| function or constant | bytes | frame |
|---|--:|--:|
";

/// What the limits are about, of the three devices on thumbv7m at the latest release.
struct Measured {
    /// Bytes of a snapshot, header and checksum included.
    snapshot: u64,
    text: u64,
    rodata: u64,
    /// To save and to load.
    stack: [u64; 2],
    instructions: [u64; 2],
}

/// Bytes of the snapshot that the limits were set with.
const LIMITS_SNAPSHOT: u64 = 117;

impl Measured {
    /// The limits, what they are for states as large as these, and what is reached.
    fn against_the_limits(&self) -> String {
        let [save_stack, load_stack] = self.stack;
        let [save_instructions, load_instructions] = self.instructions;
        let rows = [
            (
                ".text, save and load",
                2_250,
                true,
                self.text,
                "each field has code of its own; to load is most of it: it reads two releases and refuses each value out of range by name",
            ),
            (
                ".rodata, save and load",
                256,
                false,
                self.rodata,
                "128 are the checksum's table, the rest constants and what refusals say",
            ),
            (
                "stack, save",
                96,
                false,
                save_stack,
                "painted, so the measuring caller's frame with the result is in it, and `memcpy`'s: see the frames below",
            ),
            (
                "stack, load",
                96,
                false,
                load_stack,
                "the same; its own frame holds what an error says",
            ),
            (
                "instructions, save",
                3_100,
                true,
                save_instructions,
                "the checksum takes most: two steps a byte",
            ),
            ("instructions, load", 3_100, true, load_instructions, "the same"),
        ];
        let mut page = format!(
            "{LIMITS_HEADING}\n\nThe limits were set with a snapshot of {LIMITS_SNAPSHOT} bytes. Here it has {}, so what grows with the bytes\n\
             may be {} times as much; the rest may not.\n\n| thumbv7m | limit | scaled | measured | | why |\n|---|--:|--:|--:|---|---|\n",
            self.snapshot,
            hundredths(self.snapshot * 100 / LIMITS_SNAPSHOT),
        );
        for (what, limit, grows, measured, why) in rows {
            let scaled = if grows {
                limit * self.snapshot / LIMITS_SNAPSHOT
            } else {
                limit
            };
            let verdict = match measured.checked_sub(scaled) {
                None | Some(0) => "kept".to_owned(),
                Some(over) => format!("{over} over"),
            };
            let _ = writeln!(page, "| {what} | {limit} | {scaled} | {measured} | {verdict} | {why} |");
        }
        page
    }
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

struct Image {
    text: u64,
    rodata: u64,
    /// Those that are worth a line, the largest first.
    symbols: Vec<Symbol>,
}

struct Symbol {
    name: String,
    size: u64,
    /// A function's own frame in bytes, where the compiler was asked for it.
    frame: Option<u64>,
}

impl Image {
    fn build(target: &BareTarget, features: &str) -> Result<Self> {
        Self::build_by(&mut target.cargo("build"), target, features)
    }

    /// The same image with a table of frames, for which any compiler has to be allowed an unstable option.
    fn build_with_stack_sizes(target: &BareTarget, features: &str) -> Result<Self> {
        let option = format!("target.{}.rustflags=[\"-Zemit-stack-sizes\"]", TARGETS[0]);
        let mut cargo = target.cargo("build");
        cargo.env("RUSTC_BOOTSTRAP", "1").args(["--config", &option]);
        Self::build_by(&mut cargo, target, features)
    }

    fn build_by(cargo: &mut Command, target: &BareTarget, features: &str) -> Result<Self> {
        cargo
            .current_dir(folder())
            .args(["--quiet", "--release", "--bin", "size", "--features", features]);
        process::run(cargo)?;
        let bytes = std::fs::read(target.executable("release", "size"))?;
        let file = object::File::parse(&*bytes).context("the image is no ELF file")?;
        let size = |name: &str| file.section_by_name(name).map_or(0, |section| section.size());
        Ok(Self {
            text: size(".text"),
            rodata: size(".rodata"),
            symbols: symbols(&file),
        })
    }
}

fn symbols(file: &object::File<'_>) -> Vec<Symbol> {
    let sections = [".text", ".rodata"].map(|name| file.section_by_name(name).map(|section| section.index()));
    let stack_sizes = file.section_by_name(".stack_sizes");
    let frames = frames(stack_sizes.and_then(|section| section.data().ok()).unwrap_or_default());
    let symbols = file
        .symbols()
        .filter(|symbol| symbol.size() >= 32 && sections.contains(&symbol.section_index()));
    let mut symbols: Vec<_> = symbols
        .map(|symbol| Symbol {
            name: shown_name(symbol.name().unwrap_or_default()),
            size: symbol.size(),
            // The lowest bit says that it is Thumb code.
            frame: frames.get(&(symbol.address() & !1)).copied(),
        })
        .collect();
    symbols.sort_by_key(|symbol| (std::cmp::Reverse(symbol.size), symbol.name.clone()));
    symbols
}

/// The compiler numbers its constants anew whenever something changes.
fn shown_name(name: &str) -> String {
    if name.starts_with(".Lanon") {
        return "(a constant)".to_owned();
    }
    without_paths(&format!("{:#}", demangle(name)))
}

/// LLVM's `.stack_sizes`: for each function its address, four bytes, and its frame's size as a LEB128 number.
fn frames(mut section: &[u8]) -> BTreeMap<u64, u64> {
    let mut frames = BTreeMap::new();
    while let Some((address, rest)) = section.split_first_chunk::<4>() {
        let len = rest.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let Some((size, rest)) = rest.split_at_checked(len) else {
            break;
        };
        let size = size
            .iter()
            .rev()
            .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        frames.insert(u64::from(u32::from_le_bytes(*address) & !1), size);
        section = rest;
    }
    frames
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
    use super::{LIMITS_HEADING, Measured, frames, grown_lines, has_grown, margin, without_paths};

    #[test]
    fn a_twentieth_more_is_growth() {
        assert!(!has_grown("| save | 1000 | 128 |", "| save | 1050 | 100 |", 5));
        assert!(has_grown("| save | 1000 | 128 |", "| save | 1051 | 128 |", 5));
        assert!(has_grown("| save | 1000 |", "| save | 1000 | 1 |", 5));
    }

    #[test]
    fn another_compiler_may_differ_by_a_fifth() {
        let page = |compiler: &str, text: u32| {
            format!("Measured with {compiler}.\n\n| save | {text} |\n\n{LIMITS_HEADING}\n\n| {text} over |\n")
        };
        let kept = page("rustc 1", 1000);
        let grown = |compiler, text| !grown_lines(&kept, &page(compiler, text), margin(&kept, compiler)).is_empty();
        assert!(!grown("rustc 1", 1050));
        assert!(grown("rustc 1", 1051));
        assert!(!grown("rustc 2", 1200));
        assert!(grown("rustc 2", 1201));
    }

    #[test]
    fn limits_grow_with_the_snapshot_where_bytes_are_the_cause() {
        let measured = Measured {
            snapshot: 234,
            text: 4_500,
            rodata: 257,
            stack: [96, 97],
            instructions: [6_200, 6_201],
        };
        let page = measured.against_the_limits();
        for row in [
            ".text, save and load | 2250 | 4500 | 4500 | kept |",
            ".rodata, save and load | 256 | 256 | 257 | 1 over |",
            "stack, save | 96 | 96 | 96 | kept |",
            "stack, load | 96 | 96 | 97 | 1 over |",
            "instructions, save | 3100 | 6200 | 6200 | kept |",
            "instructions, load | 3100 | 6200 | 6201 | 1 over |",
            "may be 2.00 times as much",
        ] {
            assert!(page.contains(row), "{row} in\n{page}");
        }
    }

    #[test]
    fn frames_have_their_functions_addresses() {
        let section = [0x01, 0x04, 0, 0, 0xa0, 0x01, 0x98, 0x10, 0, 0, 0x38];
        assert_eq!(
            frames(&section).into_iter().collect::<Vec<_>>(),
            [(0x400, 160), (0x1098, 56)]
        );
        assert!(frames(&section[..5]).is_empty(), "cut off");
    }

    #[test]
    fn names_are_short() {
        let name = "<heapless::vec::Vec<u8, 16> as core::clone::Clone>::clone_from::{closure#0}";
        assert_eq!(without_paths(name), "<Vec<u8, 16> as Clone>::clone_from::{closure#0}");
        assert_eq!(without_paths("bare_footprint::save"), "save");
    }
}
