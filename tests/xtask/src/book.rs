//! `cargo xtask book`: the repository's pages as a book, and a check of every link between pages.

mod links;

use crate::install::cargo_tool;
use crate::process::{output, program, run};
use crate::workspace::{metadata, published, root};
use anyhow::{Context, Result};
use links::Pages;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The parts of the book: a title, and its chapters with their files.
const PARTS: &[(&str, &[(&str, &str)])] = &[
    ("", &[("Overview", "README.md")]),
    (
        "The devices",
        &[
            ("What they have in common", "devices/README.md"),
            ("16550A UART", "devices/serial-16550/README.md"),
            ("PL031 clock", "devices/rtc-pl031/README.md"),
            ("i8042 with keyboard and mouse", "devices/i8042/README.md"),
            ("A whole main loop", "examples/rust-vmm/README.md"),
            ("From vm-superio", "devices/PORTING.md"),
            ("vm-superio's interface", "devices/vm-superio/README.md"),
            ("From QEMU and to it", "devices/QEMU.md"),
            ("QEMU's migration files", "devices/qemu/README.md"),
            ("A section of one", "devices/qemu/section/README.md"),
            ("rust-vmm's buses", "devices/rust-vmm/README.md"),
        ],
    ),
    (
        "Versioned state",
        &[
            ("By example", "versioning/README.md"),
            ("The UART's mirror", "devices/serial-16550/ser/README.md"),
            ("The clock's mirror", "devices/rtc-pl031/ser/README.md"),
            ("The i8042's mirror", "devices/i8042/ser/README.md"),
            ("Recipes", "CONTRIBUTING.md"),
            ("Mistakes", "versioning/MISTAKES.md"),
            ("Two slots in flash", "versioning/slots/README.md"),
            ("A file that is replaced whole", "versioning/file/README.md"),
            ("What a VMM needs of its host", "devices/host/README.md"),
            ("Memory that a client lends", "versioning/memfd/README.md"),
            ("Sockets between processes of one user", "versioning/socket/README.md"),
            ("Frozen bytes", "versioning/golden/README.md"),
            ("The command", "versioning/cli/README.md"),
        ],
    ),
    (
        "Reference",
        &[
            ("Format", "FORMAT.md"),
            ("Architecture", "ARCHITECTURE.md"),
            ("Compatibility", "COMPATIBILITY.md"),
            ("Security", "SECURITY.md"),
            ("The UART beside QEMU's", "devices/serial-16550/DIFFERENCES.md"),
            ("The clock beside QEMU's", "devices/rtc-pl031/DIFFERENCES.md"),
            ("The i8042 beside QEMU's", "devices/i8042/DIFFERENCES.md"),
            ("Benchmarks", "BENCHMARKS.md"),
            ("Changes", "CHANGELOG.md"),
        ],
    ),
];

/// Checks every link between pages, and builds the book below `target/book`.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run_command(_: &Args) -> Result<ExitCode> {
    check()?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn check() -> Result<()> {
    let pages = Pages::read(root(), &tracked()?)?;
    pages.check()?;
    let book = root().join("target/book");
    if book.exists() {
        fs::remove_dir_all(&book)?;
    }
    let repository = repository()?;
    let chapters: BTreeSet<PathBuf> = chapters().map(PathBuf::from).collect();
    for chapter in &chapters {
        let (text, images) = pages.for_book(chapter, &chapters, &repository)?;
        write(&book.join("src").join(chapter), text.as_bytes())?;
        for image in images {
            write(&book.join("src").join(&image), &fs::read(root().join(&image))?)?;
        }
    }
    write(&book.join("src/SUMMARY.md"), summary().as_bytes())?;
    fs::copy(root().join("tests/book/book.toml"), book.join("book.toml"))?;
    let mut mdbook = program(cargo_tool("mdbook")?);
    run(mdbook
        .arg("build")
        .arg(&book)
        .env("MDBOOK_OUTPUT__HTML__GIT_REPOSITORY_URL", &repository))?;
    println!("{}", book.join("html/index.html").display());
    Ok(())
}

fn chapters() -> impl Iterator<Item = &'static str> {
    PARTS
        .iter()
        .flat_map(|(_, chapters)| chapters.iter().map(|(_, file)| *file))
}

fn summary() -> String {
    let mut summary = String::from("# Summary\n");
    for (part, chapters) in PARTS {
        if !part.is_empty() {
            let _ = write!(summary, "\n# {part}\n");
        }
        for (title, file) in *chapters {
            let item = if part.is_empty() { "" } else { "- " };
            let _ = write!(summary, "\n{item}[{title}]({file})");
        }
        summary.push('\n');
    }
    summary
}

/// The files that git knows, relative to the root.
fn tracked() -> Result<BTreeSet<PathBuf>> {
    let files = output(program("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    Ok(files
        .lines()
        .map(PathBuf::from)
        .filter(|file| root().join(file).exists())
        .collect())
}

/// The address of the repository, which stands in one place.
fn repository() -> Result<String> {
    let metadata = metadata()?;
    let package = published(&metadata).next().context("nothing is published")?;
    package.repository.clone().context("no repository in Cargo.toml")
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    fs::create_dir_all(file.parent().context("a file in no folder")?)?;
    fs::write(file, content).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chapter_is_a_file_and_no_file_is_two_chapters() {
        let files: BTreeSet<_> = chapters().collect();
        assert_eq!(files.len(), chapters().count());
        for file in files {
            assert!(root().join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn every_link_between_the_pages_leads_somewhere() {
        let pages = Pages::read(root(), &tracked().unwrap()).unwrap();
        pages.check().unwrap();
    }
}
