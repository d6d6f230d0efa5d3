//! The table of differences names tests that exist, and a section of the manual in each row.

use std::path::Path;

#[test]
fn every_row_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("DIFFERENCES.md")).unwrap();
    let mut rows = 0;
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| test |"))
    {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.iter().all(|cell| !cell.is_empty()), "a cell is empty: {line}");
        for test in cells.last().unwrap().split(", ") {
            let (file, name) = test.trim_matches('`').split_once("::").expect(line);
            let source = std::fs::read_to_string(root.join(format!("tests/device/{file}.rs"))).expect(line);
            assert!(source.contains(&format!("#[test]\nfn {name}()")), "no test {test}");
        }
        rows += 1;
    }
    assert_eq!(rows, 30);
}
