//! The guest's processor: a thread that runs it and hands its accesses to the devices.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use devstate_core::InterruptLine;
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
    /// Somebody ended the VMM, or has the guest now.
    Ended,
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
            Self::Failed(why) => why,
        })
    }
}

/// Whoever has its `VcpuFd` has a guest that stands still: while it runs, its thread has it.
#[derive(Debug)]
pub enum Processor {
    Running {
        thread: JoinHandle<(VcpuFd, Stop)>,
        pause: Arc<AtomicBool>,
    },
    Standing(VcpuFd),
    /// It stopped for good, or runs in another process.
    Gone,
}

impl Processor {
    /// Lets the guest run until it is paused or stops by itself. Either way `stopped` becomes readable then.
    pub fn resume<L>(&mut self, devices: &Arc<Mutex<Devices<L>>>, stopped: &Arc<OwnedFd>) -> Result<()>
    where
        L: InterruptLine + Send + 'static,
    {
        // The signal does nothing but interrupt KVM_RUN.
        register_signal_handler(SIGRTMIN(), interrupt)?;
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Standing(mut vcpu) => {
                let pause = Arc::new(AtomicBool::new(false));
                let (pausing, devices, tell) = (Arc::clone(&pause), Arc::clone(devices), Tell(Arc::clone(stopped)));
                let thread = thread::Builder::new().name("vcpu".into()).spawn(move || {
                    let _tell = tell;
                    let stop = run(&mut vcpu, &devices, &pausing);
                    (vcpu, stop)
                });
                let thread = thread.context("cannot start the processor's thread")?;
                Self::Running { thread, pause }
            }
            Self::Gone => bail!("the guest is gone"),
            running @ Self::Running { .. } => running,
        };
        Ok(())
    }

    /// Makes the guest stand still, if it runs, and says why it does: it may have stopped by itself before.
    pub fn pause(&mut self) -> Stop {
        let (vcpu, stop) = match std::mem::replace(self, Self::Gone) {
            Self::Running { thread, pause } => {
                pause.store(true, Ordering::SeqCst);
                while !thread.is_finished() {
                    // A signal that comes just before KVM_RUN is lost: hence the repetition. One that cannot be sent
                    // comes too late.
                    let _ = thread.kill(SIGRTMIN());
                    thread::sleep(Duration::from_micros(200));
                }
                match thread.join() {
                    Ok((vcpu, stop)) => (vcpu, stop),
                    Err(_) => return Stop::Failed("the processor's thread panicked".into()),
                }
            }
            Self::Standing(vcpu) => (vcpu, Stop::Paused),
            Self::Gone => return Stop::Ended,
        };
        if stop == Stop::Paused {
            *self = Self::Standing(vcpu);
        }
        stop
    }
}

/// Tells that the processor's thread has ended, also when it panicked.
#[derive(Debug)]
struct Tell(Arc<OwnedFd>);

impl Drop for Tell {
    fn drop(&mut self) {
        // The event loop is gone if nobody can be told, and with it the process.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

extern "C" fn interrupt(_: std::ffi::c_int, _: *mut libc::siginfo_t, _: *mut std::ffi::c_void) {}

fn run<L: InterruptLine>(vcpu: &mut VcpuFd, devices: &Mutex<Devices<L>>, pause: &AtomicBool) -> Stop {
    let devices = || devices.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let pausing = pause.load(Ordering::SeqCst);
        // An access that the guest has made is complete only when KVM_RUN has been entered again, so it is entered
        // once more, to return at once.
        vcpu.set_kvm_immediate_exit(u8::from(pausing));
        let stop = match vcpu.run() {
            Ok(VcpuExit::IoIn(port, data)) => devices().read(Address::Port(port), data),
            Ok(VcpuExit::IoOut(port, data)) => devices().write(Address::Port(port), data),
            Ok(VcpuExit::MmioRead(address, data)) => devices().read(Address::Memory(address), data),
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

#[cfg(test)]
mod tests {
    use std::panic;

    use devstate_core::NoInterrupt;
    use rustix::event::{EventfdFlags, eventfd};

    use super::*;
    use crate::console::Screen;
    use crate::devices::DevicesState;

    #[test]
    fn a_guest_that_was_given_away_never_runs_again() -> Result<()> {
        let devices = Devices::from_state(&DevicesState::powered_on(), Screen::stdout()?, |_| NoInterrupt)?;
        let (devices, stopped) = (
            Arc::new(Mutex::new(devices)),
            Arc::new(eventfd(0, EventfdFlags::empty())?),
        );
        let mut processor = Processor::Gone;
        assert_eq!(
            processor.resume(&devices, &stopped).unwrap_err().to_string(),
            "the guest is gone"
        );
        assert_eq!(processor.pause(), Stop::Ended);
        Ok(())
    }

    #[test]
    fn a_thread_that_panics_is_not_waited_for_in_vain() -> Result<()> {
        let stopped = Arc::new(eventfd(0, EventfdFlags::NONBLOCK)?);
        let tell = Tell(Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            let _tell = tell;
            panic::resume_unwind(Box::new("on purpose"))
        });
        let mut processor = Processor::Running {
            thread,
            pause: Arc::default(),
        };
        assert!(matches!(processor.pause(), Stop::Failed(why) if why.contains("panicked")));
        assert_eq!(rustix::io::read(&stopped, &mut [0; 8])?, 8);
        Ok(())
    }
}
