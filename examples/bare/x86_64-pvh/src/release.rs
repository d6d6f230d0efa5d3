//! What this firmware keeps, and what it has shipped.

use devstate_i8042_ser::I8042StateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{Versioned, release_table};

/// The board: its devices, and how often it had been started when it was saved.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub struct BoardSer {
    pub starts: u32,
    pub com1: SerialStateSer,
    pub i8042: I8042StateSer,
}

release_table! {
    /// The firmware's releases. The UART's first version is another product's history: this one began with the second.
    pub enum Release { V1_0 = 1 @ open }
    BoardSer => [1],
    SerialStateSer => [2],
    I8042StateSer => [2],
}
