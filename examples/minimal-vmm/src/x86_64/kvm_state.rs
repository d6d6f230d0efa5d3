//! The wire form of what the kernel knows of a PC, and what is checked of it before KVM sees it.

use anyhow::{Result, anyhow, ensure};
use devstate_versioning::Versioned;
use kvm_bindings::{
    CpuId, KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_MAX_CPUID_ENTRIES, kvm_cpuid_entry2,
    kvm_debugregs, kvm_irqchip, kvm_lapic_state, kvm_pit_state2, kvm_regs, kvm_sregs, kvm_vcpu_events, kvm_xcrs,
    kvm_xsave,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// AMX in leaf 7 of CPUID, in EDX: its state would not fit into what is saved.
pub(super) const AMX: u32 = 0b111 << 22;

/// The wire form of what the kernel knows. Its structures are the kernel's own binary interface, so they are taken as
/// they are; a field that is another structure in another kernel would be another field here.
#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 1, layouts(0xf62b_6567_b66b_a7ef))]
pub struct KvmStateSer {
    pub(super) cpuid: heapless::Vec<u8, { size_of::<kvm_cpuid_entry2>() * KVM_MAX_CPUID_ENTRIES }>,
    pub(super) mp_state: u32,
    pub(super) regs: [u8; size_of::<kvm_regs>()],
    pub(super) sregs: [u8; size_of::<kvm_sregs>()],
    pub(super) xsave: [u8; size_of::<kvm_xsave>()],
    pub(super) xcrs: [u8; size_of::<kvm_xcrs>()],
    pub(super) debug_regs: [u8; size_of::<kvm_debugregs>()],
    pub(super) lapic: [u8; size_of::<kvm_lapic_state>()],
    pub(super) events: [u8; size_of::<kvm_vcpu_events>()],
    pub(super) msrs: heapless::Vec<(u32, u64), 512>,
    pub(super) pic_master: [u8; size_of::<kvm_irqchip>()],
    pub(super) pic_slave: [u8; size_of::<kvm_irqchip>()],
    pub(super) io_apic: [u8; size_of::<kvm_irqchip>()],
    pub(super) pit: [u8; size_of::<kvm_pit_state2>()],
    #[versioned(unit = "ns")]
    pub(super) clock_ns: u64,
    #[versioned(unit = "kHz")]
    pub(super) tsc_khz: u32,
}

impl KvmStateSer {
    /// The guest's CPUID, if it offers nothing whose state a snapshot does not have.
    pub(super) fn checked_cpuid(&self) -> Result<CpuId> {
        // KVM takes any frequency, and gives none that is negative.
        ensure!(
            i32::try_from(self.tsc_khz).is_ok(),
            "no processor has a time stamp counter of {} kHz",
            self.tsc_khz
        );
        let (entries, rest) = self.cpuid.as_chunks::<{ size_of::<kvm_cpuid_entry2>() }>();
        ensure!(rest.is_empty(), "{} bytes are no whole CPUID leaves", self.cpuid.len());
        let entries: Vec<kvm_cpuid_entry2> = entries.iter().map(from_array).collect::<Result<_>>()?;
        let amx = |entry: &kvm_cpuid_entry2| (entry.function, entry.index) == (7, 0) && entry.edx & AMX != 0;
        ensure!(
            !entries.iter().any(amx),
            "the guest's CPUID offers AMX, whose state a snapshot does not have"
        );
        CpuId::from_entries(&entries).map_err(|error| anyhow!("{error:?}"))
    }

    /// The interrupt controllers. Each says which one it is.
    pub(super) fn checked_chips(&self) -> Result<[kvm_irqchip; 3]> {
        let chips = [
            (&self.pic_master, KVM_IRQCHIP_PIC_MASTER),
            (&self.pic_slave, KVM_IRQCHIP_PIC_SLAVE),
            (&self.io_apic, KVM_IRQCHIP_IOAPIC),
        ];
        let mut checked = [kvm_irqchip::default(); 3];
        for ((bytes, id), checked) in chips.into_iter().zip(&mut checked) {
            *checked = from_array(bytes)?;
            ensure!(
                checked.chip_id == id,
                "interrupt controller {} stands where interrupt controller {id} belongs",
                checked.chip_id
            );
        }
        Ok(checked)
    }
}

impl Default for KvmStateSer {
    /// What is overwritten by loading.
    fn default() -> Self {
        Self {
            cpuid: heapless::Vec::new(),
            mp_state: 0,
            regs: [0; _],
            sregs: [0; _],
            xsave: [0; _],
            xcrs: [0; _],
            debug_regs: [0; _],
            lapic: [0; _],
            events: [0; _],
            msrs: heapless::Vec::new(),
            pic_master: [0; _],
            pic_slave: [0; _],
            io_apic: [0; _],
            pit: [0; _],
            clock_ns: 0,
            tsc_khz: 0,
        }
    }
}

pub(super) fn to_array<T: IntoBytes + Immutable, const N: usize>(value: &T) -> Result<[u8; N]> {
    Ok(value.as_bytes().try_into()?)
}

pub(super) fn from_array<T: FromBytes, const N: usize>(bytes: &[u8; N]) -> Result<T> {
    T::read_from_bytes(bytes).map_err(|_| anyhow!("{N} bytes where the kernel's structure has {}", size_of::<T>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf_7(edx: u32) -> heapless::Vec<u8, { size_of::<kvm_cpuid_entry2>() * KVM_MAX_CPUID_ENTRIES }> {
        let entry = kvm_cpuid_entry2 {
            function: 7,
            edx,
            ..Default::default()
        };
        heapless::Vec::from_slice(entry.as_bytes()).unwrap()
    }

    #[test]
    fn what_no_processor_has_is_refused_before_kvm_is_asked() -> Result<()> {
        let why = |state: &KvmStateSer| state.checked_cpuid().unwrap_err().to_string();
        let state = KvmStateSer::default();
        assert!(state.checked_cpuid()?.as_slice().is_empty());
        assert_eq!(
            why(&KvmStateSer {
                tsc_khz: u32::MAX,
                ..state.clone()
            }),
            "no processor has a time stamp counter of 4294967295 kHz"
        );
        let mut cpuid = leaf_7(!AMX);
        assert!(
            KvmStateSer {
                cpuid: cpuid.clone(),
                ..state.clone()
            }
            .checked_cpuid()
            .is_ok()
        );
        cpuid.pop();
        assert!(why(&KvmStateSer { cpuid, ..state.clone() }).contains("no whole CPUID leaves"));
        for feature in [22, 23, 24] {
            let cpuid = leaf_7(1 << feature);
            assert!(why(&KvmStateSer { cpuid, ..state.clone() }).contains("offers AMX"));
        }
        Ok(())
    }

    #[test]
    fn an_interrupt_controller_stands_in_its_own_place() -> Result<()> {
        let mut state = KvmStateSer::default();
        (state.pic_slave[0], state.io_apic[0]) = (1, 2);
        state.checked_chips()?;
        std::mem::swap(&mut state.pic_master, &mut state.pic_slave);
        let refusal = state.checked_chips().unwrap_err().to_string();
        assert_eq!(
            refusal,
            "interrupt controller 1 stands where interrupt controller 0 belongs"
        );
        Ok(())
    }
}
