//! The README's commands, so that none of them is only prose.

use crate::process::{program, run};
use crate::workspace;
use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use std::iter;

/// Commands that prepare a machine.
const PREPARATION: &[&str] = &["git clone ", "cd ", "rustup ", "sudo apt-get install ", "cargo add "];

/// Runs the commands of the README's `sh` blocks, each in a shell at the workspace's root.
///
/// `cargo xtask` commands are not run, for each stands behind a step of its own; but they must exist.
pub(crate) fn check() -> Result<()> {
    let file = workspace::root().join("README.md");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let commands = commands(&text);
    if commands.is_empty() {
        bail!("README.md names no command in a `sh` block");
    }
    for command in commands {
        if let Some(arguments) = command.strip_prefix("cargo xtask") {
            crate::Command::command()
                .try_get_matches_from(iter::once("cargo xtask").chain(arguments.split_whitespace()))
                .with_context(|| format!("README.md says `{command}`"))?;
        } else if !PREPARATION.iter().any(|start| command.starts_with(start)) {
            run(program("bash").args(["-euo", "pipefail", "-c", &command]))?;
        }
    }
    Ok(())
}

/// The lines of `sh` and `console` blocks, without prompts and comments, continued lines joined.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut in_block = false;
    let mut pending = String::new();
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_block = matches!(language.trim(), "sh" | "console" | "bash");
            continue;
        }
        if !in_block || line.trim_start().starts_with('#') {
            continue;
        }
        let line = line.trim_start_matches("$ ").trim();
        if let Some(start) = line.strip_suffix('\\') {
            pending.push_str(start);
            continue;
        }
        pending.push_str(line);
        if !pending.is_empty() {
            commands.push(std::mem::take(&mut pending));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_stand_in_shell_blocks() {
        let text = "cargo a\n```sh\n# why\n$ cargo b\ncargo c \\\n  d\n\n```\n```rust\ncargo e\n```\n";
        assert_eq!(commands(text), ["cargo b", "cargo c d"]);
    }
}
