//! Measuring cases: instructions in another process, processor times side by side in this one, allocations.

use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::case::Case;
use crate::{allocations, callgrind};

/// What is known about a case.
pub struct Measured {
    pub group: &'static str,
    pub row: &'static str,
    pub column: String,
    pub bytes: Option<usize>,
    pub content: Option<usize>,
    pub ours: bool,
    /// Too long for valgrind.
    pub only_timed: bool,
    pub allocations: u64,
    pub instructions: Option<u64>,
    /// Of one run.
    pub nanoseconds: Option<f64>,
}

impl Measured {
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.group, self.row, self.column)
    }
}

/// Counts instructions and allocations.
pub fn count(cases: Vec<Case>) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = cases.into_iter().map(of_case).collect();
    let names: Vec<String> = counted(&mut measured).map(|one| one.name()).collect();
    let counts = callgrind::count(&names)?;
    for (one, count) in counted(&mut measured).zip(counts) {
        one.instructions = Some(count);
    }
    Ok(measured)
}

fn counted(measured: &mut [Measured]) -> impl Iterator<Item = &mut Measured> {
    measured.iter_mut().filter(|one| !one.only_timed)
}

fn of_case(mut case: Case) -> Measured {
    let allocations = if case.only_timed {
        0
    } else {
        (case.run)();
        allocations::count(&mut *case.run)
    };
    Measured {
        ours: case.is_ours(),
        group: case.group,
        row: case.row,
        column: case.column,
        bytes: case.bytes,
        content: case.content,
        only_timed: case.only_timed,
        allocations,
        instructions: None,
        nanoseconds: None,
    }
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
