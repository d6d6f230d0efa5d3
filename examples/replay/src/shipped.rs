//! The traces that come with the program.

use crate::trace::{Trace, TraceError};

const SHIPPED: [(&str, &str); 2] = [
    (
        "examples/replay/traces/linux-6.1-x86-serial-i8042.trace",
        include_str!("../traces/linux-6.1-x86-serial-i8042.trace"),
    ),
    (
        "examples/replay/traces/linux-6.1-arm64-pl031.trace",
        include_str!("../traces/linux-6.1-arm64-pl031.trace"),
    ),
];

/// The traces that are replayed where no others are named. They are part of the program, wherever it is run.
///
/// # Errors
///
/// None, unless one of the files was damaged before the program was built.
pub fn shipped_traces() -> Result<Vec<Trace>, TraceError> {
    SHIPPED.iter().map(|(file, text)| Trace::parse(file, text)).collect()
}
