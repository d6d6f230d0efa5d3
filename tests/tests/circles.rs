//! Within a library, data flows one way: no module uses a module that uses it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The sources of the libraries.
const SOURCES: &[&str] = &[
    "state-core/src",
    "devices/rtc-pl031/src",
    "devices/rtc-pl031/ser/src",
    "devices/serial-16550/src",
    "devices/serial-16550/ser/src",
    "devices/i8042/src",
    "devices/i8042/ser/src",
    "devices/host/src",
    "devices/models/src",
    "devices/qemu/section/src",
    "devices/qemu/src",
    "versioning/src",
    "versioning/derive/src",
    "versioning/cli/src",
    "versioning/file/src",
    "versioning/golden/src",
    "versioning/memfd/src",
    "versioning/slots/src",
    "versioning/socket/src",
];

/// A mirror names its semantic functions, and they take the mirror.
const ALLOWED: &[(&str, &[&str])] = &[("devices/serial-16550/ser/src", &["history", "mirror"])];

/// For each module, the modules of the same crate that it uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_uses_a_module_that_uses_it() {
    for source in SOURCES {
        let graph = graph(&root().join(source));
        for circle in circles(&graph) {
            let names: Vec<&str> = circle.iter().map(String::as_str).collect();
            assert!(
                ALLOWED.contains(&(source, &names)),
                "{source}: these modules use each other: {names:?}"
            );
        }
    }
}

#[test]
fn a_circle_is_found() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(from.into()).or_default().insert(to.into());
    }
    let expected: Vec<BTreeSet<String>> = vec![["a", "b", "c"].map(str::to_owned).into()];
    assert_eq!(circles(&graph), expected);
    assert!(modules_named_in("    let x = crate::reader::Reader::new();").contains("reader"));
    assert!(modules_named_in("/// See [`Header`](crate::header::Header).").is_empty());
}

/// The groups of modules in which each reaches all others.
fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|module| (module, reachable(graph, module))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (module, reaches) in &reached {
        let circle: BTreeSet<String> = reaches
            .iter()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*module)))
            .cloned()
            .collect();
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

fn reachable(graph: &Graph, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(module) = open.pop() {
        for next in graph.get(&module).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    found
}

/// A file below a module's folder counts as that module.
fn graph(source: &Path) -> Graph {
    let mut graph = Graph::new();
    let files = rust_files(source);
    let module_of = |file: &Path| {
        let path = file.strip_prefix(source).unwrap().with_extension("");
        path.components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let modules: BTreeSet<String> = files.iter().map(|file| module_of(file)).collect();
    for file in &files {
        let module = module_of(file);
        if module == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let uses = text.lines().flat_map(modules_named_in);
        let others = uses.filter(|used| *used != module && modules.contains(used));
        graph.entry(module.clone()).or_default().extend(others);
    }
    graph
}

/// The modules that a line of code names, if it is no comment.
fn modules_named_in(line: &str) -> BTreeSet<String> {
    if line.trim_start().starts_with("//") {
        return BTreeSet::new();
    }
    let parts = line.split("crate::").skip(1);
    let lists = parts.flat_map(|part| match part.strip_prefix('{') {
        Some(list) => list.split(',').collect(),
        None => vec![part],
    });
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let names = lists.map(|part| part.trim_start().split(|c| !is_name(c)).next().unwrap_or_default());
    names.map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
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
