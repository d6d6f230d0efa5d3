//! Which crate may know which: examples and tests → ser → versioning, and ser → device → core. And what every library
//! promises in its first lines.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each published crate may name in its manifest, beside the optional `defmt`.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("devstate-core", &[]),
    ("devstate-rtc-pl031", &["devstate-core"]),
    ("devstate-serial-16550", &["devstate-core", "embedded-io"]),
    ("devstate-i8042", &["devstate-core"]),
    (
        "devstate-rtc-pl031-ser",
        &[
            "devstate-core",
            "devstate-rtc-pl031",
            "devstate-qemu-section",
            "devstate-versioning",
            "heapless",
            "serde",
        ],
    ),
    (
        "devstate-serial-16550-ser",
        &[
            "devstate-core",
            "devstate-serial-16550",
            "devstate-qemu-section",
            "devstate-versioning",
            "heapless",
            "serde",
        ],
    ),
    (
        "devstate-i8042-ser",
        &[
            "devstate-core",
            "devstate-i8042",
            "devstate-qemu-section",
            "devstate-versioning",
            "heapless",
            "serde",
        ],
    ),
    (
        "devstate-versioning",
        &[
            "devstate-versioning-derive",
            "crc",
            "postcard",
            "serde",
            "heapless",
            "embedded-io",
        ],
    ),
    ("devstate-versioning-derive", &["proc-macro2", "quote", "syn"]),
    ("devstate-golden", &["devstate-versioning"]),
    ("devstate-slots", &["devstate-versioning", "embedded-storage"]),
    ("devstate-file", &["rustix", "tempfile"]),
    ("devstate-memfd", &["devstate-versioning", "rustix", "vm-memory"]),
    (
        "devstate-host",
        &["crc", "devstate-i8042", "embedded-io", "rustix", "signal-hook"],
    ),
    (
        "devstate-socket",
        &[
            "devstate-versioning",
            "embedded-io",
            "postcard",
            "rustix",
            "serde",
            "serde_json",
        ],
    ),
    (
        "devstate-cli",
        &[
            "devstate-qemu",
            "devstate-golden",
            "devstate-versioning",
            "anstream",
            "anstyle",
            "clap",
            "clap_complete",
            "clap_mangen",
            "indicatif",
            "rayon",
            "serde",
            "serde_json",
        ],
    ),
    ("devstate-qemu-section", &["devstate-core"]),
    (
        "devstate-qemu",
        &[
            "devstate-core",
            "devstate-rtc-pl031",
            "devstate-rtc-pl031-ser",
            "devstate-serial-16550",
            "devstate-serial-16550-ser",
            "devstate-i8042",
            "devstate-i8042-ser",
            "devstate-qemu-section",
            "devstate-versioning",
            "heapless",
            "serde",
            "serde_json",
        ],
    ),
    (
        "devstate-vm-superio",
        &[
            "devstate-core",
            "devstate-rtc-pl031",
            "devstate-rtc-pl031-ser",
            "devstate-serial-16550",
            "devstate-serial-16550-ser",
            "devstate-i8042",
            "embedded-io",
        ],
    ),
    (
        "devstate-rust-vmm",
        &[
            "devstate-core",
            "devstate-rtc-pl031",
            "devstate-serial-16550",
            "devstate-i8042",
            "embedded-io",
            "event-manager",
            "heapless",
            "rustix",
            "vm-device",
            "vmm-sys-util",
        ],
    ),
];

/// Published crates for hosts, which have `std`: their interface has `std::io` in it, or they are commands.
const FOR_HOSTS: &[&str] = &[
    "devstate-vm-superio",
    "devstate-rust-vmm",
    "devstate-file",
    "devstate-memfd",
    "devstate-socket",
    "devstate-host",
    "devstate-golden",
    "devstate-qemu",
    "devstate-cli",
];

/// All that is linked with a device, without features: nothing that knows a codec, and nothing that others bring in.
const LINKED_WITH_A_DEVICE: &[(&str, &[&str])] = &[
    ("devstate-core", &[]),
    ("devstate-rtc-pl031", &["devstate-core"]),
    ("devstate-serial-16550", &["devstate-core", "embedded-io"]),
    ("devstate-i8042", &["devstate-core"]),
];

/// What no device is linked with, whatever its features.
const CODECS: &[&str] = &[
    "serde",
    "serde_core",
    "crc",
    "postcard",
    "heapless",
    "devstate-versioning",
];

#[test]
fn every_crate_names_only_what_it_may() {
    let metadata = metadata();
    let known: BTreeSet<&str> = MAY_NAME.iter().map(|(name, _)| *name).collect();
    let published: BTreeSet<&str> = published(&metadata).map(|package| package.name.as_str()).collect();
    assert_eq!(published, known, "a published crate needs a row here");

    for package in self::published(&metadata) {
        let (_, allowed) = MAY_NAME
            .iter()
            .find(|(name, _)| *name == package.name.as_str())
            .unwrap();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let logs = name == "defmt" && dependency.optional;
            if dependency.kind != DependencyKind::Development {
                assert!(allowed.contains(&name) || logs, "{} depends on {name}", package.name);
            }
        }
    }
}

#[test]
fn a_device_is_linked_with_nothing_else() {
    for (device, expected) in LINKED_WITH_A_DEVICE {
        assert_eq!(
            linked_with(device, &["--no-default-features"]),
            to_set(expected),
            "{device}"
        );
    }
}

#[test]
fn no_feature_brings_a_codec_into_a_device() {
    for (device, _) in LINKED_WITH_A_DEVICE {
        let linked = linked_with(device, &["--all-features"]);
        let codecs: Vec<_> = linked.intersection(&to_set(CODECS)).cloned().collect();
        assert_eq!(codecs, [""; 0], "{device}");
    }
}

#[test]
fn the_codec_knows_no_device() {
    let linked = linked_with("devstate-versioning", &["--all-features"]);
    let ours: BTreeSet<_> = linked
        .into_iter()
        .filter(|name| name.starts_with("devstate-"))
        .collect();
    // The derive is a procedural macro, which is not linked.
    assert_eq!(ours, to_set(&[]));
}

#[test]
fn a_mirror_knows_its_own_device_only() {
    for device in ["devstate-rtc-pl031", "devstate-serial-16550", "devstate-i8042"] {
        let linked = linked_with(&format!("{device}-ser"), &["--all-features"]);
        let ours: BTreeSet<_> = linked
            .into_iter()
            .filter(|name| name.starts_with("devstate-"))
            .collect();
        let expected = ["devstate-core", "devstate-qemu-section", "devstate-versioning", device];
        assert_eq!(ours, to_set(&expected));
    }
}

#[test]
fn the_derive_is_pinned_by_the_codec() {
    let metadata = metadata();
    let versioning = published(&metadata)
        .find(|package| package.name.as_str() == "devstate-versioning")
        .unwrap();
    let derive = versioning
        .dependencies
        .iter()
        .find(|dependency| dependency.name.ends_with("-derive"))
        .unwrap();
    assert_eq!(derive.req.to_string(), format!("={}", versioning.version));
}

#[test]
fn every_library_does_without_std_and_unsafe() {
    for package in published(&metadata()) {
        let library = package
            .targets
            .iter()
            .find(|target| target.is_lib() || target.is_proc_macro())
            .unwrap();
        let text = std::fs::read_to_string(&library.src_path).unwrap();
        let has = |line: &str| text.lines().any(|found| found == line);
        assert!(has("#![forbid(unsafe_code)]"), "{}", package.name);
        assert!(
            library.kind.contains(&TargetKind::ProcMacro)
                || FOR_HOSTS.contains(&package.name.as_str())
                || has("#![no_std]"),
            "{}",
            package.name
        );
    }
}

#[test]
fn no_library_allocates_and_only_tests_use_std() {
    for package in published(&metadata()) {
        let is_for_hosts = FOR_HOSTS.contains(&package.name.as_str());
        if is_for_hosts || package.targets.iter().any(cargo_metadata::Target::is_proc_macro) {
            continue;
        }
        let source = package.manifest_path.parent().unwrap().join("src");
        let files = rust_files(source.as_std_path());
        assert!(!files.is_empty(), "{source}");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let place = file.display();
            assert!(!text.contains("extern crate alloc"), "{place}");
            let is_test = file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
            let code = text.split("#[cfg(test)]").next().unwrap();
            let uses_std = code
                .lines()
                .any(|line| line.trim_start().starts_with("extern crate std"));
            assert!(is_test || !uses_std, "{place}");
        }
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(root()).no_deps().exec().unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn published(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let packages = metadata.workspace_packages().into_iter();
    packages.filter(|package| package.publish.as_ref().is_none_or(|registries| !registries.is_empty()))
}

/// What `cargo tree` says is linked with `package`, itself and procedural macros left out.
fn linked_with(package: &str, features: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root())
        .args(["tree", "--package", package, "--edges", "normal,no-proc-macro"]);
    let output = tree
        .args(["--prefix", "none", "--format", "{p}"])
        .args(features)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.is_empty() && *name != package)
        .map(str::to_owned)
        .collect()
}

fn to_set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
