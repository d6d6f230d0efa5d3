//! Tests of annotations that the macro refuses, and of the sentence for each. `tests/tests/compile_fail` has those that the
//! compiler refuses.

mod histories;

use syn::{DeriveInput, parse_quote, parse_str};

fn refusal(input: &DeriveInput) -> Option<String> {
    crate::expand::expand(input).err().map(|error| error.to_string())
}

/// A mirror of two versions with one field that has these annotations.
fn field(annotations: &str) -> String {
    format!("#[versioned(version = 2, layouts(0, open))] struct Timer {{ {annotations} count: u32 }}")
}

/// An enum of two versions with a variant that has these annotations.
fn variant(annotations: &str) -> String {
    format!("#[versioned(version = 2, layouts(0, open))] enum Mode {{ Off, {annotations} On }}")
}

/// A struct with these annotations.
fn mirror(annotations: &str) -> String {
    format!("{annotations} struct Timer {{ count: u32 }}")
}

/// Checks that each source is refused with a sentence that begins so.
fn refused(cases: &[(String, &str)]) {
    for (source, sentence) in cases {
        let input = parse_str(source).unwrap();
        let refusal = refusal(&input).unwrap_or_default();
        assert!(
            refusal.starts_with(sentence),
            "{source}\nexpected: {sentence}\nfound: {refusal}"
        );
    }
}

#[test]
fn mistakes_on_the_mirror() {
    refused(&[
        (mirror(""), "the mirror `Timer` has no version"),
        (
            mirror("#[versioned(version = 0, layouts())]"),
            "the mirror `Timer` has version 0, and versions start at 1",
        ),
        (
            mirror("#[versioned(version = 1, version = 1, layouts(open))]"),
            "this annotation is given twice",
        ),
        (
            mirror("#[versioned(version = 1, layouts(open))] #[versioned(layouts(open))]"),
            "this annotation is given twice",
        ),
        (
            mirror("#[versioned(version = 70000, layouts(open))]"),
            "number too large to fit in target type",
        ),
        (
            mirror("#[versioned(version = 1)]"),
            "`layouts` is missing on the mirror `Timer`",
        ),
        (
            mirror("#[versioned(version = 2, layouts(open))]"),
            "`layouts` has 1 entry, and the mirror has 2 versions",
        ),
        (
            mirror("#[versioned(version = 2, layouts(open, 0))]"),
            "only the last version may be `open`",
        ),
        (
            mirror("#[versioned(version = 1, layouts(opne))]"),
            "expected a fingerprint such as `0x0123_4567_89ab_cdef`, `open`, or `_` for a version of another branch",
        ),
        (
            mirror("#[versioned(verison = 1)]"),
            "`verison` is no annotation: the annotations are `version`, `layouts`",
        ),
        (
            mirror("#[versioned(a::b = 1)]"),
            "this is no annotation: the annotations are `version`, `layouts`",
        ),
        (
            "#[versioned(version = 1, layouts(open))] union Timer { count: u32 }".to_owned(),
            "a union has no wire form",
        ),
        (
            "#[versioned(version = 1, layouts(open))] struct Timer<'a, 'b> { a: Str<'a, 8>, b: Str<'b, 8> }".to_owned(),
            "a mirror has at most one lifetime",
        ),
        (
            "#[versioned(version = 1, layouts(open))] struct Timer<T> { count: T }".to_owned(),
            "a mirror with type parameters has many layouts",
        ),
        (
            "#[versioned(version = 1, layouts(open))] struct Timer<const N: usize> { count: [u8; N] }".to_owned(),
            "the mirror `Timer` has a layout for each value of N: name the values",
        ),
        (
            "#[versioned(version = 1, layouts(open))] enum Mode {}".to_owned(),
            "an enum without variants",
        ),
    ]);
}

#[test]
fn mistakes_in_the_versions_of_a_field() {
    refused(&[
        (
            field("#[versioned(start = 0)]"),
            "`count` starts at version 0, and versions start at 1",
        ),
        (
            field("#[versioned(start = 3)]"),
            "`count` starts at version 3, and the mirror's versions are 1 to 2",
        ),
        (
            field("#[versioned(end = 0)]"),
            "`count` ends with version 0, so no version has it",
        ),
        (
            field("#[versioned(end = 1)]"),
            "`count` ends with version 1, so no version has it",
        ),
        (
            field("#[versioned(end = 3)]"),
            "`count` ends with version 3, and the mirror's versions are 1 to 2",
        ),
        (
            field("#[versioned(start = 2, end = 2)]"),
            "`count` starts at version 2 and ends with version 2, so no version has it",
        ),
        (
            field("#[versioned(start = 2, start = 2)]"),
            "this annotation is given twice",
        ),
        (
            field("#[versioned(start = 2)] #[versioned(start = 2)]"),
            "this annotation is given twice",
        ),
        (
            field("#[versioned(strat = 2)]"),
            "`strat` is no annotation: the annotations are `start`, `end`",
        ),
    ]);
}

#[test]
fn words_of_another_kind() {
    refused(&[
        (
            field("#[versioned(start = \"2\")]"),
            "this is not a number: write a number without quotes",
        ),
        (
            field("#[versioned(start = SECOND)]"),
            "this is not a number: write a number without quotes",
        ),
        (
            field("#[versioned(start = [2, SECOND])]"),
            "this is not a number: write a number without quotes",
        ),
        (
            mirror("#[versioned(version = LATEST, layouts(open))]"),
            "this is not a number: write a number without quotes",
        ),
        (
            field("#[versioned(start = 2, default_fn = \"one\")]"),
            "this is text: write the path of the function without quotes",
        ),
        (
            field("#[versioned(start = 2, de_fn = \"raise\")]"),
            "this is text: write the path of the function without quotes",
        ),
    ]);
}

#[test]
fn functions_that_have_no_version() {
    refused(&[
        (
            field("#[versioned(default_fn = one)]"),
            "`default_fn` of `count` never runs, because every version has `count`",
        ),
        (
            field("#[versioned(ser_fn = lower)]"),
            "the functions of `count` never run, because every version has `count`",
        ),
        (field("#[versioned(at = 2)]"), "`at` of `count` has no function"),
        (
            field("#[versioned(at = 1, de_fn = raise)]"),
            "`at = 1` of `count` is not a step between versions",
        ),
        (
            field("#[versioned(at = 3, de_fn = raise)]"),
            "`at = 3` of `count` is the step from version 2 to 3",
        ),
        (
            field("#[versioned(at = 0, de_fn = raise)]"),
            "`at = 0` of `count` is not a step between versions",
        ),
    ]);
}

#[test]
fn annotations_that_exclude_skip_and_serde() {
    refused(&[
        (
            field("#[versioned(skip, start = 2)]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, end = 2)]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, at = 2, de_fn = raise)]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, serde, max = 4, layout = \"x/1\")]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, name = \"ticks\")]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, ignorable)]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(skip, unit = \"ns\")]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(serde)]"),
            "`count` needs all three of `serde`, `max` and `layout`",
        ),
        (
            field("#[versioned(serde, max = 4)]"),
            "`count` needs all three of `serde`, `max` and `layout`",
        ),
        (
            field("#[versioned(layout = \"x/1\")]"),
            "`count` needs all three of `serde`, `max` and `layout`",
        ),
    ]);
}

#[test]
fn mistakes_in_the_versions_of_a_part() {
    refused(&[
        (
            field("#[versioned(part = [1])]"),
            "`part` of `count` has 1 version, and the mirror has 2: give one for each version",
        ),
        (
            field("#[versioned(part = [1, 1, 1])]"),
            "`part` of `count` has 3 versions, and the mirror has 2",
        ),
        (
            field("#[versioned(part = [2, 1])]"),
            "`part` of `count` goes down from 2 to 1 with version 2",
        ),
        (
            field("#[versioned(part = [_, 1])]"),
            "`part` of `count` has `_` for version 1 of the mirror, and that version has the field",
        ),
        (
            field("#[versioned(start = 2, part = [1, 1])]"),
            "`part` of `count` has 1 for version 1 of the mirror, and that version does not have the field: write `_`",
        ),
        (
            field("#[versioned(end = 2, part = [1, 1])]"),
            "`part` of `count` has 1 for version 2 of the mirror, and that version does not have the field: write `_`",
        ),
        (field("#[versioned(part = [0, 1])]"), "a part has no version 0"),
        (field("#[versioned(part = [1, 1], part = [1, 1])]"), "this annotation is given twice"),
        (
            field("#[versioned(skip, part = [1, 1])]"),
            "`count` is skipped, so no version has it",
        ),
        (
            field("#[versioned(serde, max = 4, layout = \"x/1\", part = [1, 1])]"),
            "`count` carries a foreign type, which has no versions: delete `part`",
        ),
        (
            field("#[versioned(part = [1, 1])]"),
            "`parts` is missing on the mirror `Timer`",
        ),
        (
            mirror("#[versioned(version = 1, layouts(open), parts(open))]"),
            "`parts` pins fields with `part = [..]` or `inner = [..]`, and this mirror has none",
        ),
        (
            mirror("#[versioned(version = 1, layouts(open), parts(open, open))]"),
            "`parts` has 2 entries, and the mirror has 1 version",
        ),
        (
            "#[versioned(version = 2, layouts(0, open), parts(0, open))] enum Mode { Off, #[versioned(start = 2)] On(#[versioned(part = [1, 1])] Level) }"
                .to_owned(),
            "`part` of `0` has 1 for version 1 of the mirror, and that version does not have the field",
        ),
        (
            variant("#[versioned(part = [1, 1])]"),
            "`On` has an annotation that a variant cannot have",
        ),
    ]);
}

#[test]
fn mistakes_on_a_variant() {
    refused(&[
        (
            variant("#[versioned(strat = 2)]"),
            "`strat` is no annotation: the annotations are `start`, `end`, `default_fn`, `name` and `tag`",
        ),
        (
            variant("#[versioned(skip)]"),
            "`On` has an annotation that a variant cannot have",
        ),
        (
            variant("#[versioned(ignorable)]"),
            "`On` has an annotation that a variant cannot have: a variant can have `start`, `end`",
        ),
        (
            variant("#[versioned(unit = \"ns\")]"),
            "`On` has an annotation that a variant cannot have: a variant can have `start`, `end`",
        ),
        (
            variant("#[versioned(at = 2, de_fn = raise)]"),
            "`On` has an annotation that a variant cannot have: a variant can have `start`, `end`",
        ),
        (
            variant("#[versioned(end = 1)]"),
            "`On` ends with version 1, so no version has it",
        ),
        (variant("#[versioned(name = \"Off\")]"), "the wire name `Off` is taken"),
        (
            "#[versioned(version = 2, layouts(0, open))] enum Mode { Off, On { #[versioned(start = 2)] level: u8 } }"
                .to_owned(),
            "`start` cannot be on a field of a variant",
        ),
        (
            "#[versioned(version = 1, layouts(open))] enum Mode { Off = 1 }".to_owned(),
            "the tag of `Off` is its position, 0",
        ),
        (
            "#[versioned(version = 1, layouts(open))] enum Mode { Off = FIRST }".to_owned(),
            "the tag of `Off` is its position, 0",
        ),
    ]);
}

#[test]
fn the_128th_variant_is_the_last() {
    let with = |count: usize| {
        let variants: Vec<String> = (0..count).map(|i| format!("V{i}")).collect();
        let source = format!(
            "#[versioned(version = 1, layouts(open))] enum Mode {{ {} }}",
            variants.join(", ")
        );
        refusal(&parse_str(&source).unwrap())
    };
    assert_eq!(with(128), None);
    assert_eq!(with(129).unwrap(), "`V128` has the tag 128, and 127 is the highest");
}

/// Shows that nothing else is wrong with the sources above.
#[test]
fn the_same_sources_without_the_mistakes_are_accepted() {
    let cases = [
        mirror("#[versioned(version = 1, layouts(open))]"),
        mirror("#[versioned(version = 1)] #[versioned(layouts(0xbf16_3a3d_d791_3fbe))]"),
        field(""),
        field("#[versioned(start = 1)]"),
        field("#[versioned(start = 2, default_fn = one, ser_fn = lower, de_fn = raise)]"),
        field("#[versioned(end = 2)] #[versioned(at = 2, ser_fn = lower)]"),
        field("#[versioned(skip)]"),
        "#[versioned(version = 2, layouts(0, open), parts(0, open))] struct Timer { #[versioned(part = [1, 1])] count: u32 }"
            .to_owned(),
        "#[versioned(version = 2, layouts(0, open), parts(0, open))] enum Mode { Off, #[versioned(start = 2)] On(#[versioned(part = [_, 1])] Level) }"
            .to_owned(),
        field("#[versioned(serde, max = 4, layout = \"x/1\")]"),
        variant(""),
        variant("#[versioned(start = 2, default_fn = off, name = \"Lit\")]"),
    ];
    for source in cases {
        assert_eq!(refusal(&parse_str(&source).unwrap()), None, "{source}");
    }
}

#[test]
fn a_wire_name_is_a_name() {
    for name in ["", "a,b:u8", "a b", "say \"it\"", "u8@2"] {
        let field: DeriveInput = parse_quote! {
            #[versioned(version = 1, layouts(open))]
            struct Timer { #[versioned(name = #name)] count: u32 }
        };
        let mirror: DeriveInput = parse_quote! {
            #[versioned(version = 1, layouts(open), name = #name)]
            struct Timer { count: u32 }
        };
        let foreign: DeriveInput = parse_quote! {
            #[versioned(version = 1, layouts(open))]
            struct Timer { #[versioned(serde, max = 4, layout = #name)] count: Count }
        };
        for input in [field, mirror, foreign] {
            let refusal = refusal(&input).unwrap_or_default();
            assert!(refusal.starts_with("a wire name consists of"), "{name:?}: {refusal}");
        }
    }
    let input: DeriveInput = parse_quote! {
        #[versioned(version = 1, layouts(open), name = "zähler-2/old.one")]
        struct Timer { count: u32 }
    };
    assert_eq!(refusal(&input), None);
}

#[test]
fn a_unit_is_a_short_text() {
    for unit in [
        "",
        " ns",
        "ns ",
        "n\ns",
        "\u{202e}sn",
        "<of more than thirty-two characters>",
    ] {
        let sentence = refusal(&parse_str(&field(&format!("#[versioned(unit = {unit:?})]"))).unwrap());
        let sentence = sentence.unwrap_or_default();
        assert!(sentence.starts_with("a unit is a short text"), "{unit:?}: {sentence}");
    }
    for unit in ["ns", "1/min", "°C", "m/s²", "Ω", "ticks of 100 ns", "%"] {
        let source = field(&format!("#[versioned(unit = {unit:?})]"));
        assert_eq!(refusal(&parse_str(&source).unwrap()), None, "{unit}");
    }
    refused(&[(
        field("#[versioned(unit = \"s\", unit = \"ns\")]"),
        "this annotation is given twice",
    )]);
}
