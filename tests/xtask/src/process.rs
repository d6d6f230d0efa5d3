//! Other programs: shown as they are started, and an error when they fail.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::io::{Read, pipe};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The cargo that runs us, at the workspace's root, with these words as its arguments.
pub(crate) fn cargo(words: &str) -> Command {
    let mut cargo = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(words.split_whitespace());
    cargo
}

/// Any program, at the workspace's root.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(workspace::root());
    command
}

/// Shows `command`, runs it with our output, and takes any status but zero for an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}`: {status}");
    }
    Ok(())
}

/// Runs the commands, as many at a time as there are processors, and prints the output of each when it has ended. One that fails
/// does not stop the others.
pub(crate) fn run_side_by_side(commands: Vec<Command>) -> Result<()> {
    let waiting = Mutex::new(commands.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut outcome = Ok(());
        while let Some(command) = next() {
            outcome = outcome.and(run_and_show(command));
        }
        outcome
    };
    std::thread::scope(|scope| {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a thread panicked")))
    })
}

/// Runs `command`, and prints its output in one piece when it has ended.
pub(crate) fn run_and_show(mut command: Command) -> Result<()> {
    let shown = show(&command);
    println!("$ {shown}");
    // One pipe for both, so that the lines keep their order.
    let (mut output, input) = pipe()?;
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let child = command.spawn();
    // Its ends of the pipe, or the output would have no end.
    drop(command);
    let mut child = child.with_context(|| format!("cannot start `{shown}`"))?;
    let mut printed = Vec::new();
    output.read_to_end(&mut printed)?;
    let status = child.wait()?;
    println!("-- `{shown}` printed:\n{}", String::from_utf8_lossy(&printed));
    if !status.success() {
        bail!("`{shown}`: {status}");
    }
    Ok(())
}

/// Runs `command` quietly and gives back what it printed; its errors go where ours go.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}`: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no text"))
}

/// Where `name` lies on the `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

pub(crate) fn show(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name();
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        (name != "PATH").then(|| format!("{}={}", name.to_string_lossy(), quote(&value)))
    });
    let words = name.into_iter().chain(command.get_args());
    let words = words.map(|word| quote(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    if word.is_empty() || word.contains([' ', '"', '\'', '*', '$']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}
