//! The state that QEMU has of a UART, in and out.

mod export;
mod import;
mod section;

pub use section::{
    SerialFifo, SerialFifoTimeoutTimer, SerialPoll, SerialReceiveFifo, SerialSection, SerialThrPending,
    SerialTimeoutPending, SerialTransmitFifo, SerialTsr, UartSection,
};
