//! The side that waits for a machine.

use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devstate_socket::{Listener, check_peer};
use devstate_versioning::Architecture;
use devstate_versioning::negotiation::Offer;
use embedded_io::{Read, Write};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::timed::Timed;
use super::{ANSWER, ANSWER_LIMIT, COMPLETE, EXCHANGE_LIMIT, Nonce, YOURS, with_nonce};
use crate::arch::{MEMORY_START, Release};
use crate::control::{self, Answer, Requests};
use crate::machine::MachineState;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::say::say;
use crate::signals::Signals;
use crate::snapshot::{self, Times, timed};
use crate::vcpu::Stop;

/// How the wait for a machine ended.
#[derive(Debug)]
pub enum Arrival<T> {
    /// The machine is this VMM's alone; and how it went.
    Machine(T, String),
    /// Somebody ended the VMM before.
    Ended(Stop),
}

/// Waits at `socket` for a machine. A call that brings none does not end the wait.
///
/// `build` makes the machine ready to run from its state and its memory. The guest is taken over only after that.
pub fn receive<T>(
    socket: &Path,
    newest: Release,
    signals: &mut Signals,
    control: Option<&Listener>,
    mut build: impl FnMut(&MachineState, Memory, &mut Times) -> Result<T>,
) -> Result<Arrival<T>> {
    let listener = Listener::stream(socket)?;
    listener.set_nonblocking(true)?;
    say(format!("waiting for a machine at {}", socket.display()));
    loop {
        let asked = control.map_or(listener.as_fd(), |control| control.as_fd());
        let mut fds = [signals.as_fd(), listener.as_fd(), asked].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait"),
        }
        let [_, called, asked] = fds.map(|fd| !fd.revents().is_empty());
        if let Some(signal) = signals.take() {
            return Ok(Arrival::Ended(Stop::Signalled(signal)));
        }
        if let Some(control) = control.filter(|_| asked)
            && answer(control)
        {
            return Ok(Arrival::Ended(Stop::Ended));
        }
        if !called {
            continue;
        }
        let taken = match listener.accept() {
            Ok((stream, _)) => take(stream, newest, signals.as_fd(), &mut build),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => {
                // The caller waits still, perhaps for a file descriptor to become free.
                sleep(Duration::from_millis(100));
                Err(error).context("cannot take a call")
            }
        };
        match taken {
            Ok((machine, report)) => return Ok(Arrival::Machine(machine, report)),
            Err(error) => say(format!("a call brought no machine: {error:#}")),
        }
    }
}

/// Answers a caller at the control socket. Returns `true` if the VMM shall end, which is all that can be done without a
/// machine.
fn answer(control: &Listener) -> bool {
    let mut quit = false;
    let answered = match control.accept() {
        Ok((caller, _)) => control::serve(caller, |requests| {
            quit = requests.quit
                && Requests {
                    quit: false,
                    ..requests.clone()
                } == Requests::default();
            if quit {
                return Answer {
                    done: vec!["ending".into()],
                    failed: None,
                };
            }
            Answer {
                done: Vec::new(),
                failed: Some("this VMM waits for a machine and has none".into()),
            }
        }),
        Err(error) => {
            sleep(Duration::from_millis(10));
            Err(error).context("cannot take a call")
        }
    };
    if let Err(error) = answered {
        say(format!("{error:#}"));
    }
    quit
}

/// Takes a machine over from whoever has called.
pub(super) fn take<T>(
    caller: UnixStream,
    newest: Release,
    signals: BorrowedFd<'_>,
    build: &mut impl FnMut(&MachineState, Memory, &mut Times) -> Result<T>,
) -> Result<(T, String)> {
    check_peer(&caller)?;
    let mut nonce = Nonce::default();
    getrandom(&mut nonce, GetRandomFlags::empty())?;
    let mut stream = Timed::new(caller, ANSWER_LIMIT, signals)?;
    greet(&mut stream, newest, nonce)?;
    let mut answer = [0; 24];
    stream.read_exact(&mut answer).context("the caller has no machine")?;
    ensure!(answer.starts_with(ANSWER), "the caller is no VMM of this kind");
    ensure!(
        answer == with_nonce(*ANSWER, nonce),
        "the caller answers another greeting than this one: it may repeat a recorded exchange"
    );

    say("a machine is coming");
    stream.restart(EXCHANGE_LIMIT);
    let mut times = Times::start();
    let (release, state) = timed(&mut times.devices, || snapshot::receive(&mut stream, newest))?;
    let memory = timed(&mut times.memory, || -> Result<_> {
        let memory = Memory::new(MEMORY_START, state.memory_len)?;
        memory.read_image(state.memory_id, &mut stream)?;
        Ok(memory)
    })?;
    let machine = build(&state, memory, &mut times)?;
    stream.write_all(&[COMPLETE])?;
    take_last_word(&mut stream, nonce)?;
    Ok((machine, times.report("received", release, &[])))
}

/// Says what this VMM reads, and the nonce.
pub(super) fn greet(stream: &mut impl Write<Error = std::io::Error>, newest: Release, nonce: Nonce) -> Result<()> {
    for record in Offer::<Release, MachineStateSer>::new(Architecture::NATIVE, newest) {
        stream.write_all(&record)?;
    }
    Ok(stream.write_all(&nonce)?)
}

/// Whoever gives up here must not leave a source that says the last word into the void: the guest would run nowhere.
pub(super) fn take_last_word(stream: &mut Timed<'_>, nonce: Nonce) -> Result<()> {
    let mut word = [0; 24];
    // The source says it with one write.
    let heard = stream.read(&mut word);
    let late = match heard {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) => stream.close_and_take(&mut word).map_err(|_| error),
    };
    late.context("the source kept its machine")?;
    ensure!(word == with_nonce(*YOURS, nonce), "the source kept its machine");
    Ok(())
}
