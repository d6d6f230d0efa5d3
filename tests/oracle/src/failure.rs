//! A difference, made short.

use super::campaign::{Step, play};
use super::qemu::{Outcome, Qemu};
use super::subject::Subject;
use anyhow::{Context, Result};
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

/// How often a script is tried: how much time passes in an [`elapse`](Subject::elapse) is not the same each time.
const TRIES: usize = 4;

/// Returns the shortest script found that fails on a new QEMU, if any does: without saves, and without pieces that do not
/// matter, first large ones, in the end single steps.
pub(crate) fn shrink<S: Subject>(mut script: Vec<Step<S::Op>>, number: u64) -> Result<Option<Difference<S::Op>>> {
    let mut qemu = None;
    let Some(mut shortest) = fails::<S>(&mut qemu, &script, number)? else {
        return Ok(None);
    };
    let without_saves = script.iter().cloned().map(|step| Step { save: false, ..step });
    let without_saves: Vec<_> = without_saves.collect();
    if let Some(difference) = fails::<S>(&mut qemu, &without_saves, number)? {
        (script, shortest) = (without_saves, difference);
    }
    let mut piece = script.len();
    while piece > 0 {
        let mut start = 0;
        while start < script.len() {
            let mut shorter = script.clone();
            shorter.drain(start..(start + piece).min(script.len()));
            match fails::<S>(&mut qemu, &shorter, number)? {
                Some(difference) => {
                    shorter.truncate(difference.taken.len());
                    (script, shortest) = (shorter, difference);
                }
                None => start += piece,
            }
        }
        piece /= 2;
    }
    Ok(Some(shortest))
}

/// Plays a script, and again while it agrees and time passes in it. A QEMU that has agreed is left for the next script.
fn fails<S: Subject>(
    agreeing: &mut Option<Qemu>,
    script: &[Step<S::Op>],
    number: u64,
) -> Result<Option<Difference<S::Op>>> {
    for _ in 0..TRIES {
        let mut qemu = match agreeing.take() {
            Some(qemu) => qemu,
            None => Qemu::start(&S::machine()).context("while shrinking")?,
        };
        match play::<S>(&mut qemu, script, number)? {
            Err(difference) => return Ok(Some(difference)),
            Ok(seen) => {
                *agreeing = Some(qemu);
                if !seen.time_passed {
                    break;
                }
            }
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
