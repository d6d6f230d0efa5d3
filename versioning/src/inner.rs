//! Fields that carry a whole snapshot of another release table.

use core::fmt;
use core::marker::PhantomData;

use crate::architecture::Architecture;
use crate::at::{At, AtVersion, NewestVersion, Versions};
use crate::codec::{Blank, MirrorOf, Wire};
use crate::error::{ConversionError, Expected, SaveError};
use crate::header::Header;
use crate::loss::Differ;
use crate::mirror::{Layout, Mirror};
use crate::options::Options;
use crate::reader::{Malformed, Reader};
use crate::release::{decode_untranslated, release_of};
use crate::schema_data::{InnerSchema, Type};
use crate::snapshot::Translated;
use crate::table::TableData;
use crate::writer::{Writer, length_len};

/// A field that holds a whole snapshot of another release table. The snapshot has the mirror `M` and the release table
/// `R`, and takes at most `N` bytes.
///
/// Use it for state that has a release table of its own, for example the state of a plug-in or of a device from another
/// team.
///
/// The field says which release of `R` belongs to each version of its owner: `#[versioned(inner = [1, 1, 2])]`, and `_` for a
/// version without the field. `parts(…)` on the owner pins these releases. A downgrade of the owner downgrades the mirror to
/// that release, and reports its losses. Loading accepts any release of `R`.
///
/// On the wire the field is bytes. A program that does not know `M` declares [`Bytes<'_, N>`](crate::Bytes) or
/// `heapless::Vec<u8, N>` in its place, has the same fingerprints, and passes the snapshot on unchanged.
///
/// ```
/// use devstate_versioning::{Inner, Loss, Mirror, ReleaseTable, Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
/// pub struct TimerSer {
///     pub count: u32,
///     #[versioned(start = 2)]
///     pub prescaler: u8,
/// }
///
/// // The table of the plug-in.
/// release_table! {
///     pub enum Plugin { V1 = 1 @ 0xbf16_3a3d_d791_3fbe, V2 = 2 @ open }
///     TimerSer => [1, 2],
/// }
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 2, layouts(0xaee5_1b95_94b5_3213, open), parts(0xb310_e860_4f3e_6240, open))]
/// pub struct BoardSer {
///     #[versioned(inner = [1, 2])]
///     pub timer: Inner<Plugin, TimerSer, 64>,
///     #[versioned(start = 2)]
///     pub slot: u8,
/// }
///
/// release_table! {
///     pub enum Board { V1 = 1 @ 0xaee5_1b95_94b5_3213, V2 = 2 @ open }
///     BoardSer => [1, 2],
/// }
///
/// let board = BoardSer {
///     timer: Inner::new(TimerSer { count: 7, prescaler: 3 }),
///     slot: 0,
/// };
/// let mut lost = Vec::new();
/// Board::V1.losses(&board, &mut board.clone(), &mut |loss| {
///     lost.push(loss.field.display(BoardSer::SCHEMA).to_string());
/// })?;
/// assert_eq!(lost, ["timer.prescaler"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Saving takes `N` bytes of stack. The inner snapshot has the architecture [`Any`](Architecture::Any), because the
/// header of the outer snapshot has the architecture.
pub struct Inner<R, M, const N: usize> {
    /// The mirror at its latest version.
    pub mirror: M,
    /// The number of the release that the mirror was read at, until it is upgraded. Zero otherwise.
    read_at: u16,
    table: PhantomData<R>,
}

impl<R, M, const N: usize> Inner<R, M, N> {
    /// Creates the field with a mirror at its latest version.
    #[must_use]
    pub const fn new(mirror: M) -> Self {
        Self {
            mirror,
            read_at: 0,
            table: PhantomData,
        }
    }
}

/// The versions of a field with an inner snapshot: those in its `inner = [..]`.
#[diagnostic::on_unimplemented(
    message = "a field with an inner snapshot does not give a release for each version of its owner",
    label = "`inner = [..]` is missing on a field",
    note = "give the field `#[versioned(inner = [1])]`, with a release of the inner table for each version of the mirror, and `_` for a version without the field, and give the mirror `parts(open)`"
)]
pub trait OfInner: Versions {}

impl OfInner for AtVersion {}
impl OfInner for NewestVersion {}

/// Returns the inner release that a version of the owner has: the latest one for the latest version.
fn release<R: TableData, V: Versions>(at: V) -> Option<R> {
    match at.number() {
        0 => Some(R::LATEST),
        number => R::from_number(number),
    }
}

const NO_RELEASE: &str = "the inner release table does not have this release";

#[diagnostic::do_not_recommend]
impl<R: TableData, M: Mirror, const N: usize> Layout for Inner<R, M, N> {
    const TYPE: &'static Type = &Type::Inner(&InnerSchema {
        max: N,
        root: M::SCHEMA,
        rows: R::ROWS,
        roots: R::ROOTS,
        numbers: R::NUMBERS,
    });
}

impl<'de, V, R, M, const N: usize> Wire<'de, V> for Inner<R, M, N>
where
    V: OfInner,
    R: TableData,
    M: MirrorOf<'de, R>,
{
    fn encoded_len(&self, at: V) -> usize {
        let Some(release) = release::<R, V>(at) else { return 1 };
        // The encoder refuses a longer one, and says so. No buffer would be long enough.
        let len = Translated::new(&self.mirror, At::new(release)).snapshot_len().min(N);
        length_len::<N>(len) + len
    }

    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        let Some(release) = release::<R, V>(at) else {
            return writer.fail(SaveError::Conversion(ConversionError::new(NO_RELEASE)));
        };
        let mut scratch = [0; N];
        let translated = Translated::new(&self.mirror, At::new(release));
        match translated.with_options(ANY).save(&mut scratch) {
            Ok(snapshot) => {
                writer.run::<N>(snapshot);
            }
            Err(SaveError::BufferTooSmall { needed, .. }) => writer.fail(SaveError::Value {
                expected: Expected::LengthUpTo(N),
                found: needed as u64,
            }),
            Err(error) => writer.fail(error),
        }
    }

    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        let length = reader.length(N)?;
        let start = reader.offset();
        let snapshot = reader.bytes(length)?;
        let read = ANY.verify(snapshot).and_then(|(header, payload)| {
            let release = release_of::<R, M>(&header)?;
            decode_untranslated(payload, Header::LEN, At::new(release), &mut self.mirror)?;
            Ok(header.release)
        });
        match read {
            Ok(read_at) => {
                self.read_at = read_at;
                Ok(())
            }
            Err(error) => Err(reader.fail(error.behind(start))),
        }
    }

    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        let release = release::<R, V>(at).ok_or(ConversionError::new(NO_RELEASE))?;
        if M::version(release) == 0 {
            return Err(ConversionError::new("the inner release does not have this mirror"));
        }
        // The mirror has its latest values. After a load that failed, a release could be left here.
        self.read_at = 0;
        self.mirror.downgrade(At::new(release))
    }

    fn upgrade(&mut self, at: V) -> Result<(), ConversionError> {
        let read_at = match core::mem::take(&mut self.read_at) {
            0 => release::<R, V>(at),
            number => R::from_number(number),
        };
        self.mirror
            .upgrade(At::new(read_at.ok_or(ConversionError::new(NO_RELEASE))?))
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        if let Some(release) = release::<R, V>(at) {
            self.mirror.differ(&other.mirror, At::new(release), differ);
        }
    }
}

/// The outer header has the architecture.
const ANY: Options = Options::new(Architecture::Any).load_any_architecture();

impl<R, M: Clone, const N: usize> Clone for Inner<R, M, N> {
    fn clone(&self) -> Self {
        Self {
            read_at: self.read_at,
            ..Self::new(self.mirror.clone())
        }
    }

    fn clone_from(&mut self, source: &Self) {
        self.mirror.clone_from(&source.mirror);
        self.read_at = source.read_at;
    }
}

impl<R, M: Default, const N: usize> Default for Inner<R, M, N> {
    fn default() -> Self {
        Self::new(M::default())
    }
}

impl<V, R, M: Blank<V>, const N: usize> Blank<V> for Inner<R, M, N> {
    fn blank() -> Self {
        Self::new(M::blank())
    }
}

impl<R, M: PartialEq, const N: usize> PartialEq for Inner<R, M, N> {
    fn eq(&self, other: &Self) -> bool {
        self.mirror == other.mirror
    }
}

impl<R, M: Eq, const N: usize> Eq for Inner<R, M, N> {}

impl<R, M: fmt::Debug, const N: usize> fmt::Debug for Inner<R, M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inner").field(&self.mirror).finish()
    }
}
