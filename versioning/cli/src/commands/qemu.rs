//! `devstate qemu list|trim|import|export`: devices out of QEMU's migration files, and into them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_qemu::{Migration, Notice, QemuDevicesSer, QemuError, Release};
use devstate_versioning::{Architecture, Options, ReleaseTable, buffer};

use crate::failure::{Failure, complain, printable};
use crate::output::print;

/// Takes PL031, 16550A and i8042 out of QEMU's migration files, and puts them back in
///
/// QEMU writes such a file with `migrate "exec:cat>FILE"`, and starts from one with `-incoming "exec:cat FILE"`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  devstate qemu list vm.mig
  devstate qemu import vm.mig --out vm.snapshot
  devstate qemu export vm.snapshot --into vm.mig --out new.mig

Exit status: 0 if it is done, 1 if the file is not what it should be or something would be lost, 2 if a file cannot be read.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Prints the machine type and every section, those of our devices with a mark
    List {
        /// The migration file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Writes a migration file without the machine's memory and all that import does not read, for a report
    Trim {
        /// The migration file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The small file to write; import reads it, QEMU does not
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Writes the devices of a migration file as a snapshot
    Import {
        /// The migration file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The snapshot to write
        #[arg(long, value_name = "SNAPSHOT")]
        out: PathBuf,
        #[command(flatten)]
        options: Losing,
    },
    /// Writes a migration file in which the devices are those of a snapshot
    Export {
        /// The snapshot
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,
        /// A migration file of the same machine; it stays as it is
        #[arg(long, value_name = "FILE")]
        into: PathBuf,
        /// The migration file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        options: Losing,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
struct Losing {
    /// Goes on although a guest can see what is lost; it is printed
    #[arg(long)]
    lossy: bool,
    /// Goes on although a section has fields that are not known: import drops them, export leaves them as they are
    #[arg(long)]
    drop_unknown: bool,
    /// The `shift` of QEMU's `-icount`, if the machine had one
    #[arg(long, value_name = "N")]
    icount_shift: Option<u8>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::List { file } => {
            let bytes = read(file)?;
            match Migration::parse(&bytes) {
                Ok(migration) => print(&list(&migration)).map(|()| ExitCode::SUCCESS),
                Err(error) => Ok(wrong(file, &error)),
            }
        }
        Command::Trim { file, out } => {
            let bytes = read(file)?;
            match Migration::parse(&bytes).and_then(|migration| migration.trimmed()) {
                Ok(trimmed) => write(out, &trimmed).map(|()| ExitCode::SUCCESS),
                Err(error) => Ok(wrong(file, &error)),
            }
        }
        Command::Import { file, out, options } => {
            let bytes = read(file)?;
            let mut said = Said::default();
            match import(&bytes, *options, &mut said) {
                Ok(devices) => {
                    let mut buffer = buffer!(QemuDevicesSer);
                    let snapshot = Release::latest(&devices).with_options(OPTIONS).save(&mut buffer);
                    let snapshot = snapshot.map_err(|error| Failure::new(error.to_string(), "report this"))?;
                    write(out, snapshot)?;
                    print(&said.line(file, "took", &devices))?;
                    Ok(ExitCode::SUCCESS)
                }
                Err(error) => Ok(wrong(file, &error)),
            }
        }
        Command::Export {
            snapshot,
            into,
            out,
            options,
        } => {
            let (saved, bytes) = (read(snapshot)?, read(into)?);
            let mut devices = QemuDevicesSer::default();
            if let Err(error) = Release::load_with(OPTIONS, &saved, &mut devices) {
                let name = printable(&snapshot.to_string_lossy());
                complain(&format!(
                    "error: {name}: {error}\n help: give a snapshot that `devstate qemu import` has written\n"
                ));
                return Ok(ExitCode::from(1));
            }
            let mut said = Said::default();
            match export(&bytes, &devices, *options, &mut said) {
                Ok(new) => {
                    write(out, &new)?;
                    print(&said.line(into, "put in", &devices))?;
                    Ok(ExitCode::SUCCESS)
                }
                Err(error) => Ok(wrong(into, &error)),
            }
        }
    }
}

/// Any architecture can read these snapshots: they are data of the devices alone.
const OPTIONS: Options = Options::new(Architecture::Any);

fn import(bytes: &[u8], options: Losing, said: &mut Said) -> Result<QemuDevicesSer, QemuError> {
    Migration::parse(bytes)?.import(options.icount_shift, &mut |notice| said.hear(notice, options))
}

fn export(bytes: &[u8], devices: &QemuDevicesSer, options: Losing, said: &mut Said) -> Result<Vec<u8>, QemuError> {
    let migration = Migration::parse(bytes)?;
    migration.export(devices, options.icount_shift, &mut |notice| said.hear(notice, options))
}

/// What was said about losses.
#[derive(Default)]
struct Said {
    lost: Vec<String>,
    ignorable: Vec<String>,
    /// All of both.
    all: BTreeSet<String>,
}

impl Said {
    fn hear(&mut self, notice: Notice<'_>, options: Losing) -> bool {
        let (list, go_on) = match notice {
            Notice::Unknown(_) => (&mut self.lost, options.drop_unknown),
            Notice::Loss { loss, .. } if loss.ignorable => (&mut self.ignorable, true),
            Notice::Loss { .. } => (&mut self.lost, options.lossy),
        };
        // A section of the file is read twice on the way in.
        let text = printable(&notice.to_string());
        if self.all.insert(text.clone()) {
            list.push(text);
        }
        go_on
    }

    fn line(&self, file: &Path, verb: &str, devices: &QemuDevicesSer) -> String {
        let mut names: Vec<String> = (0..devices.serial.len())
            .map(|index| format!("serial[{index}]"))
            .collect();
        names.extend(devices.i8042.is_some().then(|| "i8042".to_owned()));
        names.extend(devices.rtc.is_some().then(|| "rtc".to_owned()));
        let mut line = format!("{}: {verb} {}", printable(&file.to_string_lossy()), names.join(", "));
        let lost = if self.lost.is_empty() {
            "nothing that a guest can see".to_owned()
        } else {
            self.lost.join("; ")
        };
        let _ = write!(line, "; lost: {lost}");
        if !self.ignorable.is_empty() {
            let _ = write!(line, "; and unseen: {}", self.ignorable.join("; "));
        }
        line + "\n"
    }
}

fn list(migration: &Migration<'_>) -> String {
    let mut text = format!(
        "machine {}\n",
        migration.machine().map_or("unknown".to_owned(), printable)
    );
    for section in migration.sections() {
        let ours = ["serial", "pckbd", "ps2kbd", "ps2mouse", "pl031"].contains(&section.name());
        let range = section.range();
        let _ = writeln!(
            text,
            "{} {}[{}]  {} bytes at offset {}",
            if ours { '*' } else { ' ' },
            printable(section.name()),
            section.instance(),
            range.len(),
            range.start,
        );
    }
    text
}

fn wrong(file: &Path, error: &QemuError) -> ExitCode {
    let help = match error {
        QemuError::Refused { .. } => "give --lossy to go on without it",
        QemuError::Unknown(_) => "look for a newer devstate, or give --drop-unknown",
        QemuError::Clock { .. } => "give --icount-shift",
        QemuError::NoMigration | QemuError::NoDescription => {
            "write the file with QEMU's monitor: migrate \"exec:cat>FILE\", and let it finish"
        }
        _ => "check that QEMU finished the file, and that it is of the machine that you mean",
    };
    let (name, error) = (printable(&file.to_string_lossy()), printable(&error.to_string()));
    complain(&format!("error: {name}: {error}\n help: {help}\n"));
    ExitCode::from(1)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let name = printable(&path.to_string_lossy());
        Failure::new(
            format!("{name}: cannot read it: {error}"),
            "check the name and your rights",
        )
    })
}

/// Writes beside the file and renames: nobody finds half of it, also where it replaces its own input.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        let name = printable(&path.to_string_lossy());
        Failure::new(
            format!("{name}: cannot write it: {error}"),
            "check the name, your rights and the free space",
        )
    })
}
