//! Corrected.
use devstate_core::{RisingEdge, Trigger};
use devstate_rtc_pl031::Rtc;

pub struct EventFd;

impl Trigger for EventFd {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

pub fn main() {
    let _rtc = Rtc::new(RisingEdge::new(EventFd));
}
