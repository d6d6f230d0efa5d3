//! Keeps the state of a PC's serial port and keyboard controller across a reset, and puts it back.
//!
//! Four starts, one after the other: the first finds nothing, sets the devices up and saves them; the second finds
//! the snapshot and restores them; before the third the newest snapshot is damaged, and before the fourth it is another
//! firmware's: both are reported, and the one before is found.

#![no_std]
#![no_main]

mod machine;
mod memory;
mod ps2;
mod release;

use bare_board::uart;
use core::fmt::Display;
use devstate_i8042::I8042State;
use devstate_i8042_ser::I8042StateSer;
use devstate_serial_16550::{Instant, SerialState, Unapplied};
use devstate_serial_16550_ser::SerialStateSer;
use devstate_slots::{RamFlash, Slots};
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::{Architecture, ReleaseTable, buffer};
use machine::Ports;
use release::{BoardSer, Release};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let kept = bare_board::kept();
    kept.starts += 1;
    println!("start {}", kept.starts);

    let mut memory = buffer!(BoardSer);
    let mut slots = Slots::new(RamFlash::new(&mut kept.flash)).unwrap_or_else(stop);
    let found = slots.load(&mut memory, is_ours).unwrap_or_else(stop);
    for (slot, content) in found.troubles() {
        println!("  slot {slot}: {content}");
    }
    match (kept.starts, found.snapshot) {
        (1, None) => {
            println!("  no snapshot: setting the devices up");
            uart::set_up(&mut Ports::com1());
            ps2::set_up(&mut Ports::i8042());
            save_board(kept.starts, &mut slots);
            wreck_and_reset();
        }
        (2, Some(snapshot)) => {
            restore(snapshot);
            refuse(snapshot);
            save_board(kept.starts, &mut slots);
            // The second slot is in the second half, and behind its header lies the snapshot.
            kept.flash[bare_board::FLASH_LEN / 2 + 60] ^= 0x04;
            println!("  damaged one bit of the newest");
            wreck_and_reset();
        }
        (3, Some(snapshot)) => {
            restore(snapshot);
            save_board(kept.starts, &mut slots);
            save_foreign(snapshot, &mut slots);
            wreck_and_reset();
        }
        (4, Some(snapshot)) => restore(snapshot),
        (_, found) => stop(found.map_or("the snapshot is gone", |_| "a snapshot from nowhere")),
    }
    println!("done");
    machine::exit(0)
}

/// Takes the devices' state and writes it over the older of the two slots.
fn save_board(starts: u32, slots: &mut Slots<RamFlash<'_>>) {
    let (com1, i8042) = look();
    let board = BoardSer {
        starts,
        com1: SerialStateSer::new(&com1),
        i8042: I8042StateSer::new(&i8042),
    };
    let mut memory = buffer!(BoardSer);
    let snapshot = Release::save(&board, &mut memory).unwrap_or_else(stop);
    slots.save(snapshot).unwrap_or_else(stop);
    println!("  saved {} bytes", snapshot.len());
}

/// The devices' state, which is printed. It is no longer in the devices then, as far as reading takes it out.
fn look() -> (SerialState, I8042State) {
    let com1 = SerialState::capture(&mut Ports::com1(), uart::FCR, Instant::EPOCH);
    println!("  com1: {}", uart::Shown(&com1));
    let i8042 = I8042State::capture(&mut Ports::i8042(), &ps2::known()).unwrap_or_else(stop);
    ps2::print(&i8042);
    (com1, i8042)
}

/// Saves what another firmware would: whole and sealed, of another layout.
fn save_foreign(snapshot: &[u8], slots: &mut Slots<RamFlash<'_>>) {
    let mut copy = buffer!(BoardSer);
    let foreign = &mut copy[..snapshot.len()];
    foreign.copy_from_slice(snapshot);
    foreign[FINGERPRINT] = !foreign[FINGERPRINT];
    seal(foreign);
    slots.save(foreign).unwrap_or_else(stop);
    println!("  saved another firmware's {} bytes", foreign.len());
}

/// Puts a snapshot's state back into the devices, and uses them.
fn restore(snapshot: &[u8]) {
    let mut board = BoardSer::default();
    Release::load(snapshot, &mut board).unwrap_or_else(stop);
    println!("  found the snapshot of start {}", board.starts);
    let com1 = SerialState::try_from(&board.com1).unwrap_or_else(stop);
    let i8042 = I8042State::try_from(&board.i8042).unwrap_or_else(stop);
    apply(&com1, &i8042);
    // Looking takes what has been received out of the chips, so it is put back once more.
    let (com1, i8042) = look();
    apply(&com1, &i8042);
    println!("  com1: {}", uart::receive(&mut Ports::com1()));
    println!("  com1: {}", uart::trigger(&mut Ports::com1()));
    ps2::prove(&mut Ports::i8042());
}

fn apply(com1: &SerialState, i8042: &I8042State) {
    let (mut com1_left, mut i8042_left) = (Unapplied::NONE, Unapplied::NONE);
    if cfg!(not(feature = "broken-restore")) {
        com1_left = com1.apply(&mut Ports::com1()).unwrap_or_else(stop);
        i8042_left = i8042.apply(&mut Ports::i8042()).unwrap_or_else(stop);
    }
    let everything = com1_left.is_none() && i8042_left.is_none();
    println!("  applied everything: {everything}");
}

/// What is not ours, or no longer what was saved, is refused, and nothing of it used.
fn refuse(snapshot: &[u8]) {
    const ARCHITECTURE: usize = 7;
    const RELEASE: usize = 10;
    const PAYLOAD: usize = 24;

    let mut copy = buffer!(BoardSer);
    let copy = &mut copy[..snapshot.len()];
    let mut try_with = |what: &str, index: usize, value: u8, sealed: bool| {
        copy.copy_from_slice(snapshot);
        copy[index] = value;
        if sealed {
            seal(copy);
        }
        match Release::load(copy, &mut BoardSer::default()) {
            Ok(_) => stop("this should have been refused"),
            Err(error) => println!("  {what}: {error}"),
        }
    };
    try_with("no snapshot", 0, b'X', true);
    try_with("an Arm's", ARCHITECTURE, Architecture::Arm.code(), true);
    try_with("of the next release", RELEASE, Release::LATEST.number() as u8 + 1, true);
    try_with("of another firmware", FINGERPRINT, !snapshot[FINGERPRINT], true);
    try_with("damaged", PAYLOAD, !snapshot[PAYLOAD], false);
}

/// Where the header says of which layout the payload is (FORMAT.md).
const FINGERPRINT: usize = 16;

fn seal(snapshot: &mut [u8]) {
    if let Some((summed, trailer)) = snapshot.split_last_chunk_mut() {
        *trailer = Crc64::checksum(summed).to_le_bytes();
    }
}

/// Whether the newest snapshot is one that this firmware can load. An older one is tried if not.
fn is_ours(snapshot: &[u8]) -> bool {
    let answer = Release::load(snapshot, &mut BoardSer::default());
    if let Err(error) = answer {
        println!("  a snapshot is refused: {error}");
    }
    answer.is_ok()
}

fn wreck_and_reset() -> ! {
    uart::wreck(&mut Ports::com1());
    ps2::wreck(&mut Ports::i8042());
    println!("  wrecked; resetting the machine");
    machine::reset()
}

fn stop<T>(reason: impl Display) -> T {
    println!("  failed: {reason}");
    machine::exit(1)
}
