//! What a type has to offer to stand in a mirror.

mod arrays;
mod borrowed;
mod containers;
mod foreign;
mod primitives;

pub use borrowed::{Bytes, Str};
pub use foreign::{foreign_decode, foreign_encode, foreign_len};

use heapless::Vec;

use crate::error::Refused;
use crate::loss::Differ;
use crate::reader::{Malformed, Reader};
use crate::schema::{Schema, Type};
use crate::writer::Writer;

/// A type with a fixed description on the wire.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand on the wire",
    label = "this type has no fixed, bounded encoding",
    note = "integers of a fixed width, `bool`, `char`, arrays, tuples, `Option`, `heapless::{{Vec, String, Deque}}`, `devstate_versioning::{{Str, Bytes}}` and types that derive `Versioned` can",
    note = "write `u64` instead of `usize`, `i64` instead of `isize`, and a bounded `heapless::Vec<T, N>` instead of `Vec<T>`; a foreign serde type needs `#[versioned(serde, max = N, layout = \"name/1\")]`"
)]
pub trait Layout {
    /// What stands on the wire.
    const TYPE: &'static Type;

    /// The most bytes that any version of it takes.
    const MAX_ENCODED_LEN: usize = Self::TYPE.max_len();
}

/// A mirror: the wire form of a state, with all its versions. `#[derive(Versioned)]` implements it.
pub trait Mirror: Layout {
    /// Its fields in every version.
    const SCHEMA: &'static Schema;
    /// The fingerprints of its versions, from version 1.
    const LAYOUTS: &'static [u64];
    /// Whether the latest version is not published yet (`open` in `layouts`), so that its layout may still change.
    const OPEN: bool;
}

/// A type that can be written and read at each release of the table `R`.
///
/// The byte layer (`encoded_len`, `encode`, `decode_into`) and the translation between versions (`lower`, `raise`)
/// are apart: bytes are always those of the release, and translation changes values in place. `'de` is the lifetime of
/// the input, which borrowed fields keep.
///
/// `#[derive(Versioned)]` implements it; a generic mirror can do so by hand.
pub trait Wire<'de, R: Copy>: Layout {
    /// Bytes that `encode` writes at that release.
    fn encoded_len(&self, release: R) -> usize;

    /// Writes itself as it is at that release.
    fn encode<W: Writer>(&self, release: R, writer: &mut W);

    /// Reads what `encode` wrote at that release. Fields that the release does not have stay as they were.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where the bytes are not what the encoder writes; the reader has the details.
    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed>;

    /// Translates a latest value to what the release can say: the first step of saving at an older release.
    ///
    /// # Errors
    ///
    /// [`Refused`] by a semantic function.
    #[inline]
    fn lower(&mut self, _release: R) -> Result<(), Refused> {
        Ok(())
    }

    /// Translates what was read at a release to a latest value: the last step of loading.
    ///
    /// # Errors
    ///
    /// [`Refused`] by a semantic function.
    #[inline]
    fn raise(&mut self, _release: R) -> Result<(), Refused> {
        Ok(())
    }

    /// Reports every field in which `other` differs.
    fn differ(&self, other: &Self, differ: &mut Differ<'_>);

    /// Bytes of a run of values.
    #[inline]
    fn slice_encoded_len(items: &[Self], release: R) -> usize
    where
        Self: Sized,
    {
        items.iter().map(|item| item.encoded_len(release)).sum()
    }

    /// Writes a run of values.
    #[inline]
    fn encode_slice<W: Writer>(items: &[Self], release: R, writer: &mut W)
    where
        Self: Sized,
    {
        for item in items {
            item.encode(release, writer);
        }
    }

    /// Reads a run of values.
    ///
    /// # Errors
    ///
    /// As [`decode_into`](Self::decode_into).
    #[inline]
    fn decode_slice(items: &mut [Self], release: R, reader: &mut Reader<'de>) -> Result<(), Malformed>
    where
        Self: Sized,
    {
        items.iter_mut().try_for_each(|item| item.decode_into(release, reader))
    }

    /// Reads `length` values, at most `N`, in place of those in `items`.
    ///
    /// # Errors
    ///
    /// As [`decode_into`](Self::decode_into).
    #[inline]
    fn decode_vec<const N: usize>(
        items: &mut Vec<Self, N>,
        length: usize,
        release: R,
        reader: &mut Reader<'de>,
    ) -> Result<(), Malformed>
    where
        Self: Default + Sized,
    {
        items.truncate(length);
        while items.len() < length && items.push(Self::default()).is_ok() {}
        Self::decode_slice(items, release, reader)
    }
}

/// A type whose encoding always has the same length, so that neighbours share one bounds check.
///
/// Integers, `bool` and arrays of them. The derive uses it for runs of such fields.
pub trait Fixed: Layout + Sized {
    /// Bytes on the wire.
    const LEN: usize;

    /// Writes the value into the first [`LEN`](Self::LEN) bytes of `out`.
    fn store(&self, out: &mut [u8]);

    /// Reads the value from the first [`LEN`](Self::LEN) bytes of `bytes`; on an error, where in them, what was
    /// expected, and what was found.
    ///
    /// # Errors
    ///
    /// [`BadValue`] for a byte that the encoder never writes.
    fn load(&mut self, bytes: &[u8]) -> Result<(), BadValue>;

    /// [`store`](Self::store) for a run of values.
    #[inline]
    fn store_slice(items: &[Self], out: &mut [u8]) {
        // Values of no bytes have nothing to store, and there are no chunks of no bytes.
        for (item, out) in items.iter().zip(out.chunks_exact_mut(Self::LEN.max(1))) {
            item.store(out);
        }
    }

    /// [`load`](Self::load) for a run of values.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    #[inline]
    fn load_slice(items: &mut [Self], bytes: &[u8]) -> Result<(), BadValue> {
        for (i, (item, bytes)) in items.iter_mut().zip(bytes.chunks_exact(Self::LEN.max(1))).enumerate() {
            item.load(bytes).map_err(|bad| bad.behind(i * Self::LEN))?;
        }
        Ok(())
    }
}

/// A byte among several that the encoder never writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// Its position.
    pub position: usize,
    /// The byte.
    pub found: u8,
}

impl BadValue {
    /// The same byte, seen from `distance` bytes further ahead.
    #[must_use]
    pub const fn behind(self, distance: usize) -> Self {
        Self {
            position: self.position + distance,
            ..self
        }
    }
}

/// `Type` is `T`, by way of any other type.
pub trait Itself<T> {
    /// `T`.
    type Type;
}

impl<R, T> Itself<T> for R {
    type Type = T;
}

/// A field's type has a value for versions that did not have the field.
///
/// Every type with `Default` has one.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` is missing in some versions, and nothing says what it is then",
    label = "`{Self}` has no `Default`",
    note = "give the field `#[versioned(default_fn = path)]` with `fn path(version: u16) -> {Self}`, or the type a `Default`, which a removed or skipped field needs in any case"
)]
pub trait MissingValue {
    /// The value.
    fn missing_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> MissingValue for T {
    #[inline]
    fn missing_value() -> Self {
        Self::default()
    }
}

/// A field's type has a value that a variant can be made of before its fields are decoded.
#[diagnostic::on_unimplemented(
    message = "a variant has a field of the type `{Self}`, which has no `Default`",
    label = "`{Self}` has no `Default`",
    note = "decoding makes the variant first and fills its fields in place: derive or implement `Default` for `{Self}`"
)]
pub trait VariantValue {
    /// The value.
    fn variant_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> VariantValue for T {
    #[inline]
    fn variant_value() -> Self {
        Self::default()
    }
}
