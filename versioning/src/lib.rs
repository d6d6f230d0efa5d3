#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod architecture;
mod at;
mod check_layouts;
mod check_parts;
mod check_step;
mod check_table;
pub mod checksum;
mod codec;
mod describe;
mod describe_json;
mod describe_table;
mod diagnose;
mod downgrade;
mod error;
mod fingerprint;
mod fnv;
mod generated;
mod header;
mod history;
mod inner;
pub mod inspect;
mod locate;
mod loss;
mod message;
mod mirror;
mod missing;
pub mod negotiation;
mod options;
mod parts;
mod path;
mod reader;
mod refused;
mod release;
mod release_table;
mod schema_data;
mod schema_len;
mod sequence;
mod snapshot;
mod stream;
mod summing;
mod table;
mod varint;
mod writer;

/// Re-exports the crate `heapless`, whose bounded containers can be fields of a mirror: `heapless::Vec` and
/// `heapless::String`.
///
/// The types of another version of heapless are different types, and a mirror cannot contain them. Use this path to get
/// the right version.
pub use heapless;

pub use architecture::Architecture;
pub use codec::{Bytes, MirrorOf, Str};
/// Makes a struct or an enum a mirror: implements [`Mirror`], [`wire::Layout`] and [`wire::Wire`].
///
/// # On the mirror
///
/// | annotation | meaning |
/// |---|---|
/// | `version = 3` | the latest version; versions start at 1 |
/// | `layouts(0x…, 0x…, open)` | the fingerprint of each version; the last may be `open` while it is not published, and `_` stands for a version of another branch that this source does not have |
/// | `parts(0x…, 0x…, open)` | the fingerprint of each version together with its parts and inner snapshots; required if a field has `part` or `inner` |
/// | `branch(4 = 2, 5 = 3)` | `version = parent`, for each version whose parent is not the previous version; see [Branches](#branches) |
/// | `oldest = 3` | the oldest version that the source still has; see [Forgetting](#forgetting) |
/// | `instance(64)` | for a mirror with const parameters: the arguments of the instance that `layouts` pins |
/// | `name = "…"` | the wire name: keeps the old name of a type that was renamed |
/// | `crate = "…"` | the path of this crate, if another crate re-exports it |
///
/// # On a field
///
/// | annotation | meaning |
/// |---|---|
/// | `start = 2`, `start = [4, 5]` | the first version with the field, or the first one on each branch |
/// | `end = 3` | the first version without the field. The field stays in the struct. In a value of the latest version it is `Default` |
/// | `default_fn = path` | `fn(version: u16) -> T`: returns the value of a missing field. It runs after a version without the field was read. It also runs before an older version is written that still has a removed field. Without this annotation, the value is `Default::default()` |
/// | `ser_fn = path`, `de_fn = path` | `fn(&mut Mirror, version: u16) -> Result<(), ConversionError>`: the semantic functions. `de_fn` runs after an older version was read, `ser_fn` before one is written. They change values, or return an error. `version` is the version on the wire. They run once for the field's `start` and once for its `end`, each time only if `version` is lower |
/// | `at = 2` | version 2 gave the values of the field another meaning: `ser_fn` and `de_fn` translate between version 1 and version 2. Write each `at` in its own `#[versioned(…)]`. A field can have several |
/// | `bound(1 = 8, 3 = 16)` | the bound of the field from each of these versions on; the type has the last one. See [Bounds](#bounds) |
/// | `skip` | never written; `Default` after loading |
/// | `ignorable` | older readers may ignore the field; it never forces [`downgrade_compatible`](ReleaseTable::downgrade_compatible) to a newer release |
/// | `name = "…"` | the wire name: keeps the old name of a field that was renamed |
/// | `unit = "ns"` | the unit of the number in the field, or of each number in an array, a sequence, an option or a tuple. Tools print it. It is the same in all versions, and changes no fingerprint |
/// | `part = [1, 1, 2]` | the mirror in the field is a part. The list has the version of the part for each version of this mirror, and `_` for a version without the field. A part needs no row in the release table |
/// | `inner = [1, 1, 2]` | for an [`Inner`] snapshot: the number of its release for each version of this mirror, and `_` for a version without the field |
/// | `serde, max = 32, layout = "name/1"` | a foreign type that implements serde's traits. It is encoded with postcard, in at most `max` bytes. `layout` is a name for its encoding, and part of the fingerprint |
///
/// `end` and `at` can be lists too: `end = [4, 5]`.
///
/// A variant of an enum can have `start`, `end`, `name`, `tag` and `default_fn`, which is `fn(version: u16) -> Enum`.
/// Its result replaces the variant in two cases: before an older version without the variant is written, and after
/// loading if the latest version does not have the variant. Without a `default_fn`, saving or loading fails with
/// [`ConversionError`]. A field of a variant can have `part`, `inner`, `bound` and `unit` only. The tag of a variant is
/// its position. If an earlier variant was deleted or belongs to another branch, write the tag: `tag = 2`. An explicit
/// discriminant must be equal to the tag.
///
/// # A changed meaning
///
/// The name and the type of a field stay the same, but in a newer version its values mean something else. Two functions
/// translate:
///
/// ```
/// use devstate_versioning::{ConversionError, ReleaseTable, Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 2, layouts(0x85bf_5353_b580_dd66, open))]
/// pub struct AlarmSer {
///     /// Seconds in version 1, milliseconds since.
///     #[versioned(at = 2, ser_fn = to_seconds, de_fn = to_milliseconds)]
///     pub delay: u32,
/// }
///
/// /// Before version 1 is written. A remainder that gets lost is reported as a loss.
/// fn to_seconds(alarm: &mut AlarmSer, _version: u16) -> Result<(), ConversionError> {
///     alarm.delay /= 1000;
///     Ok(())
/// }
///
/// /// After version 1 was read.
/// fn to_milliseconds(alarm: &mut AlarmSer, _version: u16) -> Result<(), ConversionError> {
///     let too_long = ConversionError::new("the delay does not fit into milliseconds");
///     alarm.delay = alarm.delay.checked_mul(1000).ok_or(too_long)?;
///     Ok(())
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ 0x85bf_5353_b580_dd66, V2 = 2 @ open }
///     AlarmSer => [1, 2],
/// }
///
/// let mut scratch = AlarmSer::default();
/// let older = Release::V1.downgrade(&AlarmSer { delay: 3000 }, &mut scratch);
/// assert_eq!(older.map(|older| older.mirror().delay), Ok(3));
/// assert!(Release::V1.downgrade(&AlarmSer { delay: 3500 }, &mut scratch).is_err());
///
/// let mut alarm = AlarmSer::default();
/// Release::V1.decode(&[3, 0, 0, 0], &mut alarm)?;
/// assert_eq!(alarm.delay, 3000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Parts
///
/// A mirror inside another mirror has a row in the release table, or is a part of its owner. The owner's crate decides the
/// version of a part, so a table needs a row for the owner only:
///
/// ```
/// use devstate_versioning::{Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 2, layouts(0x842b_552b_00c5_5f4c, open))]
/// pub struct BulbSer {
///     pub level: u8,
///     #[versioned(start = 2)]
///     pub hours: u32,
/// }
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 2, layouts(0x0924_9564_5d79_263b, open), parts(0xf103_146b_ac08_455d, open))]
/// pub struct LampSer {
///     #[versioned(part = [1, 2])]
///     pub bulbs: [BulbSer; 3],
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ 0x8d4f_ea8f_5e3e_8587, V2 = 2 @ open }
///     LampSer => [1, 2],
/// }
/// ```
///
/// The latest version of the owner has the latest version of the part. A mirror inside a part is a part too. If the owner
/// is the root, all its mirrors are parts, it has no inner snapshot, and the release table has no name, then the header of a
/// snapshot has the fingerprint from `parts`.
///
/// # Branches
///
/// The parent of a version is the previous version, unless `branch` names another parent. A version has all changes of
/// its parent, and more. So a stable branch can have a version of its own, and the next version of the main branch can
/// have another parent. For a change on several branches, give the first version with the change on each branch: `start
/// = [4, 5]`.
///
/// Each translation is between two versions: the version on the wire and the latest version. The functions of a change
/// run only if exactly one of the two has the change. An upgrade has two phases. First it undoes the changes that the
/// latest version does not have, the newest change first. Then it makes the changes that only the latest version has,
/// the oldest change first. A downgrade does the same in reverse order.
///
/// The source on the stable branch does not have the versions of the main branch. In `layouts`, `_` stands for each of
/// these versions. Loading refuses their snapshots, because the release table does not have their releases. See
/// [`release_table!`](crate::release_table#branches) for an example.
///
/// # Bounds
///
/// The bound of an array, a sequence, text or a foreign value can change with a version:
///
/// ```
/// use devstate_versioning::{ReleaseTable, Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 2, layouts(0x36bf_31a3_3755_4858, open))]
/// pub struct SensorSer {
///     #[versioned(bound(1 = 8, 2 = 16))]
///     pub samples: heapless::Vec<i16, 16>,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ 0x36bf_31a3_3755_4858, V2 = 2 @ open }
///     SensorSer => [1, 2],
/// }
///
/// let mut sensor = SensorSer::default();
/// sensor.samples.extend(0..8);
/// let mut scratch = sensor.clone();
/// assert!(Release::V1.downgrade(&sensor, &mut scratch).is_ok());
/// sensor.samples.extend(8..9);
/// assert!(Release::V1.downgrade(&sensor, &mut scratch).is_err());
/// ```
///
/// At a version with a smaller bound, a longer value is a loss. If the loss is accepted, the first elements are kept. A
/// [`Sequence`] or a foreign value cannot be shortened, so a longer one is refused. At a version with a larger bound,
/// loading refuses a value that is too long for the type. An array has no length on the wire. Elements beyond the
/// shorter length have the default value. The bound applies to the outermost container. An `Option` around it does not
/// count.
///
/// # Forgetting
///
/// With `oldest = 3`, `layouts`, `parts`, `part` and `inner` begin with version 3. Delete from the source the fields
/// and variants that version 3 does not have, and the `start`s and functions of changes up to version 3. A release
/// table cannot have an earlier version. Loading refuses a snapshot of an earlier release with
/// [`LoadErrorKind::ForgottenRelease`].
///
/// # Const parameters
///
/// The bounds of a mirror can be const parameters. Each product chooses their values. `layouts` pins the layouts of one
/// instance, so that no field changes by mistake. A release table pins the layouts of the instances in its rows:
///
/// ```
/// use devstate_versioning::{Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// #[versioned(version = 1, layouts(0x47da_86b6_a81c_100e), instance(64))]
/// pub struct KeyboardSer<const MACRO_SPACE: usize> {
///     pub macros: heapless::Vec<u8, MACRO_SPACE>,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ 0xaee3_4126_0fd7_9935 }
///     KeyboardSer<1000> => [1],
/// }
/// ```
///
/// A table has one row for each wire name, so it cannot have two instances of one mirror.
///
/// # Limits
///
/// | what | limit | beyond it |
/// |---|---|---|
/// | nesting of mirrors, arrays, sequences and tuples in a mirror; an `Option` does not count | [`schema::MAX_DEPTH`], which is 8 levels | does not compile |
/// | paths from a mirror to all mirrors below it; a mirror that is used twice counts twice | about 20,000, because the compiler hashes each path | rustc says that constant evaluation takes long |
/// | a tuple | 12 elements | does not compile; use a struct |
/// | variants of an enum | 128 | does not compile |
/// | different parts without a row in one release | 256 | does not compile; give some a row |
/// | versions of a mirror, and numbers of releases | 65,535 | does not compile |
/// | the length of a sequence, text or bytes | the bound of its type | an error when it is loaded |
/// | a payload | 4 GiB | [`SaveError::PayloadTooLong`] |
///
/// # Order
///
/// After an older version was read, nested mirrors are upgraded, and missing fields get their value. Then the `de_fn`s
/// run, lowest version first, and in the order of the source for the same version. Finally, removed and skipped fields
/// become `Default`. Before an older version is written, removed fields get their value. Then the `ser_fn`s run in the
/// reverse order of the `de_fn`s. Finally, nested mirrors are downgraded.
pub use devstate_versioning_derive::Versioned;
pub use error::{ConversionError, Error, Expected, LoadError, LoadErrorKind, SaveError};
pub use header::Header;
pub use inner::Inner;
pub use locate::locate;
pub use loss::Loss;
pub use mirror::Mirror;
pub use options::Options;
pub use path::{FieldPath, NamedPath};
pub use release::ReleaseTable;
pub use sequence::{Sequence, Source};
pub use snapshot::{Translated, max_snapshot_len};
pub use stream::StreamError;
pub use writer::Sink;

/// Prints release tables as text or JSON, and provides them as constant data.
///
/// Use [`schema::Table`] to print a release table for people, and [`schema::Json`] for tools. The other items are the
/// data behind them. A program needs them only if it walks the data itself. It then starts at
/// [`TableData::ROWS`](schema::TableData::ROWS).
///
/// Each version except the first has a *parent*: it has all changes of its parent, and more. Versions start at 1. Zero
/// stands for no version.
pub mod schema {
    pub use crate::describe_json::Json;
    pub use crate::describe_table::Table;
    pub use crate::history::{Branch, Change, ChangeKind, History};
    pub use crate::schema_data::{Field, InnerSchema, MAX_DEPTH, Presence, Row, Schema, Shape, Span, Type, Variant};
    pub use crate::table::TableData;
}

/// Writes and reads the bytes of a payload. Only authors of hand-written codecs need this module.
///
/// `#[derive(Versioned)]` writes the codec of a mirror. A mirror with type parameters needs a hand-written codec:
/// implement [`wire::Layout`], [`Mirror`] and [`wire::Wire`], and check the layouts with [`wire::check_layouts`].
/// [`Wire`](wire::Wire) has an example of a field type of your own. This is a mirror with a type parameter:
///
/// ```
/// use devstate_versioning::schema::{Field, Presence, Schema, Shape, Type};
/// use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, VersionOf, Wire, Writer, check_layouts, layout};
/// use devstate_versioning::{Mirror, ReleaseTable, buffer, release_table};
///
/// /// A range of any type of field.
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct RangeSer<T> {
///     pub start: T,
///     pub end: T,
/// }
///
/// impl<T: Layout> Layout for RangeSer<T> {
///     const TYPE: &'static Type = &Type::Mirror(Self::SCHEMA);
/// }
///
/// impl<T: Layout> Mirror for RangeSer<T> {
///     const SCHEMA: &'static Schema = &Schema::new(
///         "RangeSer",
///         1,
///         Shape::Struct(&[
///             Field::new("start", T::TYPE, Presence::ALWAYS),
///             Field::new("end", T::TYPE, Presence::ALWAYS),
///         ]),
///     );
///     const LAYOUTS: &'static [u64] = &[layout(Self::SCHEMA, 1)];
///     const OPEN: bool = true;
/// }
///
/// impl<'de, T: Wire<'de, V>, V: VersionOf<Self>> Wire<'de, V> for RangeSer<T> {
///     fn encoded_len(&self, at: V) -> usize {
///         self.start.encoded_len(at) + self.end.encoded_len(at)
///     }
///     fn encode<W: Writer>(&self, at: V, writer: &mut W) {
///         self.start.encode(at, writer);
///         self.end.encode(at, writer);
///     }
///     fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
///         self.start.decode_into(at, reader)?;
///         self.end.decode_into(at, reader)
///     }
///     fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
///         differ.field(0, |differ| self.start.differ(&other.start, at, differ));
///         differ.field(1, |differ| self.end.differ(&other.end, at, differ));
///     }
/// }
///
/// /// The one that this product has. `None`: version 1 is not published.
/// pub type PortsSer = RangeSer<u16>;
/// const _: () = check_layouts(PortsSer::SCHEMA, PortsSer::LAYOUTS, &[None]);
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     PortsSer => [1],
/// }
///
/// let ports = PortsSer { start: 0x3f8, end: 0x3ff };
/// let mut memory = buffer!(PortsSer);
/// let snapshot = Release::save(&ports, &mut memory)?;
/// let mut loaded = PortsSer::default();
/// Release::load(snapshot, &mut loaded)?;
/// assert_eq!(loaded, ports);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod wire {
    pub use crate::at::{At, AtVersion, Newest, NewestVersion, RowOf, VersionOf, Versions};
    pub use crate::check_layouts::check_layouts;
    pub use crate::codec::{Blank, Bounded, Wire};
    pub use crate::downgrade::{downgrade_to, upgrade_from};
    pub use crate::fingerprint::{layout, layout_text};
    pub use crate::fnv::fnv1a;
    pub use crate::loss::Differ;
    pub use crate::mirror::Layout;
    pub use crate::reader::{Malformed, Reader};
    pub use crate::release::reencode;
    pub use crate::writer::{Writer, length_len};
}

/// What the macros expand to. Not part of the interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::at::{VersionOf, Versions};
    pub use crate::check_layouts::{check_fields, check_pins};
    pub use crate::check_parts::check_parts;
    pub use crate::check_table::{
        check_buffer, check_by_hand, check_pinned, check_published, check_releases, check_row, check_table_name,
        only_pin,
    };
    pub use crate::codec::{
        Blank, Bounded, Fixed, Itself, Place, ReadWindow, Wire, fixed_len, foreign_decode, foreign_differ,
        foreign_downgrade, foreign_encode, foreign_len, load, load_value, open, places, store_value,
    };
    pub use crate::error::ConversionError;
    pub use crate::fingerprint::{deep, layouts};
    #[cfg(feature = "defmt")]
    pub use crate::generated::format_release;
    pub use crate::generated::{
        at, bound_at, default_value, differ, last, no_variant, part_at, refusal, refuse, refuse_variant, without_raw,
    };
    pub use crate::loss::Differ;
    pub use crate::mirror::{Layout, Mirror};
    pub use crate::missing::{ByDefault, ByElement, Missing};
    pub use crate::reader::{Malformed, Reader};
    pub use crate::refused::{has_refused, refused};
    pub use crate::schema;
    pub use crate::writer::Writer;
    #[cfg(feature = "defmt")]
    pub use defmt;
}
