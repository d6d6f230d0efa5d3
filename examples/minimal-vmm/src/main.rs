//! A small VMM on KVM: it boots Linux, saves it, and wakes it up in another process.
//!
//! To read it from the top: [`session`] waits for everything that can happen to a [`machine`], which is [`memory`], a
//! [`processor`] that runs a [`vcpu`], the kernel's side in [`x86_64`] or `aarch64`, and [`devices`]. [`snapshot`] takes a machine apart and puts
//! it together again, for [`directory`] to keep it in files and for [`migration`] to move it to another process.

#![expect(
    unreachable_pub,
    reason = "a program exports nothing: `pub` says what a module offers the others"
)]

mod clock;
mod control;
mod devices;
mod directory;
mod escapes;
mod machine;
mod memory;
mod migration;
mod mirror;
mod processor;
mod say;
mod session;
mod snapshot;
mod vcpu;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use std::path::PathBuf;
use std::process::ExitCode;

#[cfg(target_arch = "aarch64")]
use aarch64 as arch;
use anyhow::Result;
use clap::{ArgGroup, Parser};
use devstate_host::{Signals, Terminal};
use devstate_socket::Listener;
#[cfg(target_arch = "x86_64")]
use x86_64 as arch;

use crate::control::Requests;
use crate::machine::{BootOptions, Machine};
use crate::migration::Arrival;
use crate::say::{MESSAGES, say};
use crate::session::{Session, Surroundings};
use crate::vcpu::Stop;

/// Boots Linux, saves it, and wakes it up in another process.
///
/// On the console: Ctrl-A x ends the VMM, Ctrl-A s saves the machine, Ctrl-A k presses Ctrl-Alt-Del.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("start").args(["kernel", "restore", "receive"]))]
struct Arguments {
    /// Boot this kernel: on a PC a `bzImage`, on Arm an `Image`
    #[arg(long)]
    kernel: Option<PathBuf>,
    #[command(flatten)]
    options: BootOptions,
    /// Go on with the machine that was saved to this directory
    #[arg(long, value_name = "DIR")]
    restore: Option<PathBuf>,
    /// Wait at this socket for a machine that another VMM gives away
    #[arg(long, value_name = "SOCKET")]
    receive: Option<PathBuf>,
    /// Where Ctrl-A s saves
    #[arg(long, value_name = "DIR", default_value = "minimal-vmm.saved")]
    snapshot: PathBuf,
    /// Take requests at this socket; without a machine to start, send them there
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Be the build that shipped this release: read and write nothing newer
    #[arg(long, value_name = "NUMBER", requires = "start")]
    as_of_release: Option<u16>,
    #[command(flatten)]
    requests: Requests,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(end)) => {
            MESSAGES.say_at_the_end(&end);
            if let Stop::Signalled(signal) = end {
                // Whoever sent it sees that it ended the process. Everything has been put back.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            MESSAGES.say_at_the_end(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a machine and returns why it ended, or makes requests.
fn run(arguments: Arguments) -> Result<Option<Stop>> {
    let newest = snapshot::release(arguments.as_of_release)?;
    if arguments.kernel.is_none() && arguments.restore.is_none() && arguments.receive.is_none() {
        arguments.requests.ask(&arguments.control.unwrap_or_default())?;
        return Ok(None);
    }
    // Before there is a machine: one that was received is nowhere else, so nothing may go wrong with it.
    let mut surroundings = Surroundings {
        signals: Signals::ending()?,
        control: arguments.control.as_deref().map(Listener::stream).transpose()?,
        terminal: Terminal::open()?,
        saves_to: arguments.snapshot,
        newest,
    };
    let machine = if let Some(directory) = arguments.restore {
        let (machine, report) = directory::load(&directory, newest)?;
        say(report);
        machine
    } else if let Some(socket) = arguments.receive {
        let Surroundings { signals, control, .. } = &mut surroundings;
        match migration::receive(&socket, newest, signals, control.as_ref(), snapshot::assemble)? {
            Arrival::Machine(machine, report) => {
                say(report);
                machine
            }
            Arrival::Ended(end) => return Ok(Some(end)),
        }
    } else {
        let mut options = arguments.options;
        options.cmdline = with_window(options.cmdline);
        let kernel = arguments.kernel.unwrap_or_default();
        Machine::boot(&kernel, &options)?
    };
    Session::new(machine, surroundings).run().map(Some)
}

/// Tells the guest how large its terminal is: what the kernel does not know, it puts into `init`'s environment.
fn with_window(cmdline: String) -> String {
    match Terminal::window() {
        Some((lines, columns)) => format!("{cmdline} LINES={lines} COLUMNS={columns}"),
        None => cmdline,
    }
}
