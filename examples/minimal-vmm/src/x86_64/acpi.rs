//! The ACPI tables: they name the interrupt controllers, the devices and the switch.

use acpi_tables::Aml;
use acpi_tables::aml::{Device, EISAName, IO, Interrupt, Name, Package, Path, ResourceTemplate};
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use anyhow::Result;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::hypervisor::{IO_APIC, LOCAL_APIC};
use super::platform::{KEYBOARD_LINE, MOUSE_LINE, SLEEP_CONTROL, SLEEP_STATUS};
use super::{COM1, SERIAL_LINE};

/// In the BIOS's read-only memory, where Linux looks for the root pointer.
const ROOT: u64 = 0xe_0000;
const OEM: [u8; 6] = *b"DEVSTA";
const TABLE: [u8; 8] = *b"MINIMAL ";

/// Writes the tables.
pub(super) fn write(ram: &GuestMemoryMmap) -> Result<()> {
    let mut next = ROOT + Rsdp::len() as u64;
    let mut put = |table: &[u8]| -> Result<u64> {
        let at = next.next_multiple_of(16);
        ram.write_slice(table, GuestAddress(at))?;
        next = at + table.len() as u64;
        Ok(at)
    };
    let dsdt = put(devices().as_slice())?;
    let fadt = put(&bytes(&fixed_hardware(dsdt)))?;
    let madt = put(&bytes(&interrupt_controllers()))?;
    let mut tables = XSDT::new(OEM, TABLE, 1);
    tables.add_entry(fadt);
    tables.add_entry(madt);
    let tables = put(&bytes(&tables))?;
    ram.write_slice(&bytes(&Rsdp::new(OEM, tables)), GuestAddress(ROOT))?;
    Ok(())
}

/// The devices that cannot be found by probing, as their drivers know them, and what switches the machine off.
fn devices() -> Sdt {
    let mut aml = Vec::new();
    let port = |port| IO::new(port, port, 1, 1);
    let line = |line| Interrupt::new(true, true, false, false, line);
    Device::new(
        "_SB_.COM1".into(),
        vec![
            &Name::new("_HID".into(), &EISAName::new("PNP0501")),
            &Name::new("_UID".into(), &1u8),
            &Name::new(
                "_CRS".into(),
                &ResourceTemplate::new(vec![&IO::new(COM1, COM1, 1, 8), &line(SERIAL_LINE)]),
            ),
        ],
    )
    .to_aml_bytes(&mut aml);
    Device::new(
        "_SB_.KBD_".into(),
        vec![
            &Name::new("_HID".into(), &EISAName::new("PNP0303")),
            &Name::new(
                "_CRS".into(),
                &ResourceTemplate::new(vec![&port(0x60), &port(0x64), &line(KEYBOARD_LINE)]),
            ),
        ],
    )
    .to_aml_bytes(&mut aml);
    Device::new(
        "_SB_.MOU_".into(),
        vec![
            &Name::new("_HID".into(), &EISAName::new("PNP0F13")),
            &Name::new("_CRS".into(), &ResourceTemplate::new(vec![&line(MOUSE_LINE)])),
        ],
    )
    .to_aml_bytes(&mut aml);
    Name::new(Path::new("_S5_"), &Package::new(vec![&5u8])).to_aml_bytes(&mut aml);
    let mut table = Sdt::new(*b"DSDT", 36, 6, OEM, TABLE, 1);
    table.append_slice(&aml);
    table
}

/// No legacy timers and no 8259s, but a keyboard controller, and a register that switches off.
fn fixed_hardware(dsdt: u64) -> impl Aml {
    const KEYBOARD_CONTROLLER: u16 = 1 << 1;
    const NO_VGA: u16 = 1 << 2;
    const NO_CMOS_CLOCK: u16 = 1 << 5;
    let port = |port: u16| GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, port.into());
    let mut table = FADTBuilder::new(OEM, TABLE, 1)
        .dsdt_64(dsdt)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    table.iapc_boot_arch = (KEYBOARD_CONTROLLER | NO_VGA | NO_CMOS_CLOCK).into();
    table.sleep_control_reg = port(SLEEP_CONTROL);
    table.sleep_status_reg = port(SLEEP_STATUS);
    table.finalize()
}

fn interrupt_controllers() -> MADT {
    let mut table = MADT::new(OEM, TABLE, 1, LocalInterruptController::Address(LOCAL_APIC));
    table.add_structure(ProcessorLocalApic::new(0, 0, EnabledStatus::Enabled));
    table.add_structure(IoApic::new(1, IO_APIC, 0));
    table
}

fn bytes(table: &impl Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    table.to_aml_bytes(&mut bytes);
    bytes
}
