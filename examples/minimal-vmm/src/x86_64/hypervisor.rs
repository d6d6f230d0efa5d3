//! The part of the machine that lives in the kernel: processor, interrupt controllers, timer, clock.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use kvm_bindings::{
    CpuId, KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_MAX_CPUID_ENTRIES,
    KVM_PIT_SPEAKER_DUMMY, Msrs, kvm_clock_data, kvm_irqchip, kvm_mp_state, kvm_msr_entry, kvm_pit_config, kvm_xsave,
};
use kvm_ioctls::{Cap, Kvm, VcpuFd, VmFd};
use zerocopy::IntoBytes;

use super::kvm_state::{AMX, KvmStateSer, from_array, to_array};
use crate::memory::Memory;

/// Where KVM puts the I/O APIC and the processor's own.
pub(super) const IO_APIC: u32 = 0xfec0_0000;
pub(super) const LOCAL_APIC: u32 = 0xfee0_0000;
/// Three pages and one that Intel processors need for the guest's real mode, out of everything's way.
const TSS: usize = 0xfffb_d000;
const IDENTITY_MAP: u64 = 0xfffb_c000;

/// The kernel's side of a virtual machine.
#[derive(Debug)]
pub struct Hypervisor {
    kvm: Kvm,
    vm: Arc<VmFd>,
}

impl Hypervisor {
    /// A machine with one processor that has not been set up.
    pub fn new(memory: &Memory) -> Result<(Self, VcpuFd)> {
        let kvm = Kvm::new().context("cannot open /dev/kvm")?;
        let vm = kvm.create_vm().context("cannot create a virtual machine")?;
        vm.set_tss_address(TSS)?;
        vm.set_identity_map_address(IDENTITY_MAP)?;
        vm.create_irq_chip().context("KVM has no interrupt controllers")?;
        vm.create_pit2(kvm_pit_config {
            flags: KVM_PIT_SPEAKER_DUMMY,
            ..Default::default()
        })
        .context("KVM has no timer")?;
        memory.attach(&vm)?;
        let vcpu = vm.create_vcpu(0).context("cannot create a processor")?;
        let hypervisor = Self { kvm, vm: Arc::new(vm) };
        vcpu.set_cpuid2(&hypervisor.cpuid()?).context("cannot set CPUID")?;
        Ok((hypervisor, vcpu))
    }

    pub fn vm(&self) -> &Arc<VmFd> {
        &self.vm
    }

    /// What the host's processor and KVM offer, less what is not saved.
    fn cpuid(&self) -> Result<CpuId> {
        const VMX: u32 = 1 << 5;
        const TSC_DEADLINE: u32 = 1 << 24;
        const HYPERVISOR: u32 = 1 << 31;
        const SVM: u32 = 1 << 2;
        let mut cpuid = self.kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)?;
        for entry in cpuid.as_mut_slice() {
            match (entry.function, entry.index) {
                (1, _) => {
                    entry.ebx &= 0x00ff_ffff; // this is processor 0
                    entry.ecx = entry.ecx & !VMX | HYPERVISOR;
                    if self.kvm.check_extension(Cap::TscDeadlineTimer) {
                        entry.ecx |= TSC_DEADLINE;
                    }
                }
                (7, 0) => entry.edx &= !AMX,
                (0xb, _) => entry.edx = 0,
                (0x8000_0001, _) => entry.ecx &= !SVM,
                _ => {}
            }
        }
        Ok(cpuid)
    }

    /// Everything that the kernel knows about a guest that stands still.
    pub fn save(&self, vcpu: &VcpuFd) -> Result<KvmStateSer> {
        // First of all: it settles what the local APIC has pending, which the others then show.
        let mp_state = vcpu.get_mp_state()?.mp_state;
        let mut msrs = heapless::Vec::new();
        for &index in self.kvm.get_msr_index_list()?.as_slice() {
            // KVM lists some that this processor does not have.
            if let Some(value) = read_msr(vcpu, index)? {
                msrs.push((index, value))
                    .map_err(|_| anyhow!("more MSRs than a snapshot holds"))?;
            }
        }
        let leaves = vcpu.get_cpuid2(KVM_MAX_CPUID_ENTRIES)?;
        let cpuid = heapless::Vec::from_slice(leaves.as_slice().as_bytes());
        Ok(KvmStateSer {
            cpuid: cpuid.map_err(|_| anyhow!("more CPUID leaves than a snapshot holds"))?,
            mp_state,
            regs: to_array(&vcpu.get_regs()?)?,
            sregs: to_array(&vcpu.get_sregs()?)?,
            xsave: to_array(&vcpu.get_xsave()?)?,
            xcrs: to_array(&vcpu.get_xcrs()?)?,
            debug_regs: to_array(&vcpu.get_debug_regs()?)?,
            lapic: to_array(&vcpu.get_lapic()?)?,
            events: to_array(&vcpu.get_vcpu_events()?)?,
            msrs,
            pic_master: self.save_chip(KVM_IRQCHIP_PIC_MASTER)?,
            pic_slave: self.save_chip(KVM_IRQCHIP_PIC_SLAVE)?,
            io_apic: self.save_chip(KVM_IRQCHIP_IOAPIC)?,
            pit: to_array(&self.vm.get_pit2()?)?,
            clock_ns: self.vm.get_clock()?.clock,
            tsc_khz: vcpu.get_tsc_khz()?,
        })
    }

    /// Puts a saved guest into a machine that has not run. A guest that could not be saved again is refused.
    pub fn restore(&self, vcpu: &VcpuFd, state: &KvmStateSer) -> Result<()> {
        let cpuid = state.checked_cpuid()?;
        vcpu.set_cpuid2(&cpuid)
            .context("this processor lacks what the guest was told it has")?;
        if vcpu.get_tsc_khz().is_ok_and(|here| here != state.tsc_khz) {
            vcpu.set_tsc_khz(state.tsc_khz)
                .context("cannot run the time stamp counter at the guest's frequency")?;
        }
        for chip in state.checked_chips()? {
            self.vm.set_irqchip(&chip)?;
        }
        self.vm.set_pit2(&from_array(&state.pit)?)?;
        let clock = state.clock_ns;
        self.vm.set_clock(&kvm_clock_data {
            clock,
            ..Default::default()
        })?;

        let mp_state = state.mp_state;
        vcpu.set_mp_state(kvm_mp_state { mp_state })?;
        vcpu.set_regs(&from_array(&state.regs)?)?;
        vcpu.set_sregs(&from_array(&state.sregs)?)
            .context("segment registers")?;
        let xsave: kvm_xsave = from_array(&state.xsave)?;
        let needed = self.vm.check_extension_int(Cap::Xsave2);
        ensure!(
            usize::try_from(needed).is_ok_and(|needed| needed <= size_of_val(&xsave)),
            "KVM reads {needed} bytes of extended state, and the snapshot has {}",
            size_of_val(&xsave)
        );
        // SAFETY: KVM reads as many bytes as `KVM_CAP_XSAVE2` says, which are no more than `xsave` has. The guest's features
        // are those of the snapshot's CPUID, not of `cpuid`: the ones that would need more bytes (AMX) were refused in
        // `checked_cpuid`, and this process has not asked the kernel to permit them.
        #[expect(unsafe_code, reason = "KVM may read more where such features have been enabled")]
        unsafe { vcpu.set_xsave(&xsave) }.context("extended state")?;
        vcpu.set_xcrs(&from_array(&state.xcrs)?)
            .context("extended control registers")?;
        vcpu.set_debug_regs(&from_array(&state.debug_regs)?)?;
        vcpu.set_lapic(&from_array(&state.lapic)?).context("local APIC")?;
        // The deadline timer's MSR has a meaning only once the local APIC is in that mode.
        for &(index, value) in &state.msrs {
            write_msr(vcpu, index, value)?;
        }
        vcpu.set_vcpu_events(&from_array(&state.events)?)
            .context("pending events")?;
        // A guest with KVM's clock then knows that it was its own clock that stood still. Others cannot be told.
        let _ = vcpu.kvmclock_ctrl();
        self.save(vcpu).context("the guest could not be saved again")?;
        Ok(())
    }

    fn save_chip(&self, chip_id: u32) -> Result<[u8; size_of::<kvm_irqchip>()]> {
        let mut chip = kvm_irqchip {
            chip_id,
            ..Default::default()
        };
        self.vm.get_irqchip(&mut chip)?;
        to_array(&chip)
    }
}

fn read_msr(vcpu: &VcpuFd, index: u32) -> Result<Option<u64>> {
    let mut msrs = msr(index, 0)?;
    let read = vcpu.get_msrs(&mut msrs)?;
    Ok(msrs.as_slice().first().filter(|_| read == 1).map(|entry| entry.data))
}

/// Some MSRs can be read and not written; those must say what they said before.
fn write_msr(vcpu: &VcpuFd, index: u32, data: u64) -> Result<()> {
    ensure!(
        vcpu.set_msrs(&msr(index, data)?)? == 1 || read_msr(vcpu, index)? == Some(data),
        "this processor does not take {data:#x} for MSR {index:#x}"
    );
    Ok(())
}

fn msr(index: u32, data: u64) -> Result<Msrs> {
    let entry = kvm_msr_entry {
        index,
        data,
        ..Default::default()
    };
    Msrs::from_entries(&[entry]).map_err(|error| anyhow!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that was switched on, or `None` where there is no KVM.
    fn machine() -> Result<Option<(Memory, Hypervisor, VcpuFd)>> {
        if Kvm::new().is_err() {
            println!("skipped: this machine has no /dev/kvm");
            return Ok(None);
        }
        let memory = Memory::new(0, 16 << 20)?;
        let (hypervisor, vcpu) = Hypervisor::new(&memory)?;
        Ok(Some((memory, hypervisor, vcpu)))
    }

    #[test]
    fn a_guest_that_is_restored_can_be_saved_again() -> Result<()> {
        let Some((_memory, hypervisor, vcpu)) = machine()? else {
            return Ok(());
        };
        let state = hypervisor.save(&vcpu)?;
        hypervisor.restore(&vcpu, &state)?;
        let spoil: [fn(&mut KvmStateSer, u32); 3] = [
            |state, value| state.tsc_khz = value,
            |state, value| state.mp_state = value,
            |state, value| state.clock_ns = u64::from(value) << 32,
        ];
        let (mut taken, mut refused) = (0, 0);
        for value in [0, 1, 2, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for spoil in spoil {
                let mut hostile = state.clone();
                spoil(&mut hostile, value);
                let (_memory, hypervisor, vcpu) = machine()?.context("KVM went away")?;
                match hypervisor.restore(&vcpu, &hostile) {
                    Ok(()) => {
                        hypervisor.save(&vcpu)?;
                        taken += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
        Ok(())
    }
}
