//! Replays what a real guest did to its devices, saving and restoring them after every event.
//!
//! A [`Trace`] is a recorded guest: every access to a UART, a keyboard controller and a clock with the value that the
//! guest got, and the input of the devices. [`replay()`] replays it on the devices of this workspace. Each read
//! must give the recorded value, unless one of the [`DIFFERENCES`] explains why not. After each event all devices are saved
//! into a fixed buffer, dropped, and restored from the bytes.
//!
//! The machine is also the reference machine of the family: [`MachineState`] is the state of all three devices,
//! [`MachineStateSer`] its mirror, and [`Release`] its release table.
//!
//! ```
//! use devstate_replay::{Settings, Span, Trace, replay};
//!
//! let trace = Trace::parse("a.trace", "serial w 7 5a\nserial r 7 5a\nserial r 7 a5\n")?;
//! let report = replay(&trace, &Settings::default(), Span::WHOLE)?;
//! assert_eq!((report.reads, report.snapshots), (2, 3));
//! assert_eq!(report.mismatches[0].to_string(), "a.trace:3: serial r 7: expected a5, got 5a");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod console;
mod differences;
mod facts;
mod machine;
mod mirror;
mod qemu;
mod replay;
mod report;
mod shipped;
mod snapshots;
mod state;
mod tally;
mod trace;

pub use console::printable;
pub use differences::{DIFFERENCES, Difference, Read, Values};
pub use facts::{Facts, MouseFacts};
pub use machine::{Console, Machine, Moment, SystemBoard, Wires};
pub use mirror::{MachineStateSer, Release};
pub use qemu::MAX_SNAPSHOT_LEN;
pub use replay::{ReplayError, Settings, Span, replay};
pub use report::{KeyStroke, KnownDifference, LostField, Mismatch, Report};
pub use shipped::shipped_traces;
pub use snapshots::{OPTIONS, SnapshotError, read_snapshot, write_snapshot};
pub use state::{InvalidMachine, MachineState};
pub use trace::{Event, I8042Event, Packet, Port, RtcEvent, SerialEvent, Step, Trace, TraceError};
