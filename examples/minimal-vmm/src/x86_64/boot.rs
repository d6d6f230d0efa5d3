//! What Linux wants to find in memory and registers at its 32-bit entry point.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kvm_bindings::{kvm_regs, kvm_segment};
use kvm_ioctls::VcpuFd;
use linux_loader::configurator::linux::LinuxBootConfigurator;
use linux_loader::configurator::{BootConfigurator, BootParams};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use linux_loader::loader::bzimage::BzImage;
use linux_loader::loader::{Cmdline, KernelLoader, load_cmdline};
use vm_memory::{Bytes, GuestAddress};

use super::acpi;
use crate::machine::{BootOptions, read_initrd};
use crate::memory::Memory;

const GDT: GuestAddress = GuestAddress(0x500);
const ZERO_PAGE: GuestAddress = GuestAddress(0x7000);
const CMDLINE: GuestAddress = GuestAddress(0x2_0000);
/// Where base memory ends: above lie a PC's BIOS data, and in its BIOS's place the ACPI tables.
const LOW_MEMORY_END: u64 = 0x9_fc00;
const HIGH_MEMORY: u64 = 0x10_0000;

/// Puts kernel, initial RAM disk and tables into memory and points the processor at the kernel.
pub fn boot(kernel: &Path, options: &BootOptions, memory: &Memory, vcpu: &VcpuFd) -> Result<()> {
    let ram = memory.map();
    let mut image = File::open(kernel).with_context(|| format!("cannot open kernel {}", kernel.display()))?;
    let kernel = BzImage::load(ram, None, &mut image, Some(GuestAddress(HIGH_MEMORY)))
        .with_context(|| format!("{} is no bzImage that fits", kernel.display()))?;

    let mut params = boot_params {
        hdr: kernel.setup_header.context("the kernel has no setup header")?,
        ..Default::default()
    };
    let needed = room(&params.hdr, kernel.kernel_end)?;
    if let Some(initrd) = &options.initrd {
        let bytes = read_initrd(initrd, memory.len())?;
        let start = memory.len().saturating_sub(bytes.len() as u64) & !0xfff;
        ensure!(
            start >= needed,
            "kernel and initrd do not fit {} MiB of memory",
            memory.len() >> 20
        );
        ram.write_slice(&bytes, GuestAddress(start))?;
        params.hdr.ramdisk_image = u32::try_from(start)?;
        params.hdr.ramdisk_size = u32::try_from(bytes.len())?;
    }
    ensure!(
        needed <= memory.len(),
        "the kernel needs {} MiB of memory",
        needed.div_ceil(1 << 20)
    );

    let mut cmdline = Cmdline::new(params.hdr.cmdline_size as usize + 1)?;
    cmdline.insert_str(&options.cmdline)?;
    load_cmdline(ram, CMDLINE, &cmdline)?;
    params.hdr.cmd_line_ptr = CMDLINE.0 as u32;
    params.hdr.type_of_loader = 0xff;
    params.e820_table[0] = ram_between(0, LOW_MEMORY_END);
    params.e820_table[1] = ram_between(HIGH_MEMORY, memory.len());
    params.e820_entries = 2;
    LinuxBootConfigurator::write_bootparams(&BootParams::new(&params, ZERO_PAGE), ram)?;
    acpi::write(ram)?;
    enter(memory, vcpu, kernel.kernel_load.0)
}

/// Returns the end of the memory that a kernel needs to unpack itself: its header may say anything.
fn room(header: &setup_header, kernel_end: u64) -> Result<u64> {
    let (start, len) = (header.pref_address, header.init_size);
    let end = start.checked_add(len.into()).with_context(|| {
        format!("the kernel wants to be unpacked to {len:#x} bytes at {start:#x}, behind the end of all addresses")
    })?;
    Ok(end.max(kernel_end))
}

fn ram_between(start: u64, end: u64) -> boot_e820_entry {
    boot_e820_entry {
        addr: start,
        size: end - start,
        r#type: 1,
    }
}

/// Protected mode with flat segments and no paging. The selectors are those of Linux's boot protocol.
fn enter(memory: &Memory, vcpu: &VcpuFd, entry: u64) -> Result<()> {
    const SEGMENTS: [u64; 4] = [0, 0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff];
    for (index, descriptor) in (0u64..).zip(SEGMENTS) {
        memory.map().write_obj(descriptor, GuestAddress(GDT.0 + index * 8))?;
    }
    let mut sregs = vcpu.get_sregs()?;
    sregs.gdt.base = GDT.0;
    sregs.gdt.limit = size_of_val(&SEGMENTS) as u16 - 1;
    let data = flat_segment(0x18, 0x3);
    [sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss] = [data; 5];
    sregs.cs = flat_segment(0x10, 0xb);
    sregs.cr0 |= 1; // protected mode
    vcpu.set_sregs(&sregs).context("cannot set the segment registers")?;
    let regs = kvm_regs {
        rip: entry,
        rsi: ZERO_PAGE.0,
        rflags: 2,
        ..Default::default()
    };
    vcpu.set_regs(&regs).context("cannot set the registers")
}

fn flat_segment(selector: u16, type_: u8) -> kvm_segment {
    kvm_segment {
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        s: 1,
        db: 1,
        g: 1,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_wants_too_much_is_refused() -> Result<()> {
        let header = |pref_address, init_size| setup_header {
            pref_address,
            init_size,
            ..Default::default()
        };
        assert_eq!(room(&header(1 << 24, 1 << 20), 1 << 21)?, 17 << 20);
        assert_eq!(room(&header(0, 0), 1 << 21)?, 1 << 21, "the kernel itself lies there");
        let refusal = room(&header(u64::MAX, 1), 1 << 21).unwrap_err().to_string();
        assert!(refusal.contains("0x1 bytes at 0xffffffffffffffff"), "{refusal}");
        Ok(())
    }
}
