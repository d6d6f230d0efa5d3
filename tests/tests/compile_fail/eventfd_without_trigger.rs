//! Something that signals edges is wrapped without having said how.
use devstate_core::RisingEdge;
use devstate_rtc_pl031::Rtc;

pub struct EventFd;

fn main() {
    let _rtc = Rtc::new(RisingEdge::new(EventFd));
}
