//! Lets two builds agree on a release before one sends a snapshot to the other.
//!
//! The receiver sends an [`Offer`]: its architecture, and the number and the fingerprint of each release that it reads. The
//! sender passes the records to a [`Choice`], which returns the newest release that both builds have with the same
//! fingerprint. Then the sender translates its state to that release, and sends the snapshot.
//!
//! This module does no I/O and does not allocate. An offer is a sequence of records of [`RECORD_LEN`] bytes, so neither
//! side needs a buffer for the whole offer.
//!
//! ```
//! use devstate_versioning::negotiation::{Choice, Offer, RECORD_LEN};
//! use devstate_versioning::{Architecture, ReleaseTable, Versioned, release_table};
//! use std::io::{Read, Write};
//! # #[derive(Versioned, Clone, Debug, Default, PartialEq)]
//! # #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
//! # pub struct TimerSer {
//! #     pub count: u32,
//! #     #[versioned(start = 2)]
//! #     pub prescaler: u8,
//! # }
//! # release_table! {
//! #     pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
//! #     TimerSer => [1, 2],
//! # }
//!
//! // The receiver: a build that reads release 1 only.
//! fn offer(stream: &mut impl Write) -> std::io::Result<()> {
//!     for record in Offer::<Release, TimerSer>::new(Architecture::NATIVE, Release::V1_0) {
//!         stream.write_all(&record)?;
//!     }
//!     Ok(())
//! }
//!
//! // The sender: it may write every release.
//! fn choose(stream: &mut impl Read) -> Result<Release, Box<dyn std::error::Error>> {
//!     let mut choice = Choice::<Release, TimerSer>::new(Architecture::NATIVE, Release::V1_0..=Release::LATEST);
//!     loop {
//!         let mut record = [0; RECORD_LEN];
//!         stream.read_exact(&mut record)?;
//!         if let Some(release) = choice.add(&record)? {
//!             return Ok(release);
//!         }
//!     }
//! }
//!
//! let mut stream = Vec::new();
//! offer(&mut stream)?;
//! assert_eq!(choose(&mut stream.as_slice())?, Release::V1_0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bytes
//!
//! | record | bytes |
//! |---|---|
//! | the first | `DEVOFFR`, the code of the receiver's architecture, the number of records that follow (16 bits) |
//! | every other record | the number of a release (16 bits), its fingerprint (64 bits) |
//!
//! Numbers are little-endian. The records are sorted by the number of the release, lowest first.

use core::cmp::Ordering;
use core::fmt;
use core::marker::PhantomData;
use core::ops::RangeInclusive;

use crate::architecture::Architecture;
use crate::at::RowOf;
use crate::error::in_order;
use crate::release::ReleaseTable;

/// The length of one record of an [`Offer`] in bytes.
pub const RECORD_LEN: usize = 10;

const MAGIC: [u8; 7] = *b"DEVOFFR";

/// An iterator over the records of an offer: it tells the sender which releases the receiver can read. `M` is the root
/// mirror of the snapshots. The [module](crate::negotiation) has an example.
#[derive(Debug)]
pub struct Offer<R, M> {
    architecture: Architecture,
    newest: R,
    /// The position of the next release in the table. `None` before the first record.
    next: Option<usize>,
    mirror: PhantomData<fn() -> M>,
}

impl<R: ReleaseTable, M: RowOf<R>> Offer<R, M> {
    /// Creates an offer of all releases up to `newest` that have the mirror. Pass the architecture of the
    /// [`Options`](crate::Options) with which the receiver loads.
    #[must_use]
    pub const fn new(architecture: Architecture, newest: R) -> Self {
        Self {
            architecture,
            newest,
            next: None,
            mirror: PhantomData,
        }
    }

    /// Returns the offered releases from a position of the table on, each with its position and its fingerprint.
    fn releases(&self, from: usize) -> impl Iterator<Item = (usize, R, u64)> {
        let releases = R::ALL.iter().copied().enumerate().skip(from);
        releases
            .take_while(|(index, _)| *index <= self.newest.index())
            .filter_map(|(index, release)| Some((index, release, release.fingerprint::<M>()?)))
    }
}

impl<R: ReleaseTable, M: RowOf<R>> Iterator for Offer<R, M> {
    type Item = [u8; RECORD_LEN];

    fn next(&mut self) -> Option<Self::Item> {
        let Some(from) = self.next else {
            self.next = Some(0);
            let [m0, m1, m2, m3, m4, m5, m6] = MAGIC;
            // A release has a number of 16 bits that is not zero, so their count has 16 bits.
            let [c0, c1] = (self.releases(0).count() as u16).to_le_bytes();
            return Some([m0, m1, m2, m3, m4, m5, m6, self.architecture.code(), c0, c1]);
        };
        let (index, release, fingerprint) = self.releases(from).next()?;
        self.next = Some(index + 1);
        let [n0, n1] = release.number().to_le_bytes();
        let [f0, f1, f2, f3, f4, f5, f6, f7] = fingerprint.to_le_bytes();
        Some([n0, n1, f0, f1, f2, f3, f4, f5, f6, f7])
    }
}

/// Chooses the release at which a sender writes, from the records of an [`Offer`]. `M` is the root mirror of the
/// snapshots. The [module](crate::negotiation) has an example.
#[derive(Debug)]
pub struct Choice<R, M> {
    architecture: Architecture,
    allowed: RangeInclusive<R>,
    /// How many records follow. `None` before the first record.
    left: Option<u16>,
    /// The number of the newest release that was offered.
    theirs: u16,
    /// The number of the newest release that both sides have, with different fingerprints.
    differs: Option<u16>,
    best: Option<R>,
    mirror: PhantomData<fn() -> M>,
}

impl<R: ReleaseTable, M: RowOf<R>> Choice<R, M> {
    /// Creates a choice among the releases that the sender may write: `allowed` goes from the oldest to the newest. Pass
    /// the architecture of the [`Options`](crate::Options) with which the sender saves.
    #[must_use]
    pub const fn new(architecture: Architecture, allowed: RangeInclusive<R>) -> Self {
        Self {
            architecture,
            allowed,
            left: None,
            theirs: 0,
            differs: None,
            best: None,
            mirror: PhantomData,
        }
    }

    /// Takes the next record of the offer. Returns `None` if more records follow. After the last record it returns the
    /// newest common release.
    ///
    /// A release is common if the sender may write it, and if both sides have the same fingerprint for its number.
    ///
    /// # Errors
    ///
    /// [`NegotiationError`] says what is wrong with the offer, or why there is no common release. Do not pass another
    /// record after an error.
    pub fn add(&mut self, record: &[u8; RECORD_LEN]) -> Result<Option<R>, NegotiationError> {
        let left = match self.left {
            None => self.start(record)?,
            Some(0) => return Err(NegotiationError::TooManyRecords),
            Some(left) => {
                self.consider(record)?;
                left - 1
            }
        };
        self.left = Some(left);
        if left > 0 {
            return Ok(None);
        }
        self.best.map(Some).ok_or(NegotiationError::NoCommonRelease {
            oldest: self.allowed.start().number(),
            newest: self.allowed.end().number(),
            theirs: self.theirs,
            differs: self.differs,
        })
    }

    /// Returns the number of records that follow the first one.
    fn start(&self, record: &[u8; RECORD_LEN]) -> Result<u16, NegotiationError> {
        let [m0, m1, m2, m3, m4, m5, m6, architecture, c0, c1] = *record;
        if [m0, m1, m2, m3, m4, m5, m6] != MAGIC {
            let found = u64::from_le_bytes([m0, m1, m2, m3, m4, m5, m6, 0]);
            return Err(NegotiationError::Magic { found });
        }
        if self.architecture != Architecture::Any && architecture != self.architecture.code() {
            return Err(NegotiationError::Architecture {
                ours: self.architecture,
                theirs: architecture,
            });
        }
        Ok(u16::from_le_bytes([c0, c1]))
    }

    fn consider(&mut self, record: &[u8; RECORD_LEN]) -> Result<(), NegotiationError> {
        let [n0, n1, fingerprint @ ..] = *record;
        let number = u16::from_le_bytes([n0, n1]);
        if number <= self.theirs {
            let after = self.theirs;
            return Err(NegotiationError::NotAscending { number, after });
        }
        self.theirs = number;
        let Some(release) = R::from_number(number) else {
            return Ok(());
        };
        let Some(ours) = release.fingerprint::<M>() else {
            return Ok(());
        };
        let (oldest, newest) = (self.allowed.start().index(), self.allowed.end().index());
        if ours != u64::from_le_bytes(fingerprint) {
            self.differs = Some(number);
        } else if (oldest..=newest).contains(&release.index()) {
            self.best = Some(release);
        }
        Ok(())
    }
}

/// Why two builds cannot agree on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NegotiationError {
    /// The first record is not the start of an offer.
    Magic {
        /// The first seven bytes of the record. The first one is in the lowest byte.
        found: u64,
    },
    /// The receiver runs on another architecture.
    Architecture {
        /// The architecture of the sender.
        ours: Architecture,
        /// The code in the offer. [`Architecture::from_code`] decodes it.
        theirs: u8,
    },
    /// The offer has a release twice, a release after a newer one, or a release with the number 0.
    NotAscending {
        /// The number of the release.
        number: u16,
        /// The number of the release in the previous record. 0 for the first release.
        after: u16,
    },
    /// There are more records than the first record announced.
    TooManyRecords,
    /// The receiver reads none of the releases that the sender may write.
    NoCommonRelease {
        /// The number of the oldest release that the sender may write.
        oldest: u16,
        /// The number of the newest release that the sender may write. If it is below `oldest`, the sender may write none.
        newest: u16,
        /// The number of the newest release that the receiver reads. 0 if it reads none.
        theirs: u16,
        /// The newest release that both builds have with different fingerprints. One of the two builds belongs to another
        /// application, or was never published.
        differs: Option<u16>,
    },
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic { found } => {
                write!(
                    f,
                    "this is not an offer of releases: it starts with {:#016x}",
                    in_order(found)
                )
            }
            Self::Architecture { ours, theirs } => match Architecture::from_code(theirs) {
                Some(theirs) => write!(f, "the receiver runs on {theirs}, the sender on {ours}"),
                None => write!(
                    f,
                    "the receiver runs on an unknown architecture (code {theirs}), the sender on {ours}"
                ),
            },
            Self::NotAscending { number: 0, .. } => f.write_str("the offer has a release with the number 0"),
            Self::NotAscending { number, after } if number == after => {
                write!(f, "the offer has release {number} twice")
            }
            Self::NotAscending { number, after } => {
                write!(
                    f,
                    "the offer has release {number} after release {after}, and numbers must ascend"
                )
            }
            Self::TooManyRecords => f.write_str("the offer has more records than it announced"),
            Self::NoCommonRelease { theirs: 0, .. } => f.write_str("the receiver reads no release"),
            Self::NoCommonRelease {
                oldest,
                newest,
                theirs,
                differs,
            } => {
                write!(
                    f,
                    "no common release: the newest that the receiver reads is {theirs}, and the sender may write "
                )?;
                match oldest.cmp(&newest) {
                    Ordering::Less => write!(f, "{oldest} to {newest}")?,
                    Ordering::Equal => write!(f, "{newest} only")?,
                    Ordering::Greater => write!(f, "none: its range starts at {oldest} and ends at {newest}")?,
                }
                match differs {
                    Some(release) => write!(f, "; the two builds have different layouts for release {release}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl core::error::Error for NegotiationError {}
