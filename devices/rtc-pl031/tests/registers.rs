//! Every register, bit by bit: ARM DDI 0224, chapter 3.

use core::cell::Cell;
use core::time::Duration;
use devstate_core::{Instant, NoInterrupt, WordRegisters};
use devstate_rtc_pl031::spec::{
    BLOCK_LEN, INTERRUPT, RTCCR, RTCCR_START, RTCDR, RTCICR, RTCIMSC, RTCLR, RTCMIS, RTCMR, RTCRIS,
};
use devstate_rtc_pl031::{Clock, NoEvents, Rtc, RtcEvents, RtcState};

const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct Counts {
    alarms: Cell<u32>,
    invalid_reads: Cell<u32>,
    invalid_writes: Cell<u32>,
}

impl RtcEvents for Counts {
    fn alarm(&self) {
        self.alarms.set(self.alarms.get() + 1);
    }
    fn invalid_read(&self, _offset: u16) {
        self.invalid_reads.set(self.invalid_reads.get() + 1);
    }
    fn invalid_write(&self, _offset: u16, _value: u32) {
        self.invalid_writes.set(self.invalid_writes.get() + 1);
    }
}

fn running() -> Rtc<NoInterrupt> {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCCR, RTCCR_START, Instant::EPOCH);
    rtc
}

#[test]
fn after_a_reset_registers_read_as_table_3_1_says() {
    let mut rtc = Rtc::new(NoInterrupt);
    for offset in (0x00..0x20).step_by(4) {
        assert_eq!(
            rtc.read(offset, Instant::from_nanos(5 * SECOND)),
            0,
            "register {offset:#x}"
        );
    }
}

#[test]
fn identification_reads_as_r1p3_and_cannot_be_written() {
    let mut rtc = Rtc::new(NoInterrupt);
    let expected = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
    for (offset, value) in (0xfe0..).step_by(4).zip(expected) {
        rtc.write(offset, 0xffff_ffff, Instant::EPOCH);
        assert_eq!(rtc.read(offset, Instant::EPOCH), value, "register {offset:#x}");
    }
    // What Linux's AMBA bus matches the driver by: part, designer; not the revision.
    let id = (0..4).fold(0, |id, byte| {
        id | rtc.read(0xfe0 + 4 * byte, Instant::EPOCH) << (8 * byte)
    });
    assert_eq!(id & 0x000f_ffff, 0x0004_1031);
    let cell = (0..4).fold(0, |id, byte| {
        id | rtc.read(0xff0 + 4 * byte, Instant::EPOCH) << (8 * byte)
    });
    assert_eq!(cell, 0xb105_f00d);
}

#[test]
fn the_data_register_counts_seconds_once_started_and_wraps() {
    let mut rtc = Rtc::new(NoInterrupt);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(9 * SECOND)), 0);
    rtc.write(RTCCR, RTCCR_START, Instant::from_nanos(10 * SECOND));
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(11 * SECOND - 1)), 0);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(11 * SECOND)), 1);
    rtc.write(RTCLR, u32::MAX, Instant::from_nanos(11 * SECOND));
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(12 * SECOND - 1)), u32::MAX);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(12 * SECOND)), 0);
    assert_eq!(
        rtc.read(RTCDR, Instant::from_nanos(12 * SECOND + (7 << 29) * SECOND)),
        0xe000_0000
    );
}

#[test]
fn the_data_register_ignores_writes() {
    let mut rtc = running();
    rtc.write(RTCDR, 77, Instant::from_nanos(3 * SECOND));
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(3 * SECOND)), 3);
}

#[test]
fn the_load_register_sets_the_clock_and_keeps_its_phase() {
    let mut rtc = running();
    rtc.write(RTCLR, 0x1234_5678, Instant::from_nanos(SECOND / 4));
    assert_eq!(rtc.read(RTCLR, Instant::from_nanos(SECOND / 4)), 0x1234_5678);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(SECOND - 1)), 0x1234_5678);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(SECOND)), 0x1234_5679);
    assert_eq!(
        rtc.read(RTCLR, Instant::from_nanos(SECOND)),
        0x1234_5678,
        "reads give the last value written"
    );
}

#[test]
fn a_stopped_clock_can_be_set() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCLR, 5, Instant::EPOCH);
    assert_eq!(rtc.read(RTCDR, Instant::from_nanos(8 * SECOND)), 5);
}

#[test]
fn the_match_register_holds_every_bit() {
    let mut rtc = running();
    for bit in 0..32 {
        rtc.write(RTCMR, 1 << bit, Instant::EPOCH);
        assert_eq!(rtc.read(RTCMR, Instant::EPOCH), 1 << bit);
    }
}

#[test]
fn once_started_the_control_register_takes_no_effect() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCCR, 0xffff_fffe, Instant::EPOCH);
    assert_eq!(rtc.read(RTCCR, Instant::EPOCH), 0, "only bit 0 starts the clock");
    rtc.write(RTCCR, 0xffff_ffff, Instant::EPOCH);
    assert_eq!(rtc.read(RTCCR, Instant::EPOCH), 1, "reserved bits read as zero");
    for value in [0, 1, 0xffff_ffff] {
        rtc.write(RTCCR, value, Instant::from_nanos(4 * SECOND));
        assert_eq!(
            (
                rtc.read(RTCCR, Instant::from_nanos(4 * SECOND)),
                rtc.read(RTCDR, Instant::from_nanos(4 * SECOND))
            ),
            (1, 4)
        );
    }
}

#[test]
fn the_mask_has_one_bit_and_gates_the_line() {
    let line = Cell::new(false);
    let mut rtc = Rtc::new(&line);
    rtc.write(RTCIMSC, 0xffff_ffff, Instant::EPOCH);
    assert_eq!(rtc.read(RTCIMSC, Instant::EPOCH), 1);
    rtc.write(RTCIMSC, 0xffff_fffe, Instant::EPOCH);
    assert_eq!(rtc.read(RTCIMSC, Instant::EPOCH), 0);

    rtc.write(RTCMR, 0, Instant::EPOCH);
    assert_eq!(
        (
            rtc.read(RTCRIS, Instant::EPOCH),
            rtc.read(RTCMIS, Instant::EPOCH),
            line.get()
        ),
        (1, 0, false)
    );
    rtc.write(RTCIMSC, INTERRUPT, Instant::EPOCH);
    assert_eq!(
        (
            rtc.read(RTCRIS, Instant::EPOCH),
            rtc.read(RTCMIS, Instant::EPOCH),
            line.get()
        ),
        (1, 1, true)
    );
    rtc.write(RTCIMSC, 0, Instant::EPOCH);
    assert_eq!(
        (
            rtc.read(RTCRIS, Instant::EPOCH),
            rtc.read(RTCMIS, Instant::EPOCH),
            line.get()
        ),
        (1, 0, false)
    );
}

#[test]
fn status_registers_ignore_writes() {
    let mut rtc = running();
    for offset in [RTCRIS, RTCMIS] {
        rtc.write(offset, 0xffff_ffff, Instant::EPOCH);
    }
    assert_eq!(
        (rtc.read(RTCRIS, Instant::EPOCH), rtc.read(RTCMIS, Instant::EPOCH)),
        (0, 0)
    );
    rtc.write(RTCMR, 0, Instant::EPOCH);
    rtc.write(RTCRIS, 0, Instant::EPOCH);
    assert_eq!(rtc.read(RTCRIS, Instant::EPOCH), 1);
}

#[test]
fn only_bit_0_of_the_clear_register_clears() {
    let mut rtc = running();
    rtc.write(RTCMR, 0, Instant::EPOCH);
    for value in [0, 0xffff_fffe] {
        rtc.write(RTCICR, value, Instant::EPOCH);
        assert_eq!(rtc.read(RTCRIS, Instant::EPOCH), 1, "{value:#x}");
    }
    rtc.write(RTCICR, 1, Instant::EPOCH);
    assert_eq!(rtc.read(RTCRIS, Instant::EPOCH), 0);
}

#[test]
fn every_other_offset_reads_as_zero_ignores_writes_and_is_counted() {
    let counts = Counts::default();
    let mut rtc = Rtc::with_events(NoInterrupt, &counts);
    rtc.write(RTCCR, RTCCR_START, Instant::EPOCH);
    let (mut bad_reads, mut bad_writes) = (0, 0);
    for offset in 0..=u16::MAX {
        let aligned = offset % 4 == 0 && offset < BLOCK_LEN;
        let identifies = aligned && offset >= 0xfe0;
        if !(identifies || aligned && offset < RTCICR) {
            bad_reads += 1;
            assert_eq!(rtc.read(offset, Instant::EPOCH), 0, "{offset:#x}");
        }
        if !matches!(offset, RTCMR | RTCLR | RTCCR | RTCIMSC | RTCICR) {
            bad_writes += 1;
            let before = rtc.state(Instant::EPOCH);
            rtc.write(offset, 0xffff_ffff, Instant::EPOCH);
            assert_eq!(rtc.state(Instant::EPOCH), before, "{offset:#x}");
        }
        assert_eq!(
            (counts.invalid_reads.get(), counts.invalid_writes.get()),
            (bad_reads, bad_writes)
        );
    }
}

#[test]
fn registers_that_can_be_accessed_are_not_counted() {
    let counts = Counts::default();
    let mut rtc = Rtc::with_events(NoInterrupt, &counts);
    for offset in (RTCDR..RTCICR).step_by(4).chain((0xfe0..BLOCK_LEN).step_by(4)) {
        rtc.read(offset, Instant::EPOCH);
    }
    for offset in [RTCMR, RTCLR, RTCCR, RTCIMSC, RTCICR] {
        rtc.write(offset, 1, Instant::EPOCH);
    }
    assert_eq!((counts.invalid_reads.get(), counts.invalid_writes.get()), (0, 0));
    assert_eq!(rtc.events().alarms.get(), 1, "load and match are both 1");
}

#[test]
fn a_power_on_reset_forgets_all_and_lowers_the_line() {
    let line = Cell::new(false);
    let mut rtc = Rtc::new(&line);
    for (offset, value) in [(RTCCR, 1), (RTCIMSC, 1), (RTCLR, 9), (RTCMR, 9)] {
        rtc.write(offset, value, Instant::from_nanos(SECOND));
    }
    assert!(line.get());
    rtc.reset(Instant::from_nanos(5 * SECOND));
    assert!(!line.get());
    for offset in (0x00..0x20).step_by(4) {
        assert_eq!(
            rtc.read(offset, Instant::from_nanos(7 * SECOND)),
            0,
            "register {offset:#x}"
        );
    }
}

#[test]
fn a_soft_reset_clears_the_interrupt_and_the_clock_runs_on() {
    let line = Cell::new(false);
    let mut rtc = Rtc::new(&line);
    for (offset, value) in [(RTCCR, 1), (RTCIMSC, 1), (RTCLR, 9), (RTCMR, 9)] {
        rtc.write(offset, value, Instant::EPOCH);
    }
    rtc.soft_reset(Instant::from_nanos(SECOND + SECOND / 4));
    assert!(!line.get());
    let later = Instant::from_nanos(2 * SECOND - 1);
    let registers = [RTCDR, RTCMR, RTCLR, RTCCR, RTCIMSC, RTCRIS].map(|offset| rtc.read(offset, later));
    assert_eq!(registers, [10, 9, 0, 1, 0, 0]);
    assert_eq!(rtc.read(RTCDR, Instant::from_secs(2)), 11, "the phase is kept, too");

    let mut stopped = Rtc::new(NoInterrupt);
    stopped.write(RTCLR, 9, Instant::EPOCH);
    stopped.soft_reset(Instant::from_secs(1));
    assert_eq!(
        [RTCDR, RTCCR].map(|offset| stopped.read(offset, Instant::from_secs(5))),
        [9, 0]
    );
}

#[test]
fn a_guest_that_never_writes_rtccr_keeps_its_time_over_reboots() {
    const WEEK: u64 = 7 * 24 * 3_600;
    let start = 1_767_323_046;
    let state = RtcState::at_unix_time(Duration::from_secs(start), Instant::EPOCH);
    let mut rtc = Rtc::from_state(&state, NoInterrupt, NoEvents, Instant::EPOCH, Clock::Frozen).unwrap();
    for reboot in 1..=10 {
        let now = Instant::from_secs(reboot * WEEK);
        rtc.soft_reset(now);
        // The firmware and the kernel take 5 s before somebody looks at the clock.
        let now = now.saturating_add(Duration::from_secs(5));
        assert_eq!(u64::from(rtc.read(RTCDR, now)), start + reboot * WEEK + 5);
    }
}

#[test]
fn a_narrow_write_reaches_no_register() {
    let mut rtc = Rtc::new(NoInterrupt);
    rtc.write(RTCMR, 0x1234_5678, Instant::EPOCH);
    for (address, data) in [(4, &[0xff][..]), (4, &[0xff, 0xff]), (5, &[0xff]), (6, &[0xff, 0xff])] {
        assert!(!WordRegisters.write(address, data, |offset, value| rtc.write(offset, value, Instant::EPOCH)));
    }
    assert_eq!(rtc.read(RTCMR, Instant::EPOCH), 0x1234_5678);
}

#[test]
fn the_device_is_send() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Rtc::new(NoInterrupt));
}

#[test]
fn a_clock_fits_a_static() {
    static CLOCK: std::sync::Mutex<Rtc<NoInterrupt>> = std::sync::Mutex::new(Rtc::new(NoInterrupt));
    assert_eq!(CLOCK.lock().unwrap().read(RTCCR, Instant::EPOCH), 0);
}
