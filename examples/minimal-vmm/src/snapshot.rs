//! A machine's state as a devstate snapshot: taken from a machine that stands still, and made a machine again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devstate_versioning::{LoadErrorKind, Mirror, Options, ReleaseTable, max_snapshot_len};

use crate::arch::Release;
use crate::control::Target;
use crate::machine::{Machine, MachineState};
use crate::memory::Memory;
use crate::mirror::MachineStateSer;

/// The longest snapshot of any release.
pub const MAX_LEN: usize = max_snapshot_len::<MachineStateSer>();

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
    let mut times = Times::start();
    let kvm = timed(&mut times.kernel, || machine.kvm_state())?;
    let memory_len = machine.memory().len();
    let (state, snapshot) = timed(&mut times.devices, || -> Result<_> {
        let state = MachineState {
            memory_id: random()?,
            memory_len,
            kvm,
            devices: machine.devices().state(),
        };
        let snapshot = encode(&state, target)?;
        Ok((state, snapshot))
    })?;
    Ok((state, snapshot, times))
}

/// Gives a loaded state to the kernel and to the devices.
pub fn assemble(state: &MachineState, memory: Memory, times: &mut Times) -> Result<Machine> {
    let (hypervisor, vcpu) = timed(&mut times.kernel, || Machine::prepare(&memory, &state.kvm))?;
    timed(&mut times.devices, || {
        Machine::assemble(memory, hypervisor, vcpu, &state.devices)
    })
}

/// A machine's state as bytes.
#[derive(Debug)]
pub struct Snapshot {
    pub bytes: Vec<u8>,
    pub release: Release,
    /// The fields that an older release cannot say, and that it matters for.
    pub losses: Vec<String>,
}

pub fn encode(state: &MachineState, target: Target) -> Result<Snapshot> {
    let release = release(target.release)?;
    let mirror = Box::new(MachineStateSer::try_from(state)?);
    let mut buffer = vec![0; MAX_LEN];
    let mut losses = Vec::new();
    let mut scratch = mirror.clone();
    let translated = release.downgrade_lossy(&*mirror, &mut scratch, &mut |loss| {
        if !loss.ignorable {
            losses.push(loss.field.display(MachineStateSer::SCHEMA).to_string());
        }
        true
    })?;
    if !losses.is_empty() && !target.lossy {
        bail!("release {} would lose {}", release.number(), losses.join(", "));
    }
    let len = translated.save(&mut buffer)?.len();
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
    let snapshot = Options::NATIVE.read_from(stream, &mut buffer)?;
    let release = Release::load(snapshot, &mut *mirror)?;
    finish(release, newest, *mirror)
}

/// The state that a snapshot of any release describes.
pub fn decode(bytes: &[u8], newest: Release) -> Result<(Release, MachineState)> {
    let mut mirror = Box::new(MachineStateSer::default());
    let release = Release::load(bytes, &mut *mirror)?;
    finish(release, newest, *mirror)
}

/// A build of an older release would have refused a newer one itself; this build plays that it is one.
fn finish(release: Release, newest: Release, mirror: MachineStateSer) -> Result<(Release, MachineState)> {
    if release > newest {
        let (found, newest) = (release.number(), newest.number());
        bail!(LoadErrorKind::NewerRelease { found, newest });
    }
    Ok((release, mirror.try_into()?))
}

/// What nobody else will come up with.
pub fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_le_bytes(bytes))
}

/// How long what takes.
#[derive(Debug)]
pub struct Times {
    start: Instant,
    pub memory: Duration,
    /// What KVM was asked for or told.
    pub kernel: Duration,
    /// The devices' states and the snapshot that they are in.
    pub devices: Duration,
}

impl Times {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            memory: Duration::ZERO,
            kernel: Duration::ZERO,
            devices: Duration::ZERO,
        }
    }

    /// What was done just now, for people.
    pub fn report(&self, done: &str, release: Release, losses: &[String]) -> String {
        let total = self.start.elapsed();
        let [all, memory, kernel, devices] =
            [total, self.memory, self.kernel, self.devices].map(|time| time.as_secs_f64() * 1e3);
        let (number, part) = (release.number(), 100.0 * devices / all);
        let mut report = format!(
            "{done} at release {number} in {all:.1} ms: memory {memory:.1} ms, kernel {kernel:.1} ms, devices {devices:.3} ms \
             ({part:.2} %)"
        );
        if !losses.is_empty() {
            report.extend(["; lost: ", &losses.join(", ")]);
        }
        report
    }
}

/// Adds the time that something takes.
pub fn timed<T>(time: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *time += start.elapsed();
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::KvmStateSer;
    use crate::devices::{DevicesState, MAX_TYPED};

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
        assert_eq!(
            MachineStateSer::try_from(&loaded)?,
            MachineStateSer::try_from(&state())?
        );
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
    fn what_a_snapshot_cannot_hold_is_refused_and_not_cut_off() {
        let mut state = state();
        state.devices.typed = vec![b'a'; MAX_TYPED + 1];
        let refusal = encode(&state, Target::default()).unwrap_err().to_string();
        assert!(refusal.contains("256 bytes"), "{refusal}");
    }

    #[test]
    fn an_unknown_release_is_refused_with_the_known_ones() {
        let refusal = encode(&state(), Target::default().or(9)).unwrap_err().to_string();
        assert_eq!(refusal, "there is no release 9: there are [1, 2]");
    }
}
