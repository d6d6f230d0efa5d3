//! Functions that the code of the macros calls.
//!
//! Generated code calls functions by their path only, because a method could mean one of a trait of the user's. It has no
//! pattern but names that begin with `__devstate`, because another name could mean a constant of the user's.

#![allow(
    clippy::inline_always,
    clippy::panic,
    reason = "these are lines of the generated code, which is as fast as written in place"
)]

use crate::at::Versions;
use crate::codec::Wire;
use crate::error::{ConversionError, Expected, SaveError};
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::writer::Writer;

/// Returns an identifier without the mark of a raw one.
#[must_use]
pub const fn without_raw(name: &'static str) -> &'static str {
    match (name.as_bytes(), name.split_at_checked(2)) {
        ([b'r', b'#', ..], Some((_, name))) => name,
        _ => name,
    }
}

/// Returns the last release of a table.
///
/// # Panics
///
/// Without a release, which the macro's grammar rules out: during constant evaluation.
#[must_use]
pub const fn last<R: Copy>(releases: &[R]) -> R {
    match releases {
        [.., last] => *last,
        [] => panic!("a release table has at least one release"),
    }
}

/// Reports the losses of a field whose type the macro knows by its name. Most such fields are equal, and the place of one
/// that is takes longer than comparing it.
#[inline(always)]
pub fn differ<'de, V: Versions, T: Wire<'de, V> + PartialEq>(
    step: u16,
    ignorable: bool,
    one: &T,
    other: &T,
    at: V,
    differ: &mut Differ<'_>,
) {
    if one != other {
        let walk = |differ: &mut Differ<'_>| one.differ(other, at, differ);
        if ignorable {
            differ.ignorable_field(step, walk);
        } else {
            differ.field(step, walk);
        }
    }
}

/// Returns the version in a row at the position of a release, zero where there is none.
#[inline]
#[must_use]
pub fn at(versions: &'static [u16], release: usize) -> u16 {
    match versions.get(release) {
        Some(version) => *version,
        None => 0,
    }
}

/// Returns the version of a part at a version of its owner, zero where there is none.
#[inline]
#[must_use]
pub fn part_at(versions: &'static [u16], owner: u16) -> u16 {
    at(versions, usize::from(owner).wrapping_sub(1))
}

/// Returns the bound of a field at a version of its owner, zero where there is none.
#[inline]
#[must_use]
pub fn bound_at(bounds: &'static [usize], owner: u16) -> usize {
    match bounds.get(usize::from(owner).wrapping_sub(1)) {
        Some(bound) => *bound,
        None => 0,
    }
}

/// Fails the writing of a variant that the version does not have.
#[inline(always)]
pub fn refuse_variant<W: Writer>(writer: &mut W, tag: u8) {
    writer.fail(SaveError::Value {
        expected: Expected::VariantTag,
        found: tag.into(),
    });
}

/// Fails the reading of a tag that the version does not have.
///
/// # Errors
///
/// [`Malformed`], always.
#[inline(always)]
pub fn no_variant(reader: &mut Reader<'_>, offset: usize, tag: u8) -> Result<(), Malformed> {
    Err(reader.refuse_at(offset, Expected::VariantTag, tag.into()))
}

/// Refuses a variant that has no counterpart in another version.
///
/// # Errors
///
/// [`ConversionError`], always.
#[inline(always)]
pub fn refuse(
    reason: &'static str,
    mirror: &'static str,
    variant: &'static str,
    version: u16,
) -> Result<(), ConversionError> {
    Err(ConversionError::new(reason).at(mirror, variant, version))
}

/// Adds to what a semantic function returned where it was called.
///
/// # Errors
///
/// The function's own.
#[inline(always)]
pub fn refusal(
    result: impl Conversion,
    mirror: &'static str,
    field: &'static str,
    version: u16,
) -> Result<(), ConversionError> {
    result.result().map_err(|error| error.at(mirror, field, version))
}

/// The type that a semantic function returns.
#[diagnostic::on_unimplemented(
    message = "a `ser_fn` or `de_fn` returns `{Self}`",
    label = "this function returns `{Self}`",
    note = "a semantic function has the type `fn(&mut Mirror, version: u16) -> Result<(), ConversionError>`"
)]
pub trait Conversion {
    /// Returns the result.
    ///
    /// # Errors
    ///
    /// The function's own.
    fn result(self) -> Result<(), ConversionError>;
}

#[diagnostic::do_not_recommend]
impl Conversion for Result<(), ConversionError> {
    #[inline(always)]
    fn result(self) -> Self {
        self
    }
}

/// A value of the type `T` of its field.
#[diagnostic::on_unimplemented(
    message = "a `default_fn` returns `{Self}`, and its field has the type `{T}`",
    label = "this function returns `{Self}`",
    note = "a `default_fn` has the type `fn(version: u16) -> {T}`"
)]
pub trait ValueOf<T> {
    /// Returns the value.
    fn value(self) -> T;
}

#[diagnostic::do_not_recommend]
impl<T> ValueOf<T> for T {
    #[inline(always)]
    fn value(self) -> Self {
        self
    }
}

/// Returns what a `default_fn` returned.
#[inline(always)]
pub fn default_value<T, V: ValueOf<T>>(value: V) -> T {
    value.value()
}

/// Prints the name of a release.
#[cfg(feature = "defmt")]
pub fn format_release<R: crate::schema::TableData>(release: R, formatter: defmt::Formatter<'_>) {
    let name = R::NAMES.get(release.index()).copied().unwrap_or_default();
    defmt::write!(formatter, "{=str}", name);
}
