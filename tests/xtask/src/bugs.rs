//! `cargo xtask bugs`: applies deliberate bugs to a copy of the sources, one at a time. A test has to find each of them.
//!
//! The bugs are in `tests/bugs`. The copy and its build stay in `target/bugs`, so a bug costs only what it changes.

use crate::process::{cargo, output, program};
use crate::workspace::root;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

/// Applies each bug in tests/bugs to a copy of the sources, one at a time, and checks that its named test fails.
///
/// All bugs take about 10 minutes on two cores. The copy and its build are in target/bugs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// List the bugs and their tests, run nothing
    #[arg(long)]
    list: bool,
    /// Use only bugs whose title, file or test contains this text
    #[arg(default_value = "")]
    filter: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bug {
    title: String,
    /// From the workspace's root.
    file: String,
    /// Occurs once in `file`.
    find: String,
    replace: String,
    /// The arguments of `cargo test` for the program with the test.
    suite: String,
    /// The test that finds the bug.
    test: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Args { list, filter } = args;
    let mut bugs: Vec<Bug> = pages()?.into_iter().flatten().collect();
    bugs.retain(|Bug { title, file, test, .. }| [title, file, test].iter().any(|text| text.contains(filter)));
    ensure!(!bugs.is_empty(), "no bug has `{filter}` in title, file or test");
    if *list {
        for Bug { title, suite, test, .. } in bugs {
            println!("{title}\n    {suite}: {test}");
        }
    } else {
        find_all(&bugs)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The step `bugs` of the tests: each bug fits the sources, its test exists, and the first one of each file is found.
pub(crate) fn check() -> Result<()> {
    let pages = pages()?;
    for bug in pages.iter().flatten() {
        let fits = bug.broken(root()).and(bug.test_exists());
        fits.with_context(|| bug.title.clone())?;
    }
    let first = |bugs: Vec<Bug>| bugs.into_iter().next();
    let sample: Vec<Bug> = pages.into_iter().filter_map(first).collect();
    find_all(&sample)
}

/// The bugs of each file of `tests/bugs`: a list with the name `bug`.
fn pages() -> Result<Vec<Vec<Bug>>> {
    let read = |file: &String| -> Result<Vec<Bug>> {
        let page: BTreeMap<String, Vec<Bug>> = toml::from_str(&fs::read_to_string(root().join(file))?)?;
        Ok(page.into_values().flatten().collect())
    };
    let files = paths(root(), &["ls-files", "--cached", "--others", "tests/bugs/*.toml"])?;
    let pages = files.iter().map(|file| read(file).with_context(|| file.clone()));
    pages.collect()
}

fn find_all(bugs: &[Bug]) -> Result<()> {
    let tree = root().join("target/bugs/tree");
    copy_sources(&tree)?;
    // A test that always fails finds nothing.
    let mut suites: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for bug @ Bug { suite, test, .. } in bugs {
        bug.broken(root()).with_context(|| bug.title.clone())?;
        suites.entry(suite).or_default().insert(test);
    }
    for (suite, tests) in suites {
        println!("without a bug: {suite}");
        let printed = run_tests(&tree, suite, &tests)?;
        let failed = tests.iter().find(|test| result_of(test, &printed) != Some("ok"));
        ensure!(failed.is_none(), "{failed:?} does not pass without a bug:\n{printed}");
    }
    let (mut missed, mut untried) = (0, 0);
    for bug in bugs {
        let start = Instant::now();
        let outcome = bug.try_out(&tree).with_context(|| bug.title.clone())?;
        let seconds = start.elapsed().as_secs();
        let result = match &outcome {
            Outcome::Found => "found",
            Outcome::Missed => "MISSED",
            Outcome::Untried(_) => "untried",
        };
        println!("{result:7} {seconds:4} s  {}  [{}]", bug.title, bug.test);
        match outcome {
            Outcome::Found => {}
            Outcome::Missed => missed += 1,
            Outcome::Untried(reason) => {
                untried += 1;
                println!("        {reason}");
            }
        }
    }
    println!("{} bugs, {missed} missed, {untried} untried", bugs.len());
    ensure!(missed == 0, "{missed} bugs were missed by their tests");
    Ok(())
}

/// What a test said of a bug.
enum Outcome {
    Found,
    Missed,
    /// The test was skipped on this machine, for the reason that it printed.
    Untried(String),
}

impl Bug {
    /// Returns the text of the file with the bug.
    fn broken(&self, tree: &Path) -> Result<String> {
        let Self {
            file, find, replace, ..
        } = self;
        let text = fs::read_to_string(tree.join(file)).with_context(|| file.clone())?;
        let count = text.matches(find).count();
        ensure!(
            count == 1,
            "{file} has this {count} times, and must have it once:\n{find}"
        );
        Ok(text.replace(find, replace))
    }

    /// Looks for the name only. The bug has to be tried to know more.
    fn test_exists(&self) -> Result<()> {
        let function = format!("fn {}(", self.test.rsplit("::").next().unwrap_or_default());
        let mut grep = program("git");
        grep.args(["grep", "--untracked", "--fixed-strings", &function, "--", "*.rs"]);
        output(&mut grep)
            .map(drop)
            .with_context(|| format!("there is no test {}", self.test))
    }

    /// Puts the bug into the copy, runs the test, and takes the bug out again.
    fn try_out(&self, tree: &Path) -> Result<Outcome> {
        let file = tree.join(&self.file);
        fs::write(&file, self.broken(tree)?)?;
        let printed = run_tests(tree, &self.suite, &BTreeSet::from([self.test.as_str()]));
        fs::copy(root().join(&self.file), &file)?;
        let printed = printed?;
        match result_of(&self.test, &printed) {
            Some("FAILED") => Ok(Outcome::Found),
            Some("ok") => {
                let skipped = printed.lines().find(|line| line.starts_with("skipped: "));
                Ok(skipped.map_or(Outcome::Missed, |reason| Outcome::Untried(reason.to_owned())))
            }
            _ => bail!("{} has no result; does it compile?\n{printed}", self.test),
        }
    }
}

/// Runs tests in the copy, and returns all that is printed.
fn run_tests(tree: &Path, suite: &str, tests: &BTreeSet<&str>) -> Result<String> {
    let mut command = cargo(&format!(
        "test --quiet {suite} -- --format=pretty --exact --show-output"
    ));
    command.args(tests).current_dir(tree).stdin(Stdio::null());
    let output = command
        .env("CARGO_TARGET_DIR", root().join("target/bugs/build"))
        .output()?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// What the harness says of a test.
fn result_of<'a>(test: &str, printed: &'a str) -> Option<&'a str> {
    let result = |line: &'a str| line.strip_prefix("test ")?.strip_prefix(test)?.strip_prefix(" ... ");
    printed.lines().find_map(result)
}

/// Makes `tree` what git would commit. A file that is the same is not touched, so cargo does not build it anew.
fn copy_sources(tree: &Path) -> Result<()> {
    fs::create_dir_all(tree)?;
    let mut wanted = paths(root(), &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    wanted.retain(|file| root().join(file).is_file());
    for old in paths(tree, &["--work-tree=.", "ls-files", "--others"])?.difference(&wanted) {
        fs::remove_file(tree.join(old))?;
    }
    for file in wanted {
        let (from, to) = (root().join(&file), tree.join(&file));
        if fs::read(&to).ok() != Some(fs::read(&from)?) {
            fs::create_dir_all(to.parent().context("no folder")?)?;
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

fn paths(folder: &Path, git: &[&str]) -> Result<BTreeSet<String>> {
    let listed = output(program("git").current_dir(folder).args(git).arg("-z"))?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}
