//! `devstate inspect FILE`: every field of a snapshot with offset, bytes and value.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use devstate_versioning::Header;

use crate::failure::Failure;
use crate::html;
use crate::json::print_json;
use crate::output::{BAD, DIM, Kind, print, write_file};
use crate::peek::architecture;
use crate::report::{Damage, Report, file_name, hex, with_unit};
use crate::schema::Found;
use crate::snapshot::{SchemaArgs, Snapshot};

/// Prints every field of a snapshot, with offset, bytes and value
///
/// The fingerprint in the snapshot selects the schema. Damaged parts are shown at their place.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The snapshot; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Prints one object of JSON. Numbers above 2^53 are strings in it
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Writes one self-contained page: the bytes as a grid beside the tree of fields. Replaces only such a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  devstate inspect lamp.snapshot --schema schemas
  devstate inspect lamp.snapshot --json | jq '.fields[] | select(.path == \"timers[1].count\").value'
  devstate inspect lamp.snapshot --html lamp.html && xdg-open lamp.html

A product's program prints its schema: devstate_versioning::schema::Json::<Release>::new().

Exit status: 0 if the snapshot is whole, 1 if it is damaged, 2 if it cannot be read or no schema fits.";

const PAGE: Kind = Kind {
    name: "page of `devstate inspect`",
    mark: html::BEGINNING.as_bytes(),
};

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let schemas = args.schemas.read()?;
    let snapshot = Snapshot::read(&args.file)?;
    let found = snapshot.identify(&schemas)?;
    let whole = if args.json {
        let report = Report::new(&snapshot, found);
        print_json(&report)?;
        report.damage.is_empty()
    } else if let Some(page) = &args.html {
        let report = Report::new(&snapshot, found);
        write_file(page, &PAGE, &[&args.file, found.file], |out| {
            out.write_all(html::page(&report).as_bytes())
        })?;
        report.damage.is_empty()
    } else {
        print_text(&snapshot, found)?
    };
    Ok(ExitCode::from(u8::from(!whole)))
}

/// Prints each field as it is found: a snapshot may have millions. Returns `true` if the snapshot is whole.
fn print_text(snapshot: &Snapshot, found: Found<'_>) -> Result<bool, Failure> {
    print(&heading(snapshot, found))?;
    let mut text = String::new();
    let mut printed = Ok(());
    let mut whole = true;
    let walked = snapshot.walk(found, &mut |item| {
        let bytes = snapshot
            .bytes
            .get(item.offset..item.offset + item.len)
            .unwrap_or_default();
        let (path, ty, mut value) = (
            item.path.to_string(),
            item.ty.to_string(),
            with_unit(item.value, item.unit),
        );
        if let Some(damage) = Damage::of_item(item) {
            whole = false;
            value = format!("{BAD}{} (at byte {}){BAD:#}", damage.what, damage.offset);
        }
        // Writing to a `String` does not fail.
        let _ = writeln!(
            text,
            "{:>6}  {DIM}{:<16}{DIM:#}  {path:<40} {ty:<20} {value}",
            item.offset,
            short(bytes)
        );
        if text.len() > CHUNK_LEN && printed.is_ok() {
            printed = print(&text);
            text.clear();
        }
    });
    printed?;
    if let Err(stopped) = walked {
        whole = false;
        let damage = Damage::from_walk(stopped);
        let _ = writeln!(text, "{:>6}  {BAD}{damage}{BAD:#}", damage.offset);
        let unread = (Header::LEN + snapshot.payload().len()).saturating_sub(damage.offset);
        let unread = if unread == 1 {
            "byte of the payload was".to_owned()
        } else {
            format!("{unread} bytes of the payload were")
        };
        let _ = writeln!(text, "        {BAD}the last {unread} not read{BAD:#}");
    }
    match (snapshot.checksum(), Damage::of(snapshot)) {
        (Some(checksum), None) => {
            let _ = writeln!(text, "\n{:>6}  checksum {checksum:#018x}, right", snapshot.summed_len());
        }
        (_, damage) => {
            whole = false;
            let what = damage.map_or_else(String::new, |damage| damage.to_string());
            let _ = writeln!(text, "\n        {BAD}{what}{BAD:#}");
        }
    }
    print(&text)?;
    Ok(whole)
}

/// The length at which text is printed.
const CHUNK_LEN: usize = 1 << 16;

fn heading(snapshot: &Snapshot, found: Found<'_>) -> String {
    let Header {
        architecture_code,
        release,
        payload_len,
        fingerprint,
    } = snapshot.header;
    format!(
        "     7  architecture  {}\n     8  format        {}\n    10  release       {release}, {}\n    \
         12  length        {payload_len} bytes of payload\n    16  fingerprint   {fingerprint:#018x}\n\n\
         {} version {}, by {}\n",
        architecture(architecture_code),
        Header::FORMAT,
        found.release_name(),
        found.root.name,
        found.root_version(),
        file_name(found.file),
    )
}

/// The bytes of a value, as far as there is room for them.
fn short(bytes: &[u8]) -> String {
    match bytes.get(..8) {
        Some(first) if bytes.len() > 8 => format!("{}…", hex(first.get(..7).unwrap_or_default())),
        _ => hex(bytes),
    }
}
