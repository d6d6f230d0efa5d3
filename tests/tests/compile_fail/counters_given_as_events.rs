//! Counters without the trait are given as an event handler.
use devstate_core::NoInterrupt;
use devstate_rtc_pl031::Rtc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

#[derive(Default)]
pub struct Counters {
    pub alarms: AtomicU64,
}

fn main() {
    let counters = Arc::new(Counters::default());
    let _rtc = Rtc::with_events(NoInterrupt, counters);
}
