//! Converts the state of a UART from and to QEMU's format.

mod export;
mod import;
mod section;

pub use section::{
    SerialFifo, SerialFifoTimeoutTimer, SerialPoll, SerialReceiveFifo, SerialSection, SerialThrPending,
    SerialTimeoutPending, SerialTransmitFifo, SerialTsr, UartSection,
};
