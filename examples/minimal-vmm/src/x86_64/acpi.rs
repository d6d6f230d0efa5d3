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
    type Ports = [(u16, u8)];
    let devices: [(_, _, &Ports, _); 3] = [
        ("_SB_.COM1", "PNP0501", &[(COM1, 8)], SERIAL_LINE),
        ("_SB_.KBD_", "PNP0303", &[(0x60, 1), (0x64, 1)], KEYBOARD_LINE),
        ("_SB_.MOU_", "PNP0F13", &[], MOUSE_LINE),
    ];
    let mut aml = Vec::new();
    for (path, id, ports, line) in devices {
        let ports: Vec<_> = ports
            .iter()
            .map(|&(first, count)| IO::new(first, first, 1, count))
            .collect();
        let line = Interrupt::new(true, true, false, false, line);
        let resources = ports.iter().map(|port| port as &dyn Aml).chain([&line as &dyn Aml]);
        let (id, resources) = (EISAName::new(id), ResourceTemplate::new(resources.collect()));
        let (id, resources) = (Name::new("_HID".into(), &id), Name::new("_CRS".into(), &resources));
        Device::new(path.into(), vec![&id, &resources]).to_aml_bytes(&mut aml);
    }
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
