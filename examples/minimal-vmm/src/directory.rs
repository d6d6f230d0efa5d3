//! The machine in a directory: its state in a devstate snapshot, its memory in an image beside it.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use devstate_file::directory::{Layout, Saved};
use devstate_host::image;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::snapshot::{self, Times, timed};

const MACHINE: Layout = Layout::new("machine.snapshot", "memory-", snapshot::MAX_LEN, memory_of);

/// The memory that a machine's state names, if this build can read it.
fn memory_of(state: &[u8]) -> Option<u64> {
    let (_, state) = snapshot::decode(state, Release::LATEST).ok()?;
    Some(state.memory_id)
}

/// Saves a machine that stands still, beside what was there before, and says how it went.
pub fn save(machine: &Machine, path: &Path, target: Target) -> Result<(Saved, String)> {
    let (state, snapshot, mut times) = snapshot::capture(machine, target)?;
    let saved = timed(&mut times.memory, || {
        store(path, &snapshot.bytes, state.memory_id, machine.memory())
    })?;
    Ok((saved, times.report("saved", snapshot.release, &snapshot.losses)))
}

fn store(path: &Path, snapshot: &[u8], memory_id: u64, memory: &Memory) -> Result<Saved> {
    let write = |out: &mut dyn Write| Ok(image::write(memory, memory_id, out)?);
    Ok(MACHINE.save(path, snapshot, write)?)
}

/// The machine that was saved to a directory, which does not run yet. Where anything about the snapshot is wrong there
/// is no machine.
pub fn load(path: &Path, newest: Release) -> Result<(Machine, String)> {
    let mut times = Times::start();
    let directory = MACHINE.open(path)?;
    let failed = |path: &Path| format!("cannot restore from {}", path.display());
    let (release, state) = timed(&mut times.devices, || {
        let bytes = directory.state()?;
        snapshot::decode(&bytes, newest)
    })
    .with_context(|| failed(&directory.state_path()))?;
    let read = |bytes: &mut dyn Read| {
        let memory = Memory::new(MEMORY_START, state.memory_len)?;
        image::read(&memory, state.memory_id, bytes)?;
        Ok::<_, anyhow::Error>(memory)
    };
    let memory = timed(&mut times.memory, || directory.image(state.memory_id, read))
        .with_context(|| failed(&directory.image_path(state.memory_id)))?;
    let machine = snapshot::assemble(&state, memory, &mut times)?;
    Ok((machine, times.report("restored", release, &[])))
}

#[cfg(test)]
mod tests {
    use vm_memory::{Bytes, GuestAddress};

    use super::*;
    use crate::arch::KvmStateSer;
    use crate::devices::DevicesState;
    use crate::machine::MachineState;

    const LEN: u64 = 16 << 20;

    #[test]
    fn a_state_names_its_memory_and_what_was_before_goes() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for number in 1..=2_u64 {
            let memory = Memory::new(MEMORY_START, LEN)?;
            memory.map().write_obj(number, GuestAddress(MEMORY_START))?;
            let state = MachineState {
                memory_id: snapshot::random()?,
                memory_len: LEN,
                kvm: KvmStateSer::default(),
                devices: DevicesState::powered_on(),
            };
            let snapshot = snapshot::encode(&state, Target::default())?;
            store(folder.path(), &snapshot.bytes, state.memory_id, &memory)?.tidy()?;

            let directory = MACHINE.open(folder.path())?;
            let id = memory_of(&directory.state()?).context("no machine")?;
            let loaded = Memory::new(MEMORY_START, LEN)?;
            directory.image(id, |bytes| anyhow::Ok(image::read(&loaded, id, bytes)?))?;
            assert_eq!(loaded.map().read_obj::<u64>(GuestAddress(MEMORY_START))?, number);
            assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
        }
        assert_eq!(memory_of(b"no state"), None);
        Ok(())
    }
}
