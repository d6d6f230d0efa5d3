//! The smallest main loop of a VMM with the devices on rust-vmm's buses.
//!
//! A vCPU thread passes its exits to [`Vmm::bus`]. [`Vmm::run`] serves the terminal and the timers, until the guest resets the
//! machine or nobody reads its output any more.

mod state;

use std::fs::File;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use devstate_core::{Clock, RisingEdge};
use devstate_i8042::I8042;
use devstate_rtc_pl031::{NoEvents, Rtc, RtcState};
use devstate_rust_vmm::{HostClock, Input, NonBlocking, OnBus, Shared, Signal};
use devstate_serial_16550::{Config, Serial};
use event_manager::{EventManager, MutEventSubscriber, SubscriberOps};
use vm_device::bus::{MmioAddress, MmioRange, PioAddress, PioRange};
use vm_device::device_manager::{IoManager, MmioManager, PioManager};

pub use state::{MachineSer, Release};

/// The first port of the UART.
pub const COM1: u16 = 0x3f8;
/// The address of the clock.
pub const RTC: u64 = 0x0901_0000;
/// A timer and an input that cannot stop. The guest's driver clears the FIFO when it opens the port, so input waits for it.
const UART: Config = Config {
    flow_control: true,
    ..Config::WITH_TIMER
};

/// An interrupt behind `irqfd`. Register the `event_fd` of each `interrupt().trigger()` with the hypervisor.
type Irq = RisingEdge<Signal>;

/// The devices, and what is typed.
#[derive(Debug)]
pub struct Vmm {
    /// The UART.
    pub serial: Shared<Serial<Irq, NonBlocking, Signal>>,
    /// The keyboard controller, for [`I8042::key`] and [`I8042::mouse`].
    pub i8042: Shared<I8042<Irq, Irq, Signal>>,
    /// The clock.
    pub rtc: Shared<Rtc<Irq>>,
    /// The terminal's input.
    pub input: Arc<Mutex<Input<Irq, NonBlocking>>>,
    stop: Signal,
}

impl Vmm {
    /// Creates the devices of a machine that was just switched on.
    ///
    /// # Errors
    ///
    /// There is no descriptor left.
    pub fn new(input: File, output: File) -> Result<Self> {
        let (clock, stop) = (HostClock::start(), Signal::new()?);
        let irq = || Signal::new().map(RisingEdge::new);
        let output = NonBlocking::new(output, stop.try_clone()?);
        let serial = OnBus::shared(Serial::with_config(irq()?, output, Signal::new()?, UART), clock)?;
        let now = clock.now();
        let wall_clock = RtcState::at_unix_time(now.since_epoch(), now);
        let rtc = Rtc::from_state(&wall_clock, irq()?, NoEvents, now, Clock::Frozen)?;
        Ok(Self {
            input: Arc::new(Mutex::new(Input::new(input, Arc::clone(&serial))?)),
            serial,
            i8042: OnBus::shared(I8042::new(irq()?, irq()?, stop.try_clone()?), clock)?,
            rtc: OnBus::shared(rtc, clock)?,
            stop,
        })
    }

    /// Returns the buses with the devices on them, for the threads of the vCPUs.
    ///
    /// # Errors
    ///
    /// None, since no two of these ranges overlap.
    pub fn bus(&self) -> Result<IoManager> {
        let mut bus = IoManager::new();
        bus.register_pio(PioRange::new(PioAddress(COM1), 8)?, Arc::clone(&self.serial) as _)?;
        // Port 61h between the two ports of the i8042 belongs to the speaker.
        for port in [0x60, 0x64] {
            bus.register_pio(PioRange::new(PioAddress(port), 1)?, Arc::clone(&self.i8042) as _)?;
        }
        bus.register_mmio(MmioRange::new(MmioAddress(RTC), 0x1000)?, Arc::clone(&self.rtc) as _)?;
        Ok(bus)
    }

    /// Serves the terminal and the timers until the machine stops.
    ///
    /// # Errors
    ///
    /// There is no `epoll`.
    pub fn run(&self) -> Result<()> {
        let mut manager = EventManager::<Arc<Mutex<dyn MutEventSubscriber>>>::new()?;
        manager.add_subscriber(Arc::clone(&self.serial) as _);
        manager.add_subscriber(Arc::clone(&self.i8042) as _);
        manager.add_subscriber(Arc::clone(&self.rtc) as _);
        manager.add_subscriber(Arc::clone(&self.input) as _);
        manager.add_subscriber(Arc::new(Mutex::new(self.stop.try_clone()?)));
        while !self.stop.take() {
            manager.run()?;
        }
        Ok(())
    }
}
