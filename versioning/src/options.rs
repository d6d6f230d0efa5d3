//! Options for writing and reading snapshots.

use core::marker::PhantomData;

use crate::architecture::Architecture;
use crate::checksum::{Checksum, Crc64};
use crate::error::{LoadError, LoadErrorKind};
use crate::header::Header;

/// Options for writing and reading snapshots: the architecture, and the implementation `C` of the checksum.
///
/// [`Options::NATIVE`] is the default. Pass other options to
/// [`Translated::with_options`](crate::Translated::with_options) and
/// [`ReleaseTable::load_with`](crate::ReleaseTable::load_with).
///
/// ```
/// use devstate_versioning::checksum::Crc64NoTable;
/// use devstate_versioning::{Architecture, Header, Options, ReleaseTable};
/// # use devstate_versioning::{Versioned, buffer, release_table};
/// # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
/// # #[versioned(version = 1, layouts(open))]
/// # pub struct TimerSer { pub count: u32 }
/// # release_table! { pub enum Release { V1 = 1 @ open } TimerSer => [1], }
///
/// const OPTIONS: Options<Crc64NoTable> = Options::new(Architecture::Any);
///
/// let mut buffer = buffer!(TimerSer);
/// let snapshot = Release::latest(&TimerSer { count: 7 }).with_options(OPTIONS).save(&mut buffer)?;
/// assert_eq!(Header::peek(snapshot)?.architecture_code, Architecture::Any.code());
///
/// let mut timer = TimerSer::default();
/// Release::load_with(OPTIONS, snapshot, &mut timer)?;
/// assert_eq!(timer.count, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Options<C = Crc64> {
    architecture: Architecture,
    any_architecture: bool,
    checksum: PhantomData<C>,
}

impl Options {
    /// The options for snapshots of the architecture of this build.
    pub const NATIVE: Self = Self::new(Architecture::NATIVE);
}

impl<C> Options<C> {
    /// Creates options for snapshots of one architecture.
    #[must_use]
    pub const fn new(architecture: Architecture) -> Self {
        Self {
            architecture,
            any_architecture: false,
            checksum: PhantomData,
        }
    }

    /// Returns options that also load snapshots of other architectures.
    #[must_use]
    pub const fn load_any_architecture(self) -> Self {
        Self {
            any_architecture: true,
            ..self
        }
    }

    /// Returns the code of the architecture for the header.
    pub(crate) const fn architecture_code(self) -> u8 {
        self.architecture.code()
    }

    pub(crate) fn check_architecture(self, header: &Header) -> Result<(), LoadError> {
        let code = header.architecture_code;
        if self.any_architecture || code == self.architecture.code() || code == Architecture::Any.code() {
            return Ok(());
        }
        Err(LoadErrorKind::Architecture {
            expected: self.architecture,
            found: code,
        }
        .at(7))
    }
}

impl<C: Checksum> Options<C> {
    /// Checks everything in a snapshot that does not depend on the type of its payload: magic, architecture, format,
    /// length and checksum. Returns the header and the payload.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Magic`, `Architecture`, `Format`, `TrailingBytes` or `Checksum`.
    pub fn verify(self, snapshot: &[u8]) -> Result<(Header, &[u8]), LoadError> {
        let header = Header::peek(snapshot)?;
        self.check_architecture(&header)?;
        let needed = header.snapshot_len();
        let available = snapshot.len();
        if available > needed {
            return Err(LoadErrorKind::TrailingBytes {
                bytes: available - needed,
            }
            .at(needed));
        }
        let truncated = LoadErrorKind::Truncated { needed, available }.at(0);
        if available < needed {
            return Err(truncated);
        }
        let Some((summed, trailer)) = snapshot.split_last_chunk::<{ Header::TRAILER_LEN }>() else {
            return Err(truncated);
        };
        let Some((_, payload)) = summed.split_first_chunk::<{ Header::LEN }>() else {
            return Err(truncated);
        };
        let expected = u64::from_le_bytes(*trailer);
        let found = C::checksum(summed);
        if expected != found {
            return Err(LoadErrorKind::Checksum { expected, found }.at(summed.len()));
        }
        Ok((header, payload))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::NATIVE
    }
}

impl<C> Clone for Options<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Options<C> {}
