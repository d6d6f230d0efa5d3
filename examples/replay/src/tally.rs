//! Counts what each known difference excused, and holds a trace to one side of it.

use std::collections::BTreeMap;

use crate::differences::{DIFFERENCES, Difference, Read};
use crate::facts::Facts;
use crate::report::{KnownDifference, Mismatch};

/// For each difference, by its position, where the recorded machine followed whom.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sides: BTreeMap<usize, Sides>,
}

#[derive(Debug, Default)]
struct Sides {
    as_known: Vec<Place>,
    as_manual: Vec<Place>,
}

/// A read that a difference concerns.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) ours: u32,
}

impl Tally {
    /// Whether a recorded value is ours, or differs from it in just the ways that are known.
    pub(crate) fn accepts(&mut self, read: Read, facts: Facts, recorded: u32, place: &dyn Fn() -> Place) -> bool {
        let ours = place().ours;
        let concerned = || {
            (0..)
                .zip(&DIFFERENCES)
                .filter_map(|(index, difference)| Some((index, difference.values(read, facts)?)))
        };
        let explained = concerned()
            .filter(|(_, values)| values.explain(ours, recorded))
            .fold(0, |bits, (_, values)| bits | values.bits);
        if (ours ^ recorded) & !explained != 0 {
            return false;
        }
        for (index, values) in concerned() {
            let sides = self.sides.entry(index).or_default();
            if values.explain(ours, recorded) {
                sides.as_known.push(place());
            } else if values.follow_the_manual(ours, recorded) {
                sides.as_manual.push(place());
            }
        }
        true
    }

    /// What was excused; and as mismatches, where a trace that otherwise takes one side of a difference takes the
    /// other: no machine does both.
    pub(crate) fn finish(self, file: &str) -> (Vec<KnownDifference>, Vec<Mismatch>) {
        let mut known = Vec::new();
        let mut mismatches = Vec::new();
        for (index, Sides { as_known, as_manual }) in self.sides {
            let Some(difference) = DIFFERENCES.get(index) else {
                continue;
            };
            let (most, fewest) = if as_known.len() < as_manual.len() {
                (&as_manual, &as_known)
            } else {
                (&as_known, &as_manual)
            };
            if let Some(elsewhere) = most.first() {
                mismatches.extend(fewest.iter().map(|place| Mismatch {
                    file: file.to_owned(),
                    line: place.line,
                    what: place.what.clone(),
                    expected: format!("the side that line {} takes of {}", elsewhere.line, difference.name),
                    got: "the other side, and no machine takes both".to_owned(),
                }));
            }
            if let Some(first) = as_known.first() {
                known.push(excused(difference, as_known.len(), first));
            }
        }
        (known, mismatches)
    }
}

fn excused(difference: &'static Difference, reads: usize, first: &Place) -> KnownDifference {
    KnownDifference {
        difference,
        reads,
        first_line: first.line,
    }
}
