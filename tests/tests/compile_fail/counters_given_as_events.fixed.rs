//! Corrected.
use devstate_core::NoInterrupt;
use devstate_rtc_pl031::{Rtc, RtcEvents};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Counters {
    pub alarms: AtomicU64,
}

impl RtcEvents for Counters {
    fn alarm(&self) {
        self.alarms.fetch_add(1, Ordering::Relaxed);
    }
}

pub fn main() {
    let counters = Arc::new(Counters::default());
    let _rtc = Rtc::with_events(NoInterrupt, counters);
}
