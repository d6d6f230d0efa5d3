//! The example stays small enough to read at once.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{read_dir, read_to_string};

/// How many lines of code a reader takes as a start: all but the guest.
const LIMIT: usize = 150;

#[test]
fn a_whole_main_loop_has_at_most_150_lines_of_code() {
    let mut count = 0;
    for file in read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        if !path.ends_with("guest.rs") {
            let text = read_to_string(path).unwrap();
            let lines = text.lines().map(str::trim);
            count += lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        }
    }
    assert!(count <= LIMIT, "{count} lines");
    let readme = read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(
        readme.contains(&format!("{count} lines of code")),
        "the README does not say {count} lines"
    );
}
