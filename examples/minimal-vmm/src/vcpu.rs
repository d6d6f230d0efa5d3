//! The guest's processor: what a thread does that runs it, and hands its accesses to the devices.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use devstate_core::InterruptLine;
use kvm_ioctls::{VcpuExit, VcpuFd};
use rustix::io::Errno;

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
    /// Somebody ended the VMM, or has the guest now.
    Ended,
    /// A signal ended the VMM.
    Signalled(i32),
    /// It did what this VMM cannot carry out.
    Failed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paused => "paused",
            Self::Off => "the guest switched off",
            Self::Reset => "the guest reset the machine",
            Self::Ended => "ended",
            Self::Signalled(signal) => {
                let name = signal_hook::low_level::signal_name(*signal).unwrap_or("a signal");
                return write!(f, "ended by {name}");
            }
            Self::Failed(why) => why,
        })
    }
}

/// Runs the guest until `pause` is set, or until it stops by itself.
pub fn run<L: InterruptLine>(vcpu: &mut VcpuFd, devices: &Mutex<Devices<L>>, pause: &AtomicBool) -> Stop {
    loop {
        let pausing = pause.load(Ordering::SeqCst);
        // An access that the guest has made is complete only when KVM_RUN has been entered again, so it is entered
        // once more, to return at once.
        vcpu.set_kvm_immediate_exit(u8::from(pausing));
        if let Some(stop) = run_once(vcpu, devices, pausing) {
            vcpu.set_kvm_immediate_exit(0);
            return stop;
        }
    }
}

fn run_once<L: InterruptLine>(vcpu: &mut VcpuFd, devices: &Mutex<Devices<L>>, pausing: bool) -> Option<Stop> {
    let devices = || devices.lock().unwrap_or_else(PoisonError::into_inner);
    match vcpu.run() {
        Ok(VcpuExit::IoIn(port, data)) => {
            let data: *mut [u8] = data;
            let size = port_access_size(vcpu);
            // SAFETY: `data` is in the pages that KVM shares with `vcpu`, which stay mapped while it exists. Nothing else
            // refers to them: `port_access_size` has returned a number.
            #[expect(unsafe_code, reason = "the exit borrows the processor, which also knows the size")]
            let data = unsafe { &mut *data };
            devices().read_port(port, size, data)
        }
        Ok(VcpuExit::IoOut(port, data)) => {
            let data: *const [u8] = data;
            let size = port_access_size(vcpu);
            // SAFETY: as above.
            #[expect(unsafe_code, reason = "the exit borrows the processor, which also knows the size")]
            let data = unsafe { &*data };
            devices().write_port(port, size, data)
        }
        Ok(VcpuExit::MmioRead(address, data)) => devices().read(Address::Memory(address), data),
        Ok(VcpuExit::MmioWrite(address, data)) => devices().write(Address::Memory(address), data),
        Ok(VcpuExit::SystemEvent(kvm_bindings::KVM_SYSTEM_EVENT_SHUTDOWN, _)) => Some(Stop::Off),
        // A shutdown is a triple fault: how a PC is reset when all else fails.
        Ok(VcpuExit::SystemEvent(kvm_bindings::KVM_SYSTEM_EVENT_RESET, _) | VcpuExit::Shutdown) => Some(Stop::Reset),
        Ok(VcpuExit::Intr) => None,
        Ok(exit) => Some(Stop::Failed(format!("the guest stopped with {exit:?}"))),
        Err(error) if [Errno::INTR, Errno::AGAIN].contains(&Errno::from_raw_os_error(error.errno())) => {
            pausing.then_some(Stop::Paused)
        }
        Err(error) => Some(Stop::Failed(format!("KVM cannot run the guest: {error}"))),
    }
}

/// Returns the size of one access to a port, after an exit for one: the exit's data has as many as the guest repeats.
fn port_access_size(vcpu: &mut VcpuFd) -> u8 {
    // SAFETY: KVM has filled `io` on this exit, and every bit pattern is a value of it.
    #[expect(unsafe_code, reason = "KVM's structure is a union")]
    unsafe {
        vcpu.get_kvm_run().__bindgen_anon_1.io.size
    }
}
