//! Many scripts, one after the other, until one ends in a difference that no row explains.

use super::qemu::{Outcome, Qemu};
use super::rows::Tally;
use super::subject::{Saving, Stimulus, Subject};
use anyhow::{Context, Result, anyhow};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How much to try, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Steps of scripts, all together.
    pub operations: u64,
    /// The same seed makes the same scripts.
    pub seed: u64,
    /// When our side is saved and restored.
    pub saving: Saving,
}

/// What a campaign found, where it found no difference.
#[derive(Debug)]
pub struct Report {
    /// Steps taken on both sides.
    pub operations: u64,
    /// Scripts.
    pub scripts: u64,
    /// How long it took.
    pub duration: Duration,
    /// How often each row of the table explained a difference.
    pub rows: Vec<(&'static str, u64)>,
}

impl Report {
    /// The rows that never occurred: either the table is out of date, or the scripts miss something.
    pub fn stale(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().filter(|(_, count)| *count == 0).map(|(row, _)| *row)
    }
}

/// Steps in a script: enough to get somewhere, few enough to be read when one fails.
const SCRIPT: usize = 200;

/// Simpler scripts to try when one fails: each needs a new QEMU.
const ATTEMPTS: usize = 400;

pub(crate) fn run<S: Subject>(settings: Settings) -> Result<Report> {
    let start = Instant::now();
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&settings.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let scripts = S::scripts(SCRIPT);
    let mut qemu = Qemu::start(&S::machine())?;
    let mut tally = Tally::new(S::ROWS);
    let (mut operations, mut number) = (0, 0);
    while operations < settings.operations {
        let tree = scripts.new_tree(&mut runner).map_err(|reason| anyhow!("{reason}"))?;
        let script = tree.current();
        match play::<S>(&mut qemu, &script, number, settings.saving)? {
            Ok(observed) => tally.add(&observed),
            Err(first) => {
                let shortest = shrink::<S>(script, number, settings.saving)?;
                let remark = "it takes the scripts before this one as well: a new QEMU agrees";
                let difference = shortest.unwrap_or_else(|| first.remark(remark.to_owned()));
                return Err(anyhow!(describe::<S>(&difference, settings.seed, number)));
            }
        }
        operations += script.len() as u64;
        number += 1;
    }
    Ok(Report {
        operations,
        scripts: number,
        duration: start.elapsed(),
        rows: S::ROWS.iter().copied().zip(tally.counts().iter().copied()).collect(),
    })
}

/// A script up to the step at which the sides disagree.
struct Difference<Op> {
    steps: Vec<(Op, Outcome)>,
    ours: Outcome,
    /// What is wrong, where it is not the last step's outcome.
    remark: Option<String>,
}

impl<Op> Difference<Op> {
    fn new(steps: Vec<(Op, Outcome)>, ours: Outcome) -> Self {
        let remark = None;
        Self { steps, ours, remark }
    }

    fn remark(mut self, text: String) -> Self {
        self.remark = Some(text);
        self
    }
}

/// Predictions that QEMU has not confirmed yet.
struct Pending<Op> {
    commands: Vec<String>,
    expected: Vec<(Op, Outcome)>,
}

fn play<S: Subject>(
    qemu: &mut Qemu,
    script: &[S::Op],
    number: u64,
    saving: Saving,
) -> Result<Result<Tally, Difference<S::Op>>> {
    let lines = S::lines(number);
    let (mut ours, beginning) = S::begin(number, qemu)?;
    for stimulus in beginning {
        apply(qemu, &stimulus)?;
    }
    let mut steps = Vec::with_capacity(script.len());
    let mut pending = Pending {
        commands: Vec::new(),
        expected: Vec::new(),
    };
    for (index, op) in script.iter().enumerate() {
        let (stimulus, mut expected) = ours.step(op);
        if let Stimulus::Access(command) = stimulus {
            pending.commands.push(command);
            pending.expected.push((op.clone(), expected.clone()));
        } else {
            if let Some(difference) = confirm(qemu, &mut pending, &lines, &mut steps)? {
                return Ok(Err(difference));
            }
            let mut outcome = match stimulus {
                Stimulus::Elapse(about) => {
                    let passed = ours.elapse(qemu, about)?;
                    expected = ours.elapsed(passed);
                    let edges = qemu.settle(1)?.edges;
                    Outcome {
                        value: expected.value,
                        edges,
                    }
                }
                other => apply(qemu, &other)?,
            };
            keep_lines(&mut outcome, &lines);
            steps.push((op.clone(), outcome.clone()));
            if outcome.edges != expected.edges {
                return Ok(Err(Difference::new(steps, expected)));
            }
        }
        if let Some(row) = ours.tally().broken {
            let row = S::ROWS.get(row).copied();
            if let Some(difference) = confirm(qemu, &mut pending, &lines, &mut steps)? {
                return Ok(Err(difference));
            }
            let remark = format!("the device does not do what row `{}` says", row.unwrap_or_default());
            return Ok(Err(Difference::new(steps, expected).remark(remark)));
        }
        let save = match saving {
            Saving::Never => false,
            // The script's content decides, so that a shrunk script is saved at other steps, but always at the same ones.
            Saving::Sometimes => (index as u64).wrapping_mul(7).wrapping_add(number).is_multiple_of(16),
            Saving::Always => true,
        };
        if save {
            ours.save_and_restore();
        }
    }
    if let Some(difference) = confirm(qemu, &mut pending, &lines, &mut steps)? {
        return Ok(Err(difference));
    }
    if let Some((index, output)) = ours.output() {
        let theirs = qemu.output(index, output.len() + 1)?;
        if theirs != output {
            let remark = format!("QEMU sent {theirs:02x?}, ours {output:02x?}");
            return Ok(Err(Difference::new(steps, Outcome::default()).remark(remark)));
        }
    }
    Ok(Ok(ours.tally().clone()))
}

fn apply(qemu: &mut Qemu, stimulus: &Stimulus) -> Result<Outcome> {
    match stimulus {
        Stimulus::Access(command) => Ok(qemu.commands(std::slice::from_ref(command))?.pop().unwrap_or_default()),
        Stimulus::Input { index, bytes, rounds } => qemu.input(*index, bytes, *rounds),
        Stimulus::Qmp(command, arguments) => {
            qemu.qmp(command, arguments)?;
            qemu.settle(1)
        }
        Stimulus::AccessThatResets(command) => qemu.reset_by(command),
        Stimulus::Reset => qemu.reset(),
        Stimulus::Elapse(_) | Stimulus::Nothing => Ok(Outcome::default()),
    }
}

/// Does to QEMU what was predicted, and gives the first difference.
fn confirm<Op: Clone>(
    qemu: &mut Qemu,
    pending: &mut Pending<Op>,
    lines: &[u16],
    steps: &mut Vec<(Op, Outcome)>,
) -> Result<Option<Difference<Op>>> {
    let outcomes = qemu.commands(&pending.commands)?;
    pending.commands.clear();
    for ((op, expected), mut outcome) in pending.expected.drain(..).zip(outcomes) {
        keep_lines(&mut outcome, lines);
        steps.push((op, outcome.clone()));
        if outcome != expected {
            return Ok(Some(Difference::new(std::mem::take(steps), expected)));
        }
    }
    Ok(None)
}

fn keep_lines(outcome: &mut Outcome, lines: &[u16]) {
    outcome.edges.retain(|edge| lines.contains(&edge.line));
}

/// The shortest script found that fails on a new QEMU, if any does: pieces are left out, first large ones, in the end
/// single steps.
fn shrink<S: Subject>(mut script: Vec<S::Op>, number: u64, saving: Saving) -> Result<Option<Difference<S::Op>>> {
    let mut shortest = None;
    let mut piece = script.len();
    let mut attempts = ATTEMPTS;
    while piece > 0 && attempts > 0 {
        let mut start = 0;
        let mut left_out_any = false;
        while start < script.len() && attempts > 0 {
            attempts -= 1;
            let end = (start + piece).min(script.len());
            // The first attempt leaves out nothing: does it fail on a new QEMU at all?
            let range = if shortest.is_none() { 0..0 } else { start..end };
            let mut shorter = script.clone();
            shorter.drain(range);
            let mut qemu = Qemu::start(&S::machine()).context("while shrinking")?;
            match play::<S>(&mut qemu, &shorter, number, saving)? {
                Err(difference) => {
                    shorter.truncate(difference.steps.len());
                    script = shorter;
                    shortest = Some(difference);
                    left_out_any = true;
                }
                Ok(_) if shortest.is_none() => return Ok(None),
                Ok(_) => start += piece,
            }
        }
        if piece > 1 || !left_out_any {
            piece /= 2;
        }
    }
    Ok(shortest)
}

fn describe<S: Subject>(difference: &Difference<S::Op>, seed: u64, number: u64) -> String {
    let mut text = String::new();
    let (line, qemu) = match difference.steps.last() {
        Some((op, outcome)) => (format!("{op:?}"), outcome.clone()),
        None => (String::new(), Outcome::default()),
    };
    let _ = writeln!(
        text,
        "{}: no row of DIFFERENCES.md explains step {} ({line})",
        S::FOLDER,
        difference.steps.len()
    );
    let _ = writeln!(text, "QEMU: {}", show(&qemu));
    let _ = writeln!(text, "ours: {}", show(&difference.ours));
    if let Some(remark) = &difference.remark {
        let _ = writeln!(text, "{remark}");
    }
    let _ = writeln!(
        text,
        "seed {seed}, script {number}; as a unit test, with what QEMU gave:\n"
    );
    let _ = writeln!(text, "#[test]\nfn the_oracle_found_this() {{\n{}", S::test_setup());
    for (op, outcome) in &difference.steps {
        let _ = writeln!(text, "    {}", S::as_test(op, outcome));
    }
    text.push('}');
    text
}

fn show(outcome: &Outcome) -> String {
    let mut text = outcome
        .value
        .map_or(String::from("nothing"), |value| format!("{value:#x}"));
    for edge in &outcome.edges {
        let _ = write!(text, ", line {} {}", edge.line, if edge.level { "up" } else { "down" });
    }
    text
}
