//! The machine in a directory: its state in a devstate snapshot, its memory in a file beside it.
//!
//! The memory goes first, under a name that nobody has heard of; the state names it, and replaces the previous state in
//! one step. So the directory holds the previous machine until it holds the new one, whenever the VMM is killed.

use std::fs::{self, File, TryLockError};
use std::io::{BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use devstate_snapshot_file::{PendingFile, load_file, save_file};
use embedded_io_adapters::std::FromStd;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::{Machine, MachineState};
use crate::memory::Memory;
use crate::snapshot::{self, Times, timed};

const STATE: &str = "machine.snapshot";
const MEMORY: &str = "memory-";
const BUFFER: usize = 1 << 20;

/// Saves a machine that stands still.
pub fn save(machine: &Machine, path: &Path, target: Target) -> Result<Saved> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    let directory = Directory::lock(path, File::try_lock)?;
    let (state, snapshot, mut times) = snapshot::capture(machine, target)?;
    let (id, memory) = (state.memory_id, machine.memory());
    timed(&mut times.memory, || directory.store_memory(id, memory))?;
    directory.store_state(&snapshot.bytes)?;
    Ok(Saved {
        report: times.report("saved", snapshot.release, &snapshot.losses),
        directory,
        memory_id: state.memory_id,
    })
}

/// The machine that was saved to a directory, which does not run yet. Where anything about the snapshot is wrong there
/// is no machine.
pub fn load(path: &Path, newest: Release) -> Result<(Machine, String)> {
    let mut times = Times::start();
    let directory = Directory::lock(path, File::try_lock_shared)?;
    let (release, state) = timed(&mut times.devices, || directory.state(newest))?;
    let memory = timed(&mut times.memory, || directory.memory(&state))?;
    let machine = snapshot::assemble(&state, memory, &mut times)?;
    Ok((machine, times.report("restored", release, &[])))
}

/// A machine that was saved beside what was there before.
#[derive(Debug)]
pub struct Saved {
    /// How it went.
    pub report: String,
    directory: Directory,
    memory_id: u64,
}

impl Saved {
    /// Removes what earlier saves left, finished or not; nothing waits for it.
    pub fn tidy(self) -> Result<()> {
        self.directory.remove_all_but(self.memory_id)
    }
}

/// A directory that nobody else changes meanwhile.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// It goes with this, or with the process.
    _lock: File,
}

impl Directory {
    fn lock(path: &Path, try_lock: fn(&File) -> Result<(), TryLockError>) -> Result<Self> {
        let lock = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        match try_lock(&lock) {
            Err(TryLockError::WouldBlock) => bail!("cannot use {}: another VMM does just now", path.display()),
            locked => locked?,
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    fn store_memory(&self, id: u64, memory: &Memory) -> Result<()> {
        let file = PendingFile::create(&self.memory_path(id))?;
        let mut image = FromStd::new(BufWriter::with_capacity(BUFFER, file));
        memory.write_image(id, &mut image)?;
        let file = image.into_inner().into_inner();
        Ok(file.map_err(std::io::IntoInnerError::into_error)?.commit()?)
    }

    fn store_state(&self, snapshot: &[u8]) -> Result<()> {
        Ok(save_file(&self.path.join(STATE), snapshot)?)
    }

    fn state(&self, newest: Release) -> Result<(Release, MachineState)> {
        let path = self.path.join(STATE);
        let bytes = load_file(&path, snapshot::MAX_LEN).map_err(Into::into);
        bytes
            .and_then(|bytes| snapshot::decode(&bytes, newest))
            .with_context(|| format!("cannot restore from {}", path.display()))
    }

    fn memory(&self, state: &MachineState) -> Result<Memory> {
        let path = self.memory_path(state.memory_id);
        let read = || {
            let mut image = FromStd::new(BufReader::with_capacity(BUFFER, File::open(&path)?));
            let memory = Memory::new(MEMORY_START, state.memory_len)?;
            memory.read_image(state.memory_id, &mut image)?;
            ensure!(
                image.into_inner().read(&mut [0])? == 0,
                "the memory image goes on behind its end"
            );
            Ok(memory)
        };
        read().with_context(|| format!("cannot restore from {}", path.display()))
    }

    fn remove_all_but(&self, memory_id: u64) -> Result<()> {
        let current = self.memory_path(memory_id);
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let ours = |name: &str| name.starts_with(STATE) || name.starts_with(MEMORY);
            let unfinished = path.extension() == Some("tmp".as_ref()) && name.strip_prefix('.').is_some_and(ours);
            if unfinished || name.starts_with(MEMORY) && path != current {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn memory_path(&self, id: u64) -> PathBuf {
        self.path.join(format!("{MEMORY}{id:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Write};
    use std::process::{Command, Stdio};
    use std::thread::sleep;
    use std::time::Duration;

    use vm_memory::{Bytes, GuestAddress};

    use super::*;
    use crate::arch::KvmStateSer;
    use crate::devices::DevicesState;

    const LEN: u64 = 16 << 20;
    /// Where the child of a test saves.
    const DIRECTORY: &str = "MINIMAL_VMM_TEST_SAVES_TO";

    /// Machines that differ in every chunk and in their devices, one for each number.
    fn store(path: &Path, number: u64) -> Result<Saved> {
        let directory = Directory::lock(path, File::try_lock)?;
        let memory = Memory::new(MEMORY_START, LEN)?;
        for offset in (0..LEN).step_by(4 << 20) {
            memory.map().write_obj(number, GuestAddress(MEMORY_START + offset))?;
        }
        let mut devices = DevicesState::powered_on();
        devices.typed = number.to_le_bytes().into();
        let state = MachineState {
            memory_id: snapshot::random()?,
            memory_len: LEN,
            kvm: KvmStateSer::default(),
            devices,
        };
        directory.store_memory(state.memory_id, &memory)?;
        directory.store_state(&snapshot::encode(&state, Target::default())?.bytes)?;
        Ok(Saved {
            report: String::new(),
            directory,
            memory_id: state.memory_id,
        })
    }

    /// The number of the machine that is there, which must be whole.
    fn number(path: &Path) -> Result<u64> {
        let directory = Directory::lock(path, File::try_lock_shared)?;
        let (_, state) = directory.state(Release::LATEST)?;
        let memory = directory.memory(&state)?;
        let number = u64::from_le_bytes(state.devices.typed.as_slice().try_into()?);
        for offset in (0..LEN).step_by(4 << 20) {
            let found: u64 = memory.map().read_obj(GuestAddress(MEMORY_START + offset))?;
            ensure!(found == number, "memory of {found} at {offset:#x}, state of {number}");
        }
        Ok(number)
    }

    fn names(path: &Path) -> Result<Vec<String>> {
        let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(path)?.map(name).collect()
    }

    /// Not a test of its own: what the next one kills.
    #[test]
    fn saves_until_it_is_killed() -> Result<()> {
        let Some(path) = std::env::var_os(DIRECTORY) else {
            return Ok(());
        };
        for next in number(path.as_ref())? + 1.. {
            let saved = store(path.as_ref(), next)?;
            writeln!(std::io::stderr(), "{next}")?;
            saved.tidy()?;
        }
        Ok(())
    }

    #[test]
    fn a_kill_at_any_moment_leaves_a_whole_machine() -> Result<()> {
        const KILLS: u32 = 100;
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        store(path, 0)?.tidy()?;
        let (mut last, mut caught) = (0, 0);
        for _ in 0..KILLS {
            let before = names(path)?;
            let mut child = Command::new(std::env::current_exe()?)
                .args(["--exact", "directory::tests::saves_until_it_is_killed", "--nocapture"])
                .env(DIRECTORY, path)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()?;
            let mut lines = std::io::BufReader::new(child.stderr.take().context("no pipe")?).lines();
            lines.next().context("it saved nothing")??;
            sleep(Duration::from_micros(snapshot::random()? % 60_000));
            child.kill()?;
            child.wait()?;
            let told = lines.last().transpose()?.map_or(Ok(last), |line| line.parse())?;

            let found = number(path)?;
            assert!(
                found > last && (told..=told.max(last + 1) + 1).contains(&found),
                "{last} {told} {found}"
            );
            last = found;
            let unfinished = |name: &String| name.starts_with('.') && !before.contains(name);
            caught += u32::from(names(path)?.iter().any(unfinished));
        }
        println!("{last} saves, {caught} of {KILLS} kills in the middle of one");
        assert!(caught > KILLS / 10, "only {caught} kills were in the middle of a save");
        store(path, last + 1)?.tidy()?;
        assert_eq!(names(path)?.len(), 2, "{:?}", names(path)?);
        Ok(())
    }

    #[test]
    fn one_vmm_at_a_time_uses_a_directory() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let saved = store(directory.path(), 1)?;
        for refused in [store(directory.path(), 2).map(drop), number(directory.path()).map(drop)] {
            let refusal = refused.unwrap_err().to_string();
            assert!(refusal.contains("another VMM"), "{refusal}");
        }
        saved.tidy()?;
        assert_eq!(number(directory.path())?, 1);
        Ok(())
    }

    #[test]
    fn bytes_behind_the_memory_are_no_part_of_it() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let saved = store(directory.path(), 1)?;
        let image = saved.directory.memory_path(saved.memory_id);
        saved.tidy()?;
        File::options().append(true).open(image)?.write_all(b"?")?;
        let refusal = format!("{:#}", number(directory.path()).unwrap_err());
        assert!(refusal.contains("goes on behind its end"), "{refusal}");
        Ok(())
    }
}
