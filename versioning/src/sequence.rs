//! Sequences that are too long to store in a mirror. They are written from a source of items, and read item by item
//! from the buffer.

use core::{fmt, slice};

use heapless::Vec;

use crate::at::Versions;
use crate::codec::{Blank, Bounded, Wire, check_len, check_read, check_written};
use crate::error::{ConversionError, Expected, LoadError, LoadErrorKind, SaveError};
use crate::loss::Differ;
use crate::mirror::Layout;
use crate::reader::{Malformed, Reader};
use crate::schema_data::Type;
use crate::writer::{Writer, length_len};

/// Provides the items of a [`Sequence`] while it is saved.
///
/// Every iterator with a known length that can be cloned is a source. Implement the trait for a store that has its items in
/// batches, or that knows their encoded length.
///
/// The items are visited several times: to measure, to find losses, to write. They must be the same each time.
///
/// ```
/// use devstate_versioning::Source;
///
/// /// Samples in two blocks, as a ring buffer has them.
/// struct Ring<'a>(&'a [u16], &'a [u16]);
///
/// impl Source<u16> for Ring<'_> {
///     fn len(&self) -> usize {
///         self.0.len() + self.1.len()
///     }
///
///     fn for_each(&self, visit: &mut dyn FnMut(&[u16])) {
///         visit(self.0);
///         visit(self.1);
///     }
/// }
/// # assert_eq!(Ring(&[1], &[2, 3]).len(), 3);
/// ```
pub trait Source<T> {
    /// Returns the number of items.
    fn len(&self) -> usize;

    /// Calls `visit` with all items, in order, in batches of any size.
    fn for_each(&self, visit: &mut dyn FnMut(&[T]));

    /// Returns `true` if there are no items.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the encoded length of all items together in bytes, at the release with the number `_release`. `None` if
    /// the source does not know the length. Then the items are visited to measure them.
    ///
    /// A source can keep the sum of [`Translated::payload_len`](crate::Translated::payload_len) of its items. If the
    /// sum is wrong, saving fails with `WrongLength`.
    fn encoded_len(&self, _release: u16) -> Option<usize> {
        None
    }
}

/// The number of small items in a batch: one call for all of them.
const BATCH: usize = 8;

/// A clone of the iterator goes over the items each time.
impl<T, I: ExactSizeIterator<Item = T> + Clone> Source<T> for I {
    fn len(&self) -> usize {
        ExactSizeIterator::len(self)
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[T])) {
        if const { size_of::<T>() > 64 } {
            // A batch of large items takes much stack, and saves little.
            return self.clone().for_each(|item| visit(slice::from_ref(&item)));
        }
        let mut batch: Vec<T, BATCH> = Vec::new();
        for item in self.clone() {
            // There is room: a full batch is emptied at once.
            let _ = batch.push(item);
            if batch.is_full() {
                visit(&batch);
                batch.clear();
            }
        }
        visit(&batch);
    }
}

/// A field for a list that is too long for a `heapless::Vec`: a log, or the items of a store. It contains no items: it
/// refers to a [`Source`], or to the buffer of the loaded snapshot.
///
/// Saving takes the items from a [`Source`], one after the other. After loading, [`visit`](Self::visit) reads them from
/// the buffer of the snapshot. There are at most `N` items. `heapless::Vec<T, N>` has the same encoding, so a field can
/// change from one type to the other.
///
/// ```
/// use devstate_versioning::{ReleaseTable, Sequence, Str, Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct LineSer<'a> {
///     pub text: Str<'a, 80>,
/// }
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct LogSer<'a> {
///     pub lines: Sequence<'a, LineSer<'a>, 1_000_000>,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     LineSer<'_> => [1],
///     LogSer<'_> => [1],
/// }
///
/// let lines = ["one", "two"];
/// let source = lines.iter().map(|text| LineSer { text: Str::new(text).unwrap_or_default() });
/// let mut memory = [0; 64];
/// let snapshot = Release::save(&LogSer { lines: Sequence::from_source(&source) }, &mut memory)?;
///
/// let mut log = LogSer::default();
/// Release::load(snapshot, &mut log)?;
/// let mut read = Vec::new();
/// log.lines.visit(&mut |line| read.push(line.text.get()))?;
/// assert_eq!(read, lines);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sequence<'de, T, const N: usize>(Content<'de, T>);

enum Content<'de, T> {
    Nothing,
    Source(&'de dyn Source<T>),
    Encoded(Encoded<'de, T>),
}

/// Items in a buffer. They were decoded once, so they decode again.
struct Encoded<'de, T> {
    items: &'de [u8],
    count: usize,
    /// The number of the release at which they were written.
    release: u16,
    /// Decodes and upgrades each item, with the release table that they were loaded with.
    visit: Visit<Self, T>,
}

type Visit<Items, T> = fn(&Items, &mut dyn FnMut(&[T])) -> Result<(), LoadError>;

impl<'de, T> Encoded<'de, T> {
    fn visit<V>(&self, visit: &mut dyn FnMut(&[T])) -> Result<(), LoadError>
    where
        V: Versions,
        T: Wire<'de, V> + Blank<V>,
    {
        let Some(at) = V::from_number(self.release) else {
            return Err(LoadErrorKind::UnknownRelease { found: self.release }.without_offset());
        };
        let mut reader = Reader::new(self.items);
        for _ in 0..self.count {
            let mut item = T::blank();
            if let Err(malformed) = item.decode_into(at, &mut reader) {
                return Err(reader.error(malformed));
            }
            item.upgrade(at)?;
            visit(slice::from_ref(&item));
        }
        reader.finish()
    }
}

impl<'de, T, const N: usize> Sequence<'de, T, N> {
    /// Creates a sequence to be written. Saving refuses more than `N` items.
    #[must_use]
    pub fn from_source(source: &'de dyn Source<T>) -> Self {
        Self(Content::Source(source))
    }

    /// Returns the number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Content::Nothing => 0,
            Content::Source(source) => source.len(),
            Content::Encoded(encoded) => encoded.count,
        }
    }

    /// Returns `true` if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` with each item at its latest version. Borrowed fields stay in the buffer that was loaded.
    ///
    /// # Errors
    ///
    /// `Conversion` from a semantic function of the items. A loaded sequence never returns this error, because loading
    /// has checked each item.
    pub fn visit(&self, visit: &mut dyn FnMut(&T)) -> Result<(), LoadError> {
        self.visit_batches(&mut |items| items.iter().for_each(&mut *visit))
    }

    fn visit_batches(&self, visit: &mut dyn FnMut(&[T])) -> Result<(), LoadError> {
        match &self.0 {
            Content::Nothing => Ok(()),
            Content::Source(source) => {
                source.for_each(visit);
                Ok(())
            }
            Content::Encoded(encoded) => (encoded.visit)(encoded, visit),
        }
    }

    /// Calls `visit` with each item, translated to the release, up to the first that has no translation.
    ///
    /// At the latest release, the source passes whole batches to the encoder.
    fn visit_translated<V>(&self, at: V, mut visit: impl FnMut(&[T])) -> Result<(), ConversionError>
    where
        V: Versions,
        T: Wire<'de, V> + Clone,
    {
        if at.is_latest() {
            return conversion(self.visit_batches(&mut visit));
        }
        self.try_visit(&mut |item| {
            let mut item = item.clone();
            item.downgrade(at)?;
            visit(slice::from_ref(&item));
            Ok(())
        })
    }

    /// Calls `visit` with each item up to its first error.
    fn try_visit(&self, visit: &mut dyn FnMut(&T) -> Result<(), ConversionError>) -> Result<(), ConversionError> {
        let mut result = Ok(());
        conversion(self.visit(&mut |item| {
            if result.is_ok() {
                result = visit(item);
            }
        }))?;
        result
    }

    /// Decodes each of `count` items once, and keeps their bytes.
    pub(crate) fn decode_items<V>(&mut self, at: V, count: usize, reader: &mut Reader<'de>) -> Result<(), Malformed>
    where
        V: Versions,
        T: Wire<'de, V> + Blank<V>,
    {
        let before = reader.rest();
        for _ in 0..count {
            T::blank().decode_into(at, reader)?;
        }
        let taken = before.len() - reader.rest().len();
        self.0 = Content::Encoded(Encoded {
            items: before.get(..taken).unwrap_or_default(),
            count,
            release: at.number(),
            visit: Encoded::visit::<V>,
        });
        Ok(())
    }

    /// Returns `true` if both have their items from the same place.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Content::Source(here), Content::Source(there)) => core::ptr::addr_eq(*here, *there),
            (Content::Encoded(here), Content::Encoded(there)) => {
                core::ptr::eq(here.items, there.items) && here.count == there.count
            }
            _ => false,
        }
    }
}

/// Returns the conversion error of a visit. Decoded items have no other errors.
fn conversion(visited: Result<(), LoadError>) -> Result<(), ConversionError> {
    match visited {
        Err(LoadError {
            kind: LoadErrorKind::Conversion(error),
            ..
        }) => Err(error),
        _ => Ok(()),
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Sequence<'_, T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V> + Clone, const N: usize> Wire<'de, V> for Sequence<'de, T, N> {
    fn encoded_len(&self, at: V) -> usize {
        if self.len() > N {
            // The encoder refuses them, and says so. No buffer would be long enough.
            return 0;
        }
        let mut len = length_len::<N>(self.len());
        // A source knows the lengths at releases, not those at the versions of a part.
        if V::HAS_RELEASES
            && let Content::Source(source) = self.0
            && let Some(items) = source.encoded_len(at.number())
        {
            return len.saturating_add(items);
        }
        // An item without a translation has no length. The encoder reports it.
        let _ = self.visit_translated(at, |items| {
            len = len.saturating_add(T::slice_encoded_len(items, at));
        });
        len
    }

    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        let announced = self.len();
        if announced > N {
            writer.fail(SaveError::Value {
                expected: Expected::LengthUpTo(N),
                found: announced as u64,
            });
        }
        writer.length::<N>(announced);
        let mut written = 0;
        let visited = self.visit_translated(at, |items| {
            check_written(at, announced, items.first().filter(|_| written == 0), writer);
            written += items.len();
            T::encode_slice(items, at, writer);
            writer.commit();
        });
        if let Err(error) = visited {
            writer.fail(SaveError::Conversion(error));
        }
        if written != announced {
            writer.fail(SaveError::WrongLength { announced, written });
        }
    }

    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let count = reader.length(N)?;
        check_read::<V, T>(at, start, count, reader)?;
        self.decode_items(at, count, reader)
    }

    /// Checks that each item can be downgraded, and upgraded again. The items stay where they are: the encoder
    /// translates each one as it writes it.
    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        if at.is_latest() {
            return Ok(());
        }
        self.try_visit(&mut |item| there_and_back(item, at).map(drop))
    }

    /// Checks that each item can be upgraded. [`visit`](Self::visit) does it again.
    fn upgrade(&mut self, _at: V) -> Result<(), ConversionError> {
        conversion(self.visit(&mut |_item| ()))
    }

    /// Reports the losses of the items at this release. `other` has the same items, unless a semantic function
    /// replaced them.
    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        if self.is_empty() && other.is_empty() {
            return;
        }
        if at.is_latest() || !self.is_same(other) {
            return differ.leaf(self.is_same(other));
        }
        let mut index = 0_usize;
        let _ = self.visit(&mut |item| {
            // `downgrade` has checked each item.
            if let Ok(copy) = there_and_back(item, at) {
                let step = u16::try_from(index).unwrap_or(u16::MAX);
                differ.field(step, |differ| item.differ(&copy, at, differ));
            }
            index = index.saturating_add(1);
        });
    }
}

impl<'de, V: Versions, T: Wire<'de, V> + Blank<V> + Clone, const N: usize> Bounded<'de, V> for Sequence<'de, T, N> {
    fn encoded_len_within(&self, at: V, _bound: usize) -> usize {
        self.encoded_len(at)
    }

    fn encode_within<W: Writer>(&self, at: V, bound: usize, writer: &mut W) {
        check_len(self.len(), bound, writer);
        self.encode(at, writer);
    }

    fn decode_within(&mut self, at: V, bound: usize, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let start = reader.offset();
        let count = reader.length_within(bound, N)?;
        check_read::<V, T>(at, start, count, reader)?;
        self.decode_items(at, count, reader)
    }

    /// The items are in a source or in a buffer, and stay there.
    fn downgrade_within(&mut self, at: V, bound: usize) -> Result<(), ConversionError> {
        if self.len() > bound {
            return Err(ConversionError::new(
                "the sequence has more items than that version allows",
            ));
        }
        self.downgrade(at)
    }

    fn upgrade_within(&mut self, at: V, _bound: usize) -> Result<(), ConversionError> {
        self.upgrade(at)
    }
}

/// Returns a copy of `item` that was downgraded to the release and upgraded again.
fn there_and_back<'de, V: Versions, T: Wire<'de, V> + Clone>(item: &T, at: V) -> Result<T, ConversionError> {
    let mut copy = item.clone();
    copy.downgrade(at)?;
    copy.upgrade(at)?;
    Ok(copy)
}

#[diagnostic::do_not_recommend]
impl<V, T, const N: usize> Blank<V> for Sequence<'_, T, N> {
    fn blank() -> Self {
        Self::default()
    }
}

impl<T, const N: usize> Default for Sequence<'_, T, N> {
    fn default() -> Self {
        Self(Content::Nothing)
    }
}

impl<T, const N: usize> Clone for Sequence<'_, T, N> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<T> Clone for Content<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Content<'_, T> {}

impl<T> Clone for Encoded<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Encoded<'_, T> {}

impl<T, const N: usize> fmt::Debug for Sequence<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
