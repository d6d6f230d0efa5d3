//! Corrected.
use devstate_core::NoInterrupt;
use devstate_serial_16550::{AlwaysReady, Serial};
use embedded_io_adapters::std::FromStd;

pub fn main() {
    let _serial = Serial::new(NoInterrupt, AlwaysReady(FromStd::new(std::io::stdout())));
}
