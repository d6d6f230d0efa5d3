//! `devstate golden FOLDER`: checks the frozen files of a product by its schema.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use devstate_golden::Case;

use crate::failure::{Failure, printable};
use crate::output::{BAD, only_regular, print};
use crate::report::Damage;
use crate::schema::Folder;
use crate::snapshot::{SchemaArgs, Snapshot};

/// The maximum length of a frozen file in bytes.
const MAX_FILE_LEN: u64 = 256 << 20;

/// Checks frozen files by the schema: every snapshot is whole, of a published release, and what the encoder writes
///
/// The files are those of devstate-golden, `FOLDER/RELEASE/MIRROR.hex`. The product's own tests write and check them. This
/// command needs no code of the product, so it also checks the files against the schema of a newer build.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder with the frozen files
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    schemas: SchemaArgs,
}

const EXAMPLES: &str = "\
Example:
  devstate golden golden --schema schemas/v4.json

The files come from a test of the product, with devstate-golden in its [dev-dependencies]:
  Golden::<Release>::new(\"golden\").check::<LampSer>().unwrap();
`DEVSTATE_GOLDEN=add cargo test` writes those that are missing.

Exit status: 0 if all are right, 1 if one is not or is missing, 2 if the folder cannot be read.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let schemas = args.schemas.read()?;
    if schemas.is_empty() {
        let next = "add --schema FILE, with the JSON that the product's program prints with schema::Json";
        return Err(Failure::new("no schema was given", next));
    }
    let mut files = Vec::new();
    for release in entries(&args.folder)? {
        if release.is_dir() {
            let hex = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "hex");
            files.extend(entries(&release)?.into_iter().filter(hex));
        }
    }
    let (mut snapshots, mut bad, mut missing) = (0, 0, 0);
    let mut frozen = BTreeSet::new();
    for file in &files {
        match check(file, &args.folder, &schemas) {
            Ok((release, mirror, count)) => {
                snapshots += count;
                frozen.insert((release, mirror));
            }
            Err(what) => {
                bad += 1;
                print(&format!(
                    "{BAD}bad{BAD:#}  {}: {what}\n",
                    printable(&file.to_string_lossy())
                ))?;
            }
        }
    }
    // A file that is bad was reported already.
    for (release, mirror) in schemas.published() {
        let file = name_of(&args.folder, release, mirror);
        if !frozen.contains(&(release.to_owned(), mirror.to_owned())) && !files.contains(&file) {
            missing += 1;
            print(&format!(
                "{BAD}missing{BAD:#}  {}\n",
                printable(&file.to_string_lossy())
            ))?;
        }
    }
    let right = files.len() - bad;
    print(&format!(
        "{snapshots} snapshots right; files: {right} right, {bad} bad, {missing} missing\n"
    ))?;
    Ok(ExitCode::from(u8::from(bad + missing > 0)))
}

/// Returns the release, the mirror and the number of snapshots.
fn check(file: &Path, folder: &Path, schemas: &Folder) -> Result<(String, String, usize), String> {
    let text = read(file).map_err(|error| format!("cannot read it: {error}"))?;
    let cases = Case::parse(file, &text).map_err(|error| error.what)?;
    let mut of = None;
    for Case { name, snapshot } in &cases {
        let wrong = |what: String| format!("{name}: {what}");
        let snapshot = Snapshot::from_bytes("", snapshot.clone()).map_err(|failure| wrong(failure.what))?;
        if let Some(damage) = Damage::of(&snapshot) {
            return Err(wrong(damage.to_string()));
        }
        let found = snapshot.identify(schemas).map_err(|failure| wrong(failure.what))?;
        Damage::check(&snapshot, found).map_err(|damage| wrong(damage.to_string()))?;
        let names = (found.release_name().to_owned(), found.root.name.clone());
        if of.get_or_insert_with(|| names.clone()) != &names {
            return Err(wrong(format!("of {} at {}, unlike the first", names.1, names.0)));
        }
    }
    let (release, mirror) = of.ok_or("there is no snapshot in it")?;
    if file != name_of(folder, &release, &mirror) {
        return Err(format!("it has the snapshots of {release}/{mirror}.hex"));
    }
    Ok((release, mirror, cases.len()))
}

fn name_of(folder: &Path, release: &str, mirror: &str) -> PathBuf {
    folder.join(release).join(format!("{mirror}.hex"))
}

fn read(file: &Path) -> io::Result<String> {
    only_regular(file)?;
    if fs::metadata(file)?.len() > MAX_FILE_LEN {
        return Err(io::Error::other(format!("it is longer than {MAX_FILE_LEN} bytes")));
    }
    fs::read_to_string(file)
}

/// Returns what is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| {
        let name = printable(&folder.to_string_lossy());
        Failure::of(
            &name,
            format!("cannot read it: {error}"),
            "give the folder that the product's test names",
        )
    };
    let read = fs::read_dir(folder).map_err(failed)?;
    let mut paths = read
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
