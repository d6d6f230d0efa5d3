//! A device as the harness sees it: ours, and how to do the same to QEMU's.

use super::qemu::{Machine, Outcome, Qemu};
use super::rows::Tally;
use super::saves::Saves;
use anyhow::Result;
use proptest::strategy::BoxedStrategy;
use serde_json::Value;
use std::fmt::Debug;

/// What is done to QEMU's device.
#[derive(Clone, Debug)]
pub(crate) enum Stimulus {
    /// A register access, in qtest's words.
    Access(String),
    /// Bytes for a character device, which takes up to `rounds` turns to read them.
    Input {
        index: usize,
        bytes: Vec<u8>,
        rounds: usize,
    },
    /// A command of the machine protocol.
    Qmp(&'static str, Value),
    /// A register access, in qtest's words, upon which the machine is reset.
    AccessThatResets(String),
    /// A reset of the machine.
    Reset,
    /// About that many nanoseconds pass.
    Elapse(u64),
    /// Nothing that QEMU would notice.
    Nothing,
}

/// How often our side is saved and restored into a new device while a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Saving {
    /// Never.
    Never,
    /// After one step in sixteen.
    Sometimes,
    /// After every step.
    Always,
}

impl Saving {
    /// How likely it is after a step.
    pub(crate) const fn probability(self) -> f64 {
        match self {
            Self::Never => 0.0,
            Self::Sometimes => 1.0 / 16.0,
            Self::Always => 1.0,
        }
    }
}

/// One of our devices beside QEMU's.
///
/// Our side runs first and predicts everything. Where a row of the table applies, the device is first held to what the row
/// says it does, and then put into the state that QEMU's is in: so a row explains one step and excuses nothing after it.
pub(crate) trait Subject: Sized {
    /// One step of a script.
    type Op: Clone + Debug;
    /// The device's folder below `devices/`.
    const FOLDER: &'static str;
    /// The rows of its table that scripts can reach.
    const ROWS: &'static [&'static str];
    /// The rows that no script can reach, and why.
    const BEYOND: &'static [(&'static str, &'static str)];

    fn machine() -> Machine;

    /// What guests and hosts do.
    fn scripts(length: usize) -> BoxedStrategy<Vec<Self::Op>>;

    /// A device for the script with that number, and what brings QEMU's into the same state.
    fn begin(number: u64, qemu: &mut Qemu) -> Result<(Self, Vec<Stimulus>)>;

    /// Does it to our side. What comes back is to be done to QEMU's, and what shall come of it.
    fn step(&mut self, op: &Self::Op) -> (Stimulus, Outcome);

    /// QEMU lets about that many nanoseconds pass; gives how many it were. The edges come later.
    fn elapse(&self, qemu: &mut Qemu, about: u64) -> Result<u64>;

    /// The time that passed, on our side; it is the outcome's value.
    fn elapsed(&mut self, nanoseconds: u64) -> Outcome;

    /// Saves through bytes and restores into a new device.
    fn save_and_restore(&mut self, saves: &mut Saves) -> Result<()>;

    /// What the guest has sent, and the character device that QEMU sends it to.
    fn output(&self) -> Option<(usize, Vec<u8>)> {
        None
    }

    fn tally(&mut self) -> &mut Tally;

    /// The interrupt controller's inputs that belong to the device of that script.
    fn lines(number: u64) -> Vec<u16>;
}
