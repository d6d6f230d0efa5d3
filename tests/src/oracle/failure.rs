//! A difference, made short.

use super::campaign::{Step, play, steps};
use super::qemu::{Outcome, Qemu};
use super::subject::Subject;
use anyhow::{Context, Result};
use proptest::strategy::ValueTree;
use std::fmt::Write as _;

/// A script up to the step at which the sides disagree.
pub(crate) struct Difference<Op> {
    taken: Vec<Taken<Op>>,
    /// What our side did in the last step.
    ours: Outcome,
    /// What is wrong, where it is not the last step's outcome.
    remark: Option<String>,
}

/// A step as QEMU took it.
pub(crate) struct Taken<Op> {
    step: Step<Op>,
    outcome: Outcome,
    rows: Vec<&'static str>,
}

impl<Op> Difference<Op> {
    /// None so far.
    pub(crate) fn none() -> Self {
        Self {
            taken: Vec::new(),
            ours: Outcome::default(),
            remark: None,
        }
    }

    pub(crate) fn remark(mut self, text: String) -> Self {
        self.set_remark(text);
        self
    }

    pub(crate) fn set_remark(&mut self, text: String) {
        self.remark = Some(text);
    }

    /// Another step, in which ours should have come to the same, and the rows that explain it; whether it did not.
    pub(crate) fn taken(&mut self, step: Step<Op>, outcome: Outcome, ours: Outcome, rows: Vec<&'static str>) -> bool {
        let differs = outcome != ours;
        self.ours = ours;
        self.taken.push(Taken { step, outcome, rows });
        differs
    }
}

/// Simpler scripts to try when one fails.
const ATTEMPTS: usize = 1_000;

/// How often one is tried: how much time passes in an [`elapse`](Subject::elapse) is not the same each time.
const TRIES: usize = 4;

/// Returns the shortest script found that fails on a new QEMU, if any does. `saves` says after which steps our side is saved.
pub(crate) fn shrink<S: Subject>(
    mut script: impl ValueTree<Value = Vec<S::Op>>,
    saves: &[bool],
    number: u64,
) -> Result<Option<Difference<S::Op>>> {
    let mut shortest = None;
    for _ in 0..ATTEMPTS {
        let difference = fails::<S>(&steps(script.current(), saves), number)?;
        let goes_on = if difference.is_some() {
            shortest = difference;
            script.simplify()
        } else {
            script.complicate()
        };
        if !goes_on {
            break;
        }
    }
    // Most differences have nothing to do with a save.
    Ok(fails::<S>(&steps(script.current(), &[]), number)?.or(shortest))
}

/// Plays a script on new QEMUs, until one disagrees.
fn fails<S: Subject>(script: &[Step<S::Op>], number: u64) -> Result<Option<Difference<S::Op>>> {
    let mut qemu = Qemu::start(&S::machine()).context("while shrinking")?;
    for _ in 0..TRIES {
        match play::<S>(&mut qemu, script, number)? {
            Err(difference) => return Ok(Some(difference)),
            Ok(seen) if !seen.time_passed => break,
            Ok(_) => {}
        }
    }
    Ok(None)
}

pub(crate) fn describe<S: Subject>(difference: &Difference<S::Op>, seed: u64, number: u64) -> String {
    let mut text = String::new();
    let last = difference.taken.last();
    let (line, qemu) = last.map_or_else(Default::default, |taken| {
        (format!("{:?}", taken.step.op), taken.outcome.clone())
    });
    let _ = writeln!(
        text,
        "{}: no row of DIFFERENCES.md explains step {} ({line})",
        S::FOLDER,
        difference.taken.len()
    );
    let _ = writeln!(text, "QEMU: {}", show(&qemu));
    let _ = writeln!(text, "ours: {}", show(&difference.ours));
    if let Some(remark) = &difference.remark {
        let _ = writeln!(text, "{remark}");
    }
    let _ = writeln!(text, "seed {seed}, script {number}; the steps, with what QEMU gave:\n");
    for Taken { step, outcome, rows } in &difference.taken {
        let saved = if step.save { ", saved and restored" } else { "" };
        let _ = writeln!(text, "{:?}{saved}: {} {}", step.op, show(outcome), rows.join(", "));
    }
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
