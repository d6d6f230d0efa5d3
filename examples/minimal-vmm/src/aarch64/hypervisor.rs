//! The part of the machine that lives in the kernel: processor, timer, interrupt controller, power.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use devstate_versioning::Versioned;
use kvm_bindings::{KVM_ARM_VCPU_PSCI_0_2, RegList, kvm_mp_state, kvm_vcpu_events, kvm_vcpu_init};
use kvm_ioctls::{Kvm, VcpuFd, VmFd, reg_size};

use super::gic::{Gic, GicStateSer};
use crate::memory::Memory;

/// What the bindings allow; a processor without SVE has about half as many.
const MAX_REGISTERS: usize = 500;

/// The kernel's side of a virtual machine.
#[derive(Debug)]
pub struct Hypervisor {
    vm: Arc<VmFd>,
    gic: Gic,
}

impl Hypervisor {
    /// A machine with one processor that has not been set up.
    pub fn new(memory: &Memory) -> Result<(Self, VcpuFd)> {
        let kvm = Kvm::new().context("cannot open /dev/kvm")?;
        let vm = kvm.create_vm().context("cannot create a virtual machine")?;
        memory.attach(&vm)?;
        let vcpu = vm.create_vcpu(0).context("cannot create a processor")?;
        let mut target = kvm_vcpu_init::default();
        vm.get_preferred_target(&mut target)?;
        target.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
        vcpu.vcpu_init(&target).context("cannot initialise the processor")?;
        let gic = Gic::new(&vm)?;
        Ok((Self { vm: Arc::new(vm), gic }, vcpu))
    }

    pub fn vm(&self) -> &Arc<VmFd> {
        &self.vm
    }

    /// Everything that the kernel knows about a guest that stands still.
    pub fn save(&self, vcpu: &VcpuFd) -> Result<KvmStateSer> {
        let mut state = KvmStateSer {
            mp_state: vcpu.get_mp_state()?.mp_state,
            gic: self.gic.save()?,
            ..Default::default()
        };
        let events = vcpu.get_vcpu_events()?.exception;
        state.serror_pending = events.serror_pending != 0;
        state.serror_syndrome = (events.serror_has_esr != 0).then_some(events.serror_esr);
        state.data_abort_pending = events.ext_dabt_pending != 0;
        let mut list = RegList::new(MAX_REGISTERS).map_err(|error| anyhow!("{error:?}"))?;
        vcpu.get_reg_list(&mut list)?;
        for &id in list.as_slice() {
            let mut value = [0; 16];
            let bytes = value
                .get_mut(..reg_size(id))
                .with_context(|| format!("register {id:#x} has {} bytes", reg_size(id)))?;
            vcpu.get_one_reg(id, bytes)?;
            let entry = (id, u128::from_le_bytes(value));
            state
                .registers
                .push(entry)
                .map_err(|_| anyhow!("more registers than a snapshot holds"))?;
        }
        Ok(state)
    }

    /// Puts a saved guest into a machine that has not run. The timer's counter is one of the registers: the guest's
    /// time goes on where it stood.
    pub fn restore(&self, vcpu: &VcpuFd, state: &KvmStateSer) -> Result<()> {
        for &(id, value) in &state.registers {
            let bytes = value.to_le_bytes();
            let bytes = bytes.get(..reg_size(id)).with_context(|| format!("register {id:#x}"))?;
            let set = vcpu.set_one_reg(id, bytes);
            // Some describe the processor and can only be read; those must say what they said before.
            let mut here = [0; 16];
            let same = |here: &mut [u8; 16]| {
                let here = here.get_mut(..bytes.len()).unwrap_or_default();
                vcpu.get_one_reg(id, here).is_ok() && here == bytes
            };
            ensure!(
                set.is_ok() || same(&mut here),
                "this processor does not take {value:#x} for register {id:#x}"
            );
        }
        self.gic.restore(&state.gic)?;
        let mut events = kvm_vcpu_events::default();
        events.exception.serror_pending = state.serror_pending.into();
        events.exception.serror_has_esr = state.serror_syndrome.is_some().into();
        events.exception.serror_esr = state.serror_syndrome.unwrap_or(0);
        events.exception.ext_dabt_pending = state.data_abort_pending.into();
        vcpu.set_vcpu_events(&events).context("pending events")?;
        vcpu.set_mp_state(kvm_mp_state {
            mp_state: state.mp_state,
        })?;
        Ok(())
    }
}

/// Points the processor at the kernel, with the device tree in its first register.
pub(super) fn enter(vcpu: &VcpuFd, kernel: u64, device_tree: u64) -> Result<()> {
    // `KVM_REG_ARM_CORE_REG(regs.regs[0])` and `(regs.pc)`.
    const X0: u64 = 0x6030_0000_0010_0000;
    const PC: u64 = 0x6030_0000_0010_0040;
    for (register, value) in [(X0, device_tree), (PC, kernel)] {
        vcpu.set_one_reg(register, &value.to_le_bytes())
            .context("cannot set the registers")?;
    }
    Ok(())
}

/// The wire form of what the kernel knows: registers as KVM names them.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x607a_6264_1525_d938))]
pub struct KvmStateSer {
    mp_state: u32,
    serror_pending: bool,
    serror_syndrome: Option<u64>,
    data_abort_pending: bool,
    registers: heapless::Vec<(u64, u128), MAX_REGISTERS>,
    gic: GicStateSer,
}
