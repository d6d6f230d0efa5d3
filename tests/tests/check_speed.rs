//! How long the compiler takes to check a long history: 100 releases of 64 mirrors, in `cargo check`.
//!
//! The fingerprints in the generated source come from a second implementation of FORMAT.md's "Fingerprints", below; where
//! the two differ, it does not compile.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RELEASES: usize = 100;
const MIRRORS: usize = 64;
const VERSIONS: usize = 10;
/// Several times what it takes (tests/README.md), for machines that are slow. That one is busy does not count.
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_hundred_releases_of_sixty_four_mirrors_are_checked_in_seconds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("long-history");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest(root)).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    // First without the history, to have the dependencies done.
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    check(&folder);
    fs::write(folder.join("src/lib.rs"), source()).unwrap();
    let before = processor_time_of_children();
    let took = check(&folder);
    let after = processor_time_of_children();
    let worked = before
        .zip(after)
        .map_or(took, |(before, after)| after.saturating_sub(before));
    println!(
        "{MIRRORS} mirrors in {RELEASES} releases, {VERSIONS} versions each: cargo check took {took:.1?}, {worked:.1?} of a \
         processor's time"
    );
    assert!(worked > Duration::ZERO && worked < LIMIT, "{worked:?}");
}

/// 400 neighbouring fields of fixed length, and 300 fields of which each version adds three.
#[test]
fn a_mirror_with_hundreds_of_fields_and_versions_compiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large-mirrors");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest(root)).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let wide: Vec<_> = (0..400).map(|field| (format!("field_{field}"), 1)).collect();
    let long: Vec<_> = (0..300)
        .map(|field| (format!("field_{field}"), 1 + field / 3))
        .collect();
    let mut source = "use devstate_versioning::{ReleaseTable, Versioned, release_table};\n".to_owned();
    for (name, versions, fields) in [("WideSer", 1, &wide), ("LongSer", 100, &long)] {
        let layout = |version: usize| {
            let there = fields.iter().filter(|(_, start)| *start <= version);
            let there: Vec<_> = there.map(|(field, _)| format!("{field}:u32")).collect();
            fnv1a(&format!("{name}@{version}{{{}}}", there.join(",")))
        };
        let pins: Vec<_> = (1..=versions)
            .map(|version| format!("{:#x}", layout(version)))
            .collect();
        writeln!(
            source,
            "#[derive(Versioned, Clone)]\n#[versioned(version = {versions}, layouts({}))]\npub struct {name} {{",
            pins.join(", ")
        )
        .unwrap();
        for (field, start) in fields {
            writeln!(source, "    #[versioned(start = {start})]\n    pub {field}: u32,").unwrap();
        }
        source.push_str("}\n");
    }
    source.push_str(
        "release_table! { pub enum Release { V1 = 1 @ open } WideSer => [1], LongSer => [100], }\n\
         pub fn save(wide: &WideSer, long: &LongSer, memory: &mut [u8; 4000]) -> bool {\n    \
         Release::save(wide, memory).is_ok() && Release::save(long, memory).is_ok()\n}\n",
    );
    fs::write(folder.join("src/lib.rs"), source).unwrap();
    run(&folder, "build");
}

/// Of those that have ended, from Linux's `stat` of this process: hundredths of a second in user and in system mode.
/// Elsewhere it is not known.
fn processor_time_of_children() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses could hold anything; the state follows, which is the third field.
    let (_, from_third) = stat.rsplit_once(") ").unwrap();
    let ticks = from_third.split(' ').skip(16 - 3).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Some(Duration::from_millis(10 * ticks))
}

/// Runs `cargo check`. A constant that takes long to evaluate is an error by rustc's own lint.
fn check(folder: &Path) -> Duration {
    run(folder, "check")
}

fn run(folder: &Path, command: &str) -> Duration {
    let start = Instant::now();
    let output = Command::new(env!("CARGO"))
        .args([command, "--offline", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    start.elapsed()
}

fn manifest(root: &Path) -> String {
    format!(
        "[package]\nname = \"long-history\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         devstate-versioning = {{ path = \"{}\" }}\n\
         heapless = {{ version = \"0.9.3\", default-features = false }}\n",
        root.join("versioning").display()
    )
}

/// The version of a mirror in a release, both counted from 0.
fn version_in(mirror: usize, release: usize) -> usize {
    (1 + (release + mirror) * VERSIONS / RELEASES).min(VERSIONS)
}

fn source() -> String {
    let mut source = "use devstate_versioning::{Versioned, release_table};\n".to_owned();
    for mirror in 0..MIRRORS {
        let pins: Vec<_> = (1..=VERSIONS)
            .map(|version| format!("{:#x}", layout(mirror, version)))
            .collect();
        let pins = pins.join(", ");
        let derives = "#[derive(Versioned, Clone, Debug, Default, PartialEq)]";
        writeln!(
            source,
            "\n{derives}\n#[versioned(version = {VERSIONS}, layouts({pins}))]"
        )
        .unwrap();
        writeln!(source, "pub struct Mirror{mirror}Ser {{").unwrap();
        for (name, start, rust, _) in fields(mirror) {
            writeln!(source, "    #[versioned(start = {start})]\n    pub {name}: {rust},").unwrap();
        }
        source.push_str("}\n");
    }
    source.push_str("\nrelease_table! {\n    pub enum Release {\n");
    for release in 0..RELEASES {
        let pin = if release == RELEASES - 1 {
            "open".to_owned()
        } else {
            // A release's fingerprint is the sum of the layouts in its column.
            let layouts = (0..MIRRORS).map(|mirror| layout(mirror, version_in(mirror, release)));
            format!("{:#x}", layouts.fold(0, u64::wrapping_add))
        };
        writeln!(source, "        R{release} = {} @ {pin},", release + 1).unwrap();
    }
    source.push_str("    }\n");
    for mirror in 0..MIRRORS {
        let versions: Vec<_> = (0..RELEASES)
            .map(|release| version_in(mirror, release).to_string())
            .collect();
        writeln!(source, "    Mirror{mirror}Ser => [{}],", versions.join(", ")).unwrap();
    }
    source.push_str("}\n");
    source
}

/// Name, first version, type in the source and in the fingerprint's text.
fn fields(mirror: usize) -> Vec<(String, usize, String, String)> {
    let mut fields = Vec::new();
    for i in 0..8 {
        fields.push((format!("register_{i}"), 1, "u32".to_owned(), "u32".to_owned()));
    }
    for version in 2..=VERSIONS {
        fields.push((format!("added_{version}"), version, "u16".to_owned(), "u16".to_owned()));
    }
    if !mirror.is_multiple_of(7) {
        let part = format!("Mirror{}Ser", mirror - 1);
        fields.push(("part".to_owned(), 1, part.clone(), part));
    }
    let rust = "heapless::Vec<u8, 64>".to_owned();
    fields.push(("data".to_owned(), 1, rust, "seq<u8,64>".to_owned()));
    fields
}

fn layout(mirror: usize, version: usize) -> u64 {
    let fields = fields(mirror).into_iter().filter(|(_, start, ..)| *start <= version);
    let fields: Vec<_> = fields.map(|(name, _, _, ty)| format!("{name}:{ty}")).collect();
    fnv1a(&format!("Mirror{mirror}Ser@{version}{{{}}}", fields.join(",")))
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
