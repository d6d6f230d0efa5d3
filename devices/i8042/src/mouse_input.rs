//! Input from the host: buttons, movement, wheels.

/// The buttons that are down, from bit 0: left, right, middle, fourth, fifth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseButtons(pub u8);

impl MouseButtons {
    /// No button.
    pub const NONE: Self = Self(0);
    /// The left button.
    pub const LEFT: Self = Self(1 << 0);
    /// The right button.
    pub const RIGHT: Self = Self(1 << 1);
    /// The middle button.
    pub const MIDDLE: Self = Self(1 << 2);
    /// The fourth button, at the side: "back".
    pub const FOURTH: Self = Self(1 << 3);
    /// The fifth button, at the side: "forward".
    pub const FIFTH: Self = Self(1 << 4);
    /// All five buttons.
    pub const ALL: Self = Self(0x1f);
}

impl core::ops::BitOr for MouseButtons {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Movement since the last call, and the buttons that are down now.
///
/// ```
/// use devstate_i8042::{MouseButtons, MouseInput};
///
/// let drag = MouseInput { dx: 5, dy: -3, buttons: MouseButtons::LEFT, ..MouseInput::NONE };
/// # let _ = drag;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MouseInput {
    /// Movement to the right, in counts.
    pub dx: i16,
    /// Movement upward (away from the user), in counts.
    pub dy: i16,
    /// Movement of the wheel toward the user, in steps. A mouse in the standard protocol ignores it.
    pub dz: i16,
    /// Movement of the horizontal wheel to the left, in steps. Only
    /// [`ExplorerHorizontal`](crate::MouseProtocol::ExplorerHorizontal) reports it.
    pub dw: i16,
    /// The buttons that are down. Bits above the fifth button are ignored.
    pub buttons: MouseButtons,
}

impl MouseInput {
    /// No movement, no button.
    pub const NONE: Self = Self {
        dx: 0,
        dy: 0,
        dz: 0,
        dw: 0,
        buttons: MouseButtons::NONE,
    };
}
