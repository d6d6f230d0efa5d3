//! Keeps the state of a memory-mapped UART across a reset, and puts it back.

#![no_std]
#![no_main]

mod machine;
mod release;

use bare_board::uart;
use core::fmt::Display;
use devstate_serial_16550::{Instant, SerialState, Unapplied};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_slots::{RamFlash, Slots};
use devstate_versioning::{ReleaseTable, buffer};
use release::{BoardSer, Release};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let kept = bare_board::kept();
    kept.starts += 1;
    println!("start {}", kept.starts);

    let mut memory = buffer!(BoardSer);
    let mut slots = Slots::new(RamFlash::new(&mut kept.flash)).unwrap_or_else(stop);
    let is_ours = |snapshot: &[u8]| Release::load(snapshot, &mut BoardSer::default()).is_ok();
    let found = slots.load(&mut memory, is_ours).unwrap_or_else(stop);
    let Some(snapshot) = found.snapshot else {
        println!("  no snapshot: setting the UART up");
        uart::set_up(&mut machine::uart());
        save_board(kept.starts, &mut slots);
        uart::wreck(&mut machine::uart());
        println!("  wrecked; resetting the machine");
        machine::reset();
    };
    restore(snapshot);
    println!("done");
    machine::exit(true)
}

/// Takes the UART's state and writes it over the older of the two slots.
fn save_board(starts: u32, slots: &mut Slots<RamFlash<'_>>) {
    let uart = SerialState::capture(&mut machine::uart(), uart::FCR, Instant::EPOCH);
    println!("  uart: {}", uart::Shown(&uart));
    let board = BoardSer {
        starts,
        uart: SerialStateSer::new(&uart),
    };
    let mut memory = buffer!(BoardSer);
    let snapshot = Release::save(&board, &mut memory).unwrap_or_else(stop);
    slots.save(snapshot).unwrap_or_else(stop);
    println!("  saved {} bytes", snapshot.len());
}

/// Puts a snapshot's state back into the UART, and uses it.
fn restore(snapshot: &[u8]) {
    let mut board = BoardSer::default();
    Release::load(snapshot, &mut board).unwrap_or_else(stop);
    println!("  found the snapshot of start {}", board.starts);
    let uart = SerialState::try_from(&board.uart).unwrap_or_else(stop);
    apply(&uart);
    // Looking takes what has been received out of the chip, so it is put back once more.
    let now = SerialState::capture(&mut machine::uart(), uart::FCR, Instant::EPOCH);
    println!("  uart: {}", uart::Shown(&now));
    apply(&now);
    println!("  uart: {}", uart::receive(&mut machine::uart()));
    println!("  uart: {}", uart::trigger(&mut machine::uart()));
}

fn apply(uart: &SerialState) {
    let mut left = Unapplied::NONE;
    if cfg!(not(feature = "broken-restore")) {
        left = uart.apply(&mut machine::uart()).unwrap_or_else(stop);
    }
    println!("  applied all: {}", left == Unapplied::NONE);
}

fn stop<T>(reason: impl Display) -> T {
    println!("  failed: {reason}");
    machine::exit(false)
}
