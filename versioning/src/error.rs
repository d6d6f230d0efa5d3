//! What can go wrong, as small copyable values.

use core::fmt;

use crate::architecture::Architecture;
use crate::path::FieldPath;

/// Why something could not be saved or loaded, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The byte at which it was found, counted from the start of what was given; 0 while saving.
    /// [`locate`](crate::locate) turns it into the path of a field.
    pub offset: usize,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The buffer is too small for what is to be saved; nothing has been written.
    BufferTooSmall {
        /// Bytes that it takes.
        needed: usize,
        /// Bytes that there are.
        available: usize,
    },
    /// The bytes end too early.
    Truncated {
        /// Bytes that it takes from the offset on, at least.
        needed: usize,
        /// Bytes that there are from the offset on.
        available: usize,
    },
    /// More bytes follow than the snapshot has.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// This is no snapshot: it starts with other bytes than [`MAGIC`](crate::MAGIC).
    Magic {
        /// The first seven bytes, the first one lowest.
        found: u64,
    },
    /// The snapshot comes from another architecture than the one that was asked for.
    Architecture {
        /// What was asked for.
        expected: Architecture,
        /// The code in the header; see [`Architecture::from_code`].
        found: u8,
    },
    /// The header or the encoding has a format that this build does not know.
    Format {
        /// The version in the header.
        found: u16,
        /// The one that this build reads and writes.
        known: u16,
    },
    /// The snapshot was written by a newer release than this build knows.
    NewerRelease {
        /// The number in the header.
        found: u16,
        /// The newest that this build reads.
        newest: u16,
    },
    /// The release is older than the newest one known, but not, or no longer, in the table.
    UnknownRelease {
        /// The number in the header.
        found: u16,
    },
    /// The release has no such mirror.
    NotInRelease {
        /// The release's number.
        release: u16,
    },
    /// The bytes are not those that were written.
    Checksum {
        /// The checksum in the snapshot.
        expected: u64,
        /// The checksum of the bytes.
        found: u64,
    },
    /// The snapshot has another layout than this build's release of that number: another application's, or one that
    /// was never published.
    Fingerprint {
        /// What this build has for the release.
        expected: u64,
        /// What stands in the header.
        found: u64,
    },
    /// A byte or a length says something that the encoder never writes.
    Value {
        /// What it was to be.
        expected: Expected,
        /// What stands there.
        found: u64,
    },
    /// Saving at that release would lose something.
    Lossy {
        /// The first field that would not come back; [`FieldPath::display`] has its name.
        field: FieldPath,
        /// The release's number.
        release: u16,
    },
    /// A semantic function refused the translation.
    Refused(Refused),
    /// The payload is longer than a header can say.
    PayloadTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The sink took no more bytes; it keeps the reason.
    Sink,
    /// A field's foreign type cannot be written, or not within its stated maximum.
    Foreign {
        /// The maximum in bytes.
        max: usize,
    },
    /// A hand-written [`Wire`](crate::Wire) wrote another number of bytes than it had announced.
    WrongLength {
        /// What `encoded_len` said.
        announced: usize,
        /// What `encode` wrote, or tried to.
        written: usize,
    },
}

/// What a byte or a length on the wire was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Expected {
    /// 0 or 1.
    Bool,
    /// 0 for none or 1 for a value.
    OptionTag,
    /// The tag of a variant that this version has.
    VariantTag,
    /// A length in its shortest form.
    ShortestLength,
    /// A length up to the bound.
    LengthUpTo(usize),
    /// UTF-8; what was found is the first bad byte.
    Utf8,
    /// The UTF-8 of one `char`.
    Char,
    /// The bytes that the foreign type's own encoder writes; what was found is their number.
    Foreign,
}

/// A semantic function's answer that a value has no counterpart in another version.
///
/// ```
/// use devstate_versioning::Refused;
///
/// fn queue_size_was_fixed(queue_size: u16) -> Result<(), Refused> {
///     if queue_size == 128 { Ok(()) } else { Err(Refused::new("the queue had 128 entries before version 2")) }
/// }
/// assert!(queue_size_was_fixed(256).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refused {
    /// Why.
    pub reason: &'static str,
    /// The wire name of the mirror whose function refused; empty in the function itself.
    pub mirror: &'static str,
    /// The wire name of the field that the function belongs to.
    pub field: &'static str,
    /// The version on the wire, which the function was given.
    pub version: u16,
}

impl Refused {
    /// A refusal with its reason: one clause without a full stop.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            mirror: "",
            field: "",
            version: 0,
        }
    }

    /// The same refusal, with the place that it came from unless it has one already.
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

impl ErrorKind {
    /// The error of this kind at an offset.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        Error { kind: self, offset }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        kind.at(0)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        ErrorKind::Refused(refused).at(0)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mirror.is_empty() {
            f.write_str(self.reason)
        } else {
            write!(
                f,
                "{}.{} cannot be translated between version {} and the latest: ",
                self.mirror, self.field, self.version
            )?;
            f.write_str(self.reason)
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("a bool, 0 or 1"),
            Self::OptionTag => f.write_str("an option's tag, 0 or 1"),
            Self::VariantTag => f.write_str("the tag of a variant of this version"),
            Self::ShortestLength => f.write_str("a length in its shortest form"),
            Self::LengthUpTo(bound) => write!(f, "a length of at most {bound}"),
            Self::Utf8 => f.write_str("UTF-8"),
            Self::Char => f.write_str("the UTF-8 of one character"),
            Self::Foreign => f.write_str("the bytes that the foreign type's encoder writes"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BufferTooSmall { needed, available } => {
                write!(f, "buffer too small: {needed} bytes needed, {available} available")
            }
            Self::Truncated { needed, available } => write!(f, "truncated: {needed} bytes needed, {available} left"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes too many"),
            Self::Magic { found } => write!(f, "not a snapshot: starts with {found:#016x}"),
            Self::Architecture { expected, found } => match Architecture::from_code(found) {
                Some(found) => write!(f, "snapshot of {found}, {expected} expected"),
                None => write!(
                    f,
                    "snapshot of an unknown architecture (code {found}), {expected} expected"
                ),
            },
            Self::Format { found, known } => write!(f, "unknown format {found}, this build knows {known}"),
            Self::NewerRelease { found, newest } => {
                write!(f, "written by release {found}, the newest this build knows is {newest}")
            }
            Self::UnknownRelease { found } => {
                write!(f, "written by release {found}, which this build does not support")
            }
            Self::NotInRelease { release } => write!(f, "release {release} has no such mirror"),
            Self::Checksum { expected, found } => {
                write!(f, "checksum mismatch: {expected:#018x} expected, {found:#018x} found")
            }
            Self::Fingerprint { expected, found } => {
                write!(
                    f,
                    "layout mismatch: fingerprint {expected:#018x} expected, {found:#018x} found"
                )
            }
            Self::Value { expected, found } => write!(f, "{found:#x} found, {expected} expected"),
            Self::Lossy { field, release } => write!(f, "release {release} would lose field {field}"),
            Self::Refused(refused) => write!(f, "{refused}"),
            Self::PayloadTooLong { len } => write!(f, "a payload of {len} bytes is longer than a header can say"),
            Self::Sink => f.write_str("the sink took no more bytes"),
            Self::Foreign { max } => write!(f, "a foreign value does not encode within its {max} bytes"),
            Self::WrongLength { announced, written } => {
                write!(
                    f,
                    "{announced} bytes announced by a hand-written encoder, {written} written"
                )
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.kind {
            // About the whole of what was to be saved or loaded.
            ErrorKind::BufferTooSmall { .. }
            | ErrorKind::NotInRelease { .. }
            | ErrorKind::Lossy { .. }
            | ErrorKind::Refused(_)
            | ErrorKind::PayloadTooLong { .. }
            | ErrorKind::Sink
            | ErrorKind::Foreign { .. }
            | ErrorKind::WrongLength { .. } => Ok(()),
            _ => write!(f, " (at byte {})", self.offset),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for Refused {}
