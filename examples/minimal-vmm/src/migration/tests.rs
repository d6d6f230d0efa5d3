//! Whole exchanges, between threads and without a virtual machine.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use embedded_io_adapters::std::FromStd;
use vm_memory::{Bytes, GuestAddress};

use super::destination::{greet, take, take_last_word};
use super::timed::Timed;
use super::*;
use crate::arch::{KvmStateSer, MEMORY_START, Release};
use crate::control::Target;
use crate::devices::DevicesState;
use crate::machine::MachineState;
use crate::memory::Memory;
use crate::signals::Signals;
use crate::snapshot;

const LEN: u64 = 16 << 20;
const ID: u64 = 7;

/// A state and a memory that say `number`.
fn machine(number: u64) -> Result<(Vec<u8>, Memory)> {
    let memory = Memory::new(MEMORY_START, LEN)?;
    memory.map().write_obj(number, GuestAddress(MEMORY_START))?;
    let mut devices = DevicesState::powered_on();
    devices.typed = number.to_le_bytes().into();
    let state = MachineState {
        memory_id: ID,
        memory_len: LEN,
        kvm: KvmStateSer::default(),
        devices,
    };
    Ok((snapshot::encode(&state, Target::default())?.bytes, memory))
}

/// The number of the machine that came.
fn number(state: &MachineState, memory: &Memory) -> Result<u64> {
    let found: u64 = memory.map().read_obj(GuestAddress(MEMORY_START))?;
    assert_eq!(state.devices.typed, found.to_le_bytes());
    Ok(found)
}

/// Takes what comes on a stream, in another thread.
fn taking(stream: UnixStream) -> JoinHandle<Result<u64>> {
    thread::spawn(move || {
        let signals = Signals::none()?;
        let mut build = |state: &MachineState, memory: Memory, _: &mut snapshot::Times| number(state, &memory);
        take(stream, Release::LATEST, signals.as_fd(), &mut build).map(|(number, _)| number)
    })
}

fn agree(stream: UnixStream) -> Result<Agreed> {
    agree_on(stream, Release::LATEST, None)
}

fn agree_on(stream: UnixStream, newest: Release, wanted: Option<u16>) -> Result<Agreed> {
    stream.set_nonblocking(true)?;
    let mut call = Call::new(Path::new("here"), newest, wanted)?;
    call.stream = Some(stream);
    loop {
        if let Some(agreed) = call.poll()? {
            return Ok(agreed);
        }
        sleep(Duration::from_millis(1));
    }
}

fn send(stream: UnixStream, number: u64) -> Result<()> {
    let (snapshot, memory) = machine(number)?;
    agree(stream)?.send(&snapshot, ID, &memory, Signals::none()?.as_fd())
}

/// What a destination says first.
fn greeting(newest: Release) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    greet(&mut FromStd::new(&mut bytes), newest, [1; 16])?;
    Ok(bytes)
}

/// What comes of a call to one that says this, a byte at a time.
fn agreed(greeting: &[u8], newest: Release, wanted: Option<u16>) -> Result<Release> {
    let (here, mut there) = UnixStream::pair()?;
    thread::scope(|scope| {
        scope.spawn(move || {
            for byte in greeting.chunks(1) {
                there.write_all(byte)?;
                thread::yield_now();
            }
            there.shutdown(Shutdown::Write)?;
            there.read_to_end(&mut Vec::new())
        });
        // The call ends with this, for the destination's thread to end.
        agree_on(here, newest, wanted).map(|agreed| agreed.release)
    })
}

#[test]
fn the_newest_release_that_both_have_is_chosen() -> Result<()> {
    let (new, old) = (greeting(Release::LATEST)?, greeting(Release::V1)?);
    for (theirs, newest, wanted, expected) in [
        (&new, Release::LATEST, None, Release::V2),
        (&new, Release::LATEST, Some(1), Release::V1),
        (&new, Release::V1, None, Release::V1),
        (&old, Release::LATEST, None, Release::V1),
    ] {
        assert_eq!(agreed(theirs, newest, wanted)?, expected, "{newest:?} {wanted:?}");
    }
    Ok(())
}

#[test]
fn without_a_common_release_the_guest_stays() -> Result<()> {
    let (new, old) = (greeting(Release::LATEST)?, greeting(Release::V1)?);
    for (theirs, newest, wanted, reason) in [
        (&old[..], Release::LATEST, Some(2), "no common release"),
        (&new[..], Release::V1, Some(2), "no common release"),
        (&new[..], Release::LATEST, Some(9), "there is no release 9"),
        (b"GET / HTTP/1.1", Release::LATEST, None, "this is not an offer"),
    ] {
        let error = agreed(theirs, newest, wanted).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
    for len in 0..new.len() {
        let error = agreed(&new[..len], Release::LATEST, None).unwrap_err().to_string();
        assert!(error.starts_with("nobody answers at the other end"), "{len}: {error}");
    }
    Ok(())
}

#[test]
fn a_machine_is_taken_over_whole() -> Result<()> {
    let (here, there) = UnixStream::pair()?;
    let taken = taking(there);
    send(here, 42)?;
    assert_eq!(taken.join().unwrap()?, 42);
    Ok(())
}

/// The destination creates everything that can fail before it reports success to the source.
#[test]
fn the_source_keeps_a_machine_that_the_destination_cannot_run() -> Result<()> {
    let (here, there) = UnixStream::pair()?;
    let taken = thread::spawn(move || {
        let mut build =
            |_: &MachineState, _: Memory, _: &mut snapshot::Times| -> Result<()> { bail!("no thread left") };
        take(there, Release::LATEST, Signals::none()?.as_fd(), &mut build).map(drop)
    });
    let refusal = send(here, 1).unwrap_err().to_string();
    assert_eq!(refusal, "the destination gave up");
    assert_eq!(taken.join().unwrap().unwrap_err().to_string(), "no thread left");
    Ok(())
}

#[test]
fn a_recorded_exchange_makes_no_second_machine() -> Result<()> {
    // A destination that only records, and says what one says.
    let (here, mut there) = UnixStream::pair()?;
    let source = thread::spawn(move || send(here, 42));
    there.write_all(&greeting(Release::LATEST)?)?;
    let (snapshot, memory) = machine(42)?;
    let mut image = Vec::new();
    memory.write_image(ID, &mut image)?;
    let mut recorded = vec![0; 24 + snapshot.len() + image.len()];
    there.read_exact(&mut recorded)?;
    there.write_all(&[COMPLETE])?;
    there.read_to_end(&mut recorded)?;
    source.join().unwrap()?;
    assert!(recorded.starts_with(ANSWER) && recorded[recorded.len() - 24..].starts_with(YOURS));

    let (mut again, there) = UnixStream::pair()?;
    let taken = taking(there);
    let _ = again.write_all(&recorded);
    let refusal = taken.join().unwrap().unwrap_err().to_string();
    assert!(refusal.contains("answers another greeting"), "{refusal}");
    Ok(())
}

/// Whoever waits for a machine, and what comes of it.
fn waiting(socket: PathBuf) -> JoinHandle<Result<u64>> {
    thread::spawn(move || {
        let mut signals = Signals::none()?;
        let build = |state: &MachineState, memory: Memory, _: &mut snapshot::Times| number(state, &memory);
        match receive(&socket, Release::LATEST, &mut signals, None, build)? {
            Arrival::Machine(number, _) => Ok(number),
            Arrival::Ended(end) => bail!("{end}"),
        }
    })
}

#[test]
fn strangers_do_not_end_the_wait_for_a_machine() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("move");
    let waiting = waiting(socket.clone());
    let call = || loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break stream,
            Err(_) => sleep(Duration::from_millis(5)),
        }
    };
    // One who hangs up, one who talks about something else, one who says nothing, one whose machine is not whole.
    drop(call());
    call().write_all(&[b'?'; 1000])?;
    let _silent = call();
    let mut half = agree(call())?;
    let (snapshot, _) = machine(1)?;
    half.stream.set_nonblocking(false)?;
    half.stream.write_all(&snapshot)?;
    drop(half);
    send(call(), 42)?;
    assert_eq!(waiting.join().unwrap()?, 42);
    assert!(!socket.exists());
    Ok(())
}

#[test]
fn a_full_queue_and_a_silent_listener_are_not_waited_for() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("move");
    // In another process: a VMM does not call itself.
    let (listener, _queue) = full_queue(&socket)?;
    let mut call = Call::new(&socket, Release::LATEST, None)?;
    let start = Instant::now();
    let refusal = loop {
        let before = Instant::now();
        let polled = call.poll();
        assert!(before.elapsed() < Duration::from_secs(1), "a look blocks");
        match polled {
            Ok(None) => sleep(Duration::from_millis(20)),
            Ok(Some(_)) => bail!("agreed with nobody"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(refusal.contains("takes no more calls within 5 s"), "{refusal}");
    assert!(start.elapsed() < 2 * CALL_LIMIT);
    drop(listener);

    let (silent, _there) = UnixStream::pair()?;
    let refusal = agree(silent).unwrap_err().to_string();
    assert!(refusal.contains("does not answer within 5 s"), "{refusal}");
    Ok(())
}

/// A listener that takes no calls, and the calls that wait for it.
fn full_queue(socket: &Path) -> Result<(UnixListener, Vec<rustix::fd::OwnedFd>)> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, listen, socket_with};
    let listener = UnixListener::bind(socket)?;
    listen(&listener, 1)?;
    let mut waiting = Vec::new();
    loop {
        let call = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
        match connect(&call, &SocketAddrUnix::new(socket)?) {
            Ok(()) => waiting.push(call),
            Err(rustix::io::Errno::AGAIN) => return Ok((listener, waiting)),
            Err(error) => return Err(error).context("cannot fill the queue"),
        }
    }
}

#[test]
fn a_vmm_does_not_call_itself() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("control");
    let _listener = UnixListener::bind(&socket)?;
    let refusal = Call::new(&socket, Release::LATEST, None)?
        .poll()
        .unwrap_err()
        .to_string();
    assert!(refusal.starts_with("this VMM itself listens at"), "{refusal}");
    Ok(())
}

/// The limit is for all bytes together, in both directions.
#[test]
fn a_byte_now_and_then_does_not_keep_an_exchange_alive() -> Result<()> {
    let limit = Duration::from_millis(300);
    let (here, mut there) = UnixStream::pair()?;
    let trickle = thread::spawn(move || {
        while there.write_all(b" ").is_ok() && there.read(&mut [0]).is_ok() {
            sleep(limit / 10);
        }
    });
    let signals = Signals::none()?;
    let mut stream = Timed::new(here, limit, signals.as_fd())?;
    let start = Instant::now();
    let reads = loop {
        if let Err(error) = embedded_io::Read::read(&mut stream, &mut [0]) {
            break error;
        }
        // Nearly full: there is always room for some bytes more.
        embedded_io::Write::write(&mut stream, b" ")?;
    };
    assert_eq!(reads.kind(), io::ErrorKind::TimedOut);
    assert!((limit..10 * limit).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop(stream);
    trickle.join().unwrap();
    Ok(())
}

/// A destination that gives up either hears the last word, or the source cannot say it.
#[test]
fn the_last_word_is_heard_or_cannot_be_said() -> Result<()> {
    const NONCE: Nonce = [3; 16];
    let word = with_nonce(*YOURS, NONCE);
    let signals = Signals::none()?;

    let (here, mut there) = UnixStream::pair()?;
    let mut stream = Timed::new(here, Duration::from_millis(50), signals.as_fd())?;
    take_last_word(&mut stream, NONCE).unwrap_err();
    assert_eq!(there.write(&word).unwrap_err().kind(), io::ErrorKind::BrokenPipe);

    // The time is over, and the word came just before.
    let (here, mut there) = UnixStream::pair()?;
    let mut stream = Timed::new(here, Duration::ZERO, signals.as_fd())?;
    there.write_all(&word)?;
    take_last_word(&mut stream, NONCE)?;

    let (here, mut there) = UnixStream::pair()?;
    let mut stream = Timed::new(here, Duration::from_secs(5), signals.as_fd())?;
    there.write_all(&with_nonce(*YOURS, [4; 16]))?;
    take_last_word(&mut stream, NONCE).unwrap_err();
    Ok(())
}
