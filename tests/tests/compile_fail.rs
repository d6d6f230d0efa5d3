//! Mistakes that do not compile, each beside the corrected source, which does: in a version history, in the use of
//! memory, and in what a device is given.
//!
//! What the compiler says is compared on one version of it, for it words and draws things anew now and then; another one
//! skips the comparison, unless the environment has `CI=true`:
//! `TRYBUILD=overwrite cargo test -p devstate-tests --test compile_fail` takes over what it says now.

#![allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    reason = "the corrected sources are examples"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler whose words the `.stderr` files have.
const COMPILER: &str = "rustc 1.95.";

macro_rules! corrected {
    ($($name:ident = $file:literal,)+) => {
        $(
            #[path = $file]
            mod $name;
        )+

        /// The cases, each with a corrected source that is part of this crate.
        const CASES: &[&str] = &[$(stringify!($name)),+];
    };
}

corrected! {
    array_length_changed = "compile_fail/array_length_changed.fixed.rs",
    bound_changed = "compile_fail/bound_changed.fixed.rs",
    bound_of_an_instance_changed = "compile_fail/bound_of_an_instance_changed.fixed.rs",
    bound_on_a_number = "compile_fail/bound_on_a_number.fixed.rs",
    bound_that_is_not_the_type_s = "compile_fail/bound_that_is_not_the_type_s.fixed.rs",
    buffer_too_small = "compile_fail/buffer_too_small.fixed.rs",
    counters_given_as_events = "compile_fail/counters_given_as_events.fixed.rs",
    de_fn_of_another_type = "compile_fail/de_fn_of_another_type.fixed.rs",
    default_fn_of_another_type = "compile_fail/default_fn_of_another_type.fixed.rs",
    element_without_default = "compile_fail/element_without_default.fixed.rs",
    end_one = "compile_fail/end_one.fixed.rs",
    end_outside = "compile_fail/end_outside.fixed.rs",
    end_zero = "compile_fail/end_zero.fixed.rs",
    eventfd_without_trigger = "compile_fail/eventfd_without_trigger.fixed.rs",
    field_deleted = "compile_fail/field_deleted.fixed.rs",
    field_renamed = "compile_fail/field_renamed.fixed.rs",
    fields_in_another_order = "compile_fail/fields_in_another_order.fixed.rs",
    foreign_field_in_a_variant = "compile_fail/foreign_field_in_a_variant.fixed.rs",
    forgotten_version = "compile_fail/forgotten_version.fixed.rs",
    function_that_never_runs = "compile_fail/function_that_never_runs.fixed.rs",
    inner_release_behind_the_latest = "compile_fail/inner_release_behind_the_latest.fixed.rs",
    inner_release_changed_in_a_published_version = "compile_fail/inner_release_changed_in_a_published_version.fixed.rs",
    inner_release_loses_a_change = "compile_fail/inner_release_loses_a_change.fixed.rs",
    inner_release_unknown = "compile_fail/inner_release_unknown.fixed.rs",
    inner_release_without_the_mirror = "compile_fail/inner_release_without_the_mirror.fixed.rs",
    inner_releases_missing = "compile_fail/inner_releases_missing.fixed.rs",
    inner_without_a_snapshot = "compile_fail/inner_without_a_snapshot.fixed.rs",
    isize_on_the_wire = "compile_fail/isize_on_the_wire.fixed.rs",
    last_release_behind = "compile_fail/last_release_behind.fixed.rs",
    latest_versions_guessed_wrong = "compile_fail/latest_versions_guessed_wrong.fixed.rs",
    layout_open_too_early = "compile_fail/layout_open_too_early.fixed.rs",
    layouts_by_hand_missing = "compile_fail/layouts_by_hand_missing.fixed.rs",
    layouts_by_hand_outdated = "compile_fail/layouts_by_hand_outdated.fixed.rs",
    layouts_missing = "compile_fail/layouts_missing.fixed.rs",
    layouts_too_short = "compile_fail/layouts_too_short.fixed.rs",
    machine_given_as_control = "compile_fail/machine_given_as_control.fixed.rs",
    memory_sealed_given_as_writable = "compile_fail/memory_sealed_given_as_writable.fixed.rs",
    memory_used_after_it_was_exported_into = "compile_fail/memory_used_after_it_was_exported_into.fixed.rs",
    mirror_version_zero = "compile_fail/mirror_version_zero.fixed.rs",
    misspelt_annotation = "compile_fail/misspelt_annotation.fixed.rs",
    misspelt_annotation_of_a_mirror = "compile_fail/misspelt_annotation_of_a_mirror.fixed.rs",
    misspelt_annotation_of_a_variant = "compile_fail/misspelt_annotation_of_a_variant.fixed.rs",
    name_used_again = "compile_fail/name_used_again.fixed.rs",
    part_behind_its_latest_version = "compile_fail/part_behind_its_latest_version.fixed.rs",
    part_changed_in_a_published_version = "compile_fail/part_changed_in_a_published_version.fixed.rs",
    part_goes_down = "compile_fail/part_goes_down.fixed.rs",
    part_list_too_short = "compile_fail/part_list_too_short.fixed.rs",
    part_that_is_no_mirror = "compile_fail/part_that_is_no_mirror.fixed.rs",
    part_version_above_the_mirror = "compile_fail/part_version_above_the_mirror.fixed.rs",
    part_with_a_mirror_that_needs_a_row = "compile_fail/part_with_a_mirror_that_needs_a_row.fixed.rs",
    parts_by_hand_too_short = "compile_fail/parts_by_hand_too_short.fixed.rs",
    parts_missing = "compile_fail/parts_missing.fixed.rs",
    pin_missing_for_a_target = "compile_fail/pin_missing_for_a_target.fixed.rs",
    pin_twice_for_a_target = "compile_fail/pin_twice_for_a_target.fixed.rs",
    published_while_open = "compile_fail/published_while_open.fixed.rs",
    reached_before_it_was_there = "compile_fail/reached_before_it_was_there.fixed.rs",
    region_empty_cloned = "compile_fail/region_empty_cloned.fixed.rs",
    region_exported_into_twice = "compile_fail/region_exported_into_twice.fixed.rs",
    region_memory_written_behind_it = "compile_fail/region_memory_written_behind_it.fixed.rs",
    region_resized_after_sealing = "compile_fail/region_resized_after_sealing.fixed.rs",
    region_rights_of_ones_own = "compile_fail/region_rights_of_ones_own.fixed.rs",
    region_sealed_from_plain_bytes = "compile_fail/region_sealed_from_plain_bytes.fixed.rs",
    region_sealed_given_as_empty = "compile_fail/region_sealed_given_as_empty.fixed.rs",
    region_sealed_out_of_thin_air = "compile_fail/region_sealed_out_of_thin_air.fixed.rs",
    region_taken_writable_from_sealed = "compile_fail/region_taken_writable_from_sealed.fixed.rs",
    region_used_after_it_was_given_away = "compile_fail/region_used_after_it_was_given_away.fixed.rs",
    region_written_after_sealing = "compile_fail/region_written_after_sealing.fixed.rs",
    region_written_through_an_index = "compile_fail/region_written_through_an_index.fixed.rs",
    release_changed = "compile_fail/release_changed.fixed.rs",
    release_for_one_target = "compile_fail/release_for_one_target.fixed.rs",
    release_from_a_number = "compile_fail/release_from_a_number.fixed.rs",
    release_goes_on_from_a_later_one = "compile_fail/release_goes_on_from_a_later_one.fixed.rs",
    release_number_too_large = "compile_fail/release_number_too_large.fixed.rs",
    release_number_zero = "compile_fail/release_number_zero.fixed.rs",
    release_open_too_early = "compile_fail/release_open_too_early.fixed.rs",
    release_row_filled_in = "compile_fail/release_row_filled_in.fixed.rs",
    release_with_a_name_of_the_table = "compile_fail/release_with_a_name_of_the_table.fixed.rs",
    release_without_a_fingerprint = "compile_fail/release_without_a_fingerprint.fixed.rs",
    releases_do_not_ascend = "compile_fail/releases_do_not_ascend.fixed.rs",
    removed_name_written_again = "compile_fail/removed_name_written_again.fixed.rs",
    row_ends_early = "compile_fail/row_ends_early.fixed.rs",
    row_for_no_mirror = "compile_fail/row_for_no_mirror.fixed.rs",
    row_missing = "compile_fail/row_missing.fixed.rs",
    row_missing_for_a_part = "compile_fail/row_missing_for_a_part.fixed.rs",
    row_too_long = "compile_fail/row_too_long.fixed.rs",
    row_too_short = "compile_fail/row_too_short.fixed.rs",
    row_twice = "compile_fail/row_twice.fixed.rs",
    row_with_a_constant = "compile_fail/row_with_a_constant.fixed.rs",
    row_with_a_forgotten_version = "compile_fail/row_with_a_forgotten_version.fixed.rs",
    row_with_a_version_of_another_branch = "compile_fail/row_with_a_version_of_another_branch.fixed.rs",
    rows_missing = "compile_fail/rows_missing.fixed.rs",
    start_at_end = "compile_fail/start_at_end.fixed.rs",
    start_behind_end = "compile_fail/start_behind_end.fixed.rs",
    start_outside = "compile_fail/start_outside.fixed.rs",
    start_zero = "compile_fail/start_zero.fixed.rs",
    step_leaves_a_part_behind = "compile_fail/step_leaves_a_part_behind.fixed.rs",
    step_of_a_part_loses_a_change = "compile_fail/step_of_a_part_loses_a_change.fixed.rs",
    step_of_an_inner_snapshot_loses_a_change = "compile_fail/step_of_an_inner_snapshot_loses_a_change.fixed.rs",
    step_to_a_branch_loses_a_change = "compile_fail/step_to_a_branch_loses_a_change.fixed.rs",
    table_name_empty = "compile_fail/table_name_empty.fixed.rs",
    table_named_by_a_constant = "compile_fail/table_named_by_a_constant.fixed.rs",
    table_renamed = "compile_fail/table_renamed.fixed.rs",
    tag_of_a_removed_variant = "compile_fail/tag_of_a_removed_variant.fixed.rs",
    tag_used_again = "compile_fail/tag_used_again.fixed.rs",
    translated_and_changed = "compile_fail/translated_and_changed.fixed.rs",
    translated_by_hand = "compile_fail/translated_by_hand.fixed.rs",
    trigger_given_as_interrupt_line = "compile_fail/trigger_given_as_interrupt_line.fixed.rs",
    type_changed = "compile_fail/type_changed.fixed.rs",
    type_parameter = "compile_fail/type_parameter.fixed.rs",
    unbounded = "compile_fail/unbounded.fixed.rs",
    unbounded_in_a_tuple = "compile_fail/unbounded_in_a_tuple.fixed.rs",
    unbounded_in_a_variant = "compile_fail/unbounded_in_a_variant.fixed.rs",
    unbounded_text = "compile_fail/unbounded_text.fixed.rs",
    unit_on_a_bool = "compile_fail/unit_on_a_bool.fixed.rs",
    untranslated_at_an_older_release = "compile_fail/untranslated_at_an_older_release.fixed.rs",
    usize_in_a_variant = "compile_fail/usize_in_a_variant.fixed.rs",
    usize_in_an_array = "compile_fail/usize_in_an_array.fixed.rs",
    usize_in_an_option = "compile_fail/usize_in_an_option.fixed.rs",
    usize_on_the_wire = "compile_fail/usize_on_the_wire.fixed.rs",
    value_missing = "compile_fail/value_missing.fixed.rs",
    variant_added = "compile_fail/variant_added.fixed.rs",
    variant_deleted = "compile_fail/variant_deleted.fixed.rs",
    variant_moved = "compile_fail/variant_moved.fixed.rs",
    variant_value_missing = "compile_fail/variant_value_missing.fixed.rs",
    variants_in_another_order = "compile_fail/variants_in_another_order.fixed.rs",
    version_above_the_mirror = "compile_fail/version_above_the_mirror.fixed.rs",
    version_goes_down = "compile_fail/version_goes_down.fixed.rs",
    version_missing = "compile_fail/version_missing.fixed.rs",
    version_zero = "compile_fail/version_zero.fixed.rs",
    wire_name_used_twice = "compile_fail/wire_name_used_twice.fixed.rs",
    writer_of_std_given_as_output = "compile_fail/writer_of_std_given_as_output.fixed.rs",
}

#[test]
fn every_case_has_a_mistake_its_message_and_the_correction() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let names: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = CASES
        .iter()
        .flat_map(|case| [".fixed.rs", ".rs", ".stderr"].map(|end| format!("{case}{end}")))
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn each_mistake_is_refused_by_cargo_check_with_its_sentence() {
    let version = compiler();
    if !version.starts_with(COMPILER) {
        let why = format!("the messages are those of {COMPILER}x, and this is {version}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
        println!("skipped: {why}");
        return;
    }
    // Without a `pass` case trybuild runs `cargo check`: mistakes must show there, not only in a build.
    let tests = trybuild::TestCases::new();
    for case in CASES {
        tests.compile_fail(format!("tests/compile_fail/{case}.rs"));
    }
}

/// What the compiler beside this cargo, or the one that the environment names, says it is.
fn compiler() -> String {
    let beside = Path::new(env!("CARGO")).with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    let rustc = std::env::var_os("RUSTC").map_or(beside, PathBuf::from);
    let output = Command::new(&rustc)
        .arg("--version")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", rustc.display()));
    assert!(output.status.success(), "{}: {}", rustc.display(), output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// MISTAKES.md quotes the first error of some cases.
#[test]
fn the_page_of_mistakes_says_what_the_compiler_says() {
    let page = include_str!("../../versioning/MISTAKES.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let sections: Vec<&str> = page
        .split("\n## ")
        .filter(|section| section.contains("```text"))
        .collect();
    assert_eq!(sections.len(), 8);
    for section in sections {
        let case = section
            .split("compile_fail/")
            .nth(1)
            .unwrap()
            .split(".rs")
            .next()
            .unwrap();
        let stderr = fs::read_to_string(folder.join(format!("{case}.stderr"))).unwrap();
        let first = stderr.split("\n\n").next().unwrap().trim_end();
        let quoted = section
            .split("```text\n")
            .nth(1)
            .unwrap()
            .split("\n```")
            .next()
            .unwrap();
        assert_eq!(quoted, first, "{case}");
    }
}
