//! From a machine's state to bytes and back.

use std::collections::BTreeMap;
use std::fmt;

use devstate_versioning::{
    Architecture, Error, LoadError, Mirror, Options, ReleaseTable, SaveError, buffer, max_snapshot_len,
};

use crate::machine::Moment;
use crate::mirror::{MachineStateSer, Release};
use crate::report::LostField;
use crate::state::{InvalidMachine, MachineState};

/// Options for the reference machine's snapshots: any architecture can read them.
pub const OPTIONS: Options = Options::new(Architecture::Any);

/// A snapshot could not be written, or not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The state cannot be written, or the bytes are not a snapshot of this machine.
    Bytes(Error),
    /// Its bytes say something that cannot be true.
    State(InvalidMachine),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(error) => error.fmt(f),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<SaveError> for SnapshotError {
    fn from(error: SaveError) -> Self {
        Self::Bytes(error.into())
    }
}

impl From<LoadError> for SnapshotError {
    fn from(error: LoadError) -> Self {
        Self::Bytes(error.into())
    }
}

impl From<InvalidMachine> for SnapshotError {
    fn from(error: InvalidMachine) -> Self {
        Self::State(error)
    }
}

/// Writes a machine's state at a release into a buffer that is never too small, and names each field that is lost: that
/// [`read_snapshot`] does not bring back at the same moment.
///
/// # Errors
///
/// None that a state that is valid can cause.
pub fn write_snapshot<'b>(
    state: &MachineState,
    release: Release,
    buffer: &'b mut [u8; max_snapshot_len::<MachineStateSer>()],
    lost: &mut dyn FnMut(String),
) -> Result<&'b [u8], SnapshotError> {
    let mirror = MachineStateSer::new(state);
    if release == Release::LATEST {
        return Ok(Release::latest(&mirror).with_options(OPTIONS).save(buffer)?);
    }
    let mut fields = Vec::new();
    let mut scratch = mirror.clone();
    let older = release.downgrade_lossy(&mirror, &mut scratch, &mut |loss| {
        if !loss.ignorable {
            fields.push(loss.field.display(MachineStateSer::SCHEMA).to_string());
        }
        true
    })?;
    let bytes = older.with_options(OPTIONS).save(buffer)?;
    let (_, restored) = read_snapshot(bytes, Moment::of(state))?;
    fields.retain(|field| !came_back(field, state, &restored));
    fields.into_iter().for_each(lost);
    Ok(bytes)
}

/// Reads a machine's state from a snapshot of any release.
///
/// Where a release does not know the time, it is `now`: the clock's value is relative to that, and the UART was saved
/// at that moment.
///
/// # Errors
///
/// Bytes that are no snapshot of this machine, or a state that cannot be.
pub fn read_snapshot(bytes: &[u8], now: Moment) -> Result<(Release, MachineState), SnapshotError> {
    let mut mirror = MachineStateSer::default();
    let release = Release::load_with(OPTIONS, bytes, &mut mirror)?;
    mirror.resolve(now.rtc.since_epoch(), now.rtc);
    if release == Release::V1 {
        mirror.serial.saved_at = now.serial.as_nanos();
    }
    Ok((release, MachineState::try_from(&mirror)?))
}

/// Takes machines through bytes, and keeps count.
#[derive(Debug)]
pub(crate) struct Snapshots {
    release: Release,
    lossy: bool,
    buffer: [u8; max_snapshot_len::<MachineStateSer>()],
    pub(crate) taken: usize,
    pub(crate) sizes: Option<(usize, usize)>,
    losses: BTreeMap<String, (usize, usize)>,
}

impl Snapshots {
    pub(crate) fn new(release: Release, lossy: bool) -> Self {
        Self {
            release,
            lossy,
            buffer: buffer!(MachineStateSer),
            taken: 0,
            sizes: None,
            losses: BTreeMap::new(),
        }
    }

    /// Writes the state at the release, reads it back, and says how the machine goes on.
    ///
    /// A device that an older release has not brought back as it was goes on from a snapshot of the latest release,
    /// unless losses are wanted.
    pub(crate) fn pass_through(&mut self, state: &MachineState, line: usize) -> Result<MachineState, SnapshotError> {
        let mut lost = Vec::new();
        let bytes = write_snapshot(state, self.release, &mut self.buffer, &mut |field| lost.push(field))?;
        let len = bytes.len();
        let (_, mut restored) = read_snapshot(bytes, Moment::of(state))?;
        self.taken += 1;
        let (smallest, largest) = self.sizes.unwrap_or((len, len));
        self.sizes = Some((smallest.min(len), largest.max(len)));
        restored.events = state.events;
        if restored == *state {
            return Ok(restored);
        }
        for field in lost {
            self.losses.entry(field).or_insert((0, line)).0 += 1;
        }
        if self.lossy || self.release == Release::LATEST {
            return Ok(restored);
        }
        let bytes = write_snapshot(state, Release::LATEST, &mut self.buffer, &mut |_| {})?;
        let (_, whole) = read_snapshot(bytes, Moment::of(state))?;
        Ok(MachineState {
            rtc: if restored.rtc == state.rtc {
                restored.rtc
            } else {
                whole.rtc
            },
            serial: if restored.serial == state.serial {
                restored.serial
            } else {
                whole.serial
            },
            i8042: if restored.i8042 == state.i8042 {
                restored.i8042
            } else {
                whole.i8042
            },
            events: whole.events,
        })
    }

    pub(crate) fn losses(self) -> Vec<LostField> {
        let release = self.release;
        self.losses
            .into_iter()
            .map(|(field, (snapshots, first_line))| LostField {
                release,
                field,
                snapshots,
                first_line,
            })
            .collect()
    }
}

/// The device that a field belongs to is as it was, because what was lost could be found out otherwise.
fn came_back(field: &str, saved: &MachineState, restored: &MachineState) -> bool {
    match field.split_once('.').map_or(field, |(device, _)| device) {
        "rtc" => saved.rtc == restored.rtc,
        "serial" => saved.serial == restored.serial,
        "i8042" => saved.i8042 == restored.i8042,
        _ => false,
    }
}
