//! After "add a device".

use devstate_core::InvalidState;
use devstate_versioning::{Versioned, release_table};

// <recipe>
/// The device's crate: its state, plain data without a version, and its behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedState {
    pub on: bool,
    /// 0 to 127.
    pub brightness: u8,
}

impl LedState {
    pub const RESET: Self = Self {
        on: false,
        brightness: 0,
    };

    pub fn validate(&self) -> Result<(), InvalidState> {
        if self.brightness < 0x80 {
            Ok(())
        } else {
            Err(InvalidState::new("brightness", self.brightness.into(), "seven bits"))
        }
    }
}

/// The device's `ser` crate: the mirror, and both ways between it and the state, which name every field.
#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 1, layouts(open))]
pub struct LedStateSer {
    pub brightness: u8,
    pub on: bool,
}

impl LedStateSer {
    pub fn new(state: &LedState) -> Self {
        let LedState { on, brightness } = *state;
        Self { brightness, on }
    }
}

impl Default for LedStateSer {
    fn default() -> Self {
        Self::new(&LedState::RESET)
    }
}

impl TryFrom<&LedStateSer> for LedState {
    type Error = InvalidState;

    fn try_from(mirror: &LedStateSer) -> Result<Self, InvalidState> {
        let LedStateSer { brightness, on } = *mirror;
        let state = Self { on, brightness };
        state.validate()?;
        Ok(state)
    }
}

/// The application: a new version of the mirror that holds it, and a row for it.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x0d21_f5f5_ba43_23a2, open))]
pub struct MachineSer {
    pub uptime: u64,
    #[versioned(start = 2)]
    pub led: LedStateSer,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x0d21_f5f5_ba43_23a2, V2 = 2 @ open }
    LedStateSer => [_, 1],
    MachineSer  => [1, 2],
}
// </recipe>

/// The behaviour.
#[derive(Debug)]
pub struct Led {
    state: LedState,
}

impl Led {
    pub const fn new() -> Self {
        Self::with(LedState::RESET)
    }

    pub fn from_state(state: &LedState) -> Result<Self, InvalidState> {
        state.validate()?;
        Ok(Self::with(*state))
    }

    const fn with(state: LedState) -> Self {
        Self { state }
    }

    pub const fn state(&self) -> LedState {
        self.state
    }

    pub const fn read(&self, offset: u16) -> u8 {
        match offset {
            0 => (self.state.on as u8) << 7 | self.state.brightness,
            _ => 0xff,
        }
    }

    pub const fn write(&mut self, offset: u16, value: u8) {
        if offset == 0 {
            self.state = LedState {
                on: value & 0x80 != 0,
                brightness: value & 0x7f,
            };
        }
    }
}
