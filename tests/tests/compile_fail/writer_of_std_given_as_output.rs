//! A writer of `std::io` is given as it is.
use devstate_core::NoInterrupt;
use devstate_serial_16550::Serial;

fn main() {
    let _serial = Serial::new(NoInterrupt, std::io::stdout());
}
