//! The machine in a directory: its state in a devstate snapshot, its memory in a file beside it.
//!
//! The memory goes first, under a name that nobody has heard of; the state names it, and replaces the previous state in
//! one step. So the directory holds the previous machine until it holds the new one, whenever the VMM is killed.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devstate_snapshot_file::{PendingFile, load_file, save_file};
use devstate_versioning::{
    Container, ErrorKind, Loss, Mirror, ReleaseTable, max_snapshot_len, save as save_snapshot, save_lossy,
};
use embedded_io_adapters::std::FromStd;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::{Machine, MachineState};
use crate::memory::Memory;
use crate::mirror::MachineStateSer;

const STATE: &str = "machine.snapshot";
const MEMORY: &str = "memory-";
/// The longest snapshot of any release.
pub const MAX_LEN: usize = max_snapshot_len::<MachineStateSer>();

/// Saves a machine that stands still to `directory`.
pub fn save(machine: &Machine, directory: &Path, target: Target) -> Result<Report> {
    let start = Instant::now();
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let (state, snapshot, mut times) = capture(machine, target)?;

    let memory_start = Instant::now();
    let memory_file = memory_file(directory, state.memory_id);
    let pending = PendingFile::create(&memory_file)?;
    let mut image = FromStd::new(BufWriter::with_capacity(1 << 20, pending));
    machine.memory().write_image(state.memory_id, &mut image)?;
    let pending = image
        .into_inner()
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    pending.commit()?;
    times.memory = memory_start.elapsed();

    save_file(&directory.join(STATE), &snapshot.bytes)?;
    remove_others(directory, &memory_file)?;
    times.total = start.elapsed();
    Ok(Report {
        done: "saved",
        release: snapshot.release,
        losses: snapshot.losses,
        times,
    })
}

/// The machine that was saved to `directory`, which does not run yet. Where anything about the snapshot is wrong there
/// is no machine.
pub fn load(directory: &Path, newest: Release) -> Result<(Machine, Report)> {
    let start = Instant::now();
    let mut times = Times::default();
    let path = directory.join(STATE);
    let (release, state) = load_file(&path, MAX_LEN)
        .map_err(Into::into)
        .and_then(|bytes| decode(&bytes, newest))
        .with_context(|| format!("cannot restore from {}", path.display()))?;
    times.devices = start.elapsed();

    let memory_start = Instant::now();
    let path = memory_file(directory, state.memory_id);
    let file = File::open(&path).with_context(|| format!("cannot open the guest's memory {}", path.display()))?;
    let memory = Memory::new(MEMORY_START, state.memory_len)?;
    memory
        .read_image(
            state.memory_id,
            &mut FromStd::new(BufReader::with_capacity(1 << 20, file)),
        )
        .with_context(|| format!("cannot restore from {}", path.display()))?;
    times.memory = memory_start.elapsed();

    let machine = assemble(&state, memory, &mut times)?;
    times.total = start.elapsed();
    let report = Report {
        done: "restored",
        release,
        losses: Vec::new(),
        times,
    };
    Ok((machine, report))
}

/// The release with that number, the latest for none.
pub fn release(number: Option<u16>) -> Result<Release> {
    let Some(number) = number else {
        return Ok(Release::LATEST);
    };
    Release::from_number(number).with_context(|| {
        let known: Vec<_> = Release::ALL.iter().map(|release| release.number()).collect();
        format!("there is no release {number}: there are {known:?}")
    })
}

/// The state of a machine that stands still, and its snapshot.
pub fn capture(machine: &Machine, target: Target) -> Result<(MachineState, Snapshot, Times)> {
    let mut times = Times::default();
    let kernel_start = Instant::now();
    let kvm = machine.kvm_state()?;
    times.kernel = kernel_start.elapsed();

    let devices_start = Instant::now();
    let state = MachineState {
        memory_id: random()?,
        memory_len: machine.memory().len(),
        kvm,
        devices: machine.devices().state(),
    };
    let snapshot = encode(&state, target)?;
    times.devices = devices_start.elapsed();
    Ok((state, snapshot, times))
}

/// Gives a loaded state to the kernel and to the devices.
pub fn assemble(state: &MachineState, memory: Memory, times: &mut Times) -> Result<Machine> {
    let kernel_start = Instant::now();
    let (hypervisor, vcpu) = Machine::prepare(&memory, &state.kvm)?;
    times.kernel = kernel_start.elapsed();
    let devices_start = Instant::now();
    let machine = Machine::assemble(memory, hypervisor, vcpu, &state.devices)?;
    times.devices += devices_start.elapsed();
    Ok(machine)
}

/// A machine's state as bytes.
#[derive(Debug)]
pub struct Snapshot {
    pub bytes: Vec<u8>,
    pub release: Release,
    /// The fields that an older release cannot say, and that it matters for.
    pub losses: Vec<String>,
}

fn encode(state: &MachineState, target: Target) -> Result<Snapshot> {
    let release = release(target.release)?;
    let mirror = Box::new(MachineStateSer::from(state));
    let mut buffer = vec![0; MAX_LEN];
    let mut losses = Vec::new();
    let len = if release == Release::LATEST {
        save_snapshot::<Release, _>(&*mirror, &mut buffer)?.len()
    } else {
        let mut note = |loss: &Loss| {
            if !loss.ignorable {
                losses.push(loss.field.display(MachineStateSer::SCHEMA).to_string());
            }
        };
        save_lossy(&*mirror, release, &mut buffer, &mut note)?.len()
    };
    if !losses.is_empty() && !target.lossy {
        bail!("release {} would lose {}", release.number(), losses.join(", "));
    }
    buffer.truncate(len);
    Ok(Snapshot {
        bytes: buffer,
        release,
        losses,
    })
}

/// The state in the snapshot that comes next on a stream.
pub fn receive<R>(stream: &mut R, newest: Release) -> Result<(Release, MachineState)>
where
    R: embedded_io::Read<Error = std::io::Error>,
{
    let mut mirror = Box::new(MachineStateSer::default());
    let mut buffer = vec![0; MAX_LEN];
    let release: Release = Container::NATIVE.load_from(stream, &mut buffer, &mut *mirror)?;
    finish(release, newest, &mirror)
}

/// The state that a snapshot of any release describes.
fn decode(bytes: &[u8], newest: Release) -> Result<(Release, MachineState)> {
    let mut mirror = Box::new(MachineStateSer::default());
    let release: Release = devstate_versioning::load(bytes, &mut *mirror)?;
    finish(release, newest, &mirror)
}

/// A build of an older release would have refused a newer one itself; this build plays that it is one.
fn finish(release: Release, newest: Release, mirror: &MachineStateSer) -> Result<(Release, MachineState)> {
    if release > newest {
        let (found, newest) = (release.number(), newest.number());
        bail!(ErrorKind::NewerRelease { found, newest });
    }
    Ok((release, MachineState::try_from(mirror)?))
}

fn memory_file(directory: &Path, id: u64) -> PathBuf {
    directory.join(format!("{MEMORY}{id:016x}"))
}

/// Removes what earlier saves left, finished or not.
fn remove_others(directory: &Path, current: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(MEMORY) && path != current {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_le_bytes(bytes))
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub memory: Duration,
    /// What KVM was asked for or told.
    pub kernel: Duration,
    /// The devices' states and the snapshot that they are in.
    pub devices: Duration,
    pub total: Duration,
}

/// What was done, for people.
#[derive(Debug)]
pub struct Report {
    pub done: &'static str,
    pub release: Release,
    pub losses: Vec<String>,
    pub times: Times,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Times {
            memory,
            kernel,
            devices,
            total,
        } = self.times;
        write!(
            f,
            "{} at release {} in {:.1} ms: memory {:.1} ms, kernel {:.1} ms, devices {:.3} ms ({:.2} %)",
            self.done,
            self.release.number(),
            ms(total),
            ms(memory),
            ms(kernel),
            ms(devices),
            100.0 * devices.as_secs_f64() / total.as_secs_f64()
        )?;
        if !self.losses.is_empty() {
            write!(f, "; lost: {}", self.losses.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::KvmStateSer;
    use crate::devices::DevicesState;

    fn state() -> MachineState {
        let mut devices = DevicesState::powered_on();
        devices.typed = b"typed ahead".to_vec();
        MachineState {
            memory_id: 7,
            memory_len: 64 << 20,
            kvm: KvmStateSer::default(),
            devices,
        }
    }

    #[test]
    fn a_machine_comes_back_as_it_was() -> Result<()> {
        let snapshot = encode(&state(), Target::default())?;
        let (release, loaded) = decode(&snapshot.bytes, Release::LATEST)?;
        assert_eq!(release, Release::LATEST);
        assert_eq!(MachineStateSer::from(&loaded), MachineStateSer::from(&state()));
        Ok(())
    }

    #[test]
    fn an_older_release_is_written_when_its_losses_are_accepted() -> Result<()> {
        let target = |lossy| Target {
            release: Some(1),
            lossy,
        };
        let refusal = encode(&state(), target(false)).unwrap_err().to_string();
        assert!(
            refusal.starts_with("release 1 would lose ") && refusal.contains("typed"),
            "{refusal}"
        );
        let snapshot = encode(&state(), target(true))?;
        assert!(snapshot.losses.contains(&"typed".to_string()), "{:?}", snapshot.losses);
        let (release, loaded) = decode(&snapshot.bytes, Release::V1)?;
        assert_eq!((release, loaded.devices.typed), (Release::V1, Vec::new()));
        Ok(())
    }

    #[test]
    fn an_unknown_release_is_refused_with_the_known_ones() {
        let refusal = encode(&state(), Target::default().or(9)).unwrap_err().to_string();
        assert_eq!(refusal, "there is no release 9: there are [1, 2]");
    }
}
