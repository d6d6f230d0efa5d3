//! The reports of an import or an export to the caller's visitor.

use std::fmt;

use devstate_qemu_section::Loss;

use crate::error::Unknown;

/// Something that an import or an export cannot carry over. It is passed to the caller's visitor, which returns `true` to
/// continue and `false` to refuse.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'t> {
    /// A part of a device's state that the other side does not have.
    Loss {
        /// The device, such as `serial[1]`.
        device: &'t str,
        /// The part of the state.
        loss: &'t Loss,
    },
    /// A field or subsection that this crate does not know. An import leaves it out. An export does not change it.
    Unknown(&'t Unknown),
}

impl Notice<'_> {
    /// Returns `true` for a loss that no guest sees. A visitor that returns this result refuses all other notices.
    #[must_use]
    pub const fn is_ignorable(&self) -> bool {
        matches!(self, Self::Loss { loss, .. } if loss.ignorable)
    }
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss { device, loss } => write!(f, "{device}: {loss}"),
            Self::Unknown(unknown) => unknown.fmt(f),
        }
    }
}
