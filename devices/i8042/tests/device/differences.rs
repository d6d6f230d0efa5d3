//! Every test that the list of differences names is there.

#[test]
fn every_row_names_tests_that_exist() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let document = std::fs::read_to_string(format!("{root}DIFFERENCES.md")).unwrap();
    let mut named = 0;
    for row in document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("|--"))
    {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        if last.trim() == "test" {
            continue;
        }
        let tests: Vec<_> = last.split('`').filter(|part| part.contains("::")).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (file, function) = test.split_once("::").unwrap();
            let source = std::fs::read_to_string(format!("{root}tests/device/{file}.rs")).unwrap_or_default();
            assert!(source.contains(&format!("fn {function}()")), "no such test: {test}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
