//! `kv-store`: the server, and the commands that a person tries. `kv-store --help` says what there is.

mod output;
mod progress;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::RwLock;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Parser, Subcommand};
use devstate_file::{PendingFile, load_file, open_stream};
use devstate_kv_store_export::linux::{Client, ClientError, Limits, ServedStore, Server};
use devstate_kv_store_export::{Exportable, Item, Release, Store, VALUE_LEN, WriteError};
use devstate_socket::private_directory;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::output::{note, print, say, shown};
use crate::progress::Progress;

/// A key-value store that exports itself into its client's memory.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the server listens: without it, in `$XDG_RUNTIME_DIR`, or else in a directory of the user's own below the one
    /// for temporary files.
    #[arg(long, short, global = true, overrides_with = "socket", value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// An export to start with.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// How many clients are served at once, by a thread each; half of them may export.
        #[arg(long, default_value_t = Limits::DEFAULT.clients, value_name = "NUMBER")]
        clients: usize,
    },
    /// Write an item. Items are never overwritten.
    Put {
        key: String,
        /// The value; without it, standard input to its end, byte for byte. Arguments show in the list of processes.
        value: Option<String>,
        /// Do not show the value unless asked to.
        #[arg(long)]
        sensitive: bool,
    },
    /// Print the value of an item.
    Get {
        key: String,
        /// Print it even if it is sensitive.
        #[arg(long)]
        reveal: bool,
    },
    /// Export everything: this process makes the memory, the server fills it, and it goes to the file undecoded.
    Export {
        file: PathBuf,
        /// The release to write at, for older readers.
        #[arg(long, default_value_t = Release::LATEST.number())]
        release: u16,
        /// Bytes of memory to pay for at most; no more is taken than the export needs.
        #[arg(long, default_value_t = 1 << 30, value_name = "BYTES")]
        size: usize,
    },
    /// Verify an export and write its items to the server.
    Import { file: PathBuf },
    /// Verify an export and print its keys, and its values.
    List {
        file: PathBuf,
        /// Print keys only.
        #[arg(long)]
        keys: bool,
        /// Print sensitive values too.
        #[arg(long)]
        reveal: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("kv-store: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    // `list` needs none.
    let socket = || arguments.socket.map_or_else(default_socket, Ok);
    match arguments.command {
        Command::Serve { from, clients } => serve(&socket()?, from.as_deref(), clients),
        Command::Put { key, value, sensitive } => {
            let value = value.map_or_else(value_from_input, |value| Ok(value.into_bytes()))?;
            let item = Item {
                sensitive,
                ..Item::new(&key, &value)
            };
            Ok(connect(&socket()?)?.write_item(item)?)
        }
        Command::Get { key, reveal } => get(&connect(&socket()?)?, &key, reveal),
        Command::Export { file, release, size } => export(&connect(&socket()?)?, &file, release, size),
        Command::Import { file } => import(&connect(&socket()?)?, &file),
        Command::List { file, keys, reveal } => list(&file, keys, reveal),
    }
}

/// The store has a fixed size and no heap. Its pages exist from when they are first written.
static STORE: RwLock<ServedStore> = RwLock::new(Store::new());

fn serve(socket: &Path, from: Option<&Path>, clients: usize) -> Result<()> {
    // Descriptors of clients can take long to close: as many as the system lets this process have.
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, most);
    if let Some(file) = from {
        let bytes = load(file)?;
        let mut refused = None;
        if let Ok(mut store) = STORE.write() {
            verify(&bytes, file)?.visit(&mut |item| {
                if let Err(error) = store.write_item(item) {
                    refused.get_or_insert((item.key, error));
                }
            })?;
            note(&format!("restored {} items from {}", store.len(), shown(file)));
        }
        if let Some((key, error)) = refused {
            bail!("{}: item {key}: {error}", shown(file));
        }
    }
    let server = Server::new(socket, Limits::DEFAULT.with_clients(clients), clients.div_ceil(2))?;
    note(&format!("listening at {}", shown(socket)));
    let hangs = |what: &str| say(&format!("kv-store: {what}"));
    match server.run(&STORE, &hangs).context("the server has no threads")? {}
}

fn connect(socket: &Path) -> Result<Client> {
    Client::new(socket).map_err(|error| match error {
        ClientError::Stranger { .. } => anyhow!("{}: {error}", shown(socket)),
        error => anyhow!(error).context("no server answers; start one with `kv-store serve`"),
    })
}

/// Reads no more than shows that a value is too long.
fn value_from_input() -> Result<Vec<u8>> {
    let mut value = Vec::new();
    let input = io::stdin().lock().take(VALUE_LEN as u64 + 1).read_to_end(&mut value);
    input.context("cannot read the value from standard input")?;
    Ok(value)
}

fn get(client: &Client, key: &str, reveal: bool) -> Result<()> {
    let Some(item) = client.get(key)? else {
        bail!("there is no item `{}`", key.escape_debug())
    };
    if item.sensitive && !reveal {
        bail!("item `{key}` is sensitive; `--reveal` prints it");
    }
    print(|out| {
        // A terminal would obey what is in the value; whatever else reads it gets the value alone.
        if io::stdout().is_terminal() {
            writeln!(out, "{}", item.value.escape_ascii())
        } else {
            out.write_all(&item.value)
        }
    })
}

fn export(client: &Client, file: &Path, release: u16, size: usize) -> Result<()> {
    let Some(release) = Release::from_number(release) else {
        bail!(
            "there is no release {release}; the newest is {}",
            Release::LATEST.number()
        );
    };
    let progress = Progress::start();
    progress.wait_for("the server fills the memory");
    let sealed = client.export_within(size, release).map_err(|error| match error {
        ClientError::BeyondLimit { needed, .. } => anyhow!("{error}; try `--size {needed}`"),
        error => error.into(),
    })?;
    let done = format!("exported {} bytes to {}", sealed.len(), shown(file));
    progress.count_to(sealed.len() as u64, "{wide_bar} {bytes}/{total_bytes} {eta}");
    let forward = |target: &File| {
        sealed
            .copy_to(target, &mut |bytes| progress.reach(bytes as u64))
            .with_context(|| format!("cannot write {}", shown(file)))
    };
    if let Some(stream) = open_stream(file)? {
        forward(&stream)?;
        drop(progress);
        // What is standard output may be the stream.
        say(&done);
        return Ok(());
    }
    let pending = PendingFile::create(file)?;
    forward(pending.as_file())?;
    progress.wait_for("the file reaches the disk");
    pending.commit()?;
    drop(progress);
    print(|out| writeln!(out, "{done}"))
}

fn import(client: &Client, file: &Path) -> Result<()> {
    let bytes = load(file)?;
    let exportable = verify(&bytes, file)?;
    let progress = Progress::start();
    progress.count_to(exportable.len() as u64, "{wide_bar} {pos}/{len} items {eta}");
    let (mut written, mut existing, mut failed) = (0usize, 0usize, None);
    exportable.visit(&mut |item: Item<'_>| {
        if failed.is_some() {
            return;
        }
        match client.write_item(item) {
            Ok(()) => written += 1,
            Err(ClientError::Write(WriteError::AlreadyExists)) => existing += 1,
            Err(error) => failed = Some((item.key, error)),
        }
        progress.reach((written + existing) as u64);
    })?;
    drop(progress);
    print(|out| writeln!(out, "imported {written} items, {existing} were there already"))?;
    match failed {
        Some((key, error)) => Err(error).with_context(|| format!("item {key}")),
        None => Ok(()),
    }
}

fn list(file: &Path, keys: bool, reveal: bool) -> Result<()> {
    let bytes = load(file)?;
    let exportable = verify(&bytes, file)?;
    print(|out| {
        let mut written = Ok(());
        let visited = exportable.visit(&mut |item| {
            if written.is_ok() {
                written = if keys {
                    writeln!(out, "{}", item.key)
                } else if item.sensitive && !reveal {
                    writeln!(out, "{} = (sensitive, {} bytes)", item.key, item.value.len())
                } else {
                    writeln!(out, "{} = {}", item.key, item.value.escape_ascii())
                };
            }
        });
        visited.map_err(io::Error::other).and(written)
    })?;
    say(&format!(
        "{} items, release {}, {} bytes",
        exportable.len(),
        exportable.release().number(),
        bytes.len()
    ));
    Ok(())
}

fn load(file: &Path) -> Result<Vec<u8>> {
    Ok(load_file(file, u32::MAX as usize)?)
}

fn verify<'a>(bytes: &'a [u8], file: &Path) -> Result<Exportable<'a>> {
    Exportable::load(bytes).with_context(|| format!("{} is no export", shown(file)))
}

/// Returns where a user's server listens: in a directory that is the user's own, which nobody else can put a socket into.
fn default_socket() -> Result<PathBuf> {
    let directory = private_directory("kv-store").context("give a socket elsewhere with `--socket`")?;
    Ok(directory.join("kv-store.sock"))
}
