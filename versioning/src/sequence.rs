//! Sequences too long to hold: written from whatever has the items, read one by one from the buffer.

use core::{fmt, slice};

use heapless::Vec;

use crate::error::{Error, ErrorKind, Expected, Refused};
use crate::loss::{Differ, Loss};
use crate::reader::{Malformed, Reader};
use crate::release::ReleaseTable;
use crate::schema::Type;
use crate::wire::{Layout, Wire};
use crate::writer::{Writer, length_len};

/// Items of a [`Sequence`] that is to be written, wherever they are.
///
/// They are gone through several times, and must be the same each time: to measure, to find losses, to write.
pub trait Source<T> {
    /// How many there are.
    fn len(&self) -> usize;

    /// Shows all items to `visit`, in order, as many at a time as suits the source.
    fn for_each(&self, visit: &mut dyn FnMut(&[T]));

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that all items together take at the release with that number, where the source knows it: then nobody goes
    /// over them to measure them. It can keep the sum of what [`Wire::encoded_len`] gives for each item, lowered to that
    /// release. A sum that is wrong fails the saving with `WrongLength`.
    fn encoded_len(&self, _release: u16) -> Option<usize> {
        None
    }
}

/// The items of an iterator as a [`Source`].
#[derive(Clone, Copy, Debug)]
pub struct IterSource<I>(pub I);

/// How many small items an iterator gathers before it shows them: one call for all of them.
const BATCH: usize = 8;

impl<T, I: ExactSizeIterator<Item = T> + Clone> Source<T> for IterSource<I> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[T])) {
        if const { size_of::<T>() > 64 } {
            // Large ones would take much stack, and the call is little beside them.
            return self.0.clone().for_each(|item| visit(slice::from_ref(&item)));
        }
        let mut batch: Vec<T, BATCH> = Vec::new();
        for item in self.0.clone() {
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

/// At most `N` items that are not held: a field of a mirror that is written from a [`Source`] and, once loaded, visited
/// where it lies in the buffer. On the wire it is a sequence like any other.
///
/// ```
/// use devstate_versioning::{IterSource, Sequence, Str, Versioned, load, release_table, save};
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
/// let source = IterSource(lines.iter().map(|text| LineSer { text: Str::new(text).unwrap_or_default() }));
/// let mut memory = [0; 64];
/// let snapshot = save::<Release, _>(&LogSer { lines: Sequence::from_source(&source) }, &mut memory)?;
///
/// let mut log = LogSer::default();
/// load::<Release, _>(&snapshot, &mut log)?;
/// let mut read = Vec::new();
/// log.lines.visit(&mut |line| read.push(line.text.get()))?;
/// assert_eq!(read, lines);
/// # Ok::<(), devstate_versioning::Error>(())
/// ```
pub struct Sequence<'de, T, const N: usize> {
    content: Content<'de, T>,
    /// Lowered to an older release: raising goes there and back, and finds what is lost.
    lowered: bool,
    /// What an older release would lose: the first item with a loss, or else with an ignorable one.
    lost: Option<(usize, Loss)>,
}

enum Content<'de, T> {
    Nothing,
    Source(&'de dyn Source<T>),
    Encoded(Encoded<'de, T>),
}

/// Items that have been decoded once, so they will decode again.
struct Encoded<'de, T> {
    items: &'de [u8],
    count: usize,
    release: u16,
    /// Goes over them at the release of the table that they were loaded with.
    visit: Visit<Self, T>,
}

type Visit<Items, T> = fn(&Items, &mut dyn FnMut(&[T])) -> Result<(), Error>;

impl<'de, T> Encoded<'de, T> {
    fn visit<R>(&self, visit: &mut dyn FnMut(&[T])) -> Result<(), Error>
    where
        R: ReleaseTable,
        T: Wire<'de, R> + Default,
    {
        let Some(release) = R::from_number(self.release) else {
            return Err(ErrorKind::UnknownRelease { found: self.release }.at(0));
        };
        let mut reader = Reader::new(self.items);
        for _ in 0..self.count {
            let mut item = T::default();
            if let Err(malformed) = item.decode_into(release, &mut reader) {
                return Err(reader.error(malformed));
            }
            item.raise(release)?;
            visit(slice::from_ref(&item));
        }
        reader.finish()
    }
}

impl<'de, T, const N: usize> Sequence<'de, T, N> {
    /// A sequence to be written. More than `N` items fail the saving.
    #[must_use]
    pub fn from_source(source: &'de dyn Source<T>) -> Self {
        Self::new(Content::Source(source))
    }

    const fn new(content: Content<'de, T>) -> Self {
        Self {
            content,
            lowered: false,
            lost: None,
        }
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Nothing => 0,
            Content::Source(source) => source.len(),
            Content::Encoded(encoded) => encoded.count,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows each item, raised to the latest version, to `visit`. Borrowed fields stay in the buffer that was loaded.
    ///
    /// # Errors
    ///
    /// `Refused` by a semantic function of the items. Loading has asked it before, so this happens only to a mirror that
    /// was decoded and never raised.
    pub fn visit(&self, visit: &mut dyn FnMut(&T)) -> Result<(), Error> {
        self.visit_batches(&mut |items| items.iter().for_each(&mut *visit))
    }

    fn visit_batches(&self, visit: &mut dyn FnMut(&[T])) -> Result<(), Error> {
        match &self.content {
            Content::Nothing => Ok(()),
            Content::Source(source) => {
                source.for_each(visit);
                Ok(())
            }
            Content::Encoded(encoded) => (encoded.visit)(encoded, visit),
        }
    }

    /// Shows each item, lowered to `release`, to `visit`, up to the first that cannot be lowered.
    ///
    /// At the latest release only the source's own call, for several items, stands between them and their encoder.
    fn visit_lowered<R>(&self, release: R, mut visit: impl FnMut(&[T])) -> Result<(), ErrorKind>
    where
        R: ReleaseTable,
        T: Wire<'de, R> + Clone,
    {
        let mut lowered = Ok(());
        let visited = if release == R::LATEST {
            self.visit_batches(&mut visit)
        } else {
            self.visit(&mut |item| {
                if lowered.is_ok() {
                    let mut item = item.clone();
                    lowered = item.lower(release);
                    if lowered.is_ok() {
                        visit(slice::from_ref(&item));
                    }
                }
            })
        };
        lowered.map_err(ErrorKind::Refused)?;
        visited.map_err(|error| error.kind)
    }

    /// The same items, of which those that take no bytes, and so are all alike, are there once.
    fn without_repetition(&self) -> Self {
        let mut once = self.clone();
        if let Content::Encoded(encoded) = &mut once.content
            && encoded.items.is_empty()
        {
            encoded.count = encoded.count.min(1);
        }
        once
    }

    /// Whether both have their items from the same place, so that they are the same items.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Source(here), Content::Source(there)) => core::ptr::addr_eq(*here, *there),
            (Content::Encoded(here), Content::Encoded(there)) => {
                core::ptr::eq(here.items, there.items) && here.count == there.count
            }
            _ => false,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Layout, const N: usize> Layout for Sequence<'_, T, N> {
    const TYPE: &'static Type = &Type::Seq(T::TYPE, N);
}

impl<'de, R: ReleaseTable, T: Wire<'de, R> + Default + Clone, const N: usize> Wire<'de, R> for Sequence<'de, T, N> {
    fn encoded_len(&self, release: R) -> usize {
        let mut len = length_len::<N>(self.len());
        if let Content::Source(source) = self.content
            && let Some(items) = source.encoded_len(release.number())
        {
            return len.saturating_add(items);
        }
        // Items that cannot be lowered have no length, and fail the saving.
        let _ = self.visit_lowered(release, |items| {
            len = len.saturating_add(T::slice_encoded_len(items, release));
        });
        len
    }

    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        let announced = self.len();
        if announced > N {
            writer.fail(ErrorKind::Value {
                expected: Expected::LengthUpTo(N),
                found: announced as u64,
            });
        }
        writer.length::<N>(announced);
        let mut written = 0;
        let visited = self.visit_lowered(release, |items| {
            written += items.len();
            T::encode_slice(items, release, writer);
            writer.settle();
        });
        if let Err(kind) = visited {
            writer.fail(kind);
        }
        if written != announced {
            writer.fail(ErrorKind::WrongLength { announced, written });
        }
    }

    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let count = reader.length(N)?;
        let before = reader.rest();
        for _ in 0..count {
            let left = reader.rest().len();
            T::default().decode_into(release, reader)?;
            if reader.rest().len() == left {
                // Items that take no bytes are all alike, and a length can announce four billion of them.
                break;
            }
        }
        let taken = before.len() - reader.rest().len();
        *self = Self::new(Content::Encoded(Encoded {
            items: before.get(..taken).unwrap_or_default(),
            count,
            release: release.number(),
            visit: Encoded::visit::<R>,
        }));
        Ok(())
    }

    fn lower(&mut self, release: R) -> Result<(), Refused> {
        self.lowered = true;
        match self.visit_lowered(release, |_items| ()) {
            Err(ErrorKind::Refused(refused)) => Err(refused),
            _ => Ok(()),
        }
    }

    /// Asks each item whether it can be raised. After lowering it goes over them there and back, and keeps the first
    /// loss: the items themselves stay where they are.
    fn raise(&mut self, release: R) -> Result<(), Refused> {
        let mut lost: Option<(usize, Loss)> = None;
        let mut result = Ok(());
        let mut index = 0;
        let lowered = core::mem::take(&mut self.lowered);
        let visited = self.without_repetition().visit(&mut |item| {
            if lowered && result.is_ok() {
                let mut copy = item.clone();
                result = copy.lower(release).and_then(|()| copy.raise(release));
                item.differ(
                    &copy,
                    &mut Differ::new(&mut |loss| {
                        if lost.is_none_or(|(_, first)| first.ignorable && !loss.ignorable) {
                            lost = Some((index, *loss));
                        }
                    }),
                );
            }
            index += 1;
        });
        self.lost = lost;
        match visited {
            Err(Error {
                kind: ErrorKind::Refused(refused),
                ..
            }) => Err(refused),
            _ => result,
        }
    }

    /// Reports the first item that `other`, raised from an older release, would lose. Items from another place count as
    /// different ones.
    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        if self.is_empty() && other.is_empty() {
            return;
        }
        differ.leaf(self.is_same(other));
        if let Some((index, loss)) = other.lost {
            let step = u16::try_from(index).unwrap_or(u16::MAX);
            differ.field(step, |differ| differ.report(&loss));
        }
    }
}

impl<T, const N: usize> Default for Sequence<'_, T, N> {
    fn default() -> Self {
        Self::new(Content::Nothing)
    }
}

impl<T, const N: usize> Clone for Sequence<'_, T, N> {
    fn clone(&self) -> Self {
        Self { ..*self }
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
