//! The steps of `cargo xtask test`, in the order in which they run: quick ones first.

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
    /// A [`Skip`] as the error means that it cannot run here.
    pub(crate) run: fn() -> Result<()>,
}

#[rustfmt::skip]
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format",   what: "the code is formatted",                                   run: format },
    Step { name: "locked",   what: "every lock file says what its manifests say",             run: locked },
    Step { name: "clippy",   what: "no lint warns, with all features",                        run: clippy },
    Step { name: "tests",    what: "unit, integration and documentation tests",               run: tests },
    Step { name: "bugs",     what: "every deliberate bug fits the sources, and a test finds one of each crate", run: bugs::check },
    Step { name: "client",   what: "two products outside the workspace, and what vm-superio wrote",    run: client },
    Step { name: "page",     what: "the page of `devstate inspect --html` works in Chromium", run: page },
    Step { name: "doc",      what: "the documentation builds without a warning",              run: doc },
    Step { name: "book",     what: "every link between the pages leads somewhere, and the book builds", run: book::check },
    Step { name: "api",      what: "the root of devstate-versioning stays small",               run: api::check },
    Step { name: "no-std",   what: "every library builds where there is no std and no alloc", run: no_std },
    Step { name: "features", what: "no combination of features warns",                         run: features },
    Step { name: "msrv",     what: "the libraries pass their tests with the oldest Rust that they declare", run: msrv::check },
    Step { name: "bare",     what: "firmware boots in QEMU and prints what it should",         run: firmware::check },
    Step { name: "oracle",   what: "the devices do what QEMU's do, but for what their tables say",  run: oracle::check },
    Step { name: "fuzz",     what: "a short run of every fuzz target finds nothing",           run: fuzz::check },
    Step { name: "bench-check", what: "no instruction count has grown, and nothing allocates", run: bench::check },
    Step { name: "faults",   what: "a system call that fails, or a kill at it, breaks nothing", run: faults::step },
    Step { name: "deny",     what: "dependencies keep to the rules of deny.toml",             run: deny },
    Step { name: "semver",   what: "the interfaces are compatible with the last release's",       run: semver },
    Step { name: "package",  what: "what would be published builds by itself",                run: package::check },
    Step { name: "vmm",      what: "Linux in minimal-vmm survives kill and restore",     run: vmm::step },
    Step { name: "readme",   what: "the README's commands work",                              run: readme::check },
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
    run(&mut cargo("test --workspace --all-features"))?;
    // A workspace of its own. Its program needs Valgrind, its unit tests do not.
    run(&mut cargo(
        "test --manifest-path tests/bench/Cargo.toml --bin devstate-bench",
    ))
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
    run(&mut cargo("test -p devstate-cli --test page -- --include-ignored"))
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
