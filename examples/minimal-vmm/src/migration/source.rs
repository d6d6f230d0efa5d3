//! The side that has the machine.

use std::io::{self, ErrorKind, Read as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use devstate_socket::{check_peer, is_this_process};
use devstate_versioning::Architecture;
use devstate_versioning::negotiation::{Choice, RECORD_LEN};
use embedded_io::{Read, Write};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::timed::Timed;
use super::{ANSWER, CALL_LIMIT, COMPLETE, EXCHANGE_LIMIT, Nonce, YOURS, with_nonce};
use crate::arch::Release;
use crate::memory::Memory;
use crate::mirror::MachineStateSer;
use crate::snapshot;

/// A call to a VMM that waits for a machine. It never blocks, so that the guest and its console can run meanwhile.
#[derive(Debug)]
pub struct Call<'p> {
    socket: &'p Path,
    deadline: Instant,
    pub(super) stream: Option<UnixStream>,
    /// The beginning of what comes next: a record of the offer, or the nonce.
    heard: Vec<u8>,
    choice: Choice<Release, MachineStateSer>,
    /// The newest release that both have, once the offer has ended.
    release: Option<Release>,
}

impl<'p> Call<'p> {
    /// The machine may be written at every release up to `newest`, or only at the one that is `wanted`.
    pub fn new(socket: &'p Path, newest: Release, wanted: Option<u16>) -> Result<Self> {
        let (oldest, newest) = match wanted.map(|number| snapshot::release(Some(number))).transpose()? {
            Some(wanted) => (wanted, newest.min(wanted)),
            None => (Release::V1, newest),
        };
        Ok(Self {
            socket,
            deadline: Instant::now() + CALL_LIMIT,
            stream: None,
            heard: Vec::new(),
            choice: Choice::new(Architecture::NATIVE, oldest..=newest),
            release: None,
        })
    }

    /// Does what can be done now. Returns `None` while the destination has not answered. At the end both know the release
    /// that the machine is written at.
    pub fn poll(&mut self) -> Result<Option<Agreed>> {
        if self.stream.is_none() {
            self.stream = connect_now(self.socket)?;
        }
        let Some(stream) = &mut self.stream else {
            return self.not_yet("takes no more calls");
        };
        loop {
            let whole = if self.release.is_some() {
                size_of::<Nonce>()
            } else {
                RECORD_LEN
            };
            let mut part = vec![0; whole - self.heard.len()];
            match stream.read(&mut part) {
                Ok(0) => bail!("nobody answers at the other end: the destination hung up"),
                Ok(len) => self.heard.extend(part.iter().take(len)),
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {
                    return self.not_yet("does not answer");
                }
                Err(error) => return Err(error).context("nobody answers at the other end"),
            }
            if let Ok(nonce) = Nonce::try_from(self.heard.as_slice()) {
                return self.answer(nonce).map(Some);
            }
            if let Ok(record) = <[u8; RECORD_LEN]>::try_from(self.heard.as_slice())
                && self.release.is_none()
            {
                self.release = self.choice.add(&record)?;
                self.heard.clear();
            }
        }
    }

    fn answer(&mut self, nonce: Nonce) -> Result<Agreed> {
        let (Some(mut stream), Some(release)) = (self.stream.take(), self.release) else {
            bail!("this call has been answered already");
        };
        // The stream is empty, so this fits.
        io::Write::write_all(&mut stream, &with_nonce(*ANSWER, nonce)).context("the destination gave up")?;
        Ok(Agreed { stream, release, nonce })
    }

    fn not_yet(&self, what: &str) -> Result<Option<Agreed>> {
        let limit = CALL_LIMIT.as_secs();
        ensure!(
            Instant::now() < self.deadline,
            "whoever listens at {} {what} within {limit} s",
            self.socket.display()
        );
        Ok(None)
    }
}

/// Connects, unless so many wait already that there is no room for another call.
fn connect_now(path: &Path) -> Result<Option<UnixStream>> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("no VMM waits at {}", path.display())),
    }
    let stream = UnixStream::from(socket);
    check_peer(&stream)?;
    ensure!(
        !is_this_process(&stream),
        "this VMM itself listens at {}",
        path.display()
    );
    Ok(Some(stream))
}

/// An exchange that both sides have agreed on.
#[derive(Debug)]
pub struct Agreed {
    pub(super) stream: UnixStream,
    pub release: Release,
    nonce: Nonce,
}

impl Agreed {
    /// Gives the machine away, which stands still. After an error it is still here.
    pub fn send(self, snapshot: &[u8], memory_id: u64, memory: &Memory, signals: BorrowedFd<'_>) -> Result<()> {
        let mut stream = Timed::new(self.stream, EXCHANGE_LIMIT, signals)?;
        stream.write_all(snapshot).context("the destination gave up")?;
        memory
            .write_image(memory_id, &mut stream)
            .context("the destination gave up")?;
        let mut answer = [0];
        stream.read_exact(&mut answer).context("the destination gave up")?;
        ensure!(answer == [COMPLETE], "the destination gave up");
        let last_word = with_nonce(*YOURS, self.nonce);
        // One write, so that the destination has all of it or nothing.
        let said = stream.write(&last_word).context("the destination gave up")?;
        ensure!(said == last_word.len(), "the destination gave up");
        Ok(())
    }
}
