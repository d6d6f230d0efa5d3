//! The byte layer: the trait [`Wire`], and the types that implement it.

mod arrays;
mod blank;
mod borrowed;
mod bounded;
mod containers;
mod empty;
mod foreign;
mod primitives;
mod window;

pub use blank::Blank;
pub use borrowed::{Bytes, Str};
pub use bounded::Bounded;
pub(crate) use bounded::check_len;
pub(crate) use empty::{check_read, check_written};
pub use foreign::{foreign_decode, foreign_differ, foreign_downgrade, foreign_encode, foreign_len};
pub use window::{Place, ReadWindow, fixed_len, load, load_value, open, places, store_value};

use heapless::VecView;

use crate::at::{At, Newest, RowOf, Versions};
use crate::error::ConversionError;
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::table::TableData;
use crate::writer::Writer;

/// A mirror that a program can save and load with the release table `R`. Use it as the bound of a generic function.
///
/// A mirror implements it if it derives `Versioned`, implements `Clone` and has a row in the table. No other bound is
/// needed:
///
/// ```
/// use devstate_versioning::{MirrorOf, ReleaseTable, buffer};
/// # use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// fn saved_and_loaded<M: for<'de> MirrorOf<'de, Release>>(mirror: &M, memory: &mut [u8]) -> M {
///     let snapshot = Release::save(mirror, memory).expect("the buffer is large enough");
///     let mut loaded = mirror.clone();
///     Release::load(snapshot, &mut loaded).expect("the snapshot is intact");
///     loaded
/// }
///
/// let timer = TimerSer { count: 7 };
/// assert_eq!(saved_and_loaded(&timer, &mut buffer!(TimerSer)), timer);
/// ```
///
/// `'de` is the lifetime of the snapshot. Borrowed fields have the same lifetime.
#[diagnostic::on_unimplemented(
    message = "the release table `{R}` cannot save or load `{Self}`: it is not a mirror with a row in the table, or \
               it is not `Clone`",
    label = "no row in the table, or not `Clone`",
    note = "derive `Versioned` and `Clone` for `{Self}`, and add `{Self} => [..]` to the `release_table!` that \
            declares `{R}`, with one version for each release, and `_` for a release without this mirror"
)]
pub trait MirrorOf<'de, R: TableData>: RowOf<R> + Wire<'de, At<R>> + Wire<'de, Newest<R>> + Clone {}

#[diagnostic::do_not_recommend]
impl<'de, R: TableData, M> MirrorOf<'de, R> for M where M: RowOf<R> + Wire<'de, At<R>> + Wire<'de, Newest<R>> + Clone {}

/// Encodes, decodes and translates a type at each release. Every mirror implements it, and so does every type that can
/// be a field.
///
/// The byte layer (`encoded_len`, `encode`, `decode_into`) and the translation between versions (`downgrade`,
/// `upgrade`) are separate. The byte layer reads and writes exactly the fields of one version. Translation changes
/// values in place. `'de` is the lifetime of the input. Borrowed fields have the same lifetime.
///
/// `V` selects the release or the version: see [`Versions`], which lists the four types. Only this crate makes values
/// of these types, so only a value of the latest version or a translated value is ever written. `#[derive(Versioned)]`
/// implements the trait. A generic mirror implements it by hand, for every `V: VersionOf<Self>`, and passes `at` on to
/// its fields. A type for a field of mirrors implements it for every `V: Versions`. If it is also used in a container
/// or in a variant, it implements [`Blank`] too:
///
/// ```
/// use devstate_versioning::Versioned;
/// use devstate_versioning::schema::Type;
/// use devstate_versioning::wire::{Blank, Differ, Layout, Malformed, Reader, Versions, Wire, Writer};
///
/// /// Encoded as the number in it.
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Celsius(pub i16);
///
/// impl Layout for Celsius {
///     const TYPE: &'static Type = i16::TYPE;
/// }
///
/// impl<'de, V: Versions> Wire<'de, V> for Celsius {
///     fn encoded_len(&self, at: V) -> usize {
///         self.0.encoded_len(at)
///     }
///     fn encode<W: Writer>(&self, at: V, writer: &mut W) {
///         self.0.encode(at, writer);
///     }
///     fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
///         self.0.decode_into(at, reader)
///     }
///     fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
///         self.0.differ(&other.0, at, differ);
///     }
/// }
///
/// impl<V> Blank<V> for Celsius {
///     fn blank() -> Self {
///         Self::default()
///     }
/// }
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct OvenSer {
///     pub temperature: Celsius,
///     pub goal: Option<Celsius>,
/// }
/// ```
pub trait Wire<'de, V: Versions>: Layout {
    /// Returns the number of bytes that `encode` writes at the release.
    fn encoded_len(&self, at: V) -> usize;

    /// Writes the fields that the release has.
    fn encode<W: Writer>(&self, at: V, writer: &mut W);

    /// Reads the fields that the release has. Other fields keep their values.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the encoder never writes these bytes. The reader has the details.
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed>;

    /// Translates a value of the latest version into a value that the release can express. This is the first step of
    /// saving at an older release.
    ///
    /// # Errors
    ///
    /// [`ConversionError`] from a semantic function.
    #[inline]
    fn downgrade(&mut self, _at: V) -> Result<(), ConversionError> {
        Ok(())
    }

    /// Translates a value that was read at the release into a value of the latest version. This is the last step of
    /// loading.
    ///
    /// # Errors
    ///
    /// [`ConversionError`] from a semantic function.
    #[inline]
    fn upgrade(&mut self, _at: V) -> Result<(), ConversionError> {
        Ok(())
    }

    /// Reports every field in which `other` differs. `other` is a copy that was downgraded to the release and upgraded
    /// again.
    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>);

    /// Returns the number of bytes that [`encode_slice`](Self::encode_slice) writes. By default, the slice functions
    /// process one value at a time. Override them if the type can process a whole slice at once, as `u8` does.
    #[inline]
    fn slice_encoded_len(items: &[Self], at: V) -> usize
    where
        Self: Sized,
    {
        items.iter().map(|item| item.encoded_len(at)).sum()
    }

    /// Writes the values one after another, without a length.
    #[inline]
    fn encode_slice<W: Writer>(items: &[Self], at: V, writer: &mut W)
    where
        Self: Sized,
    {
        for item in items {
            item.encode(at, writer);
        }
    }

    /// Reads `items.len()` values into `items`, one after another.
    ///
    /// # Errors
    ///
    /// The errors of [`decode_into`](Self::decode_into).
    #[inline]
    fn decode_slice(items: &mut [Self], at: V, reader: &mut Reader<'de>) -> Result<(), Malformed>
    where
        Self: Sized,
    {
        items.iter_mut().try_for_each(|item| item.decode_into(at, reader))
    }

    /// Reports each value that differs from the one at the same position in `others`, which has the same length.
    #[inline]
    fn slice_differ(items: &[Self], others: &[Self], at: V, differ: &mut Differ<'_>)
    where
        Self: Sized,
    {
        differ.elements(items.iter().zip(others), |(item, other), differ| {
            item.differ(other, at, differ);
        });
    }

    /// Writes the length of a sequence of at most `N` values, and the values.
    #[inline]
    fn encode_vec<const N: usize, W: Writer>(items: &[Self], at: V, writer: &mut W)
    where
        Self: Sized,
    {
        writer.length::<N>(items.len());
        check_written(at, items.len(), items.first(), writer);
        Self::encode_slice(items, at, writer);
    }

    /// Reads a length, then this number of values, and replaces the content of `items`. If `LONG` is `true`, the length
    /// can have more than one byte.
    ///
    /// # Errors
    ///
    /// The errors of [`decode_into`](Self::decode_into).
    #[inline]
    fn decode_vec<const LONG: bool>(items: &mut VecView<Self>, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed>
    where
        Self: Blank<V> + Sized,
    {
        let start = reader.offset();
        let length = reader.length_up_to::<LONG>(items.capacity())?;
        check_read::<V, Self>(at, start, length, reader)?;
        items.truncate(length);
        while items.len() < length && items.push(Self::blank()).is_ok() {}
        Self::decode_slice(items, at, reader)
    }
}

/// A type whose encoding has a fixed length: integers, `bool` and arrays of them.
///
/// The derive uses it for neighbouring fields, which then share one bounds check.
pub trait Fixed: Layout + Sized {
    /// The length of the encoding in bytes.
    const LEN: usize;

    /// Writes the value into the first [`LEN`](Self::LEN) bytes of `out`.
    fn store(&self, out: &mut [u8]);

    /// Reads the value from the first [`LEN`](Self::LEN) bytes of `bytes`.
    ///
    /// # Errors
    ///
    /// `BadValue` for a byte that the encoder never writes.
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
    /// The errors of [`load`](Self::load).
    #[inline]
    fn load_slice(items: &mut [Self], bytes: &[u8]) -> Result<(), BadValue> {
        for (i, (item, bytes)) in items.iter_mut().zip(bytes.chunks_exact(Self::LEN.max(1))).enumerate() {
            item.load(bytes).map_err(|bad| bad.behind(i * Self::LEN))?;
        }
        Ok(())
    }
}

/// A byte that the encoder never writes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The position of the byte.
    pub position: usize,
    /// The byte.
    pub found: u8,
}

impl BadValue {
    /// Returns the same error with the position counted from `distance` bytes earlier.
    #[must_use]
    pub const fn behind(self, distance: usize) -> Self {
        Self {
            position: self.position + distance,
            ..self
        }
    }
}

/// `Type` is `T`, whatever `Self` is. It hides a bare type from rustc's check for trivial bounds.
pub trait Itself<T> {
    /// `T`.
    type Type;
}

impl<R, T> Itself<T> for R {
    type Type = T;
}
