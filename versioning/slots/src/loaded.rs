//! The result of loading.

use crate::Content;
use core::fmt;

/// The loaded snapshot, if there is one, and the content of each slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Loaded<'b> {
    /// The newest complete snapshot that was accepted.
    pub snapshot: Option<&'b [u8]>,
    /// Both slots, in the order of their addresses in the flash.
    pub slots: [SlotContent; 2],
}

impl Loaded<'_> {
    /// Returns the slots to report (index 0 or 1): damaged, refused, or too long for the buffer. An unfinished save is
    /// not reported, because it never returned `Ok`.
    pub fn troubles(&self) -> impl Iterator<Item = (usize, SlotContent)> {
        self.slots
            .into_iter()
            .enumerate()
            .filter(|(_, content)| content.is_trouble())
    }
}

/// The content of a slot, and the result of loading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SlotContent {
    /// No header, and all bytes are equal: the slot is erased, or was never used.
    Blank,
    /// No complete header: the power failed during a save or an erase, the header is damaged, or the slot has other
    /// data.
    Unfinished,
    /// The header is complete but the length or the snapshot's checksum is wrong, or the flash failed to read. An interrupted
    /// erase can cause a wrong checksum too.
    Damaged,
    /// A complete snapshot that is longer than the buffer.
    TooLong {
        /// The length of the snapshot in bytes.
        len: usize,
    },
    /// A complete snapshot that the application does not accept, for example of another firmware or of a later release.
    Refused,
    /// The snapshot that was loaded.
    Loaded,
    /// A complete snapshot that was not passed to `accept`, because a newer one was accepted.
    Older,
}

impl SlotContent {
    const fn is_trouble(self) -> bool {
        matches!(self, Self::Damaged | Self::TooLong { .. } | Self::Refused)
    }
}

impl From<Content> for SlotContent {
    /// Before anybody looked into a complete snapshot.
    fn from(content: Content) -> Self {
        match content {
            Content::Blank => Self::Blank,
            Content::Unfinished => Self::Unfinished,
            Content::Damaged => Self::Damaged,
            Content::Complete(_) => Self::Older,
        }
    }
}

impl fmt::Display for SlotContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("blank"),
            Self::Unfinished => f.write_str("no finished save"),
            Self::Damaged => f.write_str("damaged"),
            Self::TooLong { len } => write!(f, "{len} bytes, too long for the buffer"),
            Self::Refused => f.write_str("refused"),
            Self::Loaded => f.write_str("loaded"),
            Self::Older => f.write_str("an older snapshot"),
        }
    }
}
