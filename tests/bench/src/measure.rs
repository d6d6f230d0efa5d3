//! Measuring cases: instructions in another process, processor times side by side in this one, allocations.

use std::ops::Deref;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::case::Case;
use crate::{allocations, callgrind};

/// What is known about a case.
pub struct Measured {
    case: Case,
    pub allocations: u64,
    pub instructions: Option<u64>,
    /// Of one run.
    pub nanoseconds: Option<f64>,
}

impl From<Case> for Measured {
    fn from(case: Case) -> Self {
        Self {
            case,
            allocations: 0,
            instructions: None,
            nanoseconds: None,
        }
    }
}

impl Deref for Measured {
    type Target = Case;

    fn deref(&self) -> &Case {
        &self.case
    }
}

/// Counts instructions and allocations.
pub fn count(cases: Vec<Case>) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = cases.into_iter().map(Measured::from).collect();
    let mut counted: Vec<&mut Measured> = measured.iter_mut().filter(|one| !one.only_timed).collect();
    let names: Vec<String> = counted.iter().map(|one| one.name()).collect();
    for (one, count) in counted.iter_mut().zip(callgrind::count(&names)?) {
        (one.case.run)();
        one.allocations = allocations::count(&mut *one.case.run);
        one.instructions = Some(count);
    }
    Ok(measured)
}

/// How long one round of a case is to last.
const ROUND: Duration = Duration::from_micros(300);

/// Medians of rounds in which the cases of a group take turns, so that whatever disturbs the machine disturbs all.
pub fn time(cases: &mut [Case], rounds: usize) -> Vec<f64> {
    let mut medians = Vec::new();
    for group in cases.chunk_by_mut(|one, next| one.group == next.group && one.only_timed == next.only_timed) {
        let repeats: Vec<u32> = group.iter_mut().map(|case| repeats(&mut *case.run)).collect();
        let mut times = vec![Vec::new(); group.len()];
        let rounds = if group.iter().any(|case| case.only_timed) {
            rounds.min(5)
        } else {
            rounds
        };
        for _ in 0..rounds {
            for ((case, repeats), times) in group.iter_mut().zip(&repeats).zip(&mut times) {
                let start = thread_time();
                for _ in 0..*repeats {
                    (case.run)();
                }
                times.push((thread_time() - start) as f64 / f64::from(*repeats));
            }
        }
        for mut times in times {
            times.sort_by(f64::total_cmp);
            medians.push(times[times.len() / 2]);
        }
    }
    medians
}

/// Processor time of this thread, in nanoseconds: what other programs do in between does not count.
pub fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How many runs make a round.
fn repeats(run: &mut dyn FnMut()) -> u32 {
    run();
    let start = Instant::now();
    run();
    let mut once = start.elapsed().max(Duration::from_nanos(1));
    let few = (ROUND.as_nanos() / 10 / once.as_nanos()).clamp(1, 1_000) as u32;
    let start = Instant::now();
    (0..few).for_each(|_| run());
    once = (start.elapsed() / few).max(Duration::from_nanos(1));
    (ROUND.as_nanos() / once.as_nanos()).clamp(1, 1_000_000) as u32
}
