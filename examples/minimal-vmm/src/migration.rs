//! A machine that moves to another process: what is this VMM's own of it. The exchange, in which the guest is in one place
//! at every moment, is [`devstate_socket::migration`].

use std::io::{ErrorKind, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Error, Result};
use devstate_host::{Signals, image};
use devstate_socket::Listener;
use devstate_socket::migration::{self, Destination, Limits};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::arch::{MEMORY_START, Release};
use crate::control::{self, Answer, Requests};
use crate::machine::MachineState;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::say::say;
use crate::snapshot::{self, Times, timed};
use crate::vcpu::Stop;

pub type Agreed = migration::Agreed<Release>;
pub type Call = migration::Call<Release, MachineStateSer>;

/// Calls a VMM that waits for a machine. It may be written at every release up to `newest`, or only at the one that is
/// `wanted`.
pub fn call(socket: &Path, newest: Release, wanted: Option<u16>) -> Result<Call> {
    let allowed = match wanted.map(|number| snapshot::release(Some(number))).transpose()? {
        Some(wanted) => wanted..=newest.min(wanted),
        None => Release::V1..=newest,
    };
    Ok(Call::new(socket, allowed, Limits::default()))
}

/// Gives a machine away, which stands still. After an error it is still here.
pub fn send(agreed: Agreed, snapshot: &[u8], memory_id: u64, memory: &Memory, signals: BorrowedFd<'_>) -> Result<()> {
    agreed.send(signals, |stream| -> Result<()> {
        stream.write_all(snapshot)?;
        Ok(image::write(memory, memory_id, stream)?)
    })?;
    Ok(())
}

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
fn take<T>(
    caller: UnixStream,
    newest: Release,
    signals: BorrowedFd<'_>,
    build: &mut impl FnMut(&MachineState, Memory, &mut Times) -> Result<T>,
) -> Result<(T, String)> {
    let destination = Destination::<_, MachineStateSer>::new(newest, Limits::default());
    let taken = destination.take(caller, signals, |stream| {
        say("a machine is coming");
        let mut times = Times::start();
        let (release, state) = timed(&mut times.devices, || snapshot::receive(stream, newest))?;
        let memory = timed(&mut times.memory, || -> Result<_> {
            let memory = Memory::new(MEMORY_START, state.memory_len)?;
            image::read(&memory, state.memory_id, stream)?;
            Ok(memory)
        })?;
        let machine = build(&state, memory, &mut times)?;
        Ok::<_, Error>((machine, release, times))
    });
    let (machine, release, times) = taken?;
    Ok((machine, times.report("received", release, &[])))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use vm_memory::{Bytes, GuestAddress};

    use super::*;
    use crate::arch::KvmStateSer;
    use crate::control::Target;
    use crate::devices::DevicesState;

    /// Between threads, and without a virtual machine.
    #[test]
    fn state_and_memory_arrive_together() -> Result<()> {
        const NUMBER: [u8; 2] = *b"42";
        let memory = Memory::new(MEMORY_START, 16 << 20)?;
        memory.map().write_obj(NUMBER, GuestAddress(MEMORY_START))?;
        let mut devices = DevicesState::powered_on();
        devices.typed = NUMBER.into();
        let state = MachineState {
            memory_id: 7,
            memory_len: memory.len(),
            kvm: KvmStateSer::default(),
            devices,
        };
        let (here, there) = UnixStream::pair()?;
        let taken = thread::spawn(move || {
            let mut build = |state: &MachineState, memory: Memory, _: &mut Times| -> Result<()> {
                let found: [u8; 2] = memory.map().read_obj(GuestAddress(MEMORY_START))?;
                assert_eq!((&state.devices.typed[..], found), (&NUMBER[..], NUMBER));
                Ok(())
            };
            take(there, Release::LATEST, Signals::catch([])?.as_fd(), &mut build)
        });
        let mut call = call(Path::new("there"), Release::LATEST, None)?.over(here)?;
        let agreed = loop {
            match call.poll()? {
                Some(agreed) => break agreed,
                None => sleep(Duration::from_millis(1)),
            }
        };
        let snapshot = snapshot::encode(&state, Target::default().or(agreed.release().number()))?;
        send(agreed, &snapshot.bytes, 7, &memory, Signals::catch([])?.as_fd())?;
        let ((), report) = taken.join().unwrap()?;
        assert!(report.starts_with("received at release 2 in "), "{report}");
        Ok(())
    }
}
