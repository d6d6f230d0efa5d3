//! The interrupt controller in the kernel: KVM's VGICv3, one register at a time.

use anyhow::{Context, Result, anyhow};
use devstate_versioning::Versioned;
use kvm_bindings::{
    KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, KVM_DEV_ARM_VGIC_GRP_CTRL,
    KVM_DEV_ARM_VGIC_GRP_DIST_REGS, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
    KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST, kvm_create_device, kvm_device_attr,
    kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
};
use kvm_ioctls::{DeviceFd, VmFd};

use super::{GIC_DISTRIBUTOR, GIC_REDISTRIBUTOR};

pub(super) const DISTRIBUTOR_LEN: u64 = 0x1_0000;
pub(super) const REDISTRIBUTOR_LEN: u64 = 0x2_0000;
/// Interrupts, of which the first 32 are the processor's own.
const LINES: u32 = 64;

/// KVM's GICv3.
#[derive(Debug)]
pub(super) struct Gic {
    device: DeviceFd,
}

impl Gic {
    /// The processors must exist already.
    pub(super) fn new(vm: &VmFd) -> Result<Self> {
        let mut create = kvm_create_device {
            type_: kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
            fd: 0,
            flags: 0,
        };
        let device = vm.create_device(&mut create).context("KVM has no GICv3 here")?;
        let gic = Self { device };
        gic.set(
            KVM_DEV_ARM_VGIC_GRP_ADDR,
            KVM_VGIC_V3_ADDR_TYPE_DIST.into(),
            GIC_DISTRIBUTOR,
        )?;
        gic.set(
            KVM_DEV_ARM_VGIC_GRP_ADDR,
            KVM_VGIC_V3_ADDR_TYPE_REDIST.into(),
            GIC_REDISTRIBUTOR,
        )?;
        gic.set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, LINES.into())?;
        gic.set(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT.into(), 0)?;
        Ok(gic)
    }

    pub(super) fn save(&self) -> Result<GicStateSer> {
        let mut state = GicStateSer::default();
        for (group, register) in registers() {
            // A processor may have fewer active-priority registers than there could be.
            if let Some(value) = self.get(group, register)? {
                let entry = (group, register, value);
                state
                    .registers
                    .push(entry)
                    .map_err(|_| anyhow!("more GIC registers than a snapshot holds"))?;
            }
        }
        Ok(state)
    }

    /// Restores into a GIC that is as new. The lines' levels are not among it: the devices drive them again.
    pub(super) fn restore(&self, state: &GicStateSer) -> Result<()> {
        for &(group, register, value) in &state.registers {
            self.set(group, register, value)?;
        }
        Ok(())
    }

    fn set(&self, group: u32, attr: u64, value: u64) -> Result<()> {
        // KVM reads 4 or 8 bytes there, as the attribute has; the machine is little-endian.
        let attribute = kvm_device_attr {
            group,
            attr,
            addr: &raw const value as u64,
            flags: 0,
        };
        self.device
            .set_device_attr(&attribute)
            .with_context(|| format!("GIC attribute {group}:{attr:#x} = {value:#x}"))
    }

    /// `None` for a register of the processor's interface that it does not have.
    fn get(&self, group: u32, attr: u64) -> Result<Option<u64>> {
        let mut value = 0u64;
        let mut attribute = kvm_device_attr {
            group,
            attr,
            addr: &raw mut value as u64,
            flags: 0,
        };
        // SAFETY: KVM writes 4 or 8 bytes to `addr`, where `value` has 8.
        #[expect(unsafe_code, reason = "KVM takes the address as a number")]
        let got = unsafe { self.device.get_device_attr(&mut attribute) };
        match got {
            Ok(()) => Ok(Some(value)),
            Err(_) if group == KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => Ok(None),
            Err(error) => Err(error).with_context(|| format!("GIC attribute {group}:{attr:#x}")),
        }
    }
}

/// The wire form of what the GIC knows: registers as KVM names them.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x9d24_4bd6_a50c_b521))]
pub struct GicStateSer {
    registers: heapless::Vec<(u32, u64, u64), 256>,
}

/// Group and attribute of all that is saved, in the order in which it can be restored: what is enabled, pending or
/// active comes after how it is handled. Offsets are those of the GIC's specification (IHI 0069, chapter 12).
fn registers() -> impl Iterator<Item = (u32, u64)> {
    const SGI_FRAME: u64 = 0x1_0000;
    // Words for `bits` bits of each line in a range.
    let words = |base: u64, bits: u64, lines: std::ops::Range<u64>| {
        (lines.start * bits / 32..lines.end * bits / 32).map(move |word| base + word * 4)
    };
    let lines = move |first: u64, end: u64| {
        let range = || first..end;
        words(0x0080, 1, range()) // group
            .chain(words(0x0c00, 2, range())) // edge or level
            .chain(words(0x0400, 8, range())) // priority
            .chain(words(0x0100, 1, range())) // enabled
            .chain(words(0x0200, 1, range())) // pending
            .chain(words(0x0300, 1, range())) // active
    };
    let shared = u64::from(LINES);
    // The control register, then where each shared line goes, in two words.
    let distributor = std::iter::once(0)
        .chain((0x6000 + 32 * 8..0x6000 + shared * 8).step_by(4))
        .chain(lines(32, shared));
    // Whether the processor's part is awake, then its own lines.
    let redistributor = [0x0000, 0x0014]
        .into_iter()
        .chain(lines(0, 32).map(|offset| SGI_FRAME + offset));
    // ICC_*_EL1: SRE, CTLR, PMR, BPR0, BPR1, IGRPEN0, IGRPEN1, AP0R0 to 3, AP1R0 to 3.
    let interface = [
        0xc665, 0xc664, 0xc230, 0xc643, 0xc663, 0xc666, 0xc667, 0xc644, 0xc645, 0xc646, 0xc647, 0xc648, 0xc649, 0xc64a,
        0xc64b,
    ];
    let group = |group: u32| move |register| (group, register);
    distributor
        .map(group(KVM_DEV_ARM_VGIC_GRP_DIST_REGS))
        .chain(redistributor.map(group(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS)))
        .chain(interface.into_iter().map(group(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS)))
}
