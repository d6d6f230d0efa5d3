//! FORMAT.md's worked example of fingerprints, compiled as it stands there, and its table, compared with the code.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;

use devstate_versioning::schema::TableData;
use devstate_versioning::wire::{layout, layout_text};
use devstate_versioning::{Mirror, ReleaseTable, Versioned, release_table};

// <example>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, 0x1962_f423_f4e3_9ad5))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x8d5a_9a51_f1c6_390b))]
pub enum LinkSer {
    #[default]
    Down,
    Up {
        rate: u32,
        log: heapless::Vec<(i64, bool), 4>,
    },
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xaabe_6f37_00e0_66fe, 0x8ec5_e5e5_6577_1c16))]
pub struct BoardSer {
    pub timers: [TimerSer; 2],
    #[versioned(end = 2)]
    pub serial: heapless::String<12>,
    #[versioned(start = 2)]
    pub link: Option<LinkSer>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x69d4_a974_d871_a6bc, V2 = 2 @ 0x3583_745b_4c20_eff6 }
    TimerSer => [1, 2],
    LinkSer  => [_, 1],
    BoardSer => [1, 2],
}
// </example>

const PAGE: &str = include_str!("../../FORMAT.md");

#[test]
fn the_example_is_the_one_on_the_page() {
    let example = PAGE.split("### Worked example").nth(1).unwrap();
    let example = example.split("```").nth(1).unwrap().strip_prefix("rust\n").unwrap();
    let here = include_str!("format.rs").split("// <example>\n").nth(1).unwrap();
    // Without what the formatter may do to it here.
    let plain = |source: &str| source.split_whitespace().collect::<String>().replace(",}", "}");
    assert_eq!(plain(here.split("// </example>").next().unwrap()), plain(example));
}

#[test]
fn the_table_has_what_the_code_computes() {
    let mut rows: Vec<String> = Vec::new();
    for schema in [TimerSer::SCHEMA, LinkSer::SCHEMA, BoardSer::SCHEMA] {
        for version in 1..=schema.version {
            let mut text = [0; 200];
            let len = layout_text(schema, version, &mut text);
            let text = std::str::from_utf8(&text[..len]).unwrap();
            rows.push(format!(
                "| layout | `{text}` | `{}` |",
                literal(layout(schema, version))
            ));
        }
    }
    for (release, pinned) in Release::ALL.iter().zip(<Release as TableData>::PINNED) {
        rows.push(format!("| release | `{release:?}` = {} |", literal(pinned.unwrap())));
        let root = release.fingerprint::<BoardSer>().unwrap();
        rows.push(format!("| root | `BoardSer` in `{release:?}`: {} |", literal(root)));
    }
    let page: Vec<&str> = PAGE
        .lines()
        .filter(|line| line.ends_with("` |") && line.contains("0x"))
        .collect();
    assert_eq!(page.len(), rows.len());
    for row in rows {
        // What the page says between name and number is for people.
        let (start, end) = row.split_at(row.find([':', '=']).unwrap_or(0));
        let number = end.rsplit(' ').nth(1).unwrap().trim_matches('`');
        let found = page.iter().any(|line| {
            if row.starts_with("| layout") {
                **line == row
            } else {
                line.starts_with(start) && line.contains(&format!("`{number}`"))
            }
        });
        assert!(found, "FORMAT.md lacks {row}");
    }
}

/// Every fingerprint on the page, computed by hand from what the page says of it: a layout from its text, a release as the sum
/// of the layouts that are named behind it, a root from those in their order. Nothing of the library has a part in it.
#[test]
fn the_table_follows_from_the_rules_above_it() {
    let rows: Vec<[&str; 3]> = PAGE
        .lines()
        .filter(|line| line.ends_with("` |") && line.contains("0x"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            cells.try_into().unwrap()
        })
        .collect();
    let layouts: HashMap<&str, u64> = rows
        .iter()
        .filter(|[kind, ..]| *kind == "layout")
        .map(|[_, text, _]| {
            let text = text.trim_matches('`');
            let name = text.split(['{', '<']).next().unwrap();
            (name, fnv1a(text.as_bytes()))
        })
        .collect();
    // What stands in backquotes behind the release, or behind the root and its release.
    let named = |of: &'static str, skip: usize| -> Vec<u64> {
        let quoted = of.split('`').skip(1).step_by(2);
        quoted.skip(skip).map(|name| layouts[name]).collect()
    };
    let mut checked = [0; 3];
    for [kind, of, is] in rows {
        let (position, computed) = match kind {
            "layout" => (0, fnv1a(of.trim_matches('`').as_bytes())),
            "release" => (1, named(of, 1).into_iter().fold(0, u64::wrapping_add)),
            "root" => {
                let bytes: Vec<u8> = named(of, 2).into_iter().flat_map(u64::to_le_bytes).collect();
                (2, fnv1a(&bytes))
            }
            other => panic!("{other} is no kind of fingerprint"),
        };
        assert_eq!(format!("`{}`", literal(computed)), is, "{kind} {of}");
        checked[position] += 1;
    }
    assert_eq!(checked, [5, 2, 2]);
}

/// As the page describes it.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn literal(fingerprint: u64) -> String {
    let digits = format!("{fingerprint:016x}");
    let groups: Vec<&str> = (0..4).map(|i| &digits[4 * i..4 * i + 4]).collect();
    format!("0x{}", groups.join("_"))
}
