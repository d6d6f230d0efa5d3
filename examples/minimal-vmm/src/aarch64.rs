//! An Arm machine with a GICv3, a UART and a clock, all of which a device tree names.

mod boot;
mod gic;
mod hypervisor;
mod platform;
mod releases;

pub use boot::boot;
pub use hypervisor::{Hypervisor, KvmStateSer};
pub use platform::{Platform, PlatformState, powered_on};
pub use releases::{PlatformStateSer, Release};

use crate::devices::Address;

/// Where RAM begins in the guest.
pub const MEMORY_START: u64 = 0x8000_0000;

/// The default command line of the kernel.
pub const DEFAULT_CMDLINE: &str = "console=ttyS0 panic=-1";

/// The interrupt controller's registers: the part that is there once, and the processor's.
const GIC_DISTRIBUTOR: u64 = 0x0800_0000;
const GIC_REDISTRIBUTOR: u64 = 0x080a_0000;
/// The UART. 8 registers, a byte each, side by side.
pub const SERIAL: Address = Address::Memory(UART);
const UART: u64 = 0x0900_0000;
/// The clock.
const RTC: u64 = 0x0901_0000;
/// Shared peripheral interrupts, counted from 0.
const SERIAL_SPI: u32 = 1;
const RTC_SPI: u32 = 2;
/// The same in KVM's words.
pub const SERIAL_LINE: u32 = kvm_line(SERIAL_SPI);
const RTC_LINE: u32 = kvm_line(RTC_SPI);

/// The byte that answers an access to where nothing is.
pub const FLOATING: u8 = 0;

/// The GIC counts its interrupts from 0: 16 between processors, 16 private ones, then the shared ones.
const fn kvm_line(spi: u32) -> u32 {
    kvm_bindings::KVM_ARM_IRQ_TYPE_SPI << kvm_bindings::KVM_ARM_IRQ_TYPE_SHIFT | spi + 32
}
