//! Corrected.
use devstate_core::{RisingEdge, Trigger};
use devstate_serial_16550::{AlwaysReady, Serial};

pub struct EventFd;

impl Trigger for EventFd {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

pub fn main() {
    let mut console = [0; 8];
    let _serial = Serial::new(RisingEdge::new(EventFd), AlwaysReady(&mut console[..]));
}
