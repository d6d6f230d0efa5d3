//! A small VMM on KVM: it boots Linux, saves it, and wakes it up in another process.
//!
//! To read it from the top: [`session`] waits for everything that can happen to a [`machine`], which is [`memory`], a
//! [`vcpu`], the kernel's side in [`x86_64`] or `aarch64`, and [`devices`]. [`snapshot`] takes a machine apart and puts
//! it together again, for [`directory`] to keep it in files and for [`migration`] to move it to another process.

#![expect(
    unreachable_pub,
    reason = "a program exports nothing: `pub` says what a module offers the others"
)]

mod clock;
mod console;
mod control;
mod devices;
mod directory;
mod keyboard;
mod machine;
mod memory;
mod migration;
mod mirror;
mod session;
mod snapshot;
mod socket;
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
#[cfg(target_arch = "x86_64")]
use x86_64 as arch;

use crate::console::Terminal;
use crate::control::Requests;
use crate::machine::{BootOptions, Machine};
use crate::session::Session;
use crate::socket::Listener;

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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("minimal-vmm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let newest = snapshot::release(arguments.as_of_release)?;
    if arguments.kernel.is_none() && arguments.restore.is_none() && arguments.receive.is_none() {
        return arguments.requests.ask(&arguments.control.unwrap_or_default());
    }
    // Before there is a machine: one that was received is nowhere else, so nothing may go wrong with it.
    let control = arguments.control.as_deref().map(Listener::bind).transpose()?;
    let arrived = |(machine, report)| {
        eprintln!("minimal-vmm: {report}");
        machine
    };
    let machine = if let Some(directory) = arguments.restore {
        directory::load(&directory, newest).map(arrived)?
    } else if let Some(socket) = arguments.receive {
        migration::receive(&socket, newest).map(arrived)?
    } else {
        let mut options = arguments.options;
        options.cmdline = with_window(options.cmdline);
        let kernel = arguments.kernel.unwrap_or_default();
        Machine::boot(&kernel, &options)?
    };
    let end = Session::new(machine, control, arguments.snapshot, newest)?.run()?;
    eprintln!("minimal-vmm: {end}");
    Ok(())
}

/// Tells the guest how large its terminal is: what the kernel does not know, it puts into `init`'s environment.
fn with_window(cmdline: String) -> String {
    match Terminal::window() {
        Some((lines, columns)) => format!("{cmdline} LINES={lines} COLUMNS={columns}"),
        None => cmdline,
    }
}
