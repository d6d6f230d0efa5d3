//! A PC, as far as Linux needs one.

use crate::devices::Address;

mod acpi;
mod boot;
mod hypervisor;
mod kvm_state;
mod platform;
mod releases;

pub use boot::boot;
pub use hypervisor::Hypervisor;
pub use kvm_state::KvmStateSer;
pub use platform::{Platform, PlatformState, powered_on};
pub use releases::{PlatformStateSer, Release};

/// Where RAM begins in the guest.
pub const MEMORY_START: u64 = 0;

/// The default command line of the kernel. A reset goes through the keyboard controller.
pub const DEFAULT_CMDLINE: &str = "console=ttyS0 reboot=k panic=-1";

/// The line of the UART: COM1 has had it since the first PC.
pub const SERIAL_LINE: u32 = 4;

/// The UART.
pub const SERIAL: Address = Address::Port(COM1);
const COM1: u16 = 0x3f8;

/// The byte that answers an access to where nothing is: the bus floats high.
pub const FLOATING: u8 = 0xff;
