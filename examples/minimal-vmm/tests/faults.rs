//! Faults of the system during `minimal-vmm`, which saves a guest, goes on with it, and moves it to another process.
//!
//! The guest is a kernel that stops the processor at once, so that a run is short, and the same each time.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use devstate_faults::{Running, Scenario, later};

#[path = "processes/kernel.rs"]
mod kernel;

fn main() -> ExitCode {
    devstate_faults::main(&[SAVE, RESTORE, RECEIVE, MIGRATE])
}

/// `hlt`, and again.
const HALT: &[u8] = &[0xf4, 0xeb, 0xfd];
const PATIENCE: Duration = Duration::from_secs(30);

/// A machine is saved in place of an older one.
const SAVE: Scenario = Scenario {
    name: "vmm-save",
    needs_kvm: true,
    prepare: |directory| {
        let vmm = boot(directory, "first")?;
        later(&mut ask(directory, "first", &["--save", "saved"]))?;
        drop(vmm);
        fs::copy(directory.join("saved/machine.snapshot"), directory.join("older"))?;
        Ok(Vec::new())
    },
    command: |directory| kernel_in(directory, "control"),
    meanwhile: Some(|directory, vmm| {
        if let Some(answer) = ask_when_it_listens(directory, vmm, &["--save", "saved"])? {
            fs::write(directory.join("answer"), answer.stdout)?;
        }
        quit(directory, "control", vmm)
    }),
    check: |directory, ended| {
        let state = fs::read(directory.join("saved/machine.snapshot"))?;
        let is_older = state == fs::read(directory.join("older"))?;
        let said = fs::read_to_string(directory.join("answer")).unwrap_or_default();
        ensure!(
            !(is_older && said.starts_with("saved")),
            "saved, and the machine is the older one"
        );
        // The new state is in place, and nobody knows whether the disk has it: then the older memory is there still. It is also
        // there if it could not be removed, which is said.
        let both = !said.starts_with("saved") || said.contains("is still there");
        let files = fs::read_dir(directory.join("saved"))?.count();
        ensure!(
            files == 2 || (!is_older && both) || ended.killed(),
            "there are {files} files"
        );
        goes_on(directory)?;
        let files = fs::read_dir(directory.join("saved"))?.count();
        ensure!(files == 2, "a later save leaves {files} files");
        Ok(())
    },
};

/// A machine goes on.
const RESTORE: Scenario = Scenario {
    name: "vmm-restore",
    needs_kvm: true,
    prepare: |directory| {
        let vmm = boot(directory, "first")?;
        later(&mut ask(directory, "first", &["--save", "saved"]))?;
        drop(vmm);
        fs::copy(directory.join("saved/machine.snapshot"), directory.join("older"))?;
        Ok(Vec::new())
    },
    command: |directory| vmm(directory, &["--restore", "saved", "--control", "control"]),
    meanwhile: Some(|directory, vmm| {
        ask_when_it_listens(directory, vmm, &["--pause"])?;
        quit(directory, "control", vmm)
    }),
    check: |directory, _| {
        let state = fs::read(directory.join("saved/machine.snapshot"))?;
        ensure!(
            state == fs::read(directory.join("older"))?,
            "the saved machine has changed"
        );
        let files = fs::read_dir(directory.join("saved"))?.count();
        ensure!(files == 2, "there are {files} files");
        goes_on(directory)
    },
};

/// A machine comes from another VMM, which has it until then.
const RECEIVE: Scenario = Scenario {
    name: "vmm-receive",
    needs_kvm: true,
    prepare: |directory| Ok(vec![boot(directory, "source")?]),
    command: |directory| vmm(directory, &["--receive", "move", "--control", "control"]),
    meanwhile: Some(|directory, there| {
        let start = Instant::now();
        let mut moved = false;
        while !moved && !there.has_ended()? && start.elapsed() < PATIENCE {
            moved = ask(directory, "source", &["--migrate", "move"])
                .output()?
                .status
                .success();
            sleep(Duration::from_millis(5));
        }
        if moved {
            fs::write(directory.join("moved"), "")?;
            if let Some(answer) = ask_when_it_listens(directory, there, &["--pause"])? {
                fs::write(directory.join("answer"), answer.stdout)?;
            }
        }
        quit(directory, "control", there)
    }),
    check: |directory, ended| {
        if !directory.join("moved").exists() {
            later(&mut ask(directory, "source", &["--pause", "--resume"]))?;
            return Ok(());
        }
        // Nothing of the host's but KVM itself can end a guest that has arrived.
        let answered = directory.join("answer").exists();
        let kvm = ended.errors.contains("KVM cannot run the guest");
        let no_memory = ended.errors.contains("memory allocation of");
        ensure!(answered || kvm || no_memory || ended.killed(), "the guest is lost");
        Ok(())
    },
};

/// A machine goes to another VMM, which waits for one.
const MIGRATE: Scenario = Scenario {
    name: "vmm-migrate",
    needs_kvm: true,
    prepare: |directory| {
        let mut there = Running(vmm(directory, &["--receive", "move", "--control", "there"]).spawn()?);
        until(|| Ok(directory.join("move").exists() || there.has_ended()?))?;
        Ok(vec![there])
    },
    command: |directory| kernel_in(directory, "control"),
    meanwhile: Some(|directory, here| {
        if let Some(answer) = ask_when_it_listens(directory, here, &["--migrate", "move"])? {
            fs::write(directory.join("answer"), answer.stdout)?;
            // After a move that failed the guest is still here, unless KVM itself has failed.
            if !answer.status.success() && !here.has_ended()? {
                let stays = ask(directory, "control", &["--pause", "--resume"]).output()?;
                fs::write(
                    directory.join("stays"),
                    if stays.status.success() { "yes" } else { "no" },
                )?;
            }
        }
        quit(directory, "control", here)
    }),
    check: |directory, ended| {
        let said = fs::read_to_string(directory.join("answer")).unwrap_or_default();
        let there = ask(directory, "there", &["--pause"]).output()?.status.success();
        let stays = fs::read_to_string(directory.join("stays")).unwrap_or_default();
        ensure!(!said.starts_with("sent") || there, "sent, and not there");
        let kvm = ended.errors.contains("KVM cannot run the guest");
        ensure!(stays != "no" || kvm, "neither here nor there");
        ensure!(!(stays == "yes" && there), "here and there");
        Ok(())
    },
};

/// The machine that was saved can go on, and can be saved again.
fn goes_on(directory: &Path) -> Result<()> {
    let mut restored = Running(vmm(directory, &["--restore", "saved", "--control", "later"]).spawn()?);
    asked(directory, "later", &mut restored, &["--save", "saved", "--quit"])?;
    until(|| restored.has_ended())
}

/// Boots a guest, without a fault.
fn boot(directory: &Path, control: &str) -> Result<Running> {
    fs::write(directory.join("kernel"), kernel::bz_image(HALT, 0x10_0000))?;
    let mut vmm = Running(kernel_in(directory, control).spawn()?);
    asked(directory, control, &mut vmm, &["--pause", "--resume"])?;
    Ok(vmm)
}

/// Asks a VMM that is about to listen.
fn asked(directory: &Path, control: &str, vmm: &mut Running, requests: &[&str]) -> Result<String> {
    until(|| Ok(UnixStream::connect(directory.join(control)).is_ok() || vmm.has_ended()?))?;
    later(&mut ask(directory, control, requests))
}

fn kernel_in(directory: &Path, control: &str) -> Command {
    // For the scenarios that begin with it.
    let _ = fs::write(directory.join("kernel"), kernel::bz_image(HALT, 0x10_0000));
    vmm(directory, &["--kernel", "kernel", "--mem", "16", "--control", control])
}

fn vmm(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minimal-vmm"));
    command.args(arguments).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn ask(directory: &Path, control: &str, requests: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minimal-vmm"));
    command
        .args(["--control", control])
        .args(requests)
        .current_dir(directory);
    command
}

/// Asks the VMM with the fault, once it listens. Returns `None` if it ended before, or does not answer.
fn ask_when_it_listens(directory: &Path, vmm: &mut Running, requests: &[&str]) -> Result<Option<Output>> {
    until(|| Ok(directory.join("control").exists() || vmm.has_ended()?))?;
    for _ in 0..5 {
        let output = ask(directory, "control", requests).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() || errors.starts_with("minimal-vmm: "),
            "{requests:?}: {errors}"
        );
        // A fault can meet the call itself.
        let unheard = errors.contains("hung up") || errors.contains("cannot connect to ");
        if !unheard {
            return Ok(Some(output));
        }
        if vmm.has_ended()? {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// Ends the VMM with the fault, by itself if it can.
fn quit(directory: &Path, control: &str, vmm: &mut Running) -> Result<()> {
    let start = Instant::now();
    while !vmm.has_ended()? && start.elapsed() < PATIENCE {
        let _ = ask(directory, control, &["--quit"]).output()?;
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        ensure!(start.elapsed() < PATIENCE, "it takes too long");
        sleep(Duration::from_millis(2));
    }
    Ok(())
}
