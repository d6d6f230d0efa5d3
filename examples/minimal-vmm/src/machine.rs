//! The whole machine: memory, processor, the kernel's side and the devices.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use kvm_ioctls::VcpuFd;
use rustix::event::{EventfdFlags, eventfd};

use crate::arch::{self, Hypervisor, KvmStateSer};
use crate::console::Screen;
use crate::devices::{Devices, DevicesState, KvmLine};
use crate::memory::Memory;
use crate::vcpu::{Processor, Stop};

/// What a kernel starts with.
#[derive(Debug, clap::Args)]
pub struct BootOptions {
    /// Its initial RAM disk
    #[arg(long, requires = "kernel")]
    pub initrd: Option<PathBuf>,
    /// Its command line
    #[arg(long, requires = "kernel", default_value = arch::DEFAULT_CMDLINE)]
    pub cmdline: String,
    /// The guest's memory in MiB
    #[arg(long, requires = "kernel", default_value_t = 256)]
    pub mem: u64,
}

/// A virtual machine. The fields stand in the order in which they have to go: the memory last.
#[derive(Debug)]
pub struct Machine {
    processor: Processor,
    devices: Arc<Mutex<Devices>>,
    hypervisor: Hypervisor,
    memory: Memory,
    stopped: Arc<OwnedFd>,
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
    pub fn boot(kernel: &Path, options: &BootOptions) -> Result<Self> {
        let memory = Memory::new(arch::MEMORY_START, options.mem.saturating_mul(1 << 20))?;
        let (hypervisor, vcpu) = Hypervisor::new(&memory)?;
        arch::boot(kernel, options, &memory, &vcpu)?;
        Self::assemble(memory, hypervisor, vcpu, &DevicesState::powered_on())
    }

    /// The kernel's side of a machine that goes on where another was saved, on that one's memory.
    pub fn prepare(memory: &Memory, state: &KvmStateSer) -> Result<(Hypervisor, VcpuFd)> {
        let (hypervisor, vcpu) = Hypervisor::new(memory)?;
        let restored = hypervisor.restore(&vcpu, state);
        restored.context("KVM does not take the saved state")?;
        Ok((hypervisor, vcpu))
    }

    /// A machine from its parts. The devices come last: they drive their lines into interrupt controllers that know
    /// what was before.
    pub fn assemble(memory: Memory, hypervisor: Hypervisor, vcpu: VcpuFd, devices: &DevicesState) -> Result<Self> {
        let vm = hypervisor.vm();
        let line = |line| KvmLine {
            vm: Arc::clone(vm),
            line,
        };
        let devices = Devices::from_state(devices, Screen::stdout()?, line)?;
        let stopped = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).context("cannot create an eventfd")?;
        Ok(Self {
            processor: Processor::Standing(vcpu),
            devices: Arc::new(Mutex::new(devices)),
            hypervisor,
            memory,
            stopped: Arc::new(stopped),
        })
    }

    /// Lets the guest run, if it stands still.
    pub fn resume(&mut self) -> Result<()> {
        self.processor.resume(&self.devices, &self.stopped)
    }

    /// Makes the guest stand still, if it runs, and says why it does: it may have stopped for good by itself.
    pub fn pause(&mut self) -> Stop {
        let stop = self.processor.pause();
        // What the thread told about its end is old news.
        let _ = rustix::io::read(&self.stopped, &mut [0; 8]);
        stop
    }

    /// From now on the guest runs elsewhere, and never again here.
    pub fn give_away(&mut self) {
        self.pause();
        self.processor = Processor::Gone;
    }

    pub fn is_running(&self) -> bool {
        matches!(self.processor, Processor::Running { .. })
    }

    /// Whether it has stopped by itself.
    pub fn has_stopped(&self) -> bool {
        matches!(&self.processor, Processor::Running { thread, .. } if thread.is_finished())
    }

    /// What the kernel knows of a guest that stands still.
    pub fn kvm_state(&self) -> Result<KvmStateSer> {
        let Processor::Standing(vcpu) = &self.processor else {
            bail!("only a guest that stands still can be saved");
        };
        self.hypervisor.save(vcpu).context("KVM does not give its state")
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Becomes readable when the guest stops by itself.
    pub fn stopped(&self) -> &OwnedFd {
        &self.stopped
    }

    pub fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Machine {
    /// The guest may use its memory for as long as it runs.
    fn drop(&mut self) {
        self.pause();
    }
}
