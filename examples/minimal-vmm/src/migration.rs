//! A machine that moves to another process while its guest stands still.
//!
//! | who | says |
//! |---|---|
//! | destination | its architecture, and of each release that it reads the number and the root's fingerprint |
//! | source | the snapshot, at the newest release that both have alike; then the image of the memory |
//! | destination | that the machine is complete |
//! | source | that it is the destination's now |
//!
//! Until the source has said the last word the guest can go on there, and nowhere else; after it only at the
//! destination.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use devstate_versioning::{Architecture, ReleaseTable};
use embedded_io::{Read, Write};
use embedded_io_adapters::std::FromStd;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::snapshot::{self, Times, timed};
use crate::socket::Listener;

const MAGIC: &[u8; 7] = b"DVMMMIG";
const COMPLETE: u8 = b'C';
const YOURS: u8 = b'Y';
/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// Gives the machine, which stands still, to the VMM that waits at `socket`. After an error it is still here.
pub fn send(machine: &Machine, socket: &Path, target: Target, newest: Release) -> Result<String> {
    let stream = UnixStream::connect(socket).with_context(|| format!("no VMM waits at {}", socket.display()))?;
    let mut stream = patient(stream)?;
    let release = choose(&Hello::read(&mut stream)?, newest, target.release)?;
    let (state, snapshot, mut times) = snapshot::capture(machine, target.or(release.number()))?;
    stream.write_all(&snapshot.bytes)?;
    timed(&mut times.memory, || {
        machine.memory().write_image(state.memory_id, &mut stream)
    })?;
    expect(&mut stream, COMPLETE, "the destination gave up")?;
    stream.write_all(&[YOURS])?;
    Ok(times.report("sent", release, &snapshot.losses))
}

/// Waits at `socket` for a machine and gives it when it is this VMM's alone.
pub fn receive(socket: &Path, newest: Release) -> Result<(Machine, String)> {
    let listener = Listener::bind(socket)?;
    eprintln!("minimal-vmm: waiting for a machine at {}\r", socket.display());
    let mut stream = patient(listener.accept()?.0)?;
    drop(listener);
    let mut times = Times::start();
    Hello::of(newest).write(&mut stream)?;
    let (release, state) = timed(&mut times.devices, || snapshot::receive(&mut stream, newest))?;
    let memory = timed(&mut times.memory, || -> Result<_> {
        let memory = Memory::new(MEMORY_START, state.memory_len)?;
        memory.read_image(state.memory_id, &mut stream)?;
        Ok(memory)
    })?;
    let machine = snapshot::assemble(&state, memory, &mut times)?;
    stream.write_all(&[COMPLETE])?;
    expect(&mut stream, YOURS, "the source kept its machine")?;
    Ok((machine, times.report("received", release, &[])))
}

/// The newest release that both have alike, or the one that is wanted.
fn choose(theirs: &Hello, newest: Release, wanted: Option<u16>) -> Result<Release> {
    let ours = Hello::of(newest);
    if theirs.architecture != ours.architecture {
        let name = |code| Architecture::from_code(code).map_or("another architecture".into(), |it| it.to_string());
        let (theirs, ours) = (name(theirs.architecture), name(ours.architecture));
        bail!("the destination runs on {theirs}, this guest on {ours}");
    }
    // The same number is no help where it has another meaning.
    let common = |release: &&(u16, u64)| theirs.releases.contains(release) && wanted.is_none_or(|it| it == release.0);
    let (number, _) = ours
        .releases
        .iter()
        .rfind(common)
        .context("the destination reads no release that this VMM may write")?;
    snapshot::release(Some(*number))
}

/// What the destination says first: what it runs on, and which releases it reads: their numbers and what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hello {
    architecture: u8,
    releases: Vec<(u16, u64)>,
}

impl Hello {
    fn of(newest: Release) -> Self {
        let releases = Release::ALL.iter().filter(|release| **release <= newest);
        // Every release has a machine.
        let fingerprint = |release: Release| release.fingerprint::<MachineStateSer>().unwrap_or(0);
        Self {
            architecture: Architecture::NATIVE.code(),
            releases: releases
                .map(|release| (release.number(), fingerprint(*release)))
                .collect(),
        }
    }

    fn write(&self, stream: &mut impl Write<Error = std::io::Error>) -> Result<()> {
        let mut hello = Vec::from(MAGIC);
        hello.extend([self.architecture, u8::try_from(self.releases.len())?]);
        for (number, fingerprint) in &self.releases {
            hello.extend(number.to_le_bytes());
            hello.extend(fingerprint.to_le_bytes());
        }
        Ok(stream.write_all(&hello)?)
    }

    fn read(stream: &mut impl Read<Error = std::io::Error>) -> Result<Self> {
        let mut start = [0; 9];
        let read = stream.read_exact(&mut start);
        read.context("nobody answers at the other end")?;
        let [magic @ .., architecture, count] = start;
        ensure!(&magic == MAGIC, "no VMM of this kind waits there");
        let mut releases = Vec::new();
        for _ in 0..count {
            let (mut number, mut fingerprint) = ([0; 2], [0; 8]);
            stream.read_exact(&mut number)?;
            stream.read_exact(&mut fingerprint)?;
            releases.push((u16::from_le_bytes(number), u64::from_le_bytes(fingerprint)));
        }
        Ok(Self { architecture, releases })
    }
}

fn expect(stream: &mut FromStd<UnixStream>, word: u8, otherwise: &'static str) -> Result<()> {
    let mut answer = [0];
    stream.read_exact(&mut answer).context(otherwise)?;
    ensure!(answer == [word], otherwise);
    Ok(())
}

fn patient(stream: UnixStream) -> Result<FromStd<UnixStream>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(FromStd::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_that_both_have_alike_is_chosen() -> Result<()> {
        let (new, old) = (Hello::of(Release::LATEST), Hello::of(Release::V1));
        for (theirs, newest, wanted, chosen) in [
            (&new, Release::LATEST, None, Release::V2),
            (&new, Release::LATEST, Some(1), Release::V1),
            (&new, Release::V1, None, Release::V1),
            (&old, Release::LATEST, None, Release::V1),
        ] {
            assert_eq!(
                choose(theirs, newest, wanted)?,
                chosen,
                "{theirs:?} {newest:?} {wanted:?}"
            );
        }
        // The destination's newest release has another meaning there: the one before will do.
        let mut other = new.clone();
        other.releases[1].1 ^= 1;
        assert_eq!(choose(&other, Release::LATEST, None)?, Release::V1);
        Ok(())
    }

    #[test]
    fn without_a_release_in_common_the_guest_stays() {
        let why = |theirs: &Hello, newest, wanted| choose(theirs, newest, wanted).unwrap_err().to_string();
        let new = Hello::of(Release::LATEST);
        let (mut none, mut other, mut foreign) = (new.clone(), Hello::of(Release::V1), new.clone());
        none.releases.clear();
        other.releases[0].1 ^= 1;
        foreign.architecture ^= 3;
        for (theirs, newest, wanted) in [
            (&none, Release::LATEST, None),
            (&other, Release::LATEST, None),
            (&Hello::of(Release::V1), Release::LATEST, Some(2)),
            (&new, Release::V1, Some(2)),
            (&new, Release::LATEST, Some(9)),
        ] {
            let refusal = why(theirs, newest, wanted);
            assert!(refusal.contains("reads no release"), "{refusal}");
        }
        let refusal = why(&foreign, Release::LATEST, None);
        assert!(refusal.starts_with("the destination runs on "), "{refusal}");
    }

    #[test]
    fn what_the_destination_says_is_understood_or_refused() -> Result<()> {
        let hello = Hello::of(Release::LATEST);
        let mut bytes = Vec::new();
        hello.write(&mut FromStd::new(&mut bytes))?;
        let read = |bytes: &[u8]| Hello::read(&mut FromStd::new(bytes));
        assert_eq!(read(&bytes)?, hello);
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "{len}");
        }
        assert!(read(&[b"GET / HTT".as_slice(), &bytes].concat()).is_err());
        Ok(())
    }
}
