//! `devstate man` and `devstate completions`: further files that a package of the command installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::failure::{Failure, printable};
use crate::output::{Kind, print, write_file};

/// Writes the manual pages: one for the program, and one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  devstate man ~/.local/share/man/man1 && man devstate-inspect")]
pub(crate) struct ManArgs {
    /// The folder for the pages
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Prints the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  devstate completions bash > ~/.local/share/bash-completion/completions/devstate")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

const PAGE: Kind = Kind {
    name: "manual page",
    mark: b".ie \\n(.g .ds Aq",
};

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<ExitCode, Failure> {
    let folder = &args.folder;
    fs::create_dir_all(folder).map_err(|error| {
        let name = printable(&folder.to_string_lossy());
        Failure::of(
            &name,
            format!("cannot create it: {error}"),
            "give a folder in which you may write",
        )
    })?;
    write_pages(command, folder)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `devstate.1`, `devstate-peek.1` and so on.
fn write_pages(mut command: Command, folder: &Path) -> Result<(), Failure> {
    // `help` has no page. `build` names the pages of the commands `devstate-…`.
    command = command.disable_help_subcommand(true);
    command.build();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().cloned());
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name())
            .to_owned();
        let file = folder.join(format!("{name}.1"));
        write_file(&file, &PAGE, &[], |out| Man::new(command).title(&name).render(out))?;
    }
    Ok(())
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "devstate", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
