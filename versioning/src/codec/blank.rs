//! The value of a place before it is decoded.
//!
//! `Default` is not enough: arrays of more than 32 elements have none, and no trait can be implemented both for all types with
//! `Default` and for arrays.

use core::array;

use heapless::{Deque, String, Vec};

use super::{Bytes, Str};

/// Creates the initial value of an element of a container, before the element is decoded.
///
/// A container creates each element with [`blank`](Self::blank), and then decodes into it. An element that an older
/// version does not have keeps the initial value. This is the value of `Default`. In an array or a tuple, each element
/// has its own initial value.
///
/// `#[derive(Versioned)]` implements it for each mirror that implements `Default`. Implement it for a type with a
/// hand-written codec if a container can hold that type:
///
/// ```
/// use devstate_versioning::wire::Blank;
///
/// #[derive(Default)]
/// pub struct Celsius(pub i16);
///
/// impl<V> Blank<V> for Celsius {
///     fn blank() -> Self {
///         Self::default()
///     }
/// }
/// ```
///
/// `V` is the parameter of [`Wire`](crate::wire::Wire). The value does not depend on it.
#[diagnostic::on_unimplemented(
    message = "the type `{Self}` is in a container, but has no initial value for decoding",
    label = "`{Self}` does not implement `wire::Blank`",
    note = "derive or implement `Default` for a mirror; implement `wire::Blank` for a type with a hand-written codec"
)]
pub trait Blank<V> {
    /// Returns the initial value.
    fn blank() -> Self;
}

#[diagnostic::do_not_recommend]
impl<V, T: Blank<V>, const N: usize> Blank<V> for [T; N] {
    #[inline]
    fn blank() -> Self {
        array::from_fn(|_| T::blank())
    }
}

macro_rules! by_default {
    ($([$($parameters:tt)*] $type:ty;)+) => {$(
        #[diagnostic::do_not_recommend]
        impl<V, $($parameters)*> Blank<V> for $type {
            #[inline]
            fn blank() -> Self {
                Self::default()
            }
        }
    )+};
}

by_default! {
    [] u8;
    [] u16;
    [] u32;
    [] u64;
    [] u128;
    [] i8;
    [] i16;
    [] i32;
    [] i64;
    [] i128;
    [] bool;
    // These are not on the wire. Fields that are skipped or foreign have them.
    [] char;
    [] f32;
    [] f64;
    [] usize;
    [] isize;
    [T] Option<T>;
    [T, const N: usize] Vec<T, N>;
    [T, const N: usize] Deque<T, N>;
    [const N: usize] String<N>;
    [const N: usize] Str<'_, N>;
    [const N: usize] Bytes<'_, N>;
}

macro_rules! tuples {
    ($(($($T:ident),+))+) => {$(
        #[diagnostic::do_not_recommend]
        impl<Source, $($T: Blank<Source>),+> Blank<Source> for ($($T,)+) {
            #[inline]
            fn blank() -> Self {
                ($($T::blank(),)+)
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
