//! Tests of annotations that are more than a line of versions: trees, bounds, forgotten versions, instances.

use super::{field, mirror, refused, variant};

/// A mirror with these annotations, whose one field has those.
fn tree(mirror: &str, field: &str) -> String {
    format!("#[versioned({mirror})] struct Timer {{ {field} count: u32 }}")
}

/// 1 ── 2 ── 3 ── 5, and 4 is a backport on 2.
const TREE: &str = "version = 5, branch(4 = 2, 5 = 3), layouts(0, 0, 0, 0, open)";

#[test]
fn mistakes_in_a_tree_of_versions() {
    refused(&[
        (
            tree("version = 2, branch(3 = 1), layouts(0, open)", ""),
            "`branch` gives a parent for version 3, and the mirror's versions are 1 to 2",
        ),
        (
            tree("version = 3, branch(3 = 3), layouts(0, 0, open)", ""),
            "version 3 cannot be the parent of version 3",
        ),
        (
            tree("version = 3, branch(3 = 0), layouts(0, 0, open)", ""),
            "version 0 cannot be the parent of version 3",
        ),
        (
            tree("version = 3, branch(3 = 1, 3 = 2), layouts(0, 0, open)", ""),
            "`branch` names version 3 twice",
        ),
        (
            tree("version = 4, layouts(0, 0, _, open)", ""),
            "the parent of version 4 is version 3, which this source does not have (`_`): give another parent, as in \
             `branch(4 = 2)`",
        ),
        (
            tree("version = 3, layouts(_, _, open)", ""),
            "`layouts` cannot have `_` for version 1, the oldest version of the mirror: give its fingerprint. Or \
             forget this version: write `oldest = 3`",
        ),
        (
            tree("version = 2, layouts(0, _)", ""),
            "`layouts` cannot have `_` for the latest version, which has the layout of this source",
        ),
        (
            tree(TREE, "#[versioned(start = [2, 4])]"),
            "`count` starts at version 2 and at version 4. Version 4 descends from version 2 and has the change already",
        ),
        (tree(TREE, "#[versioned(start = [])]"), "the list is empty"),
        (
            tree(TREE, "#[versioned(start = [4, 6])]"),
            "`count` starts at version 6, and the mirror's versions are 1 to 5",
        ),
        (
            tree(TREE, "#[versioned(start = 3, end = 4)]"),
            "`count` ends with version 4, but its parent, version 2, does not have `count`",
        ),
        (
            tree(
                "version = 4, branch(4 = 2), layouts(0, 0, _, open)",
                "#[versioned(start = 3)]",
            ),
            "`count` starts at version 3, whose layout this source does not have (`_` in `layouts`)",
        ),
        (
            tree(TREE, "#[versioned(at = [3, 5], de_fn = up)]"),
            "the meaning of `count` changes at version 3 and at version 5. Version 5 descends from version 3",
        ),
    ]);
}

#[test]
fn mistakes_in_a_bound() {
    let bounded = |bound: &str| {
        tree(
            "version = 3, layouts(0, 0, open)",
            &format!("#[versioned(start = 2, {bound})]"),
        )
    };
    refused(&[
        (
            bounded("bound(2 = 8)"),
            "`bound` of `count` gives one bound, so it never changed",
        ),
        (
            bounded("bound(3 = 8, 3 = 16)"),
            "`bound` of `count` names version 3 twice",
        ),
        (
            bounded("bound(2 = 8, 3 = 8)"),
            "`bound` of `count` names version 3, which has the same bound as version 2",
        ),
        (
            bounded("bound(3 = 8)"),
            "`bound` of `count` gives no bound for version 2, which has the field: begin with the first version that \
             has it, as in `bound(2 = 8, 3 = 16)`",
        ),
        (
            bounded("bound(2 = 8, 4 = 16)"),
            "`bound` of `count` names version 4, and the mirror's versions are 1 to 3",
        ),
        (bounded("bound(0 = 8, 2 = 16)"), "`bound` of `count` names version 0"),
        (
            tree("version = 1, layouts(open)", "#[versioned(skip, bound(1 = 8, 2 = 9))]"),
            "`count` is skipped",
        ),
    ]);
}

#[test]
fn mistakes_in_forgetting() {
    let left = |field: &str| tree("version = 4, oldest = 3, layouts(0, open)", field);
    refused(&[
        (
            tree("version = 2, oldest = 1, layouts(0, open)", ""),
            "`oldest` is at least 2: without it, no version is forgotten",
        ),
        (
            tree("version = 2, oldest = 3, layouts(0, open)", ""),
            "`oldest` is 3, and the latest version is 2",
        ),
        (
            tree("version = 4, oldest = 3, layouts(0, 0, 0, open)", ""),
            "`layouts` has 4 entries, and the mirror has 2 versions from version 3 on",
        ),
        (
            left("#[versioned(end = 3)]"),
            "version 3 is the oldest version that is left, and it does not have `count`: delete `count`",
        ),
        (
            left("#[versioned(start = 2)]"),
            "`start` of `count` makes no difference: version 3 is the oldest version that is left",
        ),
        (
            left("#[versioned(start = 3, de_fn = up)]"),
            "`start` of `count` makes no difference: version 3 is the oldest version that is left",
        ),
        (
            left("#[versioned(at = 3, de_fn = up)]"),
            "`at` of `count` makes no difference: version 3 is the oldest version that is left",
        ),
        (
            left("#[versioned(part = [1, 1, 1, 1])]"),
            "`part` of `count` has 4 versions, and the mirror has 2",
        ),
        (
            variant("#[versioned(tag = 2)]"),
            "`On` has the tag 2, but its position is 1: tags can have gaps only",
        ),
        (
            "#[versioned(version = 2, oldest = 2, layouts(open))] enum Mode { #[versioned(tag = 1)] Off, #[versioned(tag = 1)] On }"
                .to_owned(),
            "`On` has the tag 1, and the next free one is 2",
        ),
        (field("#[versioned(tag = 2)]"), "`count` is not a variant, so it has no tag"),
    ]);
}

#[test]
fn mistakes_in_an_instance() {
    let generic = |annotations: &str| {
        format!(
            "#[versioned(version = 1, layouts(open){annotations})] struct Timer<const N: usize, const M: usize> {{ a: u8 }}"
        )
    };
    refused(&[
        (generic(""), "the mirror `Timer` has a layout for each value of N, M"),
        (
            generic(", instance(4)"),
            "`instance` of the mirror `Timer` has 1 values, and its const parameters are N, M",
        ),
        (
            mirror("#[versioned(version = 1, layouts(open), instance(4))]"),
            "the mirror `Timer` has no const parameters: delete `instance`",
        ),
    ]);
}
