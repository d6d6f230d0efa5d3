//! The host: QEMU, Debian's kernel in it, and what can be asked of them.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Architecture;
use super::console::Console;
use super::images::Images;
use crate::install::program_path;
use crate::process::{program, show};
use crate::workspace;

/// How long anything may take on a machine that is busy with other things as well.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A host that runs, with the consoles of both machines.
#[derive(Debug)]
pub(crate) struct Machine {
    qemu: Child,
    /// The host's shell.
    shell: Console,
    /// The terminal of whichever VMM runs.
    pub(crate) terminal: Console,
}

/// Finds QEMU for the architecture.
///
/// # Errors
///
/// A skip, where it is not installed.
pub(crate) fn emulator(architecture: Architecture) -> Result<PathBuf> {
    program_path(match architecture {
        Architecture::X86_64 => "qemu-system-x86_64",
        Architecture::Aarch64 => "qemu-system-aarch64",
    })
}

impl Machine {
    pub(crate) fn start(architecture: Architecture, accelerator: &str, images: &Images) -> Result<Self> {
        let sockets = workspace::root().join("target/vmm");
        let [shell, terminal] = ["shell", "terminal"].map(|name| sockets.join(format!("{name}-{architecture:?}")));
        let listeners = (Console::listen(&shell)?, Console::listen(&terminal)?);
        let mut qemu = program(emulator(architecture)?);
        match architecture {
            Architecture::X86_64 => {
                qemu.args(["-M", "q35", "-serial", "chardev:shell", "-serial", "chardev:terminal"]);
                // An emulator that is kept waiting fails Linux's test of whether timer interrupts arrive in time.
                qemu.args([
                    "-append",
                    "console=ttyS0 loglevel=1 panic=-1 no_timer_check terminal=/dev/ttyS1",
                ]);
            }
            Architecture::Aarch64 => {
                qemu.args(["-M", "virt,virtualization=on,gic-version=3", "-serial", "chardev:shell"]);
                qemu.args(["-device", "pci-serial,chardev=terminal"]);
                qemu.args(["-append", "console=ttyAMA0 loglevel=1 panic=-1 terminal=/dev/ttyS0"]);
            }
        }
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot", "-m", "1024"]);
        qemu.args([
            "-cpu",
            if accelerator == "kvm" { "host" } else { "max" },
            "-accel",
            accelerator,
        ]);
        for (name, path) in [("shell", &shell), ("terminal", &terminal)] {
            qemu.args(["-chardev", &format!("socket,id={name},path={}", path.display())]);
        }
        qemu.arg("-kernel").arg(&images.kernel).arg("-initrd").arg(&images.host);
        println!("$ {}", show(&qemu));
        let mut qemu = qemu.stdin(Stdio::null()).spawn().context("cannot start QEMU")?;
        let consoles = Console::accept("host", &listeners.0)
            .and_then(|shell| Ok((shell, Console::accept("guest", &listeners.1)?)));
        match consoles {
            Ok((shell, terminal)) => Ok(Self { qemu, shell, terminal }),
            Err(error) => {
                let _ = qemu.kill();
                Err(error)
            }
        }
    }

    /// Waits for the host's shell.
    pub(crate) fn wait_until_up(&mut self) -> Result<()> {
        self.shell.wait_for(
            "its shell",
            PATIENCE,
            |_| Ok(()),
            |line| (line == "host: ready").then_some(()),
        )?;
        self.run("ls -l /dev/kvm").map(drop)
    }

    /// Runs a command in the host's shell, shows both, and gives what it printed.
    pub(crate) fn run(&mut self, command: &str) -> Result<String> {
        let (status, output) = self.attempt(command)?;
        ensure!(status == 0, "`{command}` ended with {status}");
        Ok(output)
    }

    /// The same for a command that must fail.
    pub(crate) fn refused(&mut self, command: &str) -> Result<String> {
        let (status, output) = self.attempt(command)?;
        ensure!(status != 0, "`{command}` should have failed");
        Ok(output)
    }

    fn attempt(&mut self, command: &str) -> Result<(u32, String)> {
        println!("   host# {command}");
        self.shell.type_bytes(format!("{command}\n").as_bytes())?;
        let mut output = Vec::new();
        let status = self.shell.wait_for(
            "the end of a command",
            PATIENCE,
            |_| Ok(()),
            |line| {
                let status = line
                    .strip_prefix("host: status ")
                    .and_then(|status| status.parse().ok());
                if status.is_none() {
                    println!("         {line}");
                    output.push(line.to_owned());
                }
                status
            },
        )?;
        Ok((status, output.join("\n")))
    }

    /// For whoever has to find out what went wrong.
    pub(crate) fn show_transcript(&mut self) {
        for (name, console) in [("host", &mut self.shell), ("guest", &mut self.terminal)] {
            println!("-- the last of what the {name} said:");
            let lines = console.transcript();
            for line in lines.iter().skip(lines.len().saturating_sub(40)) {
                println!("{name} | {line}");
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It has nothing that would have to be kept.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
