//! The value of a field in a version without it, and of a variant's field before it is decoded: `Default`, and for arrays and
//! tuples without one, that of each element.
//!
//! A foreign type has `Default` and no [`Blank`], an array of more than 32 elements has [`Blank`] and no `Default`. So the
//! generated code calls a method of [`Missing`] that two traits have: the compiler takes that of [`ByDefault`] where it can.

use core::marker::PhantomData;

use crate::codec::Blank;

/// A type whose value is wanted, for a codec at the versions `V`.
#[derive(Debug)]
pub struct Missing<T, V>(PhantomData<(T, V)>);

impl<T, V> Missing<T, V> {
    /// The type.
    pub const TYPE: Self = Self(PhantomData);
}

/// The value of a type with `Default`.
pub trait ByDefault<T> {
    /// Returns the value of a field that a version does not have.
    fn __devstate_missing(&self) -> T;

    /// Returns the value of a variant's field.
    fn __devstate_undecoded(&self) -> T;
}

impl<T: Default, V> ByDefault<T> for Missing<T, V> {
    #[inline]
    fn __devstate_missing(&self) -> T {
        T::default()
    }

    #[inline]
    fn __devstate_undecoded(&self) -> T {
        T::default()
    }
}

/// The value of a type without `Default`.
pub trait ByElement<T, V> {
    /// Returns the value of a field that a version does not have.
    fn __devstate_missing(&self) -> T
    where
        T: MissingValue<V>;

    /// Returns the value of a variant's field.
    fn __devstate_undecoded(&self) -> T
    where
        T: VariantValue<V>;
}

impl<T, V> ByElement<T, V> for &Missing<T, V> {
    #[inline]
    fn __devstate_missing(&self) -> T
    where
        T: MissingValue<V>,
    {
        T::missing_value()
    }

    #[inline]
    fn __devstate_undecoded(&self) -> T
    where
        T: VariantValue<V>,
    {
        T::variant_value()
    }
}

/// The value of a field of a type without `Default` in versions without the field.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` is missing in some versions, and has no default value for them",
    label = "`{Self}` has no `Default`",
    note = "add `#[versioned(default_fn = path)]` to the field, with `fn path(version: u16) -> {Self}`, or implement \
            `Default` for the type; a removed or skipped field always needs `Default`"
)]
pub trait MissingValue<V> {
    /// Returns the value.
    fn missing_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Blank<V>, V> MissingValue<V> for T {
    #[inline]
    fn missing_value() -> Self {
        T::blank()
    }
}

/// The value of a variant's field before it is decoded.
#[diagnostic::on_unimplemented(
    message = "a variant has a field of the type `{Self}`, which has no `Default`",
    label = "`{Self}` has no `Default`",
    note = "decoding creates the variant first, and then fills its fields: derive or implement `Default` for \
            `{Self}`, or implement `wire::Blank` for a type with a hand-written codec"
)]
pub trait VariantValue<V> {
    /// Returns the value.
    fn variant_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Blank<V>, V> VariantValue<V> for T {
    #[inline]
    fn variant_value() -> Self {
        T::blank()
    }
}
