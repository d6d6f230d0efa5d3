//! The errors of saving and loading, as small copyable values.

use core::fmt;

use crate::architecture::Architecture;
use crate::path::FieldPath;

/// Why a value could not be saved. "Nothing was written" marks the variants that occur before the first byte is
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SaveError {
    /// The buffer is too small. Nothing was written, except by
    /// [`Translated::write_into`](crate::Translated::write_into), which says when.
    BufferTooSmall {
        /// The required length in bytes.
        needed: usize,
        /// The buffer's length in bytes.
        available: usize,
    },
    /// The release does not have the mirror. Nothing was written.
    NotInRelease {
        /// The number of the release.
        release: u16,
    },
    /// The downgrade would lose a field, and the loss was not accepted. Nothing was written.
    Lossy {
        /// The first field that would be lost. [`FieldPath::display`] gives its name.
        field: FieldPath,
        /// The number of the release.
        release: u16,
    },
    /// A semantic function cannot convert the value. Nothing was written.
    Conversion(ConversionError),
    /// The payload is longer than a header can express. Nothing was written.
    PayloadTooLong {
        /// The payload's length in bytes.
        len: usize,
    },
    /// The sink accepted no more bytes. The sink keeps the reason.
    Sink,
    /// A value has no encoding: a variant that the version does not have, or a [`Sequence`](crate::Sequence) beyond its
    /// bound.
    Value {
        /// The values that can be encoded.
        expected: Expected,
        /// The tag of the variant, or the number of elements.
        found: u64,
    },
    /// A foreign value cannot be encoded, or its encoding is longer than its stated maximum.
    Foreign {
        /// The maximum in bytes.
        max: usize,
    },
    /// The encoding of a foreign value changes from one call to the next, so the snapshot could not be loaded. Use a
    /// `BTreeMap` instead of a `HashMap`, which has no fixed order.
    ForeignChanges,
    /// A hand-written encoder or a [`Source`](crate::Source) wrote more or less than it announced.
    WrongLength {
        /// The announced length: bytes for an encoder, elements for a source.
        announced: usize,
        /// The written length, in the same unit.
        written: usize,
    },
}

/// Why saving or loading failed: one type for a function that does both.
///
/// ```
/// use devstate_versioning::{Error, ReleaseTable, buffer};
/// # use devstate_versioning::{Versioned, release_table};
/// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// fn copied(timer: &TimerSer) -> Result<TimerSer, Error> {
///     let mut copy = TimerSer::default();
///     let mut memory = buffer!(TimerSer);
///     Release::load(Release::save(timer, &mut memory)?, &mut copy)?;
///     Ok(copy)
/// }
/// assert_eq!(copied(&TimerSer { count: 7 }), Ok(TimerSer { count: 7 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// Saving failed.
    Save(SaveError),
    /// Loading failed.
    Load(LoadError),
}

/// Why a snapshot could not be loaded, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LoadError {
    /// What is wrong.
    pub kind: LoadErrorKind,
    /// The offset in bytes from the start of the snapshot. `None` if the error belongs to no byte of the snapshot.
    /// [`locate`](crate::locate) gives the path of the field at this offset.
    pub offset: Option<usize>,
}

/// The reason why a snapshot could not be loaded. [`LoadError::kind`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The buffer is too small for the snapshot in the stream. Only the header was read. The error has no offset.
    BufferTooSmall {
        /// The required length in bytes.
        needed: usize,
        /// The buffer's length in bytes.
        available: usize,
    },
    /// The bytes end too early.
    Truncated {
        /// The minimum number of bytes that must follow the offset.
        needed: usize,
        /// The number of bytes that follow the offset.
        available: usize,
    },
    /// There are bytes after the end.
    TrailingBytes {
        /// The number of these bytes.
        bytes: usize,
    },
    /// The bytes are not a snapshot: they do not start with [`Header::MAGIC`](crate::Header::MAGIC).
    Magic {
        /// The first seven bytes, the first one in the lowest byte.
        found: u64,
    },
    /// The snapshot belongs to another architecture.
    Architecture {
        /// The architecture of the [`Options`](crate::Options).
        expected: Architecture,
        /// The code in the header. [`Architecture::from_code`] decodes it.
        found: u8,
    },
    /// The format is not known to this build.
    Format {
        /// The format number in the header.
        found: u16,
        /// The format number of this build.
        known: u16,
    },
    /// The release is newer than the newest one known to this build.
    NewerRelease {
        /// The number in the header.
        found: u16,
        /// The newest number in the release table.
        newest: u16,
    },
    /// The release is older than the oldest one in the release table: this build no longer reads it.
    ForgottenRelease {
        /// The number in the header.
        found: u16,
        /// The oldest number in the release table.
        oldest: u16,
    },
    /// The release is between those of the release table: it belongs to another branch, or to another application.
    UnknownRelease {
        /// The number in the header.
        found: u16,
    },
    /// The release does not have the mirror. For a bare payload, the error has no offset.
    NotInRelease {
        /// The number of the release.
        release: u16,
    },
    /// The bytes were changed after they were written.
    Checksum {
        /// The checksum in the snapshot.
        expected: u64,
        /// The checksum of the bytes.
        found: u64,
    },
    /// This build has another layout for the release. The snapshot is from another application, or from a build that was
    /// never published.
    Fingerprint {
        /// The fingerprint of this build.
        expected: u64,
        /// The fingerprint in the header.
        found: u64,
    },
    /// A byte or a length has a value that the encoder never writes.
    Value {
        /// What the encoder writes.
        expected: Expected,
        /// The value.
        found: u64,
    },
    /// A semantic function cannot convert the value. The error has no offset.
    Conversion(ConversionError),
}

/// The values that are allowed in a place where another value was found. It is a field of [`LoadErrorKind::Value`] and
/// [`SaveError::Value`].
///
/// Match it to tell a damaged snapshot from a bound that is too small. To inform a person, print the whole error:
///
/// ```
/// use devstate_versioning::{Expected, LoadErrorKind, ReleaseTable, Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(open))]
/// pub struct LampSer {
///     pub on: bool,
/// }
///
/// release_table! {
///     pub enum Release { V1 = 1 @ open }
///     LampSer => [1],
/// }
///
/// let error = Release::V1.decode(&[7], &mut LampSer::default()).unwrap_err();
/// let expected = Expected::Bool;
/// assert_eq!(error.kind, LoadErrorKind::Value { expected, found: 7 });
/// assert_eq!(error.to_string(), "found 0x7, expected a bool: 0 or 1 (at byte 0)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Expected {
    /// 0 or 1.
    Bool,
    /// The tag of an `Option`: 0 or 1.
    OptionTag,
    /// The tag of a variant that the version has.
    VariantTag,
    /// A length in its shortest form.
    ShortestLength,
    /// A length up to the bound: in elements, or in bytes for text, bytes and foreign values.
    LengthUpTo(usize),
    /// UTF-8. The value found is the first bad byte.
    Utf8,
    /// The UTF-8 of one `char`.
    Char,
    /// The bytes that the foreign type's encoder writes. The value found is their number.
    Foreign,
    /// The default value, in an element beyond the current length of an array. The value found is the position of the
    /// element.
    DefaultElement,
}

/// The error that a semantic function (`ser_fn` or `de_fn`) returns if a value has no equivalent in another version.
///
/// ```
/// use devstate_versioning::ConversionError;
///
/// fn check_queue_size(queue_size: u16) -> Result<(), ConversionError> {
///     if queue_size == 128 {
///         Ok(())
///     } else {
///         Err(ConversionError::new("the queue had 128 entries before version 2"))
///     }
/// }
/// assert!(check_queue_size(256).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConversionError {
    /// The reason.
    pub reason: &'static str,
    /// The wire name of the mirror. Empty when a semantic function creates the error: the caller of the function fills
    /// it in.
    pub mirror: &'static str,
    /// The wire name of the field that the semantic function belongs to.
    pub field: &'static str,
    /// The version on the wire.
    pub version: u16,
}

impl ConversionError {
    /// Creates an error. Write `reason` as one clause without a full stop.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            mirror: "",
            field: "",
            version: 0,
        }
    }

    /// Returns the error with a place. An error that has a place already keeps it.
    #[must_use]
    pub const fn at(self, mirror: &'static str, field: &'static str, version: u16) -> Self {
        if self.mirror.is_empty() {
            Self {
                mirror,
                field,
                version,
                ..self
            }
        } else {
            self
        }
    }
}

impl LoadErrorKind {
    /// Returns the error of this kind at an offset.
    #[must_use]
    pub const fn at(self, offset: usize) -> LoadError {
        LoadError {
            kind: self,
            offset: Some(offset),
        }
    }

    /// Returns the error of this kind without an offset.
    #[must_use]
    pub const fn without_offset(self) -> LoadError {
        LoadError {
            kind: self,
            offset: None,
        }
    }
}

impl From<SaveError> for Error {
    fn from(error: SaveError) -> Self {
        Self::Save(error)
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<ConversionError> for SaveError {
    fn from(error: ConversionError) -> Self {
        Self::Conversion(error)
    }
}

impl LoadError {
    /// Returns the same error with the offset counted from `distance` bytes earlier.
    #[must_use]
    pub(crate) fn behind(self, distance: usize) -> Self {
        Self {
            offset: self.offset.map(|offset| offset.saturating_add(distance)),
            ..self
        }
    }
}

impl From<ConversionError> for LoadError {
    fn from(error: ConversionError) -> Self {
        LoadErrorKind::Conversion(error).without_offset()
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mirror.is_empty() {
            f.write_str(self.reason)
        } else {
            write!(
                f,
                "cannot convert {}.{} between version {} and the latest version: ",
                self.mirror, self.field, self.version
            )?;
            f.write_str(self.reason)
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("a bool: 0 or 1"),
            Self::OptionTag => f.write_str("the tag of an option: 0 or 1"),
            Self::VariantTag => f.write_str("the tag of a variant of this version"),
            Self::ShortestLength => f.write_str("a length in its shortest form"),
            Self::LengthUpTo(bound) => write!(f, "a length of at most {bound}"),
            Self::Utf8 => f.write_str("UTF-8"),
            Self::Char => f.write_str("the UTF-8 of one character"),
            Self::Foreign => f.write_str("the bytes that the foreign type's encoder writes"),
            Self::DefaultElement => f.write_str("the default value in an element beyond the end of the array"),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BufferTooSmall { needed, available } => too_small(f, needed, available),
            Self::NotInRelease { release } => write!(f, "release {release} does not have this mirror"),
            Self::Lossy { field, release } => write!(f, "release {release} would lose field {field}"),
            Self::Conversion(error) => error.fmt(f),
            Self::PayloadTooLong { len } => write!(f, "a payload of {len} bytes is longer than a header can express"),
            Self::Sink => f.write_str("the sink accepted no more bytes"),
            Self::Value { expected, found } => write!(f, "cannot encode {found:#x}, expected {expected}"),
            Self::Foreign { max } => write!(f, "a foreign value cannot be encoded in {max} bytes"),
            Self::ForeignChanges => f.write_str(
                "the encoding of a foreign value changes from call to call: the value may contain a map \
                             without a fixed order",
            ),
            Self::WrongLength { announced, written } => {
                write!(
                    f,
                    "an encoder or a source announced a length of {announced} and wrote {written}"
                )
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Save(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
        }
    }
}

/// Returns the seven bytes of a mark that was read as a number, in the order of the file from the most significant byte on.
pub(crate) const fn in_order(mark: u64) -> u64 {
    mark.swap_bytes() >> 8
}

impl fmt::Display for LoadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BufferTooSmall { needed, available } => too_small(f, needed, available),
            Self::Truncated { needed, available } => write!(f, "truncated: {needed} bytes needed, {available} left"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes too many"),
            Self::Magic { found } => write!(f, "not a snapshot: starts with {:#016x}", in_order(found)),
            Self::Architecture { expected, found } => match Architecture::from_code(found) {
                Some(found) => write!(f, "snapshot of {found}, expected {expected}"),
                None => write!(
                    f,
                    "snapshot of an unknown architecture (code {found}), expected {expected}"
                ),
            },
            Self::Format { found, known } => write!(f, "unknown format {found}, this build knows {known}"),
            Self::NewerRelease { found, newest } => {
                write!(
                    f,
                    "written by release {found}, but the newest release of this build is {newest}"
                )
            }
            Self::ForgottenRelease { found, oldest } => {
                write!(
                    f,
                    "written by release {found}, but the oldest release that this build still reads is {oldest}"
                )
            }
            Self::UnknownRelease { found } => {
                write!(f, "written by release {found}, which this build does not support")
            }
            Self::NotInRelease { release } => write!(f, "release {release} does not have this mirror"),
            Self::Checksum { expected, found } => {
                write!(f, "checksum mismatch: expected {expected:#018x}, found {found:#018x}")
            }
            Self::Fingerprint { expected, found } => {
                write!(
                    f,
                    "layout mismatch: expected fingerprint {expected:#018x}, found {found:#018x}"
                )
            }
            Self::Value { expected, found } => write!(f, "found {found:#x}, expected {expected}"),
            Self::Conversion(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match self.offset {
            Some(offset) => write!(f, " (at byte {offset})"),
            None => Ok(()),
        }
    }
}

fn too_small(f: &mut fmt::Formatter<'_>, needed: usize, available: usize) -> fmt::Result {
    write!(f, "buffer too small: {needed} bytes needed, {available} available")
}

impl core::error::Error for Error {}
impl core::error::Error for SaveError {}
impl core::error::Error for LoadError {}
impl core::error::Error for ConversionError {}
