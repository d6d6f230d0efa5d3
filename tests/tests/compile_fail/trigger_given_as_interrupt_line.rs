//! A trigger of edges is given where the UART drives levels.
use devstate_core::Trigger;
use devstate_serial_16550::{AlwaysReady, Serial};

pub struct EventFd;

impl Trigger for EventFd {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

fn main() {
    let mut console = [0; 8];
    let _serial = Serial::new(EventFd, AlwaysReady(&mut console[..]));
}
