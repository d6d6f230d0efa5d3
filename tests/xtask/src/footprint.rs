//! `cargo xtask footprint`: what saving and loading three devices cost a microcontroller.

use crate::bare::{BareTarget, bare_target};
use crate::install::program_path;
use crate::process;
use crate::workspace;
use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};
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
        let page = page(&kept()?, &measure()?)?;
        std::fs::write(table_file(), &page)?;
        print!("{page}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Another compiler has other numbers, so more is granted to it; but not all.
pub(crate) fn check() -> Result<()> {
    let kept = kept()?;
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    let margin = margin(&kept, &compiler);
    let grown = grown_lines(&kept, &page(&kept, &measure()?)?, margin);
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

fn kept() -> Result<String> {
    std::fs::read_to_string(table_file()).context("cannot read the page")
}

/// What is measured, in the order of the marks in the page.
type Measured = [(&'static str, String); 2];

/// Returns the page with what was measured between its marks. The rest of the page is written by hand.
fn page(kept: &str, measured: &Measured) -> Result<String> {
    let mut page = kept.to_owned();
    for (name, text) in measured {
        let [start, end] = [format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n")];
        let parts = page
            .split_once(&start)
            .and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
        let (before, (_, after)) = parts.with_context(|| format!("the page has no marks for {name}"))?;
        page = format!("{before}{start}\n{}\n\n{end}{after}", text.trim_end());
    }
    Ok(page)
}

/// In per cent: noise, or what another compiler may differ by.
fn margin(kept: &str, compiler: &str) -> u64 {
    if kept.contains(compiler) { 5 } else { 20 }
}

/// The lines of the tables that have grown, before and after. What follows the tables is made of them.
fn grown_lines(kept: &str, measured: &str, margin: u64) -> Vec<String> {
    let [kept, measured] = [kept, measured].map(|page| page.split(GOALS_HEADING).next().unwrap_or(page));
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
const IMAGES: [(&str, &str, &str); 5] = [
    ("save", "save", "save"),
    ("load any release", "load", "load"),
    ("save and load", SAVE_AND_LOAD, ""),
    ("save and load, one release", ONE_RELEASE, ""),
    ("save, save as release 1, load", "save,save-older,load", "save-older"),
];

/// What a firmware has that knows its own release and reads the older one.
const SAVE_AND_LOAD: &str = "save,load";

/// What a firmware has that reads no older release.
const ONE_RELEASE: &str = "save,load,one-release";

fn measure() -> Result<Measured> {
    let mut table = String::new();
    let mut goals = Goals::default();
    let compiler = bare_target(TARGETS[0])?.compiler()?;
    for name in TARGETS {
        let target = bare_target(name)?;
        let work = measure_work(&target)?;
        if name == TARGETS[0] {
            goals.stack = [work.costs("save")?.1, work.costs("load")?.1];
            let (latest, older) = (work.value("bytes")?, work.value("bytes-older")?);
            let (mirror, buffer) = (work.value("mirror")?, work.value("buffer")?);
            writeln!(
                table,
                "Measured with {compiler}, `opt-level = \"s\"`, at commit {}.\nA snapshot has {latest} bytes, at release 1 {older}; the mirror \
                 takes {mirror} bytes of static memory, a buffer for any snapshot\n{buffer}. To write release 1 a second mirror \
                 is lent.\n",
                commit()?
            )?;
        }
        writeln!(table, "| {name} | .text | .rodata | instructions | stack |")?;
        writeln!(table, "|---|--:|--:|--:|--:|")?;
        let empty = Image::build(&target, "")?;
        for (what, features, piece) in IMAGES {
            let image = Image::build(&target, features)?;
            let size = [image.text - empty.text, image.rodata.saturating_sub(empty.rodata)];
            let [text, rodata] = size;
            match (features, name == TARGETS[0]) {
                (SAVE_AND_LOAD, true) => goals.two_releases = size,
                (ONE_RELEASE, true) => goals.one_release = size,
                _ => {}
            }
            if piece.is_empty() {
                writeln!(table, "| {what} | {text} | {rodata} | | |")?;
            } else {
                let (instructions, stack) = work.costs(piece)?;
                writeln!(table, "| {what} | {text} | {rodata} | {instructions} | {stack} |")?;
            }
        }
        let (instructions, stack) = work.costs("load-older")?;
        writeln!(
            table,
            "| …of which loading release 1 | | | {instructions} | {stack} |\n"
        )?;
    }
    Ok([("costs", table), ("goals", goals.table())])
}

/// The last commit of the main branch below this one: a commit of a branch may be written anew before it gets there.
fn commit() -> Result<String> {
    let git = |arguments: &[&str]| process::output(process::program("git").args(arguments));
    let base = git(&["merge-base", "HEAD", "main"]).unwrap_or_else(|_| "HEAD".to_owned());
    Ok(git(&["rev-parse", "--short", base.trim()])?.trim().to_owned())
}

const GOALS_HEADING: &str = "## Against the goals";

/// What is compared with goals, on thumbv7m.
#[derive(Default)]
struct Goals {
    /// `.text` and `.rodata` of saving and loading, with an older release to read and without.
    two_releases: [u64; 2],
    one_release: [u64; 2],
    /// To save and to load.
    stack: [u64; 2],
}

impl Goals {
    fn table(&self) -> String {
        let ([text, rodata], [text_of_one, rodata_of_one]) = (self.two_releases, self.one_release);
        let [save, load] = self.stack;
        let mut table = String::from("| thumbv7m | goal | postcard + CRC | measured | |\n|---|--:|--:|--:|---|\n");
        for (what, goal, peer, measured) in [
            (".text, save and load", 4_942, "10716, one version", text),
            (".rodata, save and load", 256, "128", rodata),
            (".text, one release", 4_500, "", text_of_one),
            (".rodata, one release", 128, "", rodata_of_one),
            ("stack, save", 96, "188", save),
            ("stack, load", 96, "1880", load),
        ] {
            let verdict = match measured.checked_sub(goal) {
                None | Some(0) => "reached".to_owned(),
                Some(over) => format!("**missed** by {over}"),
            };
            let _ = writeln!(table, "| {what} | {goal} | {peer} | {measured} | {verdict} |");
        }
        table
    }
}

struct Image {
    text: u64,
    rodata: u64,
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
        })
    }
}

/// What the firmware `measure` prints: `NAME VALUE`, or `NAME instructions N stack M`.
struct Work {
    printed: BTreeMap<String, Vec<String>>,
    /// The same of a firmware whose `memcpy` has no frame: for the stack.
    frames: BTreeMap<String, Vec<String>>,
}

fn measure_work(target: &BareTarget) -> Result<Work> {
    program_path("qemu-system-arm")?;
    let printed = |features: &str| -> Result<BTreeMap<_, _>> {
        let mut cargo = target.cargo("run");
        cargo
            .current_dir(folder())
            .args(["--quiet", "--release", "--bin", "measure", "--features", features]);
        let printed = process::output(&mut cargo)?;
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines = printed.lines().map(words).filter(|words| !words.is_empty());
        Ok(lines.map(|mut words| (words.remove(0), words)).collect())
    };
    Ok(Work {
        printed: printed("")?,
        frames: printed("frames")?,
    })
}

impl Work {
    fn value(&self, name: &str) -> Result<&str> {
        match self.printed.get(name).map(Vec::as_slice) {
            Some([value]) => Ok(value),
            _ => bail!("the firmware said nothing of `{name}`"),
        }
    }

    /// Instructions, and stack without the frame of `memcpy`.
    fn costs(&self, name: &str) -> Result<(u64, u64)> {
        match [&self.printed, &self.frames].map(|printed| printed.get(name).map(Vec::as_slice)) {
            [Some([_, instructions, ..]), Some([_, _, _, stack])] => Ok((instructions.parse()?, stack.parse()?)),
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

#[cfg(test)]
mod tests {
    use super::{GOALS_HEADING, Goals, grown_lines, has_grown, margin, page};

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let kept = super::kept().unwrap();
        let measured = ["costs", "goals"].map(|name| (name, format!("new {name}\n")));
        let page = page(&kept, &measured).unwrap();
        for (name, text) in &measured {
            assert!(
                page.contains(&format!("<!-- {name} -->\n\n{text}\n<!-- end of {name} -->\n")),
                "{page}"
            );
        }
        assert!(page.starts_with("# Footprint\n") && !page.contains("| save |"));
        assert!(super::page("# Footprint\n", &measured).is_err());
    }

    #[test]
    fn a_twentieth_more_is_growth() {
        assert!(!has_grown("| save | 1000 | 128 |", "| save | 1050 | 100 |", 5));
        assert!(has_grown("| save | 1000 | 128 |", "| save | 1051 | 128 |", 5));
        assert!(has_grown("| save | 1000 |", "| save | 1000 | 1 |", 5));
    }

    #[test]
    fn another_compiler_may_differ_by_a_fifth() {
        let made = |compiler: &str, text: u32| {
            format!("Measured with {compiler}.\n\n| save | {text} |\n\n{GOALS_HEADING}\n\n| {text} over |\n")
        };
        let kept = made("rustc 1", 1000);
        let grown = |compiler, text| !grown_lines(&kept, &made(compiler, text), margin(&kept, compiler)).is_empty();
        assert!(!grown("rustc 1", 1050));
        assert!(grown("rustc 1", 1051));
        assert!(!grown("rustc 2", 1200));
        assert!(grown("rustc 2", 1201));
    }

    #[test]
    fn a_goal_is_reached_to_the_byte() {
        let goals = Goals {
            two_releases: [4_942, 257],
            one_release: [4_500, 128],
            stack: [96, 97],
        };
        let table = goals.table();
        for row in [
            ".text, save and load | 4942 | 10716, one version | 4942 | reached |",
            ".rodata, save and load | 256 | 128 | 257 | **missed** by 1 |",
            "stack, save | 96 | 188 | 96 | reached |",
            "stack, load | 96 | 1880 | 97 | **missed** by 1 |",
        ] {
            assert!(table.contains(row), "{row} in\n{table}");
        }
    }
}
