//! The READMEs say what the manifests and the mirrors say.

use cargo_metadata::MetadataCommand;
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::Mirror;
use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

#[test]
fn the_readme_of_each_published_crate_names_its_rust_version() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let published = metadata.packages.iter().filter(|package| package.publish.is_none());
    let mut crates = 0;
    for package in published {
        crates += 1;
        let rust = package.rust_version.as_ref().unwrap();
        let sentence = format!("Rust {}.{} or newer", rust.major, rust.minor);
        let readme = read_to_string(package.readme().unwrap()).unwrap();
        assert!(
            readme.contains(&sentence),
            "{}: \"{sentence}\" is missing",
            package.name
        );
    }
    assert!(crates >= 9, "{crates}");
}

#[test]
fn the_readme_of_each_mirror_names_its_latest_version() {
    fn row<M: Mirror>(device: &str, mirror: &str) {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../devices/{device}/ser/README.md"));
        let latest = M::LAYOUTS.len();
        let sentence =
            format!("The latest version is {latest}: the row of a new release table is `{mirror} => [{latest}]`.");
        assert!(
            read_to_string(readme).unwrap().contains(&sentence),
            "{device}: \"{sentence}\" is missing"
        );
    }
    row::<RtcStateSer>("rtc-pl031", "RtcStateSer");
    row::<SerialStateSer>("serial-16550", "SerialStateSer");
    row::<I8042StateSer>("i8042", "I8042StateSer");
}

/// Each README of an example shows the heart of its code, which the compiler and the tests see in the source.
#[test]
fn the_code_in_the_readme_of_an_example_stands_in_its_source() {
    let lines = |text: &str| -> Vec<String> {
        let code = text
            .lines()
            .map(|line| line.trim_start().trim_start_matches("//!").trim());
        code.map(ToOwned::to_owned).collect()
    };
    for (example, file) in [("minimal-vmm", "src/snapshot.rs"), ("kv-store-export", "src/lib.rs")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
        let readme = read_to_string(folder.join("README.md")).unwrap();
        let source = lines(&read_to_string(folder.join(file)).unwrap());
        let blocks: Vec<_> = readme.split("```rust\n").skip(1).collect();
        assert!(!blocks.is_empty(), "{example}: no code");
        for block in blocks {
            let block = lines(block.split("```").next().unwrap());
            assert!(
                source.windows(block.len()).any(|window| window == block),
                "{example}: {file} does not have these lines: {block:#?}"
            );
        }
    }
}

#[test]
fn the_differences_from_vm_superio_are_those_of_its_tests() {
    let facade = Path::new(env!("CARGO_MANIFEST_DIR")).join("../devices/vm-superio");
    let readme = read_to_string(facade.join("README.md")).unwrap();
    let tests = ["serial", "rtc", "i8042"].map(|file| read_to_string(facade.join(format!("tests/{file}.rs"))).unwrap());
    let tests = tests.concat();
    for rest in tests.split("fn differs_").skip(1) {
        let name = format!("differs_{}", rest.split('(').next().unwrap());
        assert!(readme.contains(&format!("`{name}`")), "no row names the test {name}");
    }
    for row in readme
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with("` |"))
    {
        let name = row.rsplit('`').nth(1).unwrap();
        assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

/// A commit of a branch that was written anew is nowhere.
#[test]
fn generated_pages_name_a_commit_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(&root).output().ok();
    let shallow = git(&["rev-parse", "--is-shallow-repository"]);
    if shallow.is_none_or(|shallow| shallow.stdout != b"false\n") {
        println!("not checked: this is no whole clone");
        return;
    }
    for (page, before) in [
        ("BENCHMARKS.md", "- Commit: "),
        ("examples/bare/footprint/FOOTPRINT.md", ", at commit "),
    ] {
        let text = read_to_string(root.join(page)).unwrap();
        let (_, rest) = text
            .split_once(before)
            .unwrap_or_else(|| panic!("{page} names no commit"));
        let commit = rest.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap();
        let found = git(&["merge-base", "--is-ancestor", commit, "HEAD"]).unwrap();
        assert!(found.status.success(), "{page}: {commit} is no commit of this branch");
    }
}

/// The first line of a block names the language. What else stands there is not shown.
#[test]
fn no_line_of_a_page_is_lost_at_the_start_of_a_block() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let listed = Command::new("git")
        .args(["ls-files", "*.md"])
        .current_dir(&root)
        .output()
        .unwrap();
    let mut blocks = 0;
    for page in String::from_utf8(listed.stdout).unwrap().lines() {
        let text = read_to_string(root.join(page)).unwrap();
        for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("```")) {
            blocks += 1;
            assert!(!line.contains(' '), "{page}: ```{line}");
        }
    }
    assert!(blocks > 100, "{blocks}");
}
