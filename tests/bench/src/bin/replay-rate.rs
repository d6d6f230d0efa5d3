//! Prints how many events a second the replay of two recorded guests takes, with a save and a restore after each.
//!
//! A program of its own: what is linked together is inlined differently, which would move the instruction counts.

use std::hint::black_box;

use devstate_replay::{Settings, Span, replay, shipped_traces};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 21;

fn main() {
    let traces = shipped_traces().expect("a shipped trace is well formed");
    let events: usize = traces.iter().map(|trace| trace.steps.len()).sum();
    let settings = Settings::default();
    let mut times: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let start = processor_time();
            for trace in &traces {
                let report = replay(black_box(trace), &settings, Span::WHOLE).expect("a whole trace");
                assert!(report.mismatches.is_empty(), "{}", trace.file);
            }
            processor_time() - start
        })
        .collect();
    times.sort_unstable();
    println!("{}", events as f64 * 1e9 / times[ROUNDS / 2] as f64);
}

/// In nanoseconds.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
