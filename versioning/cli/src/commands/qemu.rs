//! `devstate qemu list|trim|import|export`: imports devices from QEMU's migration files, and exports devices into them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_qemu::{Migration, Notice, QemuDevicesSer, QemuError, Release};
use devstate_versioning::{Architecture, Header, Options, ReleaseTable, buffer, max_snapshot_len};

use crate::failure::{Failure, complain, printable};
use crate::output::{Kind, print, write_file};

/// Imports PL031, 16550A and i8042 from QEMU's migration files, and exports them into such files
///
/// QEMU writes such a file with `migrate "exec:cat>FILE"`, and starts from it with `-incoming "exec:cat FILE"`. The
/// machine's memory in the file is not read. --out replaces only a file of the kind that the command writes.
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
    /// Prints the machine type and every section, and marks the sections of our devices
    List {
        /// The migration file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Writes a small migration file for a bug report: without the machine's memory, and with only what import reads
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
    /// Writes a migration file with the devices of a snapshot
    Export {
        /// The snapshot
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,
        /// A migration file of the same machine; it is not changed
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
    /// Continues even if a guest can see a loss, and prints the loss
    #[arg(long)]
    lossy: bool,
    /// Continues even if a section has unknown fields: import drops them, export does not change them
    #[arg(long)]
    drop_unknown: bool,
    /// The `shift` of QEMU's `-icount`, if the machine had one
    #[arg(long, value_name = "N")]
    icount_shift: Option<u8>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::List { file } => match Migration::parse_file(&mut open(file)?) {
            Ok(migration) => print(&list(&migration)).map(|()| ExitCode::SUCCESS),
            Err(error) => Ok(wrong(file, &error)),
        },
        Command::Trim { file, out } => {
            match Migration::parse_file(&mut open(file)?).and_then(|migration| migration.trimmed()) {
                Ok(trimmed) => {
                    write_file(out, &MIGRATION, &[file], |out| out.write_all(&trimmed)).map(|()| ExitCode::SUCCESS)
                }
                Err(error) => Ok(wrong(file, &error)),
            }
        }
        Command::Import { file, out, options } => {
            let mut said = Said::default();
            let imported = Migration::parse_file(&mut open(file)?).and_then(|migration| {
                migration.import(options.icount_shift, &mut |notice| said.hear(notice, *options))
            });
            match imported {
                Ok(devices) => {
                    let mut buffer = buffer!(QemuDevicesSer);
                    let snapshot = Release::latest(&devices).with_options(OPTIONS).save(&mut buffer);
                    let snapshot = snapshot.map_err(|error| Failure::new(error.to_string(), "report this"))?;
                    write_file(out, &SNAPSHOT, &[file], |out| out.write_all(snapshot))?;
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
            let (saved, mut file) = (read_snapshot(snapshot)?, open(into)?);
            let mut devices = QemuDevicesSer::default();
            if let Err(error) = Release::load_with(OPTIONS, &saved, &mut devices) {
                let name = printable(&snapshot.to_string_lossy());
                complain(&format!(
                    "error: {name}: {error}\n help: give a snapshot that `devstate qemu import` has written\n"
                ));
                return Ok(ExitCode::from(1));
            }
            let mut said = Said::default();
            let edits = Migration::parse_file(&mut file).and_then(|migration| {
                migration.edits(&devices, options.icount_shift, &mut |notice| {
                    said.hear(notice, *options)
                })
            });
            match edits {
                Ok(edits) => {
                    write_file(out, &MIGRATION, &[into], |out| edits.apply(&mut file, out))?;
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

const SNAPSHOT: Kind = Kind {
    name: "snapshot",
    mark: &Header::MAGIC,
};

const MIGRATION: Kind = Kind {
    name: "migration file",
    mark: b"QEVM",
};

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
    let (help, status) = match error {
        QemuError::Io { .. } => ("check the disk, and check that no other process writes to the file", 2),
        QemuError::Refused { .. } => ("give --lossy to go on without it", 1),
        QemuError::Unknown(_) => ("look for a newer devstate, or give --drop-unknown", 1),
        QemuError::Clock { .. } => ("give --icount-shift", 1),
        QemuError::NoMigration | QemuError::NoDescription => (
            "write the file with QEMU's monitor: migrate \"exec:cat>FILE\", and let it finish",
            1,
        ),
        _ => (
            "check that QEMU finished the file, and that it is a file of the right machine",
            1,
        ),
    };
    let (name, error) = (printable(&file.to_string_lossy()), printable(&error.to_string()));
    complain(&format!("error: {name}: {error}\n help: {help}\n"));
    ExitCode::from(status)
}

/// A migration file, whose memory is not read.
trait Input: Read + Seek {}

impl<T: Read + Seek> Input for T {}

fn open(path: &Path) -> Result<Box<dyn Input>, Failure> {
    let opened = || -> io::Result<Box<dyn Input>> {
        let mut file = File::open(path)?;
        if file.metadata()?.is_file() {
            return Ok(Box::new(file));
        }
        // A pipe is read once, from its beginning. What is no migration file may have no end.
        let mut bytes = Vec::new();
        file.by_ref()
            .take(MIGRATION.mark.len() as u64)
            .read_to_end(&mut bytes)?;
        if bytes == MIGRATION.mark {
            file.read_to_end(&mut bytes)?;
        }
        Ok(Box::new(Cursor::new(bytes)))
    };
    opened().map_err(|error| unreadable(path, &error))
}

fn read_snapshot(path: &Path) -> Result<Vec<u8>, Failure> {
    let (mut bytes, longest) = (Vec::new(), max_snapshot_len::<QemuDevicesSer>() as u64);
    let read = File::open(path).and_then(|file| file.take(longest + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let name = printable(&path.to_string_lossy());
    Failure::of(
        &name,
        format!("cannot read it: {error}"),
        "check the name and your rights",
    )
}
