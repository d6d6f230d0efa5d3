//! What every encoder is given: the state of three devices, in two shapes.

/// Declares structs and enums for every encoder. A field or a variant has a number before it. A field has the version that
/// it came with behind it, or the annotations of `Versioned` and of `Versionize`. The first variant is the default.
macro_rules! work {
    ($(#[$doc:meta])* struct $Name:ident [$($versioned:tt)*] {
        $($n:tt $field:ident: $ty:ident $(<$of:ident>)? $(since $start:tt)? $([$($ours:tt)*] [$($theirs:tt)*])?,)*
    } $($rest:tt)*) => {
        $(#[$doc])*
        #[derive(Versioned, Serialize, Deserialize, Encode, Decode, Versionize, Clone, Debug, Default, PartialEq)]
        #[versioned($($versioned)*)]
        pub struct $Name {
            $(
                #[n($n)]
                $(#[versioned(start = $start)] #[version(start = $start)])?
                $(#[versioned($($ours)*)] #[version($($theirs)*)])?
                pub $field: $ty $(<$of>)?,
            )*
        }
        work! { $($rest)* }
    };
    ($(#[$doc:meta])* enum $Name:ident [$($versioned:tt)*] {
        $first_n:tt $First:ident $(, $n:tt $Variant:ident)* $(,)?
    } $($rest:tt)*) => {
        $(#[$doc])*
        #[derive(Versioned, Serialize, Deserialize, Encode, Decode, Versionize, Clone, Debug, Default, Copy, PartialEq)]
        #[versioned($($versioned)*)]
        pub enum $Name {
            #[n($first_n)]
            #[default]
            $First,
            $(#[n($n)] $Variant,)*
        }
        work! { $($rest)* }
    };
    () => {};
}

mod bytes;
pub mod flat;
pub mod nested;

use std::fmt::Debug;

use devstate_versioning::{MirrorOf, ReleaseTable};
use minicbor::{Decode, Encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use versionize::{VersionMap, Versionize};

pub use bytes::Bytes;

/// A state with two versions, in each encoder's best representation: one type that derives all of them.
pub trait Work:
    Clone
    + Debug
    + Default
    + PartialEq
    + Serialize
    + DeserializeOwned
    + Encode<()>
    + for<'b> Decode<'b, ()>
    + Versionize
    + for<'de> MirrorOf<'de, Self::Release>
    + 'static
{
    /// Its tables: payload, older version, with header and checksum.
    const TABLES: [&'static str; 3];

    /// devstate's table of two releases.
    type Release: ReleaseTable;

    /// Returns the state that is measured.
    fn sample() -> Self;

    /// Returns versionize's table of two releases.
    fn version_map() -> &'static VersionMap;

    /// Packs by hand: the limit. One bounds check for each struct, safe code, in place.
    fn save_by_hand(&self, version: u16, buffer: &mut [u8]) -> Option<usize>;

    /// Unpacks by hand, in place.
    fn load_by_hand(&mut self, version: u16, payload: &[u8]) -> Option<()>;
}
