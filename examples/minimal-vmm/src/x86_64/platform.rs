//! What a PC has beside the UART: the keyboard controller, with keyboard, mouse and the reset line, and the switch.

use anyhow::Result;
use devstate_core::{Instant, InterruptLine};
use devstate_host::keyboard::KeyEvent;
use devstate_i8042::{Config, I8042, I8042State, NoEvents, SystemControl, spec};

use crate::devices::Address;
use crate::vcpu::Stop;

/// The lines of the keyboard and of the mouse.
pub(super) const KEYBOARD_LINE: u32 = 1;
pub(super) const MOUSE_LINE: u32 = 12;
/// ACPI's registers for sleep, of which off is the deepest (ACPI 6.5, section 4.8.3.7).
pub(super) const SLEEP_CONTROL: u16 = 0x600;
pub(super) const SLEEP_STATUS: u16 = 0x601;
const SLEEP_ENABLE: u8 = 1 << 5;

/// The devices that other architectures do not have.
#[derive(Debug)]
pub struct Platform<L: InterruptLine> {
    i8042: I8042<L, L, Power>,
}

/// Their saved form.
pub type PlatformState = I8042State;

/// A keyboard controller that nobody has set up.
pub fn powered_on() -> PlatformState {
    I8042State::RESET
}

impl<L: InterruptLine> Platform<L> {
    pub fn from_state(state: &PlatformState, line: impl Fn(u32) -> L) -> Result<Self> {
        let (keyboard, mouse) = (line(KEYBOARD_LINE), line(MOUSE_LINE));
        let i8042 = I8042::from_state(state, keyboard, mouse, Power::default(), NoEvents, Config::DEFAULT)?;
        Ok(Self { i8042 })
    }

    pub fn state(&self) -> PlatformState {
        self.i8042.state()
    }

    /// Whether something answered.
    pub fn read(&mut self, address: Address, data: &mut [u8]) -> bool {
        match (i8042_register(address), data) {
            (Some(register), [byte]) => {
                *byte = self.i8042.read(register);
                true
            }
            _ => false,
        }
    }

    /// Why the guest stops by this, if it does.
    pub fn write(&mut self, address: Address, data: &[u8]) -> Option<Stop> {
        match (address, data) {
            (Address::Port(SLEEP_CONTROL), [value]) if value & SLEEP_ENABLE != 0 => return Some(Stop::Off),
            (address, [value]) => self.i8042.write(i8042_register(address)?, *value),
            _ => {}
        }
        self.i8042.control().reset.then_some(Stop::Reset)
    }

    /// None of these devices knows time.
    #[expect(clippy::unused_self, reason = "those of other architectures do")]
    pub fn advance(&mut self) {}

    #[expect(clippy::unused_self, reason = "those of other architectures do")]
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// Presses or releases a key, once the guest has taken what the keyboard sent before: `false` until then.
    #[expect(clippy::unnecessary_wraps, reason = "other architectures have no keyboard")]
    pub fn key(&mut self, event: KeyEvent) -> Result<bool> {
        Ok(self.i8042.state().keyboard.codes.is_empty() && self.i8042.key(event.key, event.pressed))
    }

    /// Moves a key whatever the guest has read: there is room for some keys more.
    pub fn key_at_once(&mut self, event: KeyEvent) {
        self.i8042.key(event.key, event.pressed);
    }
}

/// The controller has two registers, at ports 60h and 64h.
fn i8042_register(address: Address) -> Option<u16> {
    match address {
        Address::Port(0x60) => Some(spec::DATA),
        Address::Port(0x64) => Some(spec::COMMAND),
        _ => None,
    }
}

/// What the controller's output port is wired to. Gate A20 is not: in KVM it is always open.
#[derive(Debug, Default)]
struct Power {
    reset: bool,
}

impl SystemControl for Power {
    fn reset(&mut self) {
        self.reset = true;
    }
}
