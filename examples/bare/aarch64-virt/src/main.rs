//! Keeps a clock across a reset while its alarm is set: it goes off once, at its time or as soon as it can.
//!
//! Five starts: the first sets an alarm and resets at once; the second restores the clock, waits for the alarm, sets
//! another and sleeps through it before resetting; the third finds that one fallen due while nobody looked, and saves
//! while the next one has gone off and nobody has served it; the fourth serves that one, waits for another, serves it, and
//! saves in the same second; the fifth is not to hear of it again.

#![no_std]
#![no_main]

mod machine;
mod release;

use core::fmt::Display;
use core::time::Duration;
use devstate_core::{Clock, RegisterIo};
use devstate_rtc_pl031::{RtcState, Unapplied, spec};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_slots::{RamFlash, Slots};
use devstate_versioning::{ReleaseTable, buffer};
use machine::{now, rtc};
use release::{BoardSer, Release};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    machine::enable_interrupts();
    let kept = bare_board::kept();
    kept.starts += 1;
    println!("start {}", kept.starts);

    let mut memory = buffer!(BoardSer);
    let mut slots = Slots::new(RamFlash::new(&mut kept.flash)).unwrap_or_else(stop);
    let is_ours = |snapshot: &[u8]| Release::load(snapshot, &mut BoardSer::default()).is_ok();
    let found = slots.load(&mut memory, is_ours).unwrap_or_else(stop);
    match (kept.starts, found.snapshot) {
        (1, None) => {
            println!("  no snapshot: the clock shows {}", rtc().read(spec::RTCDR));
            set_alarm(3);
            save_board(1, &mut slots);
            wreck_and_reset(0);
        }
        (2, Some(snapshot)) => {
            restore(snapshot);
            count_alarms(10);
            set_alarm(20);
            save_board(2, &mut slots);
            wreck_and_reset(60);
        }
        (3, Some(snapshot)) => {
            restore(snapshot);
            count_alarms(10);
            set_alarm(2);
            do_something_else(5);
            save_board(3, &mut slots);
            wreck_and_reset(0);
        }
        (4, Some(snapshot)) => {
            restore(snapshot);
            count_alarms(10);
            set_alarm(2);
            serve_alarm();
            save_board(4, &mut slots);
            wreck_and_reset(0);
        }
        (5, Some(snapshot)) => {
            restore(snapshot);
            count_alarms(10);
        }
        (_, found) => stop(if found.is_some() {
            "a snapshot from nowhere"
        } else {
            "the snapshot is gone"
        }),
    }
    println!("done");
    machine::exit(0)
}

fn set_alarm(seconds: u32) {
    let mut rtc = rtc();
    let at = rtc.read(spec::RTCDR) + seconds;
    rtc.write(spec::RTCMR, at);
    rtc.write(spec::RTCIMSC, spec::INTERRUPT);
    println!("  alarm set to {at}");
}

/// Takes the clock's state and writes it over the older of the two slots.
fn save_board(starts: u32, slots: &mut Slots<RamFlash<'_>>) {
    let rtc = RtcState::capture(&mut rtc(), now());
    print_clock("saved", &rtc);
    let board = BoardSer {
        starts,
        rtc: RtcStateSer::new(&rtc),
    };
    let mut memory = buffer!(BoardSer);
    let snapshot = Release::save(&board, &mut memory).unwrap_or_else(stop);
    slots.save(snapshot).unwrap_or_else(stop);
}

/// Puts a snapshot's clock back, as late as it is by now.
fn restore(snapshot: &[u8]) {
    let mut board = BoardSer::default();
    Release::load(snapshot, &mut board).unwrap_or_else(stop);
    println!("  found the snapshot of start {}", board.starts);
    let state = RtcState::try_from(&board.rtc)
        .unwrap_or_else(stop)
        .resumed(now(), Clock::Wall);
    print_clock("restored", &state);
    let mut left = Unapplied::NONE;
    if !cfg!(feature = "broken-restore") {
        left = state.apply(&mut rtc()).unwrap_or_else(stop);
    }
    println!(
        "  applied all: {}, the clock shows {}",
        left == Unapplied::NONE,
        rtc().read(spec::RTCDR)
    );
}

fn print_clock(what: &str, state: &RtcState) {
    println!(
        "  {what}: {}, alarm at {}, enabled {}, pending {}",
        state.counter, state.mr, state.imsc, state.ris
    );
}

/// Waits, and says when alarms came.
fn count_alarms(seconds: u64) {
    let end = now().saturating_add(Duration::from_secs(seconds));
    let mut count = 0;
    while machine::rtc_interrupts_before(end) {
        count += 1;
        acknowledge();
    }
    println!("  {count} in {seconds} s");
}

fn serve_alarm() {
    if machine::rtc_interrupts_before(now().saturating_add(Duration::from_secs(10))) {
        acknowledge();
    }
}

/// Serves an alarm as a driver does.
fn acknowledge() {
    let mut rtc = rtc();
    println!("  alarm at {}", rtc.read(spec::RTCDR));
    rtc.write(spec::RTCICR, spec::INTERRUPT);
}

/// With the interrupt masked, so that an alarm that goes off meanwhile is not served.
fn do_something_else(seconds: u64) {
    let mut rtc = rtc();
    rtc.write(spec::RTCIMSC, 0);
    machine::rtc_interrupts_before(now().saturating_add(Duration::from_secs(seconds)));
    rtc.write(spec::RTCIMSC, spec::INTERRUPT);
    println!("  {seconds} s later, nobody has served it");
}

/// Another time, no alarm to come, none let through; and a while for nobody to look.
fn wreck_and_reset(asleep: u64) -> ! {
    let mut rtc = rtc();
    rtc.write(spec::RTCIMSC, 0);
    rtc.write(spec::RTCLR, 7);
    rtc.write(spec::RTCMR, 7);
    rtc.write(spec::RTCICR, spec::INTERRUPT);
    machine::rtc_interrupts_before(now().saturating_add(Duration::from_secs(asleep)));
    println!("  wrecked; resetting the machine after {asleep} s");
    machine::reset()
}

fn stop<T>(reason: impl Display) -> T {
    println!("  failed: {reason}");
    machine::exit(1)
}
