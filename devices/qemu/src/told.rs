//! What a visitor is called with, and decides about.

use std::fmt;

use devstate_qemu_section::Loss;

use crate::error::Unknown;

/// What a visitor is called with. The visitor returns `true` to continue, and `false` to refuse.
#[derive(Clone, Copy, Debug)]
pub enum Told<'t> {
    /// A device loses this.
    Loss {
        /// Which, as `serial[1]`.
        device: &'t str,
        /// What.
        loss: &'t Loss,
    },
    /// A section has something that is not known. It is left out, and on the way to QEMU left as it is.
    Unknown(&'t Unknown),
}

impl Told<'_> {
    /// Returns `true` for a loss that no guest sees. A visitor that returns this refuses all others.
    #[must_use]
    pub const fn is_ignorable(&self) -> bool {
        matches!(self, Self::Loss { loss, .. } if loss.ignorable)
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss { device, loss } => write!(f, "{device}: {loss}"),
            Self::Unknown(unknown) => unknown.fmt(f),
        }
    }
}
