//! `devstate man` and `devstate completions`: further files that a package of the command installs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::failure::{Failure, printable};
use crate::output::print;

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

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<ExitCode, Failure> {
    let folder = &args.folder;
    let failed = |error: io::Error| {
        let name = printable(&folder.to_string_lossy());
        Failure::of(
            &name,
            format!("cannot write there: {error}"),
            "give a folder in which you may write",
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    write_pages(command, folder).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `devstate.1`, `devstate-peek.1` and so on.
fn write_pages(mut command: Command, folder: &Path) -> io::Result<()> {
    // Names the pages of the commands `devstate-…`.
    command.build();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        open.extend(
            command
                .get_subcommands()
                .filter(|below| below.get_name() != "help")
                .cloned(),
        );
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name())
            .to_owned();
        let mut page = Vec::new();
        Man::new(command).title(&name).render(&mut page)?;
        fs::write(folder.join(format!("{name}.1")), page)?;
    }
    Ok(())
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "devstate", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
