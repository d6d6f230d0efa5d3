//! `cargo xtask inspect FILE`: what stands in a snapshot, byte by byte.

use anyhow::{Context, Result, bail};
use devstate_replay::Release;
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::{PayloadSchema, Value};
use devstate_versioning::schema::Type;
use devstate_versioning::{Architecture, Header, LoadErrorKind, ReleaseTable};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints a snapshot's header and every field with its offset and value, for any release of the reference machine.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The snapshot
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let mut text = String::new();
    let described = describe::<Release>(&bytes, &mut text);
    print!("{text}");
    described?;
    Ok(ExitCode::SUCCESS)
}

/// Describes what can be described, up to the first thing that is wrong.
fn describe<R: ReleaseTable>(snapshot: &[u8], out: &mut String) -> Result<()> {
    let header = Header::peek(snapshot)?;
    describe_header::<R>(&header, out)?;
    if header.snapshot_len() != snapshot.len() {
        bail!(
            "the header announces {} bytes, and there are {}",
            header.snapshot_len(),
            snapshot.len()
        );
    }
    let (summed, trailer) = snapshot
        .split_last_chunk::<{ Header::TRAILER_LEN }>()
        .context("no room for a checksum")?;
    let payload = summed.get(Header::LEN..).context("no room for a header")?;
    let schema = PayloadSchema::identify::<R>(&header)
        .context("no mirror of any release that is known here has that fingerprint")?;
    writeln!(
        out,
        "\n{} version {}",
        schema.root().name,
        schema.version_of(schema.root())
    )?;
    let walked = schema.walk(payload, Header::LEN, &mut |item| {
        let value = show(item.ty, item.value);
        // Writing to a `String` does not fail.
        let _ = writeln!(
            out,
            "{:>6}  {:<40} {:<20} {value}",
            item.offset,
            item.path.to_string(),
            item.ty.to_string()
        );
    });
    let (expected, found) = (u64::from_le_bytes(*trailer), Crc64::checksum(summed));
    let verdict = if expected == found { "right" } else { "WRONG" };
    writeln!(out, "\n{:>6}  checksum {expected:#018x}, {verdict}", summed.len())?;
    walked?;
    if expected != found {
        bail!(LoadErrorKind::Checksum { expected, found }.at(summed.len()));
    }
    Ok(())
}

fn describe_header<R: ReleaseTable>(header: &Header, out: &mut String) -> Result<()> {
    let architecture = Architecture::from_code(header.architecture_code).map_or_else(
        || format!("unknown ({})", header.architecture_code),
        |known| known.to_string(),
    );
    let release = R::from_number(header.release).map_or_else(
        || format!("{}, not known here", header.release),
        |release| format!("{}, {release:?}", header.release),
    );
    writeln!(out, "     7  architecture {architecture}")?;
    writeln!(out, "     8  format       {}", Header::FORMAT)?;
    writeln!(out, "    10  release      {release}")?;
    writeln!(out, "    12  length       {} bytes of payload", header.payload_len)?;
    writeln!(out, "    16  fingerprint  {:#018x}", header.fingerprint)?;
    Ok(())
}

/// Registers are read in hexadecimal, counts in decimal.
fn show(ty: Type, value: Value<'_>) -> String {
    match (ty, value) {
        (Type::UInt(bytes), Value::UInt(value)) => {
            let width = 2 + 2 * usize::from(bytes);
            if value < 10 {
                format!("{value:#0width$x}")
            } else {
                format!("{value:#0width$x} ({value})")
            }
        }
        (_, Value::Bytes(bytes))
            if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') && !bytes.is_empty() =>
        {
            format!("{value} {:?}", String::from_utf8_lossy(bytes))
        }
        (_, value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};

    #[derive(Versioned, Clone, Debug, Default)]
    #[versioned(version = 1, layouts(open))]
    struct PortSer {
        divisor: u16,
        rx: heapless::Vec<u8, 4>,
    }

    release_table! {
        enum Release { V1 = 7 @ open }
        PortSer => [1],
    }

    fn described(damage: impl FnOnce(&mut Vec<u8>)) -> (String, Result<(), String>) {
        let mut memory = buffer!(PortSer);
        let port = PortSer {
            divisor: 12,
            rx: heapless::Vec::from_slice(b"hi").unwrap(),
        };
        let mut snapshot = Release::save(&port, &mut memory).unwrap().to_vec();
        damage(&mut snapshot);
        let mut text = String::new();
        let result = describe::<Release>(&snapshot, &mut text).map_err(|error| error.to_string());
        (text, result)
    }

    #[test]
    fn every_field_has_its_line() {
        let (text, result) = described(|_| ());
        assert_eq!(result, Ok(()));
        assert!(text.contains("    10  release      7, V1\n"), "{text}");
        assert!(text.contains("\nPortSer version 1\n"), "{text}");
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(
            lines.contains(&vec!["24", "divisor", "u16", "0x000c", "(12)"]),
            "{text}"
        );
        assert!(
            lines.contains(&vec!["26", "rx", "seq<u8,4>", "[68", "69]", "\"hi\""]),
            "{text}"
        );
        assert!(text.trim_end().ends_with("right"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_said_behind_what_can_be_read() {
        let (text, result) = described(|snapshot| snapshot[24] ^= 1);
        assert!(text.contains("divisor") && text.contains("WRONG"), "{text}");
        assert!(result.unwrap_err().contains("checksum"));
        let (text, result) = described(|snapshot| snapshot[26] = 9);
        assert!(text.contains("divisor") && !text.contains("\"hi\""), "{text}");
        assert!(
            result
                .unwrap_err()
                .starts_with("rx: found 0x9, expected a length of at most 4")
        );
        assert!(
            described(|snapshot| snapshot[16] ^= 1)
                .1
                .unwrap_err()
                .contains("fingerprint")
        );
        assert!(
            described(|snapshot| snapshot.truncate(30))
                .1
                .unwrap_err()
                .contains("announces")
        );
        assert!(described(Vec::clear).1.is_err());
    }
}
