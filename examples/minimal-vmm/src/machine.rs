//! The whole machine: memory, processor, the kernel's side and the devices.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use devstate_host::Screen;
use kvm_ioctls::VcpuFd;

use crate::arch::{self, Hypervisor, KvmStateSer};
use crate::devices::{Devices, DevicesState, KvmLine};
use crate::memory::Memory;
use crate::processor::Processor;
use crate::vcpu::{self, Stop};

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

/// Reads an initial RAM disk, if it is not larger than all of the guest's memory.
pub fn read_initrd(path: &Path, memory_len: u64) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(memory_len + 1).read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() as u64 <= memory_len,
            "it is larger than the {} MiB of memory",
            memory_len >> 20
        );
        Ok(bytes)
    };
    read().with_context(|| format!("cannot read initrd {}", path.display()))
}

/// A virtual machine. The fields stand in the order in which they have to go: the memory last.
#[derive(Debug)]
pub struct Machine {
    processor: Processor<VcpuFd>,
    devices: Arc<Mutex<Devices>>,
    timer: OwnedFd,
    hypervisor: Hypervisor,
    memory: Memory,
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

    /// A machine from its parts, with everything that its guest needs to run. The devices come last: they drive their lines
    /// into interrupt controllers that know what was before.
    pub fn assemble(memory: Memory, hypervisor: Hypervisor, vcpu: VcpuFd, devices: &DevicesState) -> Result<Self> {
        let vm = hypervisor.vm();
        let line = |line| KvmLine {
            vm: Arc::clone(vm),
            line,
        };
        let devices = Devices::from_state(devices, Screen::stdout()?, line)?;
        let timer = devices.timer()?;
        let devices = Arc::new(Mutex::new(devices));
        let bus = Arc::clone(&devices);
        let processor = Processor::start(vcpu, move |vcpu, pause| vcpu::run(vcpu, &bus, pause))?;
        Ok(Self {
            processor,
            devices,
            timer,
            hypervisor,
            memory,
        })
    }

    /// Lets the guest run, if it stands still.
    pub fn resume(&mut self) -> Result<()> {
        self.processor.resume()
    }

    /// Makes the guest stand still, if it runs, and says why it does: it may have stopped for good by itself.
    pub fn pause(&mut self) -> Stop {
        self.processor.pause()
    }

    /// From now on the guest runs elsewhere, and never again here.
    pub fn give_away(&mut self) {
        self.processor.give_away();
    }

    pub fn is_running(&self) -> bool {
        self.processor.is_running()
    }

    /// What the kernel knows of a guest that stands still.
    pub fn kvm_state(&self) -> Result<KvmStateSer> {
        let Some(vcpu) = self.processor.standing() else {
            bail!("only a guest that stands still can be saved");
        };
        self.hypervisor.save(vcpu).context("KVM does not give its state")
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Becomes readable when the guest stops by itself.
    pub fn stopped(&self) -> &OwnedFd {
        self.processor.stopped()
    }

    /// Becomes readable when it is time for the devices to advance.
    pub fn timer(&self) -> &OwnedFd {
        &self.timer
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
