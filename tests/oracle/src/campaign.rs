//! Many scripts, one after the other, until one ends in a difference that no row explains.

use super::failure::{Difference, describe, shrink};
use super::qemu::{Outcome, Qemu};
use super::rows::Tally;
use super::saves::Saves;
use super::subject::{Saving, Stimulus, Subject};
use anyhow::{Result, anyhow};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
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
    /// How often our side went through bytes.
    pub saves: Saves,
}

impl Report {
    /// The rows that never occurred: either the table is out of date, or the scripts miss something.
    pub fn stale(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().filter(|(_, count)| *count == 0).map(|(row, _)| *row)
    }
}

/// Steps in a script: enough to get somewhere, few enough to be read when one fails.
const SCRIPT: usize = 200;

/// One step of a script.
#[derive(Clone, Debug)]
pub(crate) struct Step<Op> {
    pub(crate) op: Op,
    /// Whether our side is saved and restored after it.
    pub(crate) save: bool,
}

pub(crate) fn run<S: Subject>(settings: Settings) -> Result<Report> {
    let start = Instant::now();
    let mut runner = runner(settings.seed);
    let scripts = S::scripts(SCRIPT);
    let mut qemu = Qemu::start(&S::machine())?;
    let mut all = Seen::new::<S>();
    let (mut operations, mut number) = (0, 0);
    while operations < settings.operations {
        let ops = any_of(&scripts, &mut runner)?;
        let saves = vec(weighted(settings.saving.probability()), ops.len());
        let saves = any_of(&saves, &mut runner)?;
        let script = steps(ops, &saves);
        match play::<S>(&mut qemu, &script, number)? {
            Ok(in_script) => all.add(&in_script),
            Err(first) => {
                let shortest = shrink::<S>(script, number)?;
                let remark = "it takes more than this script, or the very moments of its steps: a new QEMU agrees";
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
        rows: S::ROWS
            .iter()
            .copied()
            .zip(all.tally.counts().iter().copied())
            .collect(),
        saves: all.saves,
    })
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config::default(), rng)
}

/// Scripts without saves, one after the other.
pub(crate) fn script_of<S: Subject>(seed: u64) -> impl FnMut() -> Result<Vec<Step<S::Op>>> {
    let mut runner = runner(seed);
    let scripts = S::scripts(SCRIPT);
    move || Ok(steps(any_of(&scripts, &mut runner)?, &[]))
}

/// Steps, some of which are followed by a save and a restore.
fn steps<Op>(ops: Vec<Op>, saves: &[bool]) -> Vec<Step<Op>> {
    let saves = saves.iter().copied().chain(std::iter::repeat(false));
    ops.into_iter().zip(saves).map(|(op, save)| Step { op, save }).collect()
}

fn any_of<T: Strategy>(strategy: &T, runner: &mut TestRunner) -> Result<T::Value> {
    let tree = strategy.new_tree(runner).map_err(|reason| anyhow!("{reason}"))?;
    Ok(tree.current())
}

/// What was seen in scripts without a difference.
pub(crate) struct Seen {
    /// How much of it is not the same each time.
    pub(crate) time_passed: bool,
    tally: Tally,
    saves: Saves,
}

impl Seen {
    fn new<S: Subject>() -> Self {
        Self {
            time_passed: false,
            tally: Tally::new(S::ROWS),
            saves: Saves::default(),
        }
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.saves.add(&other.saves);
    }
}

/// Predictions that QEMU has not confirmed yet.
struct Pending<Op> {
    commands: Vec<String>,
    expected: Vec<(Step<Op>, Outcome, Vec<&'static str>)>,
}

/// Takes a script's steps on both sides, up to the first difference.
pub(crate) fn play<S: Subject>(
    qemu: &mut Qemu,
    script: &[Step<S::Op>],
    number: u64,
) -> Result<Result<Seen, Difference<S::Op>>> {
    let mut player = Player::<S>::begin(qemu, number)?;
    for step in script {
        if player.step(qemu, step)? {
            return Ok(Err(player.difference));
        }
    }
    player.finish(qemu)
}

/// Both sides in the middle of a script.
pub(crate) struct Player<S: Subject> {
    pub(crate) ours: S,
    pub(crate) difference: Difference<S::Op>,
    lines: Vec<u16>,
    seen: Seen,
    pending: Pending<S::Op>,
    /// How many of the characters that we have sent went to another QEMU.
    sent_before: usize,
    /// Lines that are up, and that this QEMU has not driven since it was started.
    undriven: Vec<u16>,
}

impl<S: Subject> Player<S> {
    pub(crate) fn begin(qemu: &mut Qemu, number: u64) -> Result<Self> {
        let (mut ours, beginning) = S::begin(number, qemu)?;
        for stimulus in beginning {
            apply(qemu, &stimulus)?;
        }
        ours.tally().take_recent();
        Ok(Self {
            ours,
            difference: Difference::none(),
            lines: S::lines(number),
            seen: Seen::new::<S>(),
            pending: Pending {
                commands: Vec::new(),
                expected: Vec::new(),
            },
            sent_before: 0,
            undriven: Vec::new(),
        })
    }

    /// Takes a step on both sides; whether they differ.
    pub(crate) fn step(&mut self, qemu: &mut Qemu, step: &Step<S::Op>) -> Result<bool> {
        let (stimulus, mut expected) = self.ours.step(&step.op);
        if let Stimulus::Access(command) = stimulus {
            self.pending.commands.push(command);
            let rows = self.rows();
            self.pending.expected.push((step.clone(), expected, rows));
        } else {
            if self.confirm(qemu)? {
                return Ok(true);
            }
            let outcome = match stimulus {
                Stimulus::Elapse(about) => {
                    self.seen.time_passed = true;
                    let passed = self.ours.elapse(qemu, about)?;
                    expected = self.ours.elapsed(passed);
                    let edges = qemu.settle(1)?.edges;
                    Outcome {
                        value: expected.value,
                        edges,
                    }
                }
                other => apply(qemu, &other)?,
            };
            let rows = self.rows();
            if self.compare(step.clone(), outcome, expected, rows) {
                return Ok(true);
            }
        }
        let broken = self.ours.tally().broken.and_then(|row| S::ROWS.get(row));
        let mut wrong = broken.map(|row| format!("the device does not do what row `{row}` says"));
        if wrong.is_none() && step.save {
            let saved = self.ours.save_and_restore(&mut self.seen.saves);
            wrong = saved
                .err()
                .map(|error| format!("it cannot be saved and restored: {error}"));
        }
        let Some(remark) = wrong else { return Ok(false) };
        if !self.confirm(qemu)? {
            self.difference.set_remark(remark);
        }
        Ok(true)
    }

    /// The rows that have occurred on our side since the last call.
    fn rows(&mut self) -> Vec<&'static str> {
        let rows = self.ours.tally().take_recent();
        rows.into_iter().filter_map(|row| S::ROWS.get(row).copied()).collect()
    }

    /// Does to QEMU what was predicted; whether it does something else.
    pub(crate) fn confirm(&mut self, qemu: &mut Qemu) -> Result<bool> {
        let outcomes = qemu.commands(&self.pending.commands)?;
        self.pending.commands.clear();
        let expected = std::mem::take(&mut self.pending.expected);
        for ((step, expected, rows), outcome) in expected.into_iter().zip(outcomes) {
            if self.compare(step, outcome, expected, rows) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare(
        &mut self,
        step: Step<S::Op>,
        mut outcome: Outcome,
        mut expected: Outcome,
        rows: Vec<&'static str>,
    ) -> bool {
        outcome.edges.retain(|edge| self.lines.contains(&edge.line));
        self.undriven
            .retain(|line| still_undriven(*line, &mut outcome, &mut expected));
        self.difference.taken(step, outcome, expected, rows)
    }

    /// Goes on with another QEMU. It has not driven the lines that are up.
    pub(crate) fn change_qemu(&mut self, up: Vec<u16>) {
        self.undriven = up;
        self.sent_before = self.ours.output().map_or(0, |(_, sent)| sent.len());
    }

    pub(crate) fn finish(mut self, qemu: &mut Qemu) -> Result<Result<Seen, Difference<S::Op>>> {
        if self.confirm(qemu)? {
            return Ok(Err(self.difference));
        }
        if let Some((index, output)) = self.ours.output() {
            let output = output.get(self.sent_before..).unwrap_or_default();
            let theirs = qemu.output(index, output.len() + 1)?;
            if theirs != output {
                let remark = format!("QEMU sent {theirs:02x?}, ours {output:02x?}");
                return Ok(Err(self.difference.remark(remark)));
            }
        }
        self.seen.tally = self.ours.tally().clone();
        Ok(Ok(self.seen))
    }
}

/// A line that is up and was never driven can only be driven up once more, or down unseen. Whether that is still to come.
fn still_undriven(line: u16, outcome: &mut Outcome, expected: &mut Outcome) -> bool {
    let first = |outcome: &Outcome| outcome.edges.iter().position(|edge| edge.line == line);
    match (first(outcome), first(expected)) {
        (None, None) => true,
        (Some(theirs), _) if outcome.edges[theirs].level => {
            outcome.edges.remove(theirs);
            // It may have fallen unseen before it rose.
            if let Some(ours) = first(expected).filter(|ours| !expected.edges[*ours].level) {
                let rises = expected
                    .edges
                    .get(ours + 1)
                    .is_some_and(|edge| edge.line == line && edge.level);
                if rises {
                    expected.edges.drain(ours..=ours + 1);
                }
            }
            false
        }
        (_, Some(ours)) if !expected.edges[ours].level => {
            expected.edges.remove(ours);
            false
        }
        _ => false,
    }
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
