//! A small VMM on KVM: it boots Linux, saves it, and wakes it up in another process.
//!
//! To read it from the top: [`session`] waits for everything that can happen to a [`machine`], which is [`memory`], a
//! [`vcpu`], the kernel's side in [`x86_64`] or `aarch64`, and [`devices`]. [`snapshot`] and [`migration`] take a
//! machine apart and put it together again.

#![expect(
    unreachable_pub,
    reason = "a program exports nothing: `pub` says what a module offers the others"
)]

mod boot;
mod clock;
mod console;
mod control;
mod devices;
mod keyboard;
mod machine;
mod memory;
mod migration;
mod mirror;
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
#[cfg(target_arch = "x86_64")]
use x86_64 as arch;

use crate::boot::BootSource;
use crate::console::Terminal;
use crate::control::{Control, Request, Target};
use crate::machine::Machine;
use crate::session::Session;

/// Boots Linux, saves it, and wakes it up in another process.
///
/// On the console: Ctrl-A x ends the VMM, Ctrl-A s saves the machine, Ctrl-A k presses Ctrl-Alt-Del.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("start").args(["kernel", "restore", "receive"]))]
struct Arguments {
    /// Boot this kernel: on a PC a `bzImage`, on Arm an `Image`
    #[arg(long)]
    kernel: Option<PathBuf>,
    /// Its initial RAM disk
    #[arg(long, requires = "kernel")]
    initrd: Option<PathBuf>,
    /// Its command line
    #[arg(long, requires = "kernel", default_value = arch::DEFAULT_CMDLINE)]
    cmdline: String,
    /// The guest's memory in MiB
    #[arg(long, requires = "kernel", default_value_t = 256)]
    mem: u64,
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

/// What a running VMM is asked for, in this order.
#[derive(Debug, clap::Args)]
#[group(conflicts_with = "start", requires = "control", multiple = true)]
struct Requests {
    /// Make the guest stand still
    #[arg(long)]
    pause: bool,
    /// Press and release a key, or only one of it with `:down` or `:up`; may be repeated
    #[arg(long, value_name = "NAME")]
    key: Vec<String>,
    /// Type a text on the keyboard
    #[arg(long = "type", value_name = "TEXT")]
    text: Option<String>,
    /// Save the machine to a directory
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Give the machine to the VMM that waits at a socket
    #[arg(long, value_name = "SOCKET")]
    migrate: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Let the guest go on
    #[arg(long)]
    resume: bool,
    /// End the VMM
    #[arg(long)]
    quit: bool,
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
    let machine = if let Some(kernel) = arguments.kernel {
        let source = BootSource {
            kernel,
            initrd: arguments.initrd,
            cmdline: with_window(arguments.cmdline),
        };
        Machine::boot(&source, arguments.mem << 20)?
    } else {
        let (machine, report) = if let Some(directory) = arguments.restore {
            snapshot::load(&directory, newest)?
        } else if let Some(socket) = arguments.receive {
            migration::receive(&socket, newest)?
        } else {
            let control = arguments.control.unwrap_or_default();
            return control::ask(&control, &Vec::from(arguments.requests));
        };
        eprintln!("minimal-vmm: {report}");
        machine
    };
    let control = arguments.control.as_deref().map(Control::listen).transpose()?;
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

impl From<Requests> for Vec<Request> {
    fn from(requests: Requests) -> Self {
        let Requests {
            pause,
            key,
            text,
            save,
            migrate,
            target,
            resume,
            quit,
        } = requests;
        let requests = [
            pause.then_some(Request::Pause),
            (!key.is_empty()).then_some(Request::Keys(key)),
            text.map(Request::Type),
            save.map(|directory| Request::Save(directory, target)),
            migrate.map(|socket| Request::Migrate(socket, target)),
            resume.then_some(Request::Resume),
            quit.then_some(Request::Quit),
        ];
        requests.into_iter().flatten().collect()
    }
}
