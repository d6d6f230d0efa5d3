//! The devices' lists of differences: every row names a test, and the test is there.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests say what they expect by panicking"
)]

use std::path::{Path, PathBuf};

#[test]
fn every_row_of_every_list_has_its_test() {
    let devices = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../devices"));
    let mut lists = 0;
    for device in std::fs::read_dir(devices).unwrap() {
        let device = device.unwrap().path();
        let Ok(list) = std::fs::read_to_string(device.join("DIFFERENCES.md")) else {
            continue;
        };
        lists += 1;
        let rows = rows(&list);
        assert!(!rows.is_empty(), "{}: no row", device.display());
        for row in rows {
            let tests = row.tests();
            let place = format!("{}: `{}`", device.display(), row.name);
            assert!(!tests.is_empty(), "{place} names no test");
            for test in tests {
                assert!(
                    exists(&device, test),
                    "{place} names the test {test}, which is not there"
                );
            }
        }
    }
    assert!(lists > 0, "no list at all");
}

#[test]
fn every_row_about_qemu_says_what_it_does_what_we_do_where_it_stands_and_why() {
    let devices = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../devices"));
    let mut rows = 0;
    for device in ["i8042", "rtc-pl031", "serial-16550"] {
        let list = std::fs::read_to_string(devices.join(device).join("DIFFERENCES.md")).unwrap();
        let mut heading: Vec<&str> = Vec::new();
        for line in list.lines().filter(|line| !line.starts_with("|---")) {
            let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect();
            if !line.starts_with('|') {
                heading.clear();
            } else if heading.is_empty() {
                heading = cells;
            } else if heading[0] == "name" {
                rows += 1;
                let name = cells[0];
                assert_eq!(cells.len(), heading.len(), "{device}: {line}");
                for (cell, column) in cells.iter().zip(&heading) {
                    assert!(!cell.is_empty(), "{device}: `{name}` leaves out: {column}");
                    assert!(
                        !column.contains("manual") || names_a_section(cell),
                        "{device}: `{name}` has no section of the manual: {cell}"
                    );
                }
            }
        }
    }
    assert!(rows > 70, "the tables are not found: {rows} rows");
}

/// A section by its number, by its name after that of the document, or the state that the manual begins with.
fn names_a_section(cell: &str) -> bool {
    let document = [
        "Controller",
        "Keyboard",
        "Mouse",
        "Input and Output Ports",
        "Set ",
        "ED, ",
        "power-on",
        "Table ",
    ];
    let is_number = |word: &str| {
        let mut parts = word.trim_end_matches([',', ';', ':', '.']).split('.');
        parts.next().is_some_and(is_digits) && parts.next().is_some_and(is_digits)
    };
    document.iter().any(|name| cell.starts_with(name)) || cell.split_whitespace().any(is_number)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn a_function_counts_as_a_test_only_where_it_is_one() {
    let tests = "#[test]\nfn one() {}\nfn two() {}\n    #[test]\n    #[ignore]\n    fn three(x in 0..3u8) {}\n";
    assert!(is_test("one", tests));
    assert!(!is_test("two", tests));
    assert!(is_test("three", tests));
    assert!(!is_test("on", tests));
}

struct Row<'a> {
    name: &'a str,
    last: &'a str,
}

impl<'a> Row<'a> {
    fn tests(&self) -> Vec<&'a str> {
        self.last.split('`').skip(1).step_by(2).collect()
    }
}

/// The rows of the tables whose last column is `test`.
fn rows(document: &str) -> Vec<Row<'_>> {
    let mut found = Vec::new();
    let mut has_tests = false;
    let mut before = "";
    for line in document.lines().filter(|line| !line.starts_with("|---")) {
        let is_heading = line.starts_with("| ") && !before.starts_with("| ");
        before = line;
        let Some((name, last)) = line.strip_prefix("| ").and_then(first_and_last_cell) else {
            continue;
        };
        if is_heading {
            has_tests = last == "test";
        } else if has_tests {
            found.push(Row { name, last });
        }
    }
    found
}

fn first_and_last_cell(row: &str) -> Option<(&str, &str)> {
    let (first, rest) = row.split_once(" | ")?;
    let (_, last) = rest.rsplit_once(" | ")?;
    Some((first, last.trim_end_matches(" |")))
}

/// Whether `file::test` is among the device's own tests, or those that cross crates.
fn exists(device: &Path, test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else {
        return false;
    };
    let crossing = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = [device.join("tests"), device.join("src"), crossing]
        .into_iter()
        .flat_map(|folder| rust_files(&folder));
    files.any(|path| {
        path.file_stem().is_some_and(|stem| stem == file) && is_test(name, &std::fs::read_to_string(path).unwrap())
    })
}

/// Whether that function stands below `#[test]`, also within `proptest!`.
fn is_test(name: &str, source: &str) -> bool {
    let definition = format!("fn {name}(");
    let mut lines = source.lines().rev().map(str::trim);
    lines.any(|line| line.starts_with(&definition))
        && lines
            .take_while(|line| line.starts_with(['#', '/']) || line.ends_with(")]"))
            .any(|line| line == "#[test]")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
