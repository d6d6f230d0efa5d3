//! A difference, made short and shown as a unit test.

use super::campaign::{Step, play};
use super::qemu::{Outcome, Qemu};
use super::subject::Subject;
use anyhow::{Context, Result};
use std::fmt::Write as _;

/// A script up to the step at which the sides disagree.
pub(crate) struct Difference<Op> {
    beginning: String,
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
    excuse: Option<Excuse>,
}

/// Rows that explain a step, and the line of a unit test that puts the device where QEMU's is after it.
pub(crate) struct Excuse {
    rows: Vec<&'static str>,
    state: String,
}

impl Excuse {
    /// The rows that have occurred on our side since the last call.
    pub(crate) fn of<S: Subject>(ours: &mut S) -> Option<Self> {
        let rows = ours.tally().take_recent();
        let rows: Vec<_> = rows.into_iter().filter_map(|row| S::ROWS.get(row).copied()).collect();
        let state = || ours.state_as_test();
        (!rows.is_empty()).then(|| Self { state: state(), rows })
    }
}

impl<Op> Difference<Op> {
    /// None so far, from where our side is now.
    pub(crate) fn new<S: Subject<Op = Op>>(ours: &S) -> Self {
        Self {
            beginning: format!("    {}\n    {}", ours.test_setup(), ours.state_as_test())
                .trim_end()
                .to_owned(),
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

    /// Another step, in which ours should have come to the same; whether it did not.
    pub(crate) fn taken(&mut self, step: Step<Op>, outcome: Outcome, ours: Outcome, excuse: Option<Excuse>) -> bool {
        let differs = outcome != ours;
        self.ours = ours;
        self.taken.push(Taken { step, outcome, excuse });
        differs
    }
}

/// Simpler scripts to try when one fails.
const ATTEMPTS: usize = 1_000;

/// How often one is tried: how much time passes in an [`elapse`](Subject::elapse) is not the same each time.
const TRIES: usize = 4;

/// Makes a script simpler.
type Simpler<'a, Op> = &'a mut dyn FnMut(&mut Vec<Step<Op>>);

/// The shortest script found that fails on a new QEMU, if any does: saves are left out, all and then one by one, and
/// steps, first in large pieces, in the end single ones.
pub(crate) fn shrink<S: Subject>(mut script: Vec<Step<S::Op>>, number: u64) -> Result<Option<Difference<S::Op>>> {
    let mut attempts = ATTEMPTS;
    let mut agreeing = None;
    let mut fails = |script: &mut Vec<Step<S::Op>>| {
        if attempts == 0 {
            return Ok(None);
        }
        attempts -= 1;
        for _ in 0..TRIES {
            let mut qemu = match agreeing.take() {
                Some(qemu) => qemu,
                None => Qemu::start(&S::machine()).context("while shrinking")?,
            };
            match play::<S>(&mut qemu, script, number)? {
                Err(difference) => {
                    script.truncate(difference.taken.len());
                    return Ok(Some(difference));
                }
                Ok(seen) => {
                    agreeing = Some(qemu);
                    if !seen.time_passed {
                        break;
                    }
                }
            }
        }
        anyhow::Ok(None)
    };

    let Some(mut shortest) = fails(&mut script)? else {
        return Ok(None);
    };
    let mut attempt = |script: &mut Vec<Step<S::Op>>, simpler: Simpler<S::Op>| {
        let mut candidate = script.clone();
        simpler(&mut candidate);
        let difference = fails(&mut candidate)?;
        let failed = difference.is_some();
        if let Some(difference) = difference {
            shortest = difference;
            *script = candidate;
        }
        anyhow::Ok(failed)
    };

    attempt(&mut script, &mut |script| {
        for step in script {
            step.save = false;
        }
    })?;
    let mut piece = script.len();
    while piece > 0 {
        let mut start = 0;
        let mut left_out_any = false;
        while start < script.len() {
            let end = (start + piece).min(script.len());
            if attempt(&mut script, &mut |script| drop(script.drain(start..end)))? {
                left_out_any = true;
            } else {
                start += piece;
            }
        }
        if piece > 1 || !left_out_any {
            piece /= 2;
        }
    }
    for index in (0..script.len()).rev() {
        if script.get(index).is_some_and(|step| step.save) {
            attempt(&mut script, &mut |script| script[index].save = false)?;
        }
    }
    Ok(Some(shortest))
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
    let _ = writeln!(
        text,
        "seed {seed}, script {number}; as a unit test, with what QEMU gave:\n"
    );
    let _ = writeln!(text, "#[test]\nfn the_oracle_found_this() {{");
    for item in S::TEST_USES {
        let _ = writeln!(text, "    use {item};");
    }
    let _ = writeln!(text, "{}", difference.beginning);
    for (index, taken) in difference.taken.iter().enumerate() {
        let is_last = index + 1 == difference.taken.len();
        for line in lines::<S>(taken, is_last) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push('}');
    text
}

/// A step as lines of the test. One that rows excuse is a comment, and the state that QEMU's device is in after it.
fn lines<S: Subject>(taken: &Taken<S::Op>, is_last: bool) -> Vec<String> {
    let step = S::as_test(&taken.step.op, &taken.outcome);
    let mut lines = Vec::new();
    match &taken.excuse {
        Some(excuse) if !is_last => {
            lines.push(format!(
                "// {}: {}",
                excuse.rows.join(", "),
                step.replace("\n    ", " ")
            ));
            if !excuse.state.is_empty() {
                lines.push(excuse.state.clone());
            }
        }
        _ => {
            lines.push(step);
            if is_last || !taken.outcome.edges.is_empty() {
                lines.push(S::edges_as_test(&taken.outcome.edges));
            }
        }
    }
    if taken.step.save && !is_last {
        lines.push(S::SAVE_AS_TEST.to_owned());
    }
    lines
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
