//! Many scripts, one after the other, until one ends in a difference that no row explains.

use super::failure::{Difference, Excuse, describe, shrink};
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
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&settings.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let scripts = S::scripts(SCRIPT);
    let mut qemu = Qemu::start(&S::machine())?;
    let mut all = Seen::new::<S>();
    let (mut operations, mut number) = (0, 0);
    while operations < settings.operations {
        let ops = any_of(&scripts, &mut runner)?;
        let saves = any_of(&vec(weighted(settings.saving.probability()), ops.len()), &mut runner)?;
        let script: Vec<_> = ops.into_iter().zip(saves).map(|(op, save)| Step { op, save }).collect();
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

    fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.saves.add(&other.saves);
    }
}

/// Predictions that QEMU has not confirmed yet.
struct Pending<Op> {
    commands: Vec<String>,
    expected: Vec<(Step<Op>, Outcome, Option<Excuse>)>,
}

/// Takes a script's steps on both sides, up to the first difference.
pub(crate) fn play<S: Subject>(
    qemu: &mut Qemu,
    script: &[Step<S::Op>],
    number: u64,
) -> Result<Result<Seen, Difference<S::Op>>> {
    let lines = S::lines(number);
    let (mut ours, beginning) = S::begin(number, qemu)?;
    for stimulus in beginning {
        apply(qemu, &stimulus)?;
    }
    ours.tally().take_recent();
    let mut seen = Seen::new::<S>();
    let mut difference = Difference::new(&ours);
    let mut pending = Pending {
        commands: Vec::new(),
        expected: Vec::new(),
    };
    for step in script {
        let (stimulus, mut expected) = ours.step(&step.op);
        if let Stimulus::Access(command) = stimulus {
            pending.commands.push(command);
            let excuse = Excuse::of(&mut ours);
            pending.expected.push((step.clone(), expected.clone(), excuse));
        } else {
            if confirm(qemu, &mut pending, &lines, &mut difference)? {
                return Ok(Err(difference));
            }
            let mut outcome = match stimulus {
                Stimulus::Elapse(about) => {
                    seen.time_passed = true;
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
            let excuse = Excuse::of(&mut ours);
            if difference.taken(step.clone(), outcome, expected.clone(), excuse) {
                return Ok(Err(difference));
            }
        }
        let broken = ours.tally().broken.and_then(|row| S::ROWS.get(row));
        let mut wrong = broken.map(|row| format!("the device does not do what row `{row}` says"));
        if wrong.is_none() && step.save {
            let saved = ours.save_and_restore(&mut seen.saves);
            wrong = saved
                .err()
                .map(|error| format!("it cannot be saved and restored: {error}"));
        }
        if let Some(remark) = wrong {
            if confirm(qemu, &mut pending, &lines, &mut difference)? {
                return Ok(Err(difference));
            }
            return Ok(Err(difference.remark(remark)));
        }
    }
    if confirm(qemu, &mut pending, &lines, &mut difference)? {
        return Ok(Err(difference));
    }
    if let Some((index, output)) = ours.output() {
        let theirs = qemu.output(index, output.len() + 1)?;
        if theirs != output {
            let remark = format!("QEMU sent {theirs:02x?}, ours {output:02x?}");
            return Ok(Err(difference.remark(remark)));
        }
    }
    seen.tally = ours.tally().clone();
    Ok(Ok(seen))
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

/// Does to QEMU what was predicted; whether it does something else.
fn confirm<Op: Clone>(
    qemu: &mut Qemu,
    pending: &mut Pending<Op>,
    lines: &[u16],
    difference: &mut Difference<Op>,
) -> Result<bool> {
    let outcomes = qemu.commands(&pending.commands)?;
    pending.commands.clear();
    for ((step, expected, excuse), mut outcome) in pending.expected.drain(..).zip(outcomes) {
        keep_lines(&mut outcome, lines);
        if difference.taken(step, outcome, expected, excuse) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keep_lines(outcome: &mut Outcome, lines: &[u16]) {
    outcome.edges.retain(|edge| lines.contains(&edge.line));
}
