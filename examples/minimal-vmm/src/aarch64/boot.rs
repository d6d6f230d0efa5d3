//! What Linux wants to find in memory and registers, as its `booting.rst` says, and the device tree.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kvm_ioctls::VcpuFd;
use linux_loader::loader::KernelLoader;
use linux_loader::loader::pe::PE;
use vm_fdt::{FdtWriter, FdtWriterResult};
use vm_memory::{Bytes, GuestAddress};

use super::{GIC_DISTRIBUTOR, GIC_REDISTRIBUTOR, MEMORY_START, RTC, RTC_SPI, SERIAL_SPI, UART, gic, hypervisor};
use crate::machine::{BootOptions, read_initrd};
use crate::memory::Memory;

/// A device tree may have 2 MiB and may not cross a boundary of as much.
const TREE_SPACE: u64 = 2 << 20;

/// Puts kernel, initial RAM disk and device tree into memory and points the processor at the kernel.
pub fn boot(kernel: &Path, options: &BootOptions, memory: &Memory, vcpu: &VcpuFd) -> Result<()> {
    let ram = memory.map();
    let mut image = File::open(kernel).with_context(|| format!("cannot open kernel {}", kernel.display()))?;
    let kernel = PE::load(ram, Some(GuestAddress(MEMORY_START)), &mut image, None)
        .with_context(|| format!("{} is no Image that fits", kernel.display()))?;
    let tree_at = (MEMORY_START + memory.len() - TREE_SPACE) & !(TREE_SPACE - 1);
    let mut initrd = None;
    if let Some(path) = &options.initrd {
        let bytes = read_initrd(path, memory.len())?;
        let start = tree_at.saturating_sub(bytes.len() as u64) & !0xfff;
        ensure!(
            start >= kernel.kernel_end,
            "kernel and initrd do not fit {} MiB of memory",
            memory.len() >> 20
        );
        ram.write_slice(&bytes, GuestAddress(start))?;
        initrd = Some((start, start + bytes.len() as u64));
    }
    let tree = device_tree(&options.cmdline, memory.len(), initrd).context("cannot write the device tree")?;
    ram.write_slice(&tree, GuestAddress(tree_at))?;
    hypervisor::enter(vcpu, kernel.kernel_load.0, tree_at)
}

fn device_tree(cmdline: &str, memory_len: u64, initrd: Option<(u64, u64)>) -> FdtWriterResult<Vec<u8>> {
    const GIC: u32 = 1;
    const BUS_CLOCK: u32 = 2;
    const SHARED: u32 = 0;
    const PRIVATE: u32 = 1;
    const LEVEL_HIGH: u32 = 4;
    const LEVEL_LOW: u32 = 8;

    let mut tree = FdtWriter::new()?;
    let root = tree.begin_node("")?;
    tree.property_string("compatible", "linux,dummy-virt")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_u32("interrupt-parent", GIC)?;

    let chosen = tree.begin_node("chosen")?;
    tree.property_string("bootargs", cmdline)?;
    tree.property_string("stdout-path", &format!("/serial@{UART:x}"))?;
    if let Some((start, end)) = initrd {
        tree.property_u64("linux,initrd-start", start)?;
        tree.property_u64("linux,initrd-end", end)?;
    }
    tree.end_node(chosen)?;

    let node = tree.begin_node(&format!("memory@{MEMORY_START:x}"))?;
    tree.property_string("device_type", "memory")?;
    tree.property_array_u64("reg", &[MEMORY_START, memory_len])?;
    tree.end_node(node)?;

    let cpus = tree.begin_node("cpus")?;
    tree.property_u32("#address-cells", 1)?;
    tree.property_u32("#size-cells", 0)?;
    let node = tree.begin_node("cpu@0")?;
    tree.property_string("device_type", "cpu")?;
    tree.property_string("compatible", "arm,arm-v8")?;
    tree.property_string("enable-method", "psci")?;
    tree.property_u32("reg", 0)?;
    tree.end_node(node)?;
    tree.end_node(cpus)?;

    let node = tree.begin_node("psci")?;
    tree.property_string_list("compatible", vec!["arm,psci-1.0".into(), "arm,psci-0.2".into()])?;
    tree.property_string("method", "hvc")?;
    tree.end_node(node)?;

    let node = tree.begin_node(&format!("interrupt-controller@{GIC_DISTRIBUTOR:x}"))?;
    tree.property_string("compatible", "arm,gic-v3")?;
    tree.property_u32("#interrupt-cells", 3)?;
    tree.property_null("interrupt-controller")?;
    tree.property_array_u64(
        "reg",
        &[
            GIC_DISTRIBUTOR,
            gic::DISTRIBUTOR_LEN,
            GIC_REDISTRIBUTOR,
            gic::REDISTRIBUTOR_LEN,
        ],
    )?;
    tree.property_phandle(GIC)?;
    tree.end_node(node)?;

    let node = tree.begin_node("timer")?;
    tree.property_string("compatible", "arm,armv8-timer")?;
    let lines = [13, 14, 11, 10].map(|line| [PRIVATE, line, LEVEL_LOW]);
    tree.property_array_u32("interrupts", lines.as_flattened())?;
    tree.property_null("always-on")?;
    tree.end_node(node)?;

    let node = tree.begin_node("bus-clock")?;
    tree.property_string("compatible", "fixed-clock")?;
    tree.property_u32("#clock-cells", 0)?;
    tree.property_u32("clock-frequency", 24_000_000)?;
    tree.property_phandle(BUS_CLOCK)?;
    tree.end_node(node)?;

    let node = tree.begin_node(&format!("serial@{UART:x}"))?;
    tree.property_string("compatible", "ns16550a")?;
    tree.property_array_u64("reg", &[UART, 8])?;
    tree.property_u32("clock-frequency", 1_843_200)?;
    tree.property_array_u32("interrupts", &[SHARED, SERIAL_SPI, LEVEL_HIGH])?;
    tree.end_node(node)?;

    let node = tree.begin_node(&format!("rtc@{RTC:x}"))?;
    tree.property_string_list("compatible", vec!["arm,pl031".into(), "arm,primecell".into()])?;
    tree.property_array_u64("reg", &[RTC, 0x1000])?;
    tree.property_array_u32("interrupts", &[SHARED, RTC_SPI, LEVEL_HIGH])?;
    tree.property_u32("clocks", BUS_CLOCK)?;
    tree.property_string("clock-names", "apb_pclk")?;
    tree.end_node(node)?;

    tree.end_node(root)?;
    tree.finish()
}
