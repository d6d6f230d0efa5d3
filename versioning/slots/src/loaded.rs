//! What loading says.

use crate::Content;
use core::fmt;

/// The snapshot that was loaded, if there is one, and what became of the slots.
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
    /// The slots that somebody should hear of, each with its number (0 or 1): what was saved there can no longer be
    /// used. An unfinished save is none of these: nobody was told that it had succeeded.
    pub fn troubles(&self) -> impl Iterator<Item = (usize, SlotContent)> {
        self.slots
            .into_iter()
            .enumerate()
            .filter(|(_, content)| content.is_trouble())
    }
}

/// What a slot holds, and what loading made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SlotContent {
    /// No header, but bytes that are all alike: erased, or never used.
    Blank,
    /// No whole header: the power failed in a save or an erase, the header has been damaged, or something else lies there.
    Unfinished,
    /// A whole header, and behind it something else than what was saved. (An erase that starts at a slot's end and is cut
    /// off leaves this, too.)
    Damaged,
    /// A complete snapshot that is longer than the buffer.
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A complete snapshot that the application does not accept: another firmware's, or a later release's.
    Refused,
    /// This is what was loaded.
    Loaded,
    /// A complete snapshot that nobody looked at, since a newer one was accepted.
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
