//! Cuts the power at each written byte and at each erased sector.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

mod flash;
mod matrix;

use devstate_slots::{Error, PartitionError, SlotContent, Slots};
use devstate_versioning::checksum::{Checksum, Crc64};
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use flash::{Failure, Flash, Half, Order, SECTOR, SECTORS, TORN, Torn};

/// Any bytes and their CRC: all that the slots know of a snapshot.
fn snapshot(content: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![content; len];
    bytes.extend(Crc64::checksum(&bytes).to_le_bytes());
    bytes
}

fn saved<const WRITE: usize>(flash: Flash<WRITE>, snapshot: &[u8]) -> Flash<WRITE> {
    let mut slots = Slots::<_>::new(flash).unwrap();
    slots.save(snapshot).unwrap();
    slots.into_flash()
}

fn newest<const WRITE: usize>(flash: &Flash<WRITE>) -> Option<Vec<u8>> {
    let mut buffer = [0; SECTOR * SECTORS];
    let mut slots = Slots::<_>::new(flash.clone()).unwrap();
    let loaded = slots.load(&mut buffer, |_| true).unwrap();
    loaded.snapshot.map(<[u8]>::to_vec)
}

/// Saves `after` with the power failing at every step, and hands what that leaves to `check`.
fn cut_everywhere<const WRITE: usize>(start: &Flash<WRITE>, after: &[u8], mut check: impl FnMut(&Flash<WRITE>, usize)) {
    let whole = saved(start.restarted(usize::MAX), after);
    assert!(whole.steps > after.len(), "each byte is a step");
    for budget in 0..whole.steps {
        let mut slots = Slots::<_>::new(start.restarted(budget)).unwrap();
        assert_eq!(
            slots.save(after),
            Err(Error::Flash(Failure::PowerCut)),
            "at step {budget}"
        );
        let flash = slots.into_flash();
        // Half of the last step may be all of it.
        if flash.memory != whole.memory || flash.unreadable != whole.unreadable {
            check(&flash, budget);
        }
    }
}

fn all_cuts_leave_a_snapshot<const WRITE: usize>(torn: Torn, order: Order, ecc: bool) {
    // A length for each way in which the trailer can be split between the chunks, and a full slot.
    let full = SECTOR * SECTORS / 2 - WRITE.max(16) - 8;
    for len in [0, 1, 48, 55, 56, 57, 63, 64, 120, full] {
        let [before, after, later] = [1, 2, 3].map(|content| snapshot(content, len));
        let empty = if ecc {
            Flash::<WRITE>::new(torn).erasing(order).with_ecc()
        } else {
            Flash::<WRITE>::new(torn).erasing(order)
        };
        let one = saved(empty.clone(), &before);
        let two = saved(saved(empty.clone(), &later), &before);
        cut_everywhere(&empty, &after, |flash, _| assert_eq!(newest(flash), None));
        for start in [one, two] {
            assert_eq!(newest(&start).as_ref(), Some(&before));
            cut_everywhere(&start, &after, |flash, step| {
                assert_eq!(newest(flash).as_ref(), Some(&before), "cut at step {step}, {len} bytes");
                assert_eq!(
                    newest(&saved(flash.restarted(usize::MAX), &later)).as_ref(),
                    Some(&later)
                );
            });
            assert_eq!(newest(&saved(start, &after)).as_ref(), Some(&after));
        }
    }
}

#[test]
fn a_cut_at_any_byte_leaves_the_newest_complete_snapshot() {
    for torn in TORN {
        for order in [Order::Ascending, Order::Descending] {
            for ecc in [false, true] {
                all_cuts_leave_a_snapshot::<1>(torn, order, ecc);
                all_cuts_leave_a_snapshot::<4>(torn, order, ecc);
                all_cuts_leave_a_snapshot::<32>(torn, order, ecc);
            }
        }
    }
}

#[test]
fn a_cut_after_a_cut_leaves_it_too() {
    let [before, after, later] = [1, 2, 3].map(|content| snapshot(content, 40));
    for torn in TORN {
        let start = saved(saved(Flash::<4>::new(torn), &later), &before);
        cut_everywhere(&start, &after, |flash, _| {
            cut_everywhere(flash, &later, |flash, _| {
                assert_eq!(newest(flash).as_ref(), Some(&before));
            });
        });
    }
}

/// Nobody was told that it had succeeded.
#[test]
fn a_save_that_was_cut_off_is_no_trouble() {
    let [before, after] = [1, 2].map(|content| snapshot(content, 100));
    for torn in TORN {
        let start = saved(saved(Flash::<4>::new(torn), &before), &before);
        cut_everywhere(&start, &after, |flash, step| {
            let mut buffer = [0; SECTOR * SECTORS];
            let mut slots = Slots::<_>::new(flash.clone()).unwrap();
            let loaded = slots.load(&mut buffer, |_| true).unwrap();
            assert_eq!(loaded.troubles().next(), None, "cut at step {step}: {:?}", loaded.slots);
        });
    }
}

/// A flash with these two slots.
fn with_numbers(first: u32, second: u32) -> Flash<4> {
    let mut flash = Flash::<4>::new(Torn::HalfWay(Half::Second));
    for (start, content, sequence) in [(0, 1, first), (SECTOR * SECTORS / 2, 2, second)] {
        let snapshot = snapshot(content, 40);
        let mut header = sequence.to_le_bytes().to_vec();
        header.extend((snapshot.len() as u32).to_le_bytes());
        header.extend(Crc64::checksum(&header).to_le_bytes());
        flash.memory[start..][..16].copy_from_slice(&header);
        flash.memory[start + 16..][..snapshot.len()].copy_from_slice(&snapshot);
    }
    flash
}

#[test]
fn equal_and_wrapped_numbers_have_a_newest_too() {
    let after = snapshot(9, 60);
    for (first, second, newest_content) in [
        (5, 6, 2),
        (6, 5, 1),
        (7, 7, 1),
        (0, u32::MAX, 1),
        (u32::MAX, 0, 2),
        (u32::MAX - 3, 2, 2),
        (0, 1 << 31, 1),
        (1 << 31, 0, 1),
        (0x7fff_ffff, 0, 1),
    ] {
        let start = with_numbers(first, second);
        let before = snapshot(newest_content, 40);
        assert_eq!(newest(&start).as_ref(), Some(&before), "{first} {second}");
        cut_everywhere(&start, &after, |flash, step| {
            assert_eq!(
                newest(flash).as_ref(),
                Some(&before),
                "{first} {second}, cut at step {step}"
            );
        });
        assert_eq!(newest(&saved(start, &after)).as_ref(), Some(&after), "{first} {second}");
    }
}

#[test]
fn a_snapshot_that_the_application_refuses_is_overwritten_first() {
    let [old, foreign, after] = [1, 2, 3].map(|content| snapshot(content, 40));
    let start = saved(saved(Flash::<4>::new(Torn::Clean), &old), &foreign);
    let mut buffer = [0; 64];
    let whole = saved(start.restarted(usize::MAX), &after).steps;
    for budget in 0..whole {
        let mut slots = Slots::<_>::new(start.restarted(budget)).unwrap();
        let loaded = slots.load(&mut buffer, |snapshot| snapshot != foreign).unwrap();
        assert_eq!(loaded.snapshot, Some(&old[..]));
        assert_eq!(loaded.slots, [SlotContent::Loaded, SlotContent::Refused]);
        slots.save(&after).unwrap_err();
        let left = slots.into_flash();
        let mut slots = Slots::<_>::new(left).unwrap();
        let loaded = slots.load(&mut buffer, |snapshot| snapshot != foreign).unwrap();
        assert_eq!(loaded.snapshot, Some(&old[..]), "cut at step {budget}");
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let [old, new] = [1, 2].map(|content| snapshot(content, 40));
    let start = saved(saved(Flash::<4>::new(Torn::Clean), &old), &new);
    for index in 0..16 + new.len() {
        for bit in 0..8 {
            let mut flash = start.clone();
            flash.memory[SECTOR * SECTORS / 2 + index] ^= 1 << bit;
            let mut buffer = [0; 64];
            let loaded = Slots::<_>::new(flash).unwrap().load(&mut buffer, |_| true).unwrap();
            assert_eq!(loaded.snapshot, Some(&old[..]), "byte {index}, bit {bit}");
            let seen = if index < 16 {
                SlotContent::Unfinished
            } else {
                SlotContent::Damaged
            };
            assert_eq!(loaded.slots, [SlotContent::Loaded, seen], "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn a_snapshot_that_does_not_fit_changes_nothing() {
    let old = snapshot(1, 40);
    let start = saved(Flash::<4>::new(Torn::Clean), &old);
    let mut slots = Slots::<_>::new(start.clone()).unwrap();
    let error = slots.save(&snapshot(2, 233)).unwrap_err();
    assert_eq!(
        error,
        Error::TooLong {
            len: 241,
            available: 240
        }
    );
    assert_eq!(
        slots.load(&mut [0; 47], |_| true),
        Err(Error::TooLong { len: 48, available: 47 })
    );
    assert_eq!(slots.into_flash().memory, start.memory);
}

#[test]
fn one_that_is_too_long_does_not_hide_an_older_one() {
    let [short, long] = [(1, 40), (2, 41)].map(|(content, len)| snapshot(content, len));
    let start = saved(saved(Flash::<4>::new(Torn::Clean), &short), &long);
    let mut slots = Slots::<_>::new(start).unwrap();
    let mut buffer = [0; 48];

    let loaded = slots.load(&mut buffer, |_| true).unwrap();
    assert_eq!(loaded.snapshot, Some(&short[..]));
    assert_eq!(loaded.slots, [SlotContent::Loaded, SlotContent::TooLong { len: 49 }]);
    let troubles: Vec<_> = loaded.troubles().collect();
    assert_eq!(troubles, [(1, SlotContent::TooLong { len: 49 })]);

    let error = Error::TooLong { len: 49, available: 48 };
    assert_eq!(
        slots.load(&mut buffer, |_| false),
        Err(error),
        "nothing else is accepted"
    );
}

#[test]
fn each_slot_is_accounted_for() {
    let [old, new] = [1, 2].map(|content| snapshot(content, 40));
    let empty = Flash::<4>::new(Torn::Clean);
    let one = saved(empty.clone(), &old);
    let two = saved(one.clone(), &new);
    let mut erased = empty.clone();
    erased.memory.fill(0xff);
    let contents = |flash: &Flash<4>, accepted: bool| {
        let mut buffer = [0; 64];
        let loaded = Slots::<_>::new(flash.clone())
            .unwrap()
            .load(&mut buffer, |_| accepted)
            .unwrap();
        loaded.slots
    };

    assert_eq!(contents(&erased, true), [SlotContent::Blank; 2]);
    assert_eq!(contents(&empty, true), [SlotContent::Unfinished; 2]);
    assert_eq!(contents(&one, true), [SlotContent::Loaded, SlotContent::Unfinished]);
    assert_eq!(contents(&two, true), [SlotContent::Older, SlotContent::Loaded]);
    assert_eq!(contents(&two, false), [SlotContent::Refused; 2]);
    // Both damaged: nothing is loaded, and that is said.
    let mut damaged = two;
    damaged.memory[20] ^= 1;
    damaged.memory[SECTOR * SECTORS / 2 + 20] ^= 1;
    assert_eq!(contents(&damaged, true), [SlotContent::Damaged; 2]);
    assert_eq!(newest(&damaged), None);
}

#[test]
fn a_flash_that_forgets_is_noticed() {
    #[derive(Debug)]
    struct Forgetful(Flash<4>);
    impl ErrorType for Forgetful {
        type Error = Failure;
    }
    impl ReadNorFlash for Forgetful {
        const READ_SIZE: usize = 4;
        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failure> {
            self.0.read(offset, bytes)
        }
        fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }
    impl NorFlash for Forgetful {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = SECTOR;
        fn erase(&mut self, from: u32, to: u32) -> Result<(), Failure> {
            self.0.erase(from, to)
        }
        fn write(&mut self, _offset: u32, _bytes: &[u8]) -> Result<(), Failure> {
            Ok(())
        }
    }

    let mut slots = Slots::<_>::new(Forgetful(Flash::new(Torn::Clean))).unwrap();
    assert_eq!(slots.save(&snapshot(1, 40)), Err(Error::NotKept));
}

/// One flipped bit in either slot, then a save that is cut at every step: the whole slot survives.
#[test]
fn a_save_never_erases_the_only_slot_that_loads() {
    let [old, new, after, later] = [1, 2, 3, 4].map(|content| snapshot(content, 40));
    for (torn, ecc) in TORN.into_iter().flat_map(|torn| [(torn, false), (torn, true)]) {
        for numbers in [(5, 6), (6, 5), (u32::MAX, 0), (0, u32::MAX), (u32::MAX - 1, u32::MAX)] {
            for rotten in [0, SECTOR * SECTORS / 2] {
                for byte in [0, 4, 8, 16, 30, 63] {
                    let mut start = with_numbers(numbers.0, numbers.1);
                    start.torn = torn;
                    if ecc {
                        start = start.with_ecc();
                    }
                    let whole = snapshot(if rotten == 0 { 2 } else { 1 }, 40);
                    start.memory[rotten + byte] ^= 4;
                    assert_eq!(newest(&start).as_ref(), Some(&whole));
                    cut_everywhere(&start, &after, |flash, step| {
                        let place = format!("{numbers:?}, byte {byte} of {rotten}, cut at step {step}");
                        assert_eq!(newest(flash).as_ref(), Some(&whole), "{place}");
                        let repaired = saved(flash.restarted(usize::MAX), &later);
                        assert_eq!(newest(&repaired).as_ref(), Some(&later), "{place}");
                    });
                    assert_eq!(newest(&saved(start, &after)).as_ref(), Some(&after));
                }
            }
        }
    }
    // The bit flips after the slot was loaded, in the same program.
    let start = saved(saved(Flash::<4>::new(Torn::Clean), &old), &new);
    let whole = saved(start.restarted(usize::MAX), &after).steps;
    for budget in 0..whole {
        let mut slots = Slots::<_>::new(start.clone()).unwrap();
        assert_eq!(slots.load(&mut [0; 64], |_| true).unwrap().snapshot, Some(&new[..]));
        let mut flash = slots.into_flash();
        flash.memory[SECTOR * SECTORS / 2 + 20] ^= 1;
        let mut slots = Slots::<_>::new(flash.restarted(budget)).unwrap();
        slots.save(&after).unwrap_err();
        assert_eq!(newest(&slots.into_flash()).as_ref(), Some(&old), "cut at step {budget}");
    }
}

/// One access fails once. Loading repeats a read; a save reports the error, and the next one works.
#[test]
fn a_transient_error_loses_nothing() {
    let [old, new, after] = [1, 2, 3].map(|content| snapshot(content, 100));
    let start = saved(saved(Flash::<4>::new(Torn::Clean), &old), &new);
    for access in 0..200 {
        let failing = || Flash {
            until_transient: Some(access),
            ..start.clone()
        };
        let mut buffer = [0; 128];
        let mut slots = Slots::<_>::new(failing()).unwrap();
        assert_eq!(
            slots.load(&mut buffer, |_| true).unwrap().snapshot,
            Some(&new[..]),
            "{access}"
        );

        let mut slots = Slots::<_>::new(failing()).unwrap();
        let first = slots.save(&after);
        if let Err(error) = first {
            assert_eq!(error, Error::Flash(Failure::Transient), "{access}");
            assert_eq!(newest(&slots.into_flash()).as_ref(), Some(&new), "{access}");
        } else {
            assert_eq!(newest(&slots.into_flash()).as_ref(), Some(&after), "{access}");
        }
        let mut slots = Slots::<_>::new(failing()).unwrap();
        if slots.save(&after).is_err() {
            slots.save(&after).unwrap();
        }
        assert_eq!(newest(&slots.into_flash()).as_ref(), Some(&after), "{access}");
    }
}

#[test]
fn bytes_that_are_no_snapshot_are_refused_and_nothing_changes() {
    let start = saved(Flash::<4>::new(Torn::Clean), &snapshot(1, 40));
    let mut damaged = snapshot(2, 40);
    damaged[3] ^= 1;
    for bytes in [&damaged[..], &[], &[1, 2, 3], &[0xff; 40]] {
        let mut slots = Slots::<_>::new(start.restarted(0)).unwrap();
        assert_eq!(slots.save(bytes), Err(Error::NotASnapshot));
        assert_eq!(slots.into_flash().memory, start.memory);
    }
}

#[test]
fn a_partition_is_checked_before_the_flash_is_touched() {
    let flash = || Flash::<4>::new(Torn::Clean);
    let len = (SECTOR * SECTORS) as u32;
    let refused = |range: std::ops::Range<u32>| Slots::<_>::in_partition(flash(), range).unwrap_err();
    let sector = SECTOR as u32;
    assert_eq!(refused(1..len), PartitionError::Misaligned { offset: 1, sector });
    assert_eq!(
        refused(0..len + 1),
        PartitionError::OutOfBounds {
            end: len + 1,
            capacity: len as usize
        }
    );
    for range in [0..0, 0..1, 0..2 * sector - 1, len - sector..len, 4 * sector..2 * sector] {
        let small = range.end.saturating_sub(range.start);
        assert_eq!(refused(range), PartitionError::TooSmall { len: small, sector });
    }
    assert_eq!(
        refused(1..len).to_string(),
        "the partition begins at 1, which is not a multiple of 64, the length of a sector"
    );
}

#[test]
fn a_partition_in_the_middle_leaves_the_rest_alone() {
    let before = Flash::<4>::new(Torn::Clean);
    let range = 2 * SECTOR..6 * SECTOR;
    let mut slots = Slots::<_>::in_partition(before.clone(), range.start as u32..range.end as u32).unwrap();
    let snapshots = [1, 2, 3].map(|content| snapshot(content, 40));
    let mut buffer = [0; 64];
    for snapshot in &snapshots {
        slots.save(snapshot).unwrap();
        assert_eq!(slots.load(&mut buffer, |_| true).unwrap().snapshot, Some(&snapshot[..]));
    }
    let after = slots.into_flash();
    assert_eq!(after.memory[..range.start], before.memory[..range.start]);
    assert_eq!(after.memory[range.end..], before.memory[range.end..]);
}

#[test]
fn a_short_snapshot_erases_only_the_sectors_that_it_needs() {
    let flash = saved(Flash::<4>::new(Torn::Clean), &snapshot(1, 20));
    // The first sector of the slot, and a step for each byte written.
    assert_eq!(flash.steps, 1 + 16 + 28);
}
