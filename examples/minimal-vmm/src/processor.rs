//! The thread that runs the guest. It exists as long as the machine, so that a guest can always go on.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{EventfdFlags, eventfd};
use vmm_sys_util::signal::{Killable, SIGRTMIN, register_signal_handler};

use crate::vcpu::Stop;

/// A guest and the thread that runs it. Whoever has the processor `V` has a guest that stands still.
#[derive(Debug)]
pub struct Processor<V> {
    guest: Guest<V>,
    /// The guest, to be run. `None` ends the thread.
    orders: Option<SyncSender<V>>,
    /// The guest, after it has run.
    results: Receiver<(V, Stop)>,
    pause: Arc<AtomicBool>,
    /// Becomes readable when the guest has stopped.
    stopped: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Guest<V> {
    Standing(V),
    /// Its thread has it.
    Running,
    /// It stopped for good, or runs in another process.
    Gone,
}

impl<V: Send + 'static> Processor<V> {
    /// Starts a thread that calls `run` for a guest that stands still. `run` returns when the flag is set, or when the guest
    /// stops by itself.
    pub fn start(vcpu: V, mut run: impl FnMut(&mut V, &AtomicBool) -> Stop + Send + 'static) -> Result<Self> {
        // The signal does nothing but interrupt KVM_RUN.
        register_signal_handler(SIGRTMIN(), interrupt).context("cannot handle the signal that interrupts the guest")?;
        let stopped = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).context("cannot create an eventfd")?;
        let (stopped, pause) = (Arc::new(stopped), Arc::new(AtomicBool::new(false)));
        let (orders, to_run) = sync_channel::<V>(1);
        let (ran, results) = sync_channel(1);
        let (notify, pausing) = (Arc::clone(&stopped), Arc::clone(&pause));
        let thread = thread::Builder::new().name("vcpu".into()).spawn(move || {
            for mut vcpu in to_run {
                let notify = Notify(Arc::clone(&notify));
                let stop = run(&mut vcpu, &pausing);
                // Before the result, so that whoever takes the result has had the notification.
                drop(notify);
                // If nobody takes it, the machine is going away.
                let _ = ran.send((vcpu, stop));
            }
        });
        Ok(Self {
            guest: Guest::Standing(vcpu),
            orders: Some(orders),
            results,
            pause,
            stopped,
            thread: Some(thread.context("cannot start the processor's thread")?),
        })
    }

    /// Lets the guest run until it is paused or stops by itself.
    pub fn resume(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.guest, Guest::Gone) {
            Guest::Standing(vcpu) => {
                self.pause.store(false, Ordering::SeqCst);
                let sent = self.orders.as_ref().is_some_and(|orders| orders.send(vcpu).is_ok());
                if !sent {
                    bail!("the processor's thread has ended");
                }
                self.guest = Guest::Running;
            }
            Guest::Running => self.guest = Guest::Running,
            Guest::Gone => bail!("the guest is gone"),
        }
        Ok(())
    }

    /// Makes the guest stand still, if it runs, and says why it does: it may have stopped for good by itself.
    pub fn pause(&mut self) -> Stop {
        match &self.guest {
            Guest::Standing(_) => return Stop::Paused,
            Guest::Gone => return Stop::Ended,
            Guest::Running => {}
        }
        self.pause.store(true, Ordering::SeqCst);
        let result = loop {
            // A signal that comes just before KVM_RUN is lost: hence the repetition. One that cannot be sent comes too late.
            let _ = self.thread.as_ref().map(|thread| thread.kill(SIGRTMIN()));
            match self.results.recv_timeout(Duration::from_micros(200)) {
                Ok(result) => break Some(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        // The notification of this end is no longer news.
        let _ = rustix::io::read(&*self.stopped, &mut [0; 8]);
        match result {
            Some((vcpu, Stop::Paused)) => {
                self.guest = Guest::Standing(vcpu);
                Stop::Paused
            }
            Some((_, stop)) => {
                self.guest = Guest::Gone;
                stop
            }
            None => {
                self.guest = Guest::Gone;
                Stop::Failed("the processor's thread panicked".into())
            }
        }
    }

    /// From now on the guest runs elsewhere, and never again here.
    pub fn give_away(&mut self) {
        self.pause();
        self.guest = Guest::Gone;
    }

    pub fn is_running(&self) -> bool {
        matches!(self.guest, Guest::Running)
    }

    /// The processor of a guest that stands still.
    pub fn standing(&self) -> Option<&V> {
        match &self.guest {
            Guest::Standing(vcpu) => Some(vcpu),
            Guest::Running | Guest::Gone => None,
        }
    }

    /// Becomes readable when the guest stops by itself.
    pub fn stopped(&self) -> &OwnedFd {
        &self.stopped
    }
}

impl<V> Drop for Processor<V> {
    /// The thread has ended when this returns. The machine pauses the guest before.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Notifies when the thread has stopped running the guest, also when it panicked.
#[derive(Debug)]
struct Notify(Arc<OwnedFd>);

impl Drop for Notify {
    fn drop(&mut self) {
        // The event loop is gone if nobody can be notified, and with it the process.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

extern "C" fn interrupt(_: std::ffi::c_int, _: *mut libc::siginfo_t, _: *mut std::ffi::c_void) {}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::thread::ThreadId;

    use super::*;

    /// The threads that the guest has run in.
    type Threads = Vec<ThreadId>;

    /// A guest that runs until it is paused.
    fn runs(threads: &mut Threads, pause: &AtomicBool) -> Stop {
        threads.push(thread::current().id());
        while !pause.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        Stop::Paused
    }

    /// The system may have no thread left after a save.
    #[test]
    fn a_guest_goes_on_in_the_thread_that_it_was_paused_in() -> Result<()> {
        let mut processor = Processor::start(Threads::new(), runs)?;
        assert_eq!(processor.pause(), Stop::Paused);
        for round in 1..=3 {
            processor.resume()?;
            processor.resume()?;
            assert!(processor.is_running() && processor.standing().is_none());
            assert_eq!(processor.pause(), Stop::Paused);
            let threads = processor.standing().context("it is gone")?;
            assert_eq!(threads.len(), round);
            assert!(threads.iter().all(|thread| Some(thread) == threads.first()));
            let stale = rustix::io::read(processor.stopped(), &mut [0; 8]);
            assert!(stale.is_err(), "a pause is no news");
        }
        Ok(())
    }

    #[test]
    fn a_guest_that_was_given_away_never_runs_again() -> Result<()> {
        let mut processor = Processor::start(Threads::new(), runs)?;
        processor.resume()?;
        processor.give_away();
        assert_eq!(processor.resume().unwrap_err().to_string(), "the guest is gone");
        assert_eq!(processor.pause(), Stop::Ended);
        Ok(())
    }

    #[test]
    fn a_guest_that_stops_by_itself_notifies_and_is_gone() -> Result<()> {
        let mut processor = Processor::start((), |(), _| Stop::Off)?;
        processor.resume()?;
        while rustix::io::read(processor.stopped(), &mut [0; 8]).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(processor.pause(), Stop::Off);
        assert_eq!(processor.pause(), Stop::Ended);
        Ok(())
    }

    #[test]
    fn a_thread_that_panics_is_not_waited_for_in_vain() -> Result<()> {
        let mut processor = Processor::start((), |(), _| panic::resume_unwind(Box::new("on purpose")))?;
        processor.resume()?;
        assert!(matches!(processor.pause(), Stop::Failed(why) if why.contains("panicked")));
        Ok(())
    }
}
