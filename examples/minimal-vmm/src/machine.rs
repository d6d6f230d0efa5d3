//! The whole machine: memory, processor, the kernel's side and the devices.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use kvm_ioctls::VcpuFd;
use rustix::event::{EventfdFlags, eventfd};

use crate::arch::{self, Hypervisor, KvmStateSer};
use crate::boot::BootSource;
use crate::devices::{Devices, DevicesState};
use crate::memory::Memory;
use crate::vcpu::{RunningVcpu, Stop};

/// A virtual machine. The fields stand in the order in which they have to go.
#[derive(Debug)]
pub struct Machine {
    processor: Processor,
    devices: Arc<Mutex<Devices>>,
    hypervisor: Hypervisor,
    memory: Memory,
    stopped: Arc<OwnedFd>,
}

#[derive(Debug)]
enum Processor {
    Running(RunningVcpu),
    Standing(VcpuFd),
    /// It stopped by itself, for good.
    Gone,
}

/// All of a machine but the contents of its memory.
#[derive(Debug)]
pub struct MachineState {
    /// The name of the memory's image, for it to be found and not to be mistaken for another.
    pub memory_id: u64,
    /// Bytes of memory.
    pub memory_len: u64,
    pub kvm: KvmStateSer,
    pub devices: DevicesState,
}

impl Machine {
    /// A machine that is about to run its kernel's first instruction.
    pub fn boot(source: &BootSource, memory_len: u64) -> Result<Self> {
        let memory = Memory::new(arch::MEMORY_START, memory_len)?;
        let (hypervisor, vcpu) = Hypervisor::new(&memory)?;
        arch::boot(source, &memory, &vcpu)?;
        Self::assemble(memory, hypervisor, vcpu, &DevicesState::powered_on())
    }

    /// The kernel's side of a machine that goes on where another was saved, on that one's memory.
    pub fn prepare(memory: &Memory, state: &KvmStateSer) -> Result<(Hypervisor, VcpuFd)> {
        let (hypervisor, vcpu) = Hypervisor::new(memory)?;
        hypervisor
            .restore(&vcpu, state)
            .context("KVM does not take the saved state")?;
        Ok((hypervisor, vcpu))
    }

    /// A machine from its parts. The devices come last: they drive their lines into interrupt controllers that know
    /// what was before.
    pub fn assemble(memory: Memory, hypervisor: Hypervisor, vcpu: VcpuFd, devices: &DevicesState) -> Result<Self> {
        let devices = Devices::from_state(devices, hypervisor.vm())?;
        Ok(Self {
            processor: Processor::Standing(vcpu),
            devices: Arc::new(Mutex::new(devices)),
            hypervisor,
            memory,
            stopped: Arc::new(
                eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).context("cannot create an eventfd")?,
            ),
        })
    }

    /// Lets the guest run, if it stands still.
    pub fn resume(&mut self) -> Result<()> {
        self.processor = match std::mem::replace(&mut self.processor, Processor::Gone) {
            Processor::Standing(vcpu) => {
                let (devices, stopped) = (Arc::clone(&self.devices), Arc::clone(&self.stopped));
                Processor::Running(RunningVcpu::start(vcpu, devices, stopped)?)
            }
            other => other,
        };
        Ok(())
    }

    /// Makes the guest stand still, if it runs; `Some` if it had stopped for good by itself.
    pub fn pause(&mut self) -> Result<Option<Stop>> {
        self.processor = match std::mem::replace(&mut self.processor, Processor::Gone) {
            Processor::Running(running) => {
                let (vcpu, stop) = running.stop()?;
                if stop != Stop::Paused {
                    return Ok(Some(stop));
                }
                // What the thread told about its end is old news.
                let _ = rustix::io::read(&self.stopped, &mut [0; 8]);
                Processor::Standing(vcpu)
            }
            other => other,
        };
        Ok(None)
    }

    pub fn is_running(&self) -> bool {
        matches!(self.processor, Processor::Running(_))
    }

    /// What the kernel knows of a guest that stands still.
    pub fn kvm_state(&self) -> Result<KvmStateSer> {
        let Processor::Standing(vcpu) = &self.processor else {
            bail!("a guest is saved while it stands still");
        };
        self.hypervisor.save(vcpu).context("KVM does not give its state")
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Becomes readable when the guest stops by itself.
    pub fn stopped(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.stopped)
    }

    pub fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
