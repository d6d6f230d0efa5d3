//! The value of a field in a version without it: `Default`, and for arrays and tuples without one, that of each element.
//!
//! Arrays of more than 32 elements have no `Default`. No trait can be implemented for all types with `Default` and for arrays
//! as well, so the generated code calls a method of [`Missing`] that both traits have: the compiler takes that of
//! [`ByDefault`] where it can.

use core::array;
use core::marker::PhantomData;

use crate::codec::MissingValue;

/// A type whose value is wanted.
#[derive(Debug)]
pub struct Missing<T>(PhantomData<T>);

impl<T> Missing<T> {
    /// The type.
    pub const TYPE: Self = Self(PhantomData);
}

/// The value of a type with `Default`.
pub trait ByDefault<T> {
    /// Returns the value.
    fn __devstate_missing(&self) -> T;
}

impl<T: Default> ByDefault<T> for Missing<T> {
    #[inline]
    fn __devstate_missing(&self) -> T {
        T::default()
    }
}

/// The value of a type without `Default`.
pub trait ByElement<T> {
    /// Returns the value.
    fn __devstate_missing(&self) -> T
    where
        T: MissingValue;
}

impl<T> ByElement<T> for &Missing<T> {
    #[inline]
    fn __devstate_missing(&self) -> T
    where
        T: MissingValue,
    {
        T::missing_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T: MissingValue, const N: usize> MissingValue for [T; N] {
    #[inline]
    fn missing_value() -> Self {
        array::from_fn(|_| T::missing_value())
    }
}

macro_rules! by_default {
    ($($type:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl MissingValue for $type {
            #[inline]
            fn missing_value() -> Self {
                Self::default()
            }
        }
    )+};
}

by_default!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, bool, char);

#[diagnostic::do_not_recommend]
impl<T> MissingValue for Option<T> {
    #[inline]
    fn missing_value() -> Self {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<T, const N: usize> MissingValue for heapless::Vec<T, N> {
    #[inline]
    fn missing_value() -> Self {
        Self::new()
    }
}

macro_rules! tuples {
    ($(($($T:ident),+))+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($T: MissingValue),+> MissingValue for ($($T,)+) {
            #[inline]
            fn missing_value() -> Self {
                ($($T::missing_value(),)+)
            }
        }
    )+};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I)
    (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
}
