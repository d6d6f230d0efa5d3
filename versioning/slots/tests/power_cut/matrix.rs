//! Everything that can go wrong, with everything else: the newest complete snapshot loads, and saving works again.

use devstate_slots::{Error, Slots};

use crate::flash::{Failure, Flash, Order, SECTOR, SECTORS, TORN};
use crate::{newest, saved, snapshot, with_numbers};

/// Sequence numbers at the wrap and elsewhere, and which slot is the newer one.
const NUMBERS: [((u32, u32), usize); 6] = [
    ((5, 6), 1),
    ((6, 5), 0),
    ((u32::MAX, 0), 1),
    ((0, u32::MAX), 0),
    ((u32::MAX - 1, u32::MAX), 1),
    ((0x8000_0000, 0x7fff_ffff), 0),
];
/// Bytes of a slot: of the header, of the snapshot and of its checksum.
const ROTTEN: [usize; 3] = [0, 16, 63];

/// What is in the flash before the save.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// One bit of a slot has flipped.
    Flipped(usize, usize),
    /// A word of a slot reads as an error.
    Unreadable(usize, usize),
}

/// Flashes with two snapshots, of contents 1 and 2, of which at least one is whole; and the one that loads.
fn starts() -> impl Iterator<Item = (String, Flash<4>, u8)> {
    let slots = [0, 1].into_iter();
    let rotten = slots.flat_map(|slot| ROTTEN.map(|byte| (slot, byte)));
    let kinds: Vec<Damage> = [Damage::None]
        .into_iter()
        .chain(rotten.clone().map(|(slot, byte)| Damage::Flipped(slot, byte)))
        .chain(rotten.map(|(slot, byte)| Damage::Unreadable(slot, byte)))
        .collect();
    let flashes = TORN
        .into_iter()
        .flat_map(|torn| [Order::Ascending, Order::Descending].map(|order| (torn, order)))
        .flat_map(|(torn, order)| [false, true].map(|ecc| (torn, order, ecc)));
    flashes.flat_map(move |(torn, order, ecc)| {
        let kinds = kinds.clone();
        NUMBERS.into_iter().flat_map(move |(numbers, newer)| {
            let kinds = kinds.clone().into_iter();
            kinds.filter_map(move |damage| {
                let mut flash = with_numbers(numbers.0, numbers.1).erasing(order);
                flash.torn = torn;
                if ecc {
                    flash = flash.with_ecc();
                }
                let at = |slot, byte| slot * SECTOR * SECTORS / 2 + byte;
                let damaged = match damage {
                    Damage::None => None,
                    Damage::Flipped(slot, byte) => {
                        flash.memory[at(slot, byte)] ^= 4;
                        Some(slot)
                    }
                    Damage::Unreadable(slot, byte) => {
                        let word = at(slot, byte) / 4 * 4;
                        flash.unreadable.as_mut()?[word..word + 4].fill(true);
                        Some(slot)
                    }
                };
                let whole = if damaged == Some(newer) { 1 - newer } else { newer };
                let place = format!("{torn:?}, {order:?}, ECC {ecc}, {numbers:?}, {damage:?}");
                Some((place, flash, if whole == 0 { 1 } else { 2 }))
            })
        })
    })
}

/// A save whose access `transient` fails once, with the power failing after `budget` steps.
fn save_badly(start: &Flash<4>, after: &[u8], budget: usize, transient: Option<usize>) -> (bool, Flash<4>) {
    let flash = Flash {
        until_transient: transient,
        ..start.restarted(budget)
    };
    let mut slots = Slots::<_>::new(flash).unwrap();
    let outcome = slots.save(after);
    assert!(
        matches!(
            outcome,
            Ok(()) | Err(Error::Flash(Failure::PowerCut | Failure::Transient))
        ),
        "{outcome:?}"
    );
    let left = Flash {
        until_transient: None,
        ..slots.into_flash()
    };
    (outcome.is_ok(), left)
}

#[test]
fn whatever_goes_wrong_the_newest_complete_snapshot_loads_and_saving_works_again() {
    let [first, second, later] = [1, 2, 4].map(|content| snapshot(content, 40));
    // Two sectors, so that the order in which they are erased counts.
    let after = snapshot(3, 100);
    let (mut cells, mut failed) = (0, 0);
    for (place, start, content) in starts() {
        let before = if content == 1 { &first } else { &second };
        assert_eq!(newest(&start).as_ref(), Some(before), "{place}");
        let whole = saved(start.restarted(usize::MAX), &after);
        assert_eq!(newest(&whole).as_ref(), Some(&after), "{place}");
        // Reads of both slots, an erase, writes, and reads of what was written.
        let accesses = (0..14).map(Some).chain([None]);
        for transient in accesses {
            // With both troubles, every seventh step is enough.
            let steps = if transient.is_some() { 7 } else { 1 };
            for budget in (0..whole.steps).step_by(steps).chain([usize::MAX]) {
                let (done, left) = save_badly(&start, &after, budget, transient);
                cells += 1;
                failed += usize::from(!done);
                let is_whole = done || (left.memory == whole.memory && left.unreadable == whole.unreadable);
                let expected = if is_whole { &after } else { before };
                let place = || format!("{place}, access {transient:?}, cut at step {budget}");
                assert_eq!(newest(&left).as_ref(), Some(expected), "{}", place());
                let again = saved(left.restarted(usize::MAX), &later);
                assert_eq!(newest(&again).as_ref(), Some(&later), "{}", place());
            }
        }
    }
    assert!(failed > cells / 2 && cells > 50_000, "{failed} of {cells} saves failed");
}

/// The save that repairs is disturbed as well: one access fails, and the next save works.
#[test]
fn a_disturbed_repair_loses_nothing_either() {
    let [first, second, after, later] = [1, 2, 3, 4].map(|content| snapshot(content, 40));
    for (place, start, content) in starts().step_by(7) {
        let before = if content == 1 { &first } else { &second };
        let whole = saved(start.restarted(usize::MAX), &after);
        for budget in (0..whole.steps).step_by(5) {
            let (_, left) = save_badly(&start, &after, budget, None);
            let kept = newest(&left);
            for transient in 0..12 {
                let place = || format!("{place}, cut at step {budget}, then access {transient}");
                let flash = Flash {
                    until_transient: Some(transient),
                    ..left.restarted(usize::MAX)
                };
                let mut slots = Slots::<_>::new(flash).unwrap();
                let repaired = slots.save(&later);
                let flash = slots.into_flash();
                let expected = if repaired.is_ok() { Some(&later) } else { kept.as_ref() };
                assert_eq!(newest(&flash).as_ref(), expected, "{}", place());
                assert!(kept.as_ref() == Some(before) || kept.as_ref() == Some(&after));
                let again = saved(flash.restarted(usize::MAX), &after);
                assert_eq!(newest(&again).as_ref(), Some(&after), "{}", place());
            }
        }
    }
}
