//! The machine in a directory: its state in a devstate snapshot, its memory in a file beside it.
//!
//! The memory goes first, under a name that nobody has heard of; the state names it, and replaces the previous state in
//! one step. So the directory holds the previous machine until it holds the new one, whenever the VMM is killed. A save that
//! fails removes what it wrote. It needs room for one memory beside the one that is there.

mod names;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use devstate_file::{PendingFile, load_file, open_file, save_file};
use embedded_io_adapters::std::FromStd;
use rustix::fs::{Mode, OFlags, fstatvfs, open};

use self::names::{Name, STATE};
use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::{Machine, MachineState};
use crate::memory::Memory;
use crate::snapshot::{self, Times, timed};

const BUFFER: usize = 1 << 20;
/// How long the lock of a directory is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Saves a machine that stands still.
pub fn save(machine: &Machine, path: &Path, target: Target) -> Result<Saved> {
    let (state, snapshot, mut times) = snapshot::capture(machine, target)?;
    let (id, memory) = (state.memory_id, machine.memory());
    let directory = timed(&mut times.memory, || store(path, &snapshot.bytes, id, memory))?;
    Ok(Saved {
        report: times.report("saved", snapshot.release, &snapshot.losses),
        directory,
        memory_id: id,
    })
}

/// Stores a machine. After an error everything is as before.
fn store(path: &Path, snapshot: &[u8], memory_id: u64, memory: &Memory) -> Result<Directory> {
    let is_new = !path.exists();
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    let stored = Directory::lock(path, File::try_lock).and_then(|directory| {
        directory.make_room();
        directory.store(snapshot, memory_id, memory)?;
        Ok(directory)
    });
    if is_new && stored.is_err() {
        // Only if it is empty.
        let _ = fs::remove_dir(path);
    }
    stored
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
        self.directory.remove_all_but(Some(self.memory_id))
    }
}

/// A directory that nobody else changes meanwhile.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// The directory itself. The lock goes with this, or with the process.
    locked: File,
}

impl Directory {
    fn lock(path: &Path, try_lock: fn(&File) -> Result<(), TryLockError>) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let locked = open(path, flags, Mode::empty()).with_context(|| format!("cannot open {}", path.display()))?;
        let locked = File::from(locked);
        // A process that ends, or one that was just forked from this one, may hold it for a moment more.
        let end = Instant::now() + PATIENCE;
        loop {
            match try_lock(&locked) {
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => bail!("cannot use {}: another VMM does just now", path.display()),
                tried => break tried.with_context(|| format!("cannot lock {}", path.display()))?,
            }
        }
        Ok(Self {
            path: path.to_owned(),
            locked,
        })
    }

    /// Removes what saves have left that were killed. It is not removed before it is sure which memory the state names.
    fn make_room(&self) {
        let state = self.path.join(STATE);
        let named = match fs::symlink_metadata(&state) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => self.state(Release::LATEST).map(|(_, state)| Some(state.memory_id)),
        };
        // A state that is not on the disk yet may be gone after a power failure, and the previous one be back.
        if let (Ok(named), true) = (named, self.is_synced()) {
            // What cannot be removed is in nobody's way but for the room that it takes.
            let _ = self.remove_all_but(named);
        }
    }

    fn is_synced(&self) -> bool {
        match self.locked.sync_all() {
            // The file system syncs no directories, and has done all that it can.
            Err(error) => error.kind() == ErrorKind::InvalidInput,
            Ok(()) => true,
        }
    }

    /// Stores the memory and then the state, or neither.
    fn store(&self, snapshot: &[u8], memory_id: u64, memory: &Memory) -> Result<()> {
        let image = self.store_memory(memory_id, memory);
        image.map_err(|error| self.explain(error, memory))?;
        let state = self.path.join(STATE);
        save_file(&state, snapshot).map_err(|error| {
            // The new state may be in its place already, and only its directory is not on the disk.
            let replaced = load_file(&state, snapshot::MAX_LEN).is_ok_and(|found| found == snapshot);
            let path = self.memory_path(memory_id);
            if replaced || fs::remove_file(&path).is_ok() {
                error.into()
            } else {
                anyhow!("{error}; and cannot remove {}", path.display())
            }
        })
    }

    fn store_memory(&self, id: u64, memory: &Memory) -> Result<()> {
        let path = self.memory_path(id);
        let file = PendingFile::create(&path)?;
        let mut image = FromStd::new(BufWriter::with_capacity(BUFFER, file));
        let written = memory.write_image(id, &mut image);
        let file = image.into_inner().into_inner().map_err(io::IntoInnerError::into_error);
        written.with_context(|| format!("cannot write {}", path.display()))?;
        let stored = file?.commit();
        if stored.is_err() {
            // Under its name, but perhaps not on the disk. No state names it.
            let _ = fs::remove_file(&path);
        }
        Ok(stored?)
    }

    /// Says how much room a save needs, where that is what is missing.
    fn explain(&self, error: Error, memory: &Memory) -> Error {
        let full = |error: &io::Error| [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind());
        let is_full = error.chain().filter_map(|error| error.downcast_ref()).any(full);
        let (Ok(needed), Ok(there)) = (memory.image_len(), fstatvfs(&self.locked)) else {
            return error;
        };
        let free = there.f_bavail.saturating_mul(there.f_frsize);
        if !is_full && free >= needed {
            return error;
        }
        let (needed, free) = (needed.div_ceil(1 << 20), free >> 20);
        error.context(format!(
            "a save needs {needed} MiB beside what is there, and {free} MiB are free"
        ))
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
            let mut image = FromStd::new(BufReader::with_capacity(BUFFER, open_file(&path)?));
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

    /// Removes the memories that the state does not name, and what unfinished saves left. Other files stay.
    fn remove_all_but(&self, memory_id: Option<u64>) -> Result<()> {
        let mut outcome = Ok(());
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let ours = match Name::of(&entry.file_name()) {
                Some(Name::Memory(id)) => Some(id) != memory_id,
                Some(Name::Unfinished) => true,
                None => false,
            };
            if ours && entry.file_type()?.is_file() {
                let path = entry.path();
                let removed = fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()));
                outcome = outcome.and(removed);
            }
        }
        outcome
    }

    fn memory_path(&self, id: u64) -> PathBuf {
        self.path.join(Name::Memory(id).to_string())
    }
}
