//! What Linux wants to find in memory and registers at its 64-bit entry point.

use std::fs::File;

use anyhow::{Context, Result, ensure};
use kvm_bindings::{kvm_regs, kvm_segment};
use kvm_ioctls::VcpuFd;
use linux_loader::configurator::linux::LinuxBootConfigurator;
use linux_loader::configurator::{BootConfigurator, BootParams};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params};
use linux_loader::loader::bzimage::BzImage;
use linux_loader::loader::{Cmdline, KernelLoader, load_cmdline};
use vm_memory::{Bytes, GuestAddress};

use super::acpi;
use crate::boot::BootSource;
use crate::memory::Memory;

const GDT: GuestAddress = GuestAddress(0x500);
const ZERO_PAGE: GuestAddress = GuestAddress(0x7000);
const STACK_TOP: u64 = 0x8ff0;
const PAGE_TABLES: u64 = 0x9000;
const CMDLINE: GuestAddress = GuestAddress(0x2_0000);
/// Where base memory ends: above lie a PC's BIOS data, and in its BIOS's place the ACPI tables.
const LOW_MEMORY_END: u64 = 0x9_fc00;
const HIGH_MEMORY: u64 = 0x10_0000;
const ENTRY_64: u64 = 0x200;

/// Puts kernel, initial RAM disk and tables into memory and points the processor at the kernel.
pub fn boot(source: &BootSource, memory: &Memory, vcpu: &VcpuFd) -> Result<()> {
    let ram = memory.map();
    let mut image =
        File::open(&source.kernel).with_context(|| format!("cannot open kernel {}", source.kernel.display()))?;
    let kernel = BzImage::load(ram, None, &mut image, Some(GuestAddress(HIGH_MEMORY)))
        .with_context(|| format!("{} is no bzImage that fits", source.kernel.display()))?;

    let mut params = boot_params {
        hdr: kernel.setup_header.context("the kernel has no setup header")?,
        ..Default::default()
    };
    let needed = params.hdr.pref_address + u64::from(params.hdr.init_size);
    if let Some(initrd) = &source.initrd {
        let bytes = std::fs::read(initrd).with_context(|| format!("cannot read initrd {}", initrd.display()))?;
        let start = (memory.len() - bytes.len().min(memory.len() as usize) as u64) & !0xfff;
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
    cmdline.insert_str(&source.cmdline)?;
    load_cmdline(ram, CMDLINE, &cmdline)?;
    params.hdr.cmd_line_ptr = CMDLINE.0 as u32;
    params.hdr.type_of_loader = 0xff;
    for (start, end) in [(0, LOW_MEMORY_END), (HIGH_MEMORY, memory.len())] {
        let at = usize::from(params.e820_entries);
        if let Some(entry) = params.e820_table.get_mut(at) {
            *entry = boot_e820_entry {
                addr: start,
                size: end - start,
                r#type: 1,
            };
            params.e820_entries += 1;
        }
    }
    LinuxBootConfigurator::write_bootparams(&BootParams::new(&params, ZERO_PAGE), ram)?;
    acpi::write(ram)?;
    enter(memory, vcpu, kernel.kernel_load.0 + ENTRY_64)
}

/// Long mode with the first GiB mapped as it is.
fn enter(memory: &Memory, vcpu: &VcpuFd, entry: u64) -> Result<()> {
    const PRESENT_WRITABLE: u64 = 3;
    const LARGE: u64 = 0x80;
    let ram = memory.map();
    let (pml4, pdpt, directory) = (PAGE_TABLES, PAGE_TABLES + 0x1000, PAGE_TABLES + 0x2000);
    ram.write_obj(pdpt | PRESENT_WRITABLE, GuestAddress(pml4))?;
    ram.write_obj(directory | PRESENT_WRITABLE, GuestAddress(pdpt))?;
    for page in 0..512u64 {
        ram.write_obj(
            page << 21 | PRESENT_WRITABLE | LARGE,
            GuestAddress(directory + page * 8),
        )?;
    }

    // Selectors 0x10 and 0x18 are those of Linux's boot protocol.
    let code = flat_segment(0x10, 0xb, 0, 1);
    let data = flat_segment(0x18, 0x3, 1, 0);
    let gdt = [0, 0, descriptor(&code), descriptor(&data)];
    for (index, entry) in (0u64..).zip(gdt) {
        ram.write_obj(entry, GuestAddress(GDT.0 + index * 8))?;
    }

    let mut sregs = vcpu.get_sregs()?;
    sregs.cs = code;
    for segment in [
        &mut sregs.ds,
        &mut sregs.es,
        &mut sregs.fs,
        &mut sregs.gs,
        &mut sregs.ss,
    ] {
        *segment = data;
    }
    sregs.gdt.base = GDT.0;
    sregs.gdt.limit = size_of_val(&gdt) as u16 - 1;
    sregs.cr0 |= 0x8000_0001; // paging, protected mode
    sregs.cr3 = pml4;
    sregs.cr4 |= 0x20; // physical address extension
    sregs.efer |= 0x500; // long mode enabled and active
    vcpu.set_sregs(&sregs).context("cannot set the segment registers")?;
    vcpu.set_regs(&kvm_regs {
        rip: entry,
        rsi: ZERO_PAGE.0,
        rsp: STACK_TOP,
        rbp: STACK_TOP,
        rflags: 2,
        ..Default::default()
    })
    .context("cannot set the registers")
}

fn flat_segment(selector: u16, type_: u8, db: u8, l: u8) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        s: 1,
        db,
        l,
        g: 1,
        ..Default::default()
    }
}

fn descriptor(segment: &kvm_segment) -> u64 {
    let access = u64::from(segment.type_ | segment.s << 4 | segment.dpl << 5 | segment.present << 7);
    let flags = u64::from(segment.l << 1 | segment.db << 2 | segment.g << 3);
    0x000f_0000_0000_ffff | access << 40 | flags << 52
}
