//! A VMM without a hypervisor, written from `devices/PORTING.md` alone: a UART and a keyboard controller, a terminal, a
//! timer, and a thread in the guest's place.
//!
//! `port-vmm` echoes what is typed until Ctrl-D. `port-vmm --trace FILE` plays a recorded guest first.

mod guest;
mod machine;
mod terminal;

use anyhow::{Result, bail};
use devstate_replay::Trace;
use guest::Cpu;
use machine::{Machine, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use terminal::{RawMode, Screen};

/// How many bytes wait here at most. What is typed beyond that waits in the terminal.
const TYPED: usize = 4096;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let trace = match &arguments[..] {
        [] => None,
        [option, file] if option == "--trace" => Some(Trace::read(Path::new(file))?),
        _ => bail!("usage: port-vmm [--trace FILE]"),
    };
    if let Some(differing) = run(trace)? {
        eprintln!("{differing} reads differed from the recording");
    }
    Ok(())
}

/// Returns how many reads differed from the recording, if it was played to its end.
fn run(trace: Option<Trace>) -> Result<Option<usize>> {
    let (irq, wake) = (Signal::new()?, Signal::new()?);
    let machine = Arc::new(Mutex::new(Machine::new(irq.clone(), Screen::stdout()?, wake.clone())));
    let cpu = Cpu {
        machine: machine.clone(),
        irq,
    };
    let _raw_mode = RawMode::enter()?;
    std::thread::spawn(move || cpu.run(trace.as_ref()));

    let screen = Screen::stdout()?.file;
    let (mut typed, mut stdin_open) = (Vec::new(), true);
    loop {
        let (timeout, pending) = {
            let mut machine = machine.lock().unwrap();
            let now = machine.now();
            machine.serial.advance(now);
            if machine.live.is_some() {
                let taken = machine.serial.receive(&typed, now);
                typed.drain(..taken);
            }
            if let Some(error) = machine.serial.output_mut().error.take() {
                // The reader of a pipe may go when it has seen enough.
                return if error.kind() == ErrorKind::BrokenPipe {
                    Ok(machine.differing)
                } else {
                    Err(error.into())
                };
            }
            if machine.i8042.control().reset_requested {
                return Ok(machine.differing);
            }
            (machine.timeout(), machine.serial.output_pending() > 0)
        };

        let timeout = timeout.map(Timespec::try_from).transpose()?;
        let stdin = io::stdin();
        let mut fds = [
            PollFd::new(&wake.0, PollFlags::IN),
            // Without OUT it still reports that the reader is gone.
            PollFd::new(&screen, if pending { PollFlags::OUT } else { PollFlags::empty() }),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        let wanted = if stdin_open && typed.len() < TYPED { 3 } else { 2 };
        retry_on_intr(|| poll(&mut fds[..wanted], timeout.as_ref()))?;
        let [woken, writable, readable] = fds.map(|fd| fd.revents());
        if !woken.is_empty() {
            wake.wait()?;
        }
        if writable.intersects(PollFlags::ERR | PollFlags::HUP) {
            return Ok(machine.lock().unwrap().differing);
        }
        if writable.contains(PollFlags::OUT) {
            let mut machine = machine.lock().unwrap();
            let now = machine.now();
            machine.serial.drain_output(now);
        }
        if !readable.is_empty() {
            let mut bytes = [0; 256];
            let count = rustix::io::read(&stdin, &mut bytes).unwrap_or(0);
            typed.extend_from_slice(&bytes[..count]);
            if count == 0 {
                // The end of the input is what Ctrl-D is on a terminal.
                stdin_open = false;
                typed.push(0x04);
            }
        }
    }
}
