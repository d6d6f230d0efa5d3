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

use anyhow::{Context, Result, ensure};
use devstate_versioning::Architecture;
use devstate_versioning::negotiation::{Choice, Offer, RECORD_LEN};
use embedded_io::{Read, Write};
use embedded_io_adapters::std::FromStd;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::snapshot::{self, Times, timed};
use crate::socket::Listener;

const COMPLETE: u8 = b'C';
const YOURS: u8 = b'Y';
/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// Gives the machine, which stands still, to the VMM that waits at `socket`. After an error it is still here.
pub fn send(machine: &Machine, socket: &Path, target: Target, newest: Release) -> Result<String> {
    let stream = UnixStream::connect(socket).with_context(|| format!("no VMM waits at {}", socket.display()))?;
    let mut stream = patient(stream)?;
    let release = choose(&mut stream, newest, target.release)?;
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
    offer(&mut stream, newest)?;
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
fn choose(stream: &mut impl Read<Error = std::io::Error>, newest: Release, wanted: Option<u16>) -> Result<Release> {
    let (oldest, newest) = match wanted.map(|number| snapshot::release(Some(number))).transpose()? {
        Some(wanted) => (wanted, newest.min(wanted)),
        None => (Release::V1, newest),
    };
    let mut choice = Choice::<Release, MachineStateSer>::new(Architecture::NATIVE, oldest..=newest);
    loop {
        let mut record = [0; RECORD_LEN];
        stream
            .read_exact(&mut record)
            .context("nobody answers at the other end")?;
        if let Some(release) = choice.add(&record)? {
            return Ok(release);
        }
    }
}

/// Says what this VMM reads.
fn offer(stream: &mut impl Write<Error = std::io::Error>, newest: Release) -> Result<()> {
    for record in Offer::<Release, MachineStateSer>::new(Architecture::NATIVE, newest) {
        stream.write_all(&record)?;
    }
    Ok(())
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

    fn offer_of(newest: Release) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        offer(&mut FromStd::new(&mut bytes), newest)?;
        Ok(bytes)
    }

    fn chosen(offer: &[u8], newest: Release, wanted: Option<u16>) -> Result<Release> {
        choose(&mut FromStd::new(offer), newest, wanted)
    }

    #[test]
    fn the_newest_release_that_both_have_is_chosen() -> Result<()> {
        let (new, old) = (offer_of(Release::LATEST)?, offer_of(Release::V1)?);
        for (theirs, newest, wanted, expected) in [
            (&new, Release::LATEST, None, Release::V2),
            (&new, Release::LATEST, Some(1), Release::V1),
            (&new, Release::V1, None, Release::V1),
            (&old, Release::LATEST, None, Release::V1),
        ] {
            assert_eq!(chosen(theirs, newest, wanted)?, expected, "{newest:?} {wanted:?}");
        }
        Ok(())
    }

    #[test]
    fn without_a_common_release_the_guest_stays() -> Result<()> {
        let (new, old) = (offer_of(Release::LATEST)?, offer_of(Release::V1)?);
        for (theirs, newest, wanted, reason) in [
            (&old, Release::LATEST, Some(2), "no common release"),
            (&new, Release::V1, Some(2), "no common release"),
            (&new, Release::LATEST, Some(9), "there is no release 9"),
        ] {
            let error = chosen(theirs, newest, wanted).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
        }
        for len in 0..new.len() {
            let error = chosen(&new[..len], Release::LATEST, None).unwrap_err().to_string();
            assert_eq!(error, "nobody answers at the other end", "{len}");
        }
        Ok(())
    }
}
