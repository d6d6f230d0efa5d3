//! What vm-superio's tests assert of its clock, one test for each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, UNIX_EPOCH};

use devstate_vm_superio::rtc_pl031::{NoEvents, RtcEvents};
use devstate_vm_superio::{Rtc, RtcState};

const DR: u16 = 0x00;
const MR: u16 = 0x04;
const LR: u16 = 0x08;
const CR: u16 = 0x0c;
const IMSC: u16 = 0x10;
const RIS: u16 = 0x14;
const MIS: u16 = 0x18;
const ICR: u16 = 0x1c;
const ID: u16 = 0xfe0;
const BEHIND_ID: u16 = 0x1003;

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl RtcEvents for Counters {
    fn invalid_read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    fn invalid_write(&self) {
        self.writes.fetch_add(1, Relaxed);
    }
}

fn read<EV: RtcEvents>(rtc: &mut Rtc<EV>, offset: u16) -> u32 {
    let mut data = [0x5a; 4];
    rtc.read(offset, &mut data);
    u32::from_le_bytes(data)
}

fn write<EV: RtcEvents>(rtc: &mut Rtc<EV>, offset: u16, value: u32) {
    rtc.write(offset, &value.to_le_bytes());
}

fn invalid(rtc: &Rtc<Arc<Counters>>) -> (u64, u64) {
    (rtc.events().reads.load(Relaxed), rtc.events().writes.load(Relaxed))
}

fn counted() -> Rtc<Arc<Counters>> {
    Rtc::with_events(Arc::default())
}

/// An alarm is pending: vm-superio's tests set this field by hand.
fn pending(imsc: u32) -> RtcState {
    RtcState {
        ris: 1,
        imsc,
        ..RtcState::default()
    }
}

fn host_time() -> u32 {
    UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as u32)
}

/// Repeats `check` where the host's second ended within it.
fn within_a_second(mut check: impl FnMut()) {
    loop {
        let before = host_time();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut check));
        if before == host_time() {
            return result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
}

#[test]
fn a_new_clock_shows_the_hosts_time() {
    let mut rtc = Rtc::new();
    let before = host_time();
    assert!(read(&mut rtc, DR) - before <= 1);
}

#[test]
fn the_data_register_counts_and_cannot_be_written() {
    let mut rtc = counted();
    assert_eq!(invalid(&rtc), (0, 0));
    let first = read(&mut rtc, DR);
    sleep(Duration::from_millis(1_100));
    let second = read(&mut rtc, DR);
    assert!(second > first);
    write(&mut rtc, DR, 0);
    assert_eq!(invalid(&rtc), (0, 1));
    sleep(Duration::from_millis(1_100));
    assert!(read(&mut rtc, DR) > second);
    assert_eq!(invalid(&rtc), (0, 1));
}

#[test]
fn the_match_register_reads_what_was_written() {
    let mut rtc = Rtc::new();
    write(&mut rtc, MR, 123);
    assert_eq!(read(&mut rtc, MR), 123);
}

#[test]
fn the_load_register_sets_the_clock_forward_and_back() {
    let mut rtc: Rtc<NoEvents> = Rtc::default();
    let before = read(&mut rtc, DR);
    within_a_second(|| {
        let ahead = host_time() + 100;
        write(&mut rtc, LR, ahead);
        assert_eq!(read(&mut rtc, LR), ahead);
        assert_eq!(read(&mut rtc, DR), ahead);
        assert!(ahead > before);
    });
    let behind = host_time() - 100;
    write(&mut rtc, LR, behind);
    assert!(read(&mut rtc, DR) < host_time());

    write(&mut rtc, LR, u32::MAX);
    assert_ne!(read(&mut rtc, DR), 0x5a5a_5a5a);
    let offset = rtc.state().offset;
    assert!(offset.abs() < i64::from(u32::MAX), "{offset}");
    within_a_second(|| {
        write(&mut rtc, LR, 0);
        assert_eq!(read(&mut rtc, DR), 0);
    });
}

#[test]
fn the_value_wraps() {
    let mut rtc = Rtc::new();
    within_a_second(|| {
        write(&mut rtc, LR, u32::MAX);
        assert_eq!(read(&mut rtc, LR), u32::MAX);
        assert_eq!(read(&mut rtc, DR), u32::MAX);
    });
    sleep(Duration::from_millis(1_100));
    assert!(read(&mut rtc, DR) < 10);
}

#[test]
fn the_mask_is_set_and_cleared() {
    let mut rtc = Rtc::from_state(&pending(0), NoEvents);
    write(&mut rtc, IMSC, 1);
    let status = |rtc: &mut Rtc<NoEvents>| [IMSC, RIS, MIS].map(|register| read(rtc, register));
    assert_eq!(status(&mut rtc), [1, 1, 1]);
    write(&mut rtc, IMSC, 0);
    assert_eq!(status(&mut rtc), [0, 1, 0]);
}

#[test]
fn the_clear_register_clears_and_cannot_be_read() {
    let mut rtc = Rtc::from_state(&pending(1), Arc::new(Counters::default()));
    assert_eq!([RIS, MIS].map(|register| read(&mut rtc, register)), [1, 1]);
    write(&mut rtc, ICR, 1);
    assert_eq!(invalid(&rtc), (0, 0));
    assert_eq!([RIS, MIS].map(|register| read(&mut rtc, register)), [0, 0]);
    assert_eq!(read(&mut rtc, ICR), 0x5a5a_5a5a);
    assert_eq!(invalid(&rtc), (1, 0));
}

#[test]
fn differs_the_control_register_does_not_reset_the_clock() {
    let mut rtc = Rtc::new();
    let ahead = host_time() + 100;
    write(&mut rtc, LR, ahead);
    write(&mut rtc, CR, 1);
    // vm-superio sets the clock back to the host's time here.
    assert!(read(&mut rtc, DR) >= ahead);
    write(&mut rtc, CR, 0);
    assert_eq!(read(&mut rtc, CR), 1);
    let before = read(&mut rtc, DR);
    sleep(Duration::from_millis(1_100));
    assert!(read(&mut rtc, DR) > before);
}

#[test]
fn the_raw_status_cannot_be_written() {
    let mut rtc = Rtc::from_state(&pending(0), NoEvents);
    assert_eq!(read(&mut rtc, RIS), 1);
    write(&mut rtc, RIS, 0);
    assert_eq!(read(&mut rtc, RIS), 1);
}

#[test]
fn the_masked_status_cannot_be_written() {
    let mut rtc = Rtc::from_state(&pending(0), NoEvents);
    assert_eq!([IMSC, MIS].map(|register| read(&mut rtc, register)), [0, 0]);
    write(&mut rtc, IMSC, 1);
    assert_eq!(read(&mut rtc, MIS), 1);
    write(&mut rtc, MIS, 0);
    assert_eq!(read(&mut rtc, MIS), 1);
}

#[test]
fn the_identification_is_read_only_and_aligned_down() {
    let mut rtc = Rtc::new();
    write(&mut rtc, ID, 123);
    let found = [0, 4, 8, 12, 16, 20, 24, 28, 5, 31].map(|distance| read(&mut rtc, ID + distance));
    assert_eq!(found, [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1, 0x10, 0xb1]);
}

#[test]
fn an_invalid_write_is_reported_and_has_no_effect() {
    let mut rtc = counted();
    within_a_second(|| {
        let (before, reported) = (read(&mut rtc, DR), invalid(&rtc).1);
        write(&mut rtc, BEHIND_ID, 123);
        assert_eq!(invalid(&rtc), (0, reported + 1));
        assert_eq!(read(&mut rtc, DR), before);
        // Near the load register.
        write(&mut rtc, LR + 1, 123);
        assert_eq!(invalid(&rtc), (0, reported + 2));
        assert_eq!(read(&mut rtc, DR), before);
    });
}

#[test]
fn an_invalid_read_is_reported_and_changes_nothing() {
    let mut rtc = counted();
    for (count, value) in [(1, 123_u32), (2, 321)] {
        let mut data = value.to_le_bytes();
        rtc.read(BEHIND_ID, &mut data);
        assert_eq!(u32::from_le_bytes(data), value);
        assert_eq!(invalid(&rtc), (count, 0));
    }
}

#[test]
fn the_state_is_restored_without_the_events() {
    let mut rtc = counted();
    let first = read(&mut rtc, DR);
    within_a_second(|| {
        write(&mut rtc, LR, host_time() + 100);
        let state = rtc.state();
        assert_eq!(state.lr, read(&mut rtc, LR));
        let restored = Rtc::from_state(&state, Arc::new(Counters::default()));
        assert_eq!(restored.state(), state);
    });
    write(&mut rtc, BEHIND_ID, 123);
    assert_eq!(invalid(&rtc), (0, 1));

    let counters = Arc::new(Counters::default());
    let mut restored = Rtc::from_state(&rtc.state(), Arc::clone(&counters));
    assert!(read(&mut restored, DR) > first);
    assert_eq!(read(&mut restored, LR), read(&mut rtc, LR));
    assert_eq!(invalid(&restored), (0, 0));
    write(&mut restored, BEHIND_ID, 123);
    let again = Rtc::from_state(&restored.state(), counters);
    assert_eq!(invalid(&again), (0, 1));
}

#[test]
fn an_offset_that_does_not_fit_shows_the_hosts_time() {
    for offset in [9_223_372_036_854_710_636, i64::MIN, -1 - i64::from(host_time())] {
        let state = RtcState {
            lr: 65_535,
            offset,
            ..RtcState::default()
        };
        let mut rtc = Rtc::from_state(&state, NoEvents);
        assert!(read(&mut rtc, DR) >= host_time() - 1, "{offset}");
    }
}

// What vm-superio has no test for.

#[test]
fn registers_of_one_bit_have_one_bit() {
    let state = RtcState {
        imsc: 0xffff_ffff,
        ris: 6,
        ..RtcState::default()
    };
    let rtc = Rtc::from_state(&state, NoEvents);
    assert_eq!((rtc.state().imsc, rtc.state().ris), (1, 0));
}

#[test]
fn differs_the_alarm_goes_off() {
    let mut rtc = Rtc::new();
    write(&mut rtc, MR, 1_001);
    write(&mut rtc, LR, 1_000);
    assert_eq!(read(&mut rtc, RIS), 0);
    sleep(Duration::from_millis(1_100));
    assert_eq!(read(&mut rtc, RIS), 1);
}
