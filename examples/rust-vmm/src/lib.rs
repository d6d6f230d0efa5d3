//! The smallest main loop of a VMM with the devices on rust-vmm's buses.
//!
//! A vCPU thread passes its exits to [`Devices::bus`]. [`run`] serves the terminal and the timer, until the guest resets the
//! machine or nobody reads its output any more.

mod bus;
mod host;
mod state;

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use devstate_core::{Clock, Instant, RisingEdge};
use devstate_i8042::I8042;
use devstate_rtc_pl031::{Rtc, RtcState};
use devstate_serial_16550::{Config, Serial};
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

pub use bus::{COM1, RTC};
use host::Screen;
pub use host::Signal;
pub use state::{MachineSer, Release, TYPED};

/// How soon output that stalled is tried again.
const RETRY: Duration = Duration::from_millis(10);
/// A timer and an input that cannot stop. The guest's driver clears the FIFO when it opens the port, so input waits for it.
const UART: Config = Config {
    flow_control: true,
    ..Config::WITH_TIMER
};

/// The devices, the terminal's input and the timer.
#[derive(Debug)]
pub struct Devices {
    serial: Serial<RisingEdge<Signal>, Screen, Signal>,
    /// The keyboard controller, for [`I8042::key`] and [`I8042::mouse`].
    pub i8042: I8042<RisingEdge<Signal>, RisingEdge<Signal>, Signal>,
    rtc: Rtc<RisingEdge<Signal>>,
    input: File,
    /// Read from the input and not yet taken by the UART.
    typed: Vec<u8>,
    timer: TimerFd,
    deadline: Option<Instant>,
    stop: EventFd,
    stopped: bool,
    /// The host's Unix time when this process started, and the same moment on a clock that is never set.
    started: (Duration, std::time::Instant),
}

impl Devices {
    /// Creates the devices of a machine that was just switched on.
    ///
    /// # Errors
    ///
    /// There is no descriptor left.
    pub fn new(input: File, output: File) -> Result<Self> {
        let stop = EventFd::new(EFD_NONBLOCK)?;
        let edge = || Signal::new().map(RisingEdge::new);
        let screen = Screen {
            file: output,
            stalled: false,
            stop: stop.try_clone()?,
        };
        let mut devices = Self {
            serial: Serial::with_config(edge()?, screen, Signal::new()?, UART),
            i8042: I8042::new(edge()?, edge()?, Signal(stop.try_clone()?)),
            rtc: Rtc::new(edge()?),
            input,
            typed: Vec::new(),
            timer: TimerFd::new()?,
            deadline: None,
            stop,
            stopped: false,
            started: (UNIX_EPOCH.elapsed()?, std::time::Instant::now()),
        };
        let now = devices.now();
        let clock = RtcState::at_unix_time(now.since_epoch(), now);
        devices.rtc.restore(&clock, now, Clock::Frozen)?;
        Ok(devices)
    }

    /// Returns the time: nanoseconds since the Unix epoch, on a clock that is never set.
    fn now(&self) -> Instant {
        let (unix_time, start) = self.started;
        Instant::EPOCH.saturating_add(unix_time).saturating_add(start.elapsed())
    }

    /// Follows each access and each event: offers input, and sets the timer for the device that wants to be called first.
    fn settle(&mut self) {
        let now = self.now();
        let taken = self.serial.receive(&self.typed, now);
        self.typed.drain(..taken);
        let retry = self.serial.output().stalled.then(|| now.saturating_add(RETRY));
        let deadlines = [
            self.serial.next_deadline(),
            self.rtc.next_deadline(),
            self.i8042.next_deadline(),
            retry,
        ];
        let next = deadlines.into_iter().flatten().min();
        if next.is_some() && (self.deadline.is_none() || next < self.deadline) {
            self.deadline = next;
            let wait = next.unwrap_or(now).saturating_duration_since(now);
            // It fails only for a wait of 0.
            let _ = self.timer.reset(wait.max(Duration::from_nanos(1)), None);
        }
    }

    /// Lets time pass in all devices, and tries again what the output has not taken.
    fn advance(&mut self) {
        let _ = self.timer.wait();
        self.deadline = None;
        let now = self.now();
        self.serial.advance(now);
        self.serial.output_mut().stalled = false;
        self.serial.drain_output(now);
        self.rtc.advance(now);
        self.i8042.advance(now);
    }

    /// Watches the input while the UART has taken all of it.
    fn watch_input(&self, ops: &mut EventOps) {
        let input = Events::new(&self.input, EventSet::IN);
        // A file and /dev/null cannot be watched: then nobody types. An input may be watched already.
        let _ = if self.typed.is_empty() {
            ops.add(input)
        } else {
            ops.remove(input)
        };
    }
}

impl MutEventSubscriber for Devices {
    #[expect(clippy::expect_used, reason = "the trait cannot return an error")]
    fn init(&mut self, ops: &mut EventOps) {
        for source in [
            self.timer.as_raw_fd(),
            self.serial.events().0.as_raw_fd(),
            self.stop.as_raw_fd(),
        ] {
            ops.add(Events::new_raw(source, EventSet::IN))
                .expect("a new epoll takes a timer and two eventfds");
        }
        self.watch_input(ops);
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        let source = events.fd();
        if source == self.timer.as_raw_fd() {
            self.advance();
        } else if source == self.stop.as_raw_fd() {
            self.stopped = true;
        } else if source == self.input.as_raw_fd() {
            let mut typed = [0; TYPED];
            match self.input.read(&mut typed) {
                // The end of the input, and a terminal that went away.
                Ok(0) | Err(_) => return drop(ops.remove(events)),
                Ok(len) => self.typed.extend(typed.iter().take(len)),
            }
        } else {
            let _ = self.serial.events().0.read();
        }
        self.settle();
        self.watch_input(ops);
    }
}

/// Serves the terminal and the timer until the machine stops.
///
/// # Errors
///
/// There is no `epoll`.
pub fn run(devices: &Arc<Mutex<Devices>>) -> Result<()> {
    let mut manager = EventManager::<Arc<Mutex<Devices>>>::new()?;
    manager.add_subscriber(Arc::clone(devices));
    while !devices.lock().is_ok_and(|devices| devices.stopped) {
        manager.run()?;
    }
    Ok(())
}
