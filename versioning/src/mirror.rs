//! Describes the types that have an encoding, and the mirrors among them.

use crate::schema_data::{Schema, Type};

/// Describes the encoding of a type: the meaning of the bytes, and their maximum number.
///
/// Every type that can be a field implements it: integers, arrays, bounded sequences, mirrors. Implement it together with
/// [`Wire`](crate::wire::Wire) for a field type of your own, as the example there does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a mirror",
    label = "this type has no fixed, bounded encoding",
    note = "these types can be fields: integers of a fixed width, `bool`, `char`, arrays, tuples of up to twelve, \
            `Option`, `heapless::{{Vec, String, Deque}}` of heapless 0.9, `devstate_versioning::{{Str, Bytes}}`, and \
            types that derive `Versioned`",
    note = "write `u64` instead of `usize`, `i64` instead of `isize`, and a bounded `heapless::Vec<T, N>` instead of `Vec<T>`; a foreign serde type needs `#[versioned(serde, max = N, layout = \"name/1\")]`"
)]
pub trait Layout {
    /// The description of the encoding.
    const TYPE: &'static Type;

    /// The maximum length in bytes, over all versions.
    const MAX_ENCODED_LEN: usize = Self::TYPE.max_len();

    /// The length in bytes, if it is the same for every value and version, and every value can be written. Neighbouring
    /// fields of such types share a window.
    #[doc(hidden)]
    const FIXED_LEN: Option<usize> = None;
}

/// Describes a mirror: the wire form of a state, in all its versions. `#[derive(Versioned)]` implements it.
///
/// Import it to use `TimerSer::SCHEMA`. The schema gives names to the fields in errors and losses:
///
/// ```
/// use devstate_versioning::{Mirror, Versioned};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct TimerSer {
///     pub count: u32,
/// }
///
/// assert_eq!(TimerSer::SCHEMA.name, "TimerSer");
/// assert_eq!(TimerSer::SCHEMA.version, 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mirror",
    label = "`{Self}` does not implement `Mirror`",
    note = "derive `Versioned` for `{Self}`, with `#[versioned(version = 1, layouts(open))]`; a release table has rows for mirrors only"
)]
pub trait Mirror: Layout {
    /// The fields in every version.
    const SCHEMA: &'static Schema;
    /// The fingerprints of the versions, from version 1. Zero for a version that the source does not have.
    const LAYOUTS: &'static [u64];
    /// `true` while the latest version is not published (`open` in `layouts`), so that its layout may still change.
    const OPEN: bool;
    /// `true` if the derive macro computes `LAYOUTS`, so that a release table need not compare them with the schema.
    #[doc(hidden)]
    const DERIVED: bool = false;
}
