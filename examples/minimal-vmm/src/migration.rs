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

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use devstate_versioning::{Architecture, ReleaseTable, VersionOf};
use embedded_io::{Read, Write};
use embedded_io_adapters::std::FromStd;

use crate::arch::{MEMORY_START, Release};
use crate::control::Target;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::snapshot::{self, Report, Times};

const MAGIC: &[u8; 7] = b"DVMMMIG";
const COMPLETE: u8 = b'C';
const YOURS: u8 = b'Y';
/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// Gives the machine, which stands still, to the VMM that waits at `socket`. After an error it is still here.
pub fn send(machine: &Machine, socket: &Path, target: Target, newest: Release) -> Result<String> {
    let start = Instant::now();
    let stream = UnixStream::connect(socket).with_context(|| format!("no VMM waits at {}", socket.display()))?;
    let mut stream = patient(stream)?;
    let theirs = read_hello(&mut stream)?;
    let ours = Release::ALL.iter().copied().filter(|release| *release <= newest);
    // The same number is no help where it has another meaning.
    let known =
        |release: &Release| theirs.contains(&(release.number(), VersionOf::<MachineStateSer>::fingerprint(*release)));
    let wanted = |number: &u16| target.release.is_none_or(|wanted| wanted == *number);
    let common = ours.filter(known).map(ReleaseTable::number).rfind(wanted);
    let release = common.context("the destination reads no release that this VMM may write")?;
    let target = target.or(release);
    let (state, snapshot, mut times) = snapshot::capture(machine, target)?;
    stream.write_all(&snapshot.bytes)?;
    let memory_start = Instant::now();
    machine.memory().write_image(state.memory_id, &mut stream)?;
    times.memory = memory_start.elapsed();

    let mut answer = [0];
    stream.read_exact(&mut answer).context("the destination gave up")?;
    ensure!(answer == [COMPLETE], "the destination gave up");
    stream.write_all(&[YOURS])?;
    times.total = start.elapsed();
    let report = Report {
        done: "sent",
        release: snapshot.release,
        losses: snapshot.losses,
        times,
    };
    Ok(report.to_string())
}

/// Waits at `socket` for a machine and gives it when it is this VMM's alone.
pub fn receive(socket: &Path, newest: Release) -> Result<(Machine, Report)> {
    let listener = UnixListener::bind(socket).with_context(|| format!("cannot wait at {}", socket.display()))?;
    eprintln!("minimal-vmm: waiting for a machine at {}\r", socket.display());
    let accepted = listener.accept();
    std::fs::remove_file(socket)?;
    let mut stream = patient(accepted?.0)?;
    let start = Instant::now();
    write_hello(&mut stream, newest)?;

    let mut times = Times::default();
    let (release, state) = snapshot::receive(&mut stream, newest)?;
    times.devices = start.elapsed();
    let memory_start = Instant::now();
    let memory = Memory::new(MEMORY_START, state.memory_len)?;
    memory.read_image(state.memory_id, &mut stream)?;
    times.memory = memory_start.elapsed();
    let machine = snapshot::assemble(&state, memory, &mut times)?;

    stream.write_all(&[COMPLETE])?;
    let mut answer = [0];
    stream.read_exact(&mut answer).context("the source kept its machine")?;
    ensure!(answer == [YOURS], "the source kept its machine");
    times.total = start.elapsed();
    let report = Report {
        done: "received",
        release,
        losses: Vec::new(),
        times,
    };
    Ok((machine, report))
}

/// Which releases this build reads: their numbers and what they mean here.
fn write_hello(stream: &mut impl Write<Error = std::io::Error>, newest: Release) -> Result<()> {
    let releases: Vec<_> = Release::ALL.iter().filter(|release| **release <= newest).collect();
    let mut hello = Vec::from(MAGIC);
    hello.push(Architecture::NATIVE.code());
    hello.push(u8::try_from(releases.len())?);
    for release in releases {
        hello.extend(release.number().to_le_bytes());
        hello.extend(VersionOf::<MachineStateSer>::fingerprint(*release).to_le_bytes());
    }
    stream.write_all(&hello)?;
    Ok(())
}

fn read_hello(stream: &mut impl Read<Error = std::io::Error>) -> Result<Vec<(u16, u64)>> {
    let mut start = [0; 9];
    stream
        .read_exact(&mut start)
        .context("nobody answers at the other end")?;
    let [magic @ .., architecture, count] = start;
    ensure!(&magic == MAGIC, "no VMM of this kind waits there");
    if architecture != Architecture::NATIVE.code() {
        let other = Architecture::from_code(architecture).map_or("another architecture".into(), |it| it.to_string());
        bail!(
            "the destination runs on {other}, this guest on {}",
            Architecture::NATIVE
        );
    }
    let mut releases = Vec::new();
    for _ in 0..count {
        let (mut number, mut fingerprint) = ([0; 2], [0; 8]);
        stream.read_exact(&mut number)?;
        stream.read_exact(&mut fingerprint)?;
        releases.push((u16::from_le_bytes(number), u64::from_le_bytes(fingerprint)));
    }
    Ok(releases)
}

fn patient(stream: UnixStream) -> Result<FromStd<UnixStream>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(FromStd::new(stream))
}
