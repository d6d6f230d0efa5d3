//! The guest's processor: a thread that runs it and hands its accesses to the devices.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use kvm_ioctls::{VcpuExit, VcpuFd};
use rustix::io::Errno;
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

use crate::devices::{Address, Devices};

/// Why the guest no longer runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was asked to stand still and can go on.
    Paused,
    /// It switched the machine off.
    Off,
    /// It reset the machine.
    Reset,
    /// It did what this VMM cannot carry out.
    Failed(String),
}

/// A guest that runs. Stopping it ends its thread and gives the processor back, so that whoever holds a `VcpuFd` holds
/// a guest that stands still.
#[derive(Debug)]
pub struct RunningVcpu {
    thread: JoinHandle<(VcpuFd, Stop)>,
    pause: Arc<AtomicBool>,
}

impl RunningVcpu {
    /// Lets the guest run until it is paused or stops by itself, which `stopped` then tells.
    pub fn start(vcpu: VcpuFd, devices: Arc<Mutex<Devices>>, stopped: Arc<OwnedFd>) -> Result<Self> {
        // The signal does nothing but interrupt KVM_RUN.
        register_signal_handler(SIGRTMIN(), interrupt)?;
        let pause = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("vcpu".into()).spawn({
            let pause = Arc::clone(&pause);
            move || {
                let mut vcpu = vcpu;
                let stop = run(&mut vcpu, &devices, &pause);
                // The event loop is gone if nobody can be told, and with it the process.
                let _ = rustix::io::write(&stopped, &1u64.to_ne_bytes());
                (vcpu, stop)
            }
        });
        Ok(Self {
            thread: thread.context("cannot start the processor's thread")?,
            pause,
        })
    }

    /// Makes the guest stand still and says why it does: it may have stopped by itself before.
    pub fn stop(self) -> Result<(VcpuFd, Stop)> {
        self.pause.store(true, Ordering::SeqCst);
        while !self.thread.is_finished() {
            // A signal that comes just before KVM_RUN is lost: hence the repetition.
            self.thread.kill(SIGRTMIN()).context("cannot interrupt the guest")?;
            thread::sleep(Duration::from_micros(200));
        }
        self.thread
            .join()
            .map_err(|_| anyhow!("the processor's thread panicked"))
    }
}

extern "C" fn interrupt(_: std::ffi::c_int, _: *mut libc::siginfo_t, _: *mut std::ffi::c_void) {}

fn run(vcpu: &mut VcpuFd, devices: &Mutex<Devices>, pause: &AtomicBool) -> Stop {
    let devices = || devices.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let pausing = pause.load(Ordering::SeqCst);
        // An access that the guest has made is complete only when KVM_RUN has been entered again, so it is entered
        // once more, to return at once.
        vcpu.set_kvm_immediate_exit(u8::from(pausing));
        let stop = match vcpu.run() {
            Ok(VcpuExit::IoIn(port, data)) => {
                devices().read(Address::Port(port), data);
                None
            }
            Ok(VcpuExit::IoOut(port, data)) => devices().write(Address::Port(port), data),
            Ok(VcpuExit::MmioRead(address, data)) => {
                devices().read(Address::Memory(address), data);
                None
            }
            Ok(VcpuExit::MmioWrite(address, data)) => devices().write(Address::Memory(address), data),
            Ok(VcpuExit::SystemEvent(kvm_bindings::KVM_SYSTEM_EVENT_SHUTDOWN, _)) => Some(Stop::Off),
            // A shutdown is a triple fault: how a PC is reset when all else fails.
            Ok(VcpuExit::SystemEvent(kvm_bindings::KVM_SYSTEM_EVENT_RESET, _) | VcpuExit::Shutdown) => {
                Some(Stop::Reset)
            }
            Ok(VcpuExit::Intr) => None,
            Ok(exit) => Some(Stop::Failed(format!("the guest stopped with {exit:?}"))),
            Err(error) if [Errno::INTR, Errno::AGAIN].contains(&Errno::from_raw_os_error(error.errno())) => {
                pausing.then_some(Stop::Paused)
            }
            Err(error) => Some(Stop::Failed(format!("KVM cannot run the guest: {error}"))),
        };
        if let Some(stop) = stop {
            vcpu.set_kvm_immediate_exit(0);
            return stop;
        }
    }
}
