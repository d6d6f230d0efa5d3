#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod architecture;
mod check;
mod checksum;
mod describe;
mod diagnose;
mod downgrade;
mod error;
mod fingerprint;
mod fnv;
mod header;
pub mod inspect;
mod locate;
mod loss;
mod message;
mod path;
pub mod payload;
mod reader;
mod release;
pub mod schema;
mod sequence;
mod snapshot;
mod stream;
mod summing;
mod varint;
mod wire;
mod writer;

pub use architecture::Architecture;
pub use check::check_layouts;
pub use checksum::{Checksum, Crc64, Crc64Nibbles, Crc64NoTable, Crc64Slice16};
/// Gives a struct or an enum its versioned wire form: [`Layout`], [`Mirror`] and [`Wire`].
///
/// # On the mirror
///
/// | annotation | meaning |
/// |---|---|
/// | `version = 3` | the latest version; versions start at 1 |
/// | `layouts(0x…, 0x…, open)` | the fingerprint of each version; the last may be `open` while it is not published |
/// | `name = "…"` | the wire name, where the type was renamed since |
/// | `crate = "…"` | the path of this crate, where it is re-exported |
///
/// # On a field
///
/// | annotation | meaning |
/// |---|---|
/// | `start = 2` | the first version that has it |
/// | `end = 3` | the first version that no longer has it; the field stays in the struct, and is `Default` in every latest value |
/// | `default_fn = path` | `fn(version: u16) -> T`: its value where a version does not have it, or when an older version that has it is written; without it `Default` |
/// | `ser_fn = path`, `de_fn = path` | `fn(&mut Mirror, version: u16) -> Result<(), Refused>`: change values, or refuse, when an older version is written or was read; `version` is the one on the wire. They belong to the field's `start` and `end`, and run once for each of the two that lies between the versions |
/// | `at = 2` | in an annotation of its own: ties its `ser_fn` and `de_fn` to the step to version 2, for a change of meaning; may be repeated |
/// | `skip` | never written; `Default` after loading |
/// | `ignorable` | an older reader does without it unharmed: no reason for [`save_widest`] to take a newer release |
/// | `name = "…"` | the wire name, where the field was renamed since |
/// | `serde, max = 32, layout = "name/1"` | a foreign serde type, carried as what postcard writes, in at most so many bytes; `layout` names its layout for the fingerprint |
///
/// A variant of an enum has `start`, `end`, `default_fn` (`fn(version: u16) -> Enum`: what stands in for it in a
/// version without it, an older one that is written or the latest after loading; without one that is refused) and `name`. Its tag is its position; an explicit
/// discriminant must say the same.
///
/// # Order
///
/// Reading an older version: nested mirrors are raised, missing fields get their value, `de_fn`s run by ascending
/// version and in order of appearance, then removed and skipped fields become `Default`. Writing an older version: a
/// copy's removed fields get their value, `ser_fn`s run in the exact reverse order, then nested mirrors are lowered.
pub use devstate_versioning_derive::Versioned;
pub use downgrade::{plan, plan_in};
pub use error::{Error, ErrorKind, Expected, Refused};
pub use fingerprint::{layout, layout_text};
pub use fnv::fnv1a;
pub use header::{FORMAT, HEADER_LEN, Header, MAGIC, TRAILER_LEN};
pub use locate::locate;
pub use loss::{Differ, Loss};
pub use path::{FieldPath, NamedPath};
pub use reader::{Malformed, Reader};
pub use release::{Latest, ReleaseTable, VersionOf};
pub use sequence::{IterSource, Sequence, Source};
pub use snapshot::{Container, encoded_len, load, max_snapshot_len, save, save_as, save_lossy, save_widest};
pub use stream::StreamError;
pub use wire::{BadValue, Bytes, Fixed, Layout, Mirror, MissingValue, Str, Wire};
pub use writer::{Sink, SinkWriter, SliceWriter, Writer, length_len};

/// What the macros expand to. Not part of the interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::check::{check_buffer, check_layouts, check_pinned, check_published, check_releases, check_row};
    pub use crate::fingerprint::{deep, layouts};
    pub use crate::release::NoMirror;
    pub use crate::wire::{Itself, VariantValue, foreign_decode, foreign_encode, foreign_len};
}
