//! The steps of `cargo xtask test`. Each lane runs its steps in this order: quick ones first.

use crate::api;
use crate::bare::{CORTEX_M3, bare_target};
use crate::bench;
use crate::book;
use crate::bugs;
use crate::faults;
use crate::firmware;
use crate::fuzz;
use crate::install::{Skip, cargo_tool, program_path};
use crate::msrv;
use crate::oracle;
use crate::package;
use crate::process::{cargo, find, output, program, run};
use crate::readme;
use crate::vmm;
use crate::workspace::{libraries, metadata, published};
use anyhow::{Context, Result};

/// One step.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What it holds, for the heading.
    pub(crate) what: &'static str,
    pub(crate) folder: Folder,
    /// A [`Skip`] as the error means that it cannot run here.
    pub(crate) run: fn() -> Result<()>,
}

/// Where a step builds. Cargo lets one process at a time build in a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    /// The workspace's `target`, with the other steps of this kind.
    Shared,
    /// One that no step of the other kind uses.
    Own,
}
use Folder::{Own, Shared};

#[rustfmt::skip]
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format",      folder: Shared, run: format,             what: "the code is formatted" },
    Step { name: "locked",      folder: Shared, run: locked,             what: "every lock file says what its manifests say" },
    Step { name: "clippy",      folder: Shared, run: clippy,             what: "no lint warns, with all features" },
    Step { name: "tests",       folder: Shared, run: tests,              what: "unit, integration and documentation tests" },
    Step { name: "bugs",        folder: Own,    run: bugs::check,        what: "every deliberate bug fits the sources, and a test finds one of each crate" },
    Step { name: "client",      folder: Shared, run: client,             what: "two products outside the workspace, and what vm-superio wrote" },
    Step { name: "page",        folder: Shared, run: page,               what: "the page of `devstate inspect --html` works in Chromium" },
    Step { name: "doc",         folder: Shared, run: doc,                what: "the documentation builds without a warning" },
    Step { name: "book",        folder: Shared, run: book::check,        what: "every link between the pages leads somewhere, and the book builds" },
    Step { name: "api",         folder: Own,    run: api::check,         what: "the root of devstate-versioning stays small" },
    Step { name: "no-std",      folder: Own,    run: no_std,             what: "every library builds where there is no std and no alloc" },
    Step { name: "features",    folder: Shared, run: features,           what: "no combination of features warns" },
    Step { name: "msrv",        folder: Shared, run: msrv::check,        what: "the libraries pass their tests with the oldest Rust that they declare" },
    Step { name: "bare",        folder: Own,    run: firmware::check,    what: "firmware boots in QEMU and prints what it should" },
    Step { name: "vmm",         folder: Own,    run: vmm::step,          what: "Linux in minimal-vmm survives kill and restore" },
    Step { name: "oracle",      folder: Shared, run: oracle::check,      what: "the devices do what QEMU's do, but for what their tables say" },
    Step { name: "fuzz",        folder: Own,    run: fuzz::check,        what: "a short run of every fuzz target finds nothing" },
    Step { name: "bench-check", folder: Own,    run: bench::check,       what: "no instruction count has grown, and nothing allocates" },
    Step { name: "faults",      folder: Shared, run: faults::step,       what: "a system call that fails, or a kill at it, breaks nothing" },
    Step { name: "deny",        folder: Own,    run: deny,               what: "dependencies keep to the rules of deny.toml" },
    Step { name: "semver",      folder: Shared, run: semver,             what: "the interfaces are compatible with the last release's" },
    Step { name: "package",     folder: Own,    run: package::check,     what: "what would be published builds by itself" },
    Step { name: "readme",      folder: Shared, run: readme::check,      what: "the README's commands work" },
];

/// The workspaces, each with its own lock file.
const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "examples/bare/Cargo.toml",
    "tests/bench/Cargo.toml",
    "tests/client/Cargo.toml",
    "tests/fuzz/Cargo.toml",
    "tests/port/Cargo.toml",
];

fn format() -> Result<()> {
    run(&mut cargo("fmt --all --check"))
}

fn locked() -> Result<()> {
    for manifest in MANIFESTS {
        let metadata = format!("metadata --locked --format-version 1 --manifest-path {manifest}");
        output(&mut cargo(&metadata)).with_context(|| format!("{manifest}: run `cargo update --workspace` there"))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    run(&mut cargo(
        "clippy --workspace --all-targets --all-features -- -D warnings",
    ))
}

fn tests() -> Result<()> {
    run(&mut cargo("test --workspace --all-features"))
}

fn client() -> Result<()> {
    for manifest in ["tests/client/Cargo.toml", "tests/port/Cargo.toml"] {
        run(&mut cargo(&format!("fmt --manifest-path {manifest} --check")))?;
        run(&mut cargo(&format!("test --manifest-path {manifest}")))?;
    }
    Ok(())
}

fn page() -> Result<()> {
    program_path("chromium")?;
    // As the step `tests` builds it.
    run(&mut cargo(
        "test --workspace --all-features --test page -- --include-ignored",
    ))
}

fn doc() -> Result<()> {
    run(cargo("doc --workspace --no-deps --all-features").env("RUSTDOCFLAGS", "-D warnings"))
}

fn no_std() -> Result<()> {
    let target = bare_target(CORTEX_M3)?;
    let metadata = metadata()?;
    let packages: Vec<&str> = libraries(&metadata)
        .flat_map(|library| ["-p", library.name.as_str()])
        .collect();
    for features in ["--no-default-features", "--all-features"] {
        run(target.cargo("build").args(&packages).arg(features))?;
    }
    // The store without its server.
    let store = ["-p", "devstate-kv-store-export", "--lib"];
    run(target.cargo("build").args(store).arg("--no-default-features"))
}

fn features() -> Result<()> {
    let hack = cargo_tool("cargo-hack")?;
    let metadata = metadata()?;
    let packages = published(&metadata).flat_map(|package| ["-p", package.name.as_str()]);
    let mut command = program(hack);
    command.args(["hack", "clippy", "--feature-powerset"]).args(packages);
    run(command.args(["--", "-D", "warnings"]))
}

fn deny() -> Result<()> {
    let deny = cargo_tool("cargo-deny")?;
    run(program(deny).args(["--all-features", "check", "bans", "licenses", "sources"]))
}

fn semver() -> Result<()> {
    let tags = output(program("git").args(["tag", "--list", "v*", "--sort=-version:refname"]))?;
    let Some(last) = tags.lines().next() else {
        return Err(Skip::beyond_this_machine("no release has a tag yet, so there is nothing to compare with").into());
    };
    let Some(checks) = find("cargo-semver-checks") else {
        return Err(Skip::beyond_this_machine("missing: cargo install --locked cargo-semver-checks").into());
    };
    let metadata = metadata()?;
    let packages = libraries(&metadata).flat_map(|library| ["-p", library.name.as_str()]);
    let mut command = program(checks);
    command.args(["semver-checks", "--baseline-rev", last]).args(packages);
    run(&mut command)
}
