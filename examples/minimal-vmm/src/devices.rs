//! The devices on the guest's bus, their interrupt lines and their time.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use devstate_core::{ByteRegisters, Clock, Instant, InterruptLine, RepeatedAccess};
use devstate_host::Screen;
use devstate_serial_16550::{Config, OutputPolicy, Serial, SerialEvents, SerialState};
use kvm_ioctls::VmFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::arch::{self, Platform};
use crate::clock;
use crate::say::say;
use crate::vcpu::Stop;

/// Where on which bus.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// An I/O port; a PC has them.
    Port(u16),
    /// A physical address where there is no RAM.
    Memory(u64),
}

impl Address {
    /// The distance from `base`, if it is on the same bus and below `len`.
    pub fn offset_in(self, base: Self, len: u64) -> Option<u64> {
        let offset = match (self, base) {
            (Self::Port(address), Self::Port(base)) => u64::from(address).checked_sub(base.into()),
            (Self::Memory(address), Self::Memory(base)) => address.checked_sub(base),
            _ => None,
        };
        offset.filter(|offset| *offset < len)
    }
}

/// Everything outside the kernel that the guest talks to.
#[derive(Debug)]
pub struct Devices<L: InterruptLine = KvmLine> {
    serial: Serial<L, Screen, Discarded>,
    platform: Platform<L>,
    discarded: Discarded,
    /// Typed and not yet received: the UART takes no more than its guest asks for.
    typed: VecDeque<u8>,
    timer: OwnedFd,
    /// When the timer fires.
    deadline: Option<Instant>,
}

/// The saved form of [`Devices`].
#[derive(Clone, Debug, PartialEq)]
pub struct DevicesState {
    pub serial: SerialState,
    pub platform: arch::PlatformState,
    pub typed: Vec<u8>,
}

impl DevicesState {
    /// The devices of a machine that was just switched on.
    pub fn powered_on() -> Self {
        Self {
            serial: SerialState::RESET,
            platform: arch::powered_on(),
            typed: Vec::new(),
        }
    }
}

impl<L: InterruptLine> Devices<L> {
    /// Devices in a saved state, each with the line of its number. Those are driven at once, so the kernel's side must
    /// be ready.
    pub fn from_state(state: &DevicesState, screen: Screen, line: impl Fn(u32) -> L) -> Result<Self> {
        // What a character on the line waits for waits on: time stood still for it.
        let (now, serial_line) = (clock::monotonic(), line(arch::SERIAL_LINE));
        let discarded = Discarded::default();
        let events = discarded.clone();
        let serial = Serial::from_state(&state.serial, serial_line, screen, events, UART, now, Clock::Frozen)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let mut devices = Self {
            serial,
            platform: Platform::from_state(&state.platform, line)?,
            discarded,
            typed: state.typed.iter().copied().collect(),
            timer: timerfd_create(TimerfdClockId::Monotonic, flags).context("cannot create a timer")?,
            deadline: None,
        };
        devices.settle();
        Ok(devices)
    }

    pub fn state(&self) -> DevicesState {
        DevicesState {
            serial: self.serial.state(clock::monotonic()),
            platform: self.platform.state(),
            typed: self.typed.iter().copied().collect(),
        }
    }

    /// The guest reads a port as often as `data` has `size` bytes, as `rep insb` does.
    pub fn read_port(&mut self, port: u16, size: u8, data: &mut [u8]) -> Option<Stop> {
        RepeatedAccess::of_size(size).read(data, |access| {
            self.read(Address::Port(port), access);
        });
        None
    }

    /// The guest writes a port as often as `data` has `size` bytes. Gives what it stops itself by, if it does.
    pub fn write_port(&mut self, port: u16, size: u8, data: &[u8]) -> Option<Stop> {
        let mut stop = None;
        RepeatedAccess::of_size(size).write(data, |access| {
            stop = stop.take().or_else(|| self.write(Address::Port(port), access));
        });
        stop
    }

    /// The guest reads. It never stops itself by that; `None` is for [`write`](Self::write)'s sake.
    pub fn read(&mut self, address: Address, data: &mut [u8]) -> Option<Stop> {
        if let Some(offset) = address.offset_in(arch::SERIAL, SERIAL_LEN) {
            let now = clock::monotonic();
            ByteRegisters::PACKED.read(offset, data, |register| self.serial.read(register, now));
        } else if !self.platform.read(address, data) {
            data.fill(arch::FLOATING);
        }
        self.settle();
        None
    }

    /// The guest writes. Gives what it stops itself by, if it does.
    pub fn write(&mut self, address: Address, data: &[u8]) -> Option<Stop> {
        let mut stop = None;
        if let Some(offset) = address.offset_in(arch::SERIAL, SERIAL_LEN) {
            let now = clock::monotonic();
            ByteRegisters::PACKED.write(offset, data, |register, value| self.serial.write(register, value, now));
        } else {
            stop = self.platform.write(address, data);
        }
        self.settle();
        stop
    }

    /// Somebody types on the console. Gives how much there was no room for.
    pub fn type_on_console(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.console_room());
        self.typed.extend(bytes.iter().take(taken));
        self.settle();
        bytes.len() - taken
    }

    /// How much more may be typed before what was typed has been received.
    pub fn console_room(&self) -> usize {
        MAX_TYPED.saturating_sub(self.typed.len())
    }

    /// The timer, which becomes readable when it is time to [`advance`](Self::advance).
    pub fn timer(&self) -> Result<OwnedFd> {
        self.timer.try_clone().context("cannot share the timer")
    }

    /// The timer fired.
    pub fn advance(&mut self) {
        // It may have been set anew since: then there is nothing to read, and no harm in looking at the devices.
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
        self.deadline = None;
        let now = clock::monotonic();
        self.serial.advance(now);
        self.serial.output_mut().forget_stall();
        self.serial.drain_output(now);
        self.platform.advance();
        self.settle();
    }

    /// Takes the number of characters that the console did not take in time, which are lost.
    pub fn take_discarded(&self) -> usize {
        self.discarded.0.swap(0, Ordering::Relaxed)
    }

    pub fn platform_mut(&mut self) -> &mut Platform<L> {
        &mut self.platform
    }

    /// What follows each access: input moves up, and the timer is set for whichever device wants to be called first.
    fn settle(&mut self) {
        let now = clock::monotonic();
        while let (waiting @ [_, ..], _) = self.typed.as_slices() {
            let taken = self.serial.receive(waiting, now);
            if taken == 0 {
                break;
            }
            self.typed.drain(..taken);
        }
        let retry = self
            .serial
            .output()
            .is_stalled()
            .then_some(now.saturating_add(OUTPUT_RETRY));
        let deadlines = [self.serial.next_deadline(), self.platform.next_deadline(), retry];
        let next = deadlines.into_iter().flatten().min();
        if next.is_some() && (self.deadline.is_none() || next < self.deadline) {
            self.deadline = next;
            let at = next.unwrap_or(now).since_epoch().max(Duration::from_nanos(1));
            let timer = Itimerspec {
                it_interval: Timespec::default(),
                it_value: at.try_into().unwrap_or_default(),
            };
            if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &timer) {
                say(format!("cannot set the devices' timer: {error}"));
            }
        }
    }
}

/// The UART's policies. There is a timer. What stalls waits, and the guest with it, since a user may have stopped the
/// terminal; but not for ever: then the guest goes on, and the output is lost until the terminal takes some again. What is
/// typed waits until the guest opens the port: its driver clears the FIFO then.
const UART: Config = Config {
    stalled_output: OutputPolicy::DiscardAfter(STALL_LIMIT),
    flow_control: true,
    ..Config::WITH_TIMER
};
/// How long the guest's output may stall before it is discarded.
pub const STALL_LIMIT: Duration = Duration::from_mins(1);

/// Counts the characters that the console did not take in time.
#[derive(Clone, Debug, Default)]
struct Discarded(Arc<AtomicUsize>);

impl SerialEvents for Discarded {
    fn output_discarded(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

const SERIAL_LEN: u64 = 8;
/// What is typed ahead, at most.
pub const MAX_TYPED: usize = 256;
const OUTPUT_RETRY: Duration = Duration::from_millis(10);

/// A line to the interrupt controller in the kernel, which takes levels. It serves level-triggered lines, and edge-triggered
/// ones as in a PC, because the controller sees the line rise.
#[derive(Debug)]
pub struct KvmLine {
    pub vm: Arc<VmFd>,
    pub line: u32,
}

impl InterruptLine for KvmLine {
    fn set_level(&mut self, asserted: bool) {
        if let Err(error) = self.vm.set_irq_line(self.line, asserted) {
            let error = io::Error::from(error);
            say(format!("cannot drive interrupt line {:#x}: {error}", self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use devstate_core::NoInterrupt;
    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn output_that_stalled_before_the_save_goes_on_after_the_restore() -> Result<()> {
        let mut state = DevicesState::powered_on();
        state.serial.tsr = Some(b'!');

        let (reader, writer) = io::pipe()?;
        fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        while rustix::io::write(&writer, &[0; 4096]).is_ok() {}
        let mut devices = Devices::from_state(&state, Screen::new(writer.into()), |_| NoInterrupt)?;
        for _ in 0..2 {
            assert!(devices.deadline.is_some(), "nobody asks the terminal again");
            devices.advance();
            assert_eq!(devices.state().serial.tsr, Some(b'!'));
        }
        rustix::io::read(&reader, &mut vec![0; 1 << 20])?;
        devices.advance();
        assert_eq!((devices.state().serial.tsr, devices.deadline), (None, None));
        Ok(())
    }

    #[test]
    fn no_more_is_typed_ahead_than_a_snapshot_holds() -> Result<()> {
        let state = DevicesState::powered_on();
        let mut devices = Devices::from_state(&state, Screen::stdout()?, |_| NoInterrupt)?;
        // The UART itself takes none before its guest has opened the port.
        let lost = devices.type_on_console(&[b'a'; MAX_TYPED]);
        assert_eq!((lost, devices.console_room()), (0, 0));
        assert_eq!(devices.type_on_console(b"abc"), 3);
        assert_eq!(devices.state().typed.len(), MAX_TYPED);

        // Its driver clears the FIFO, and asserts DTR and RTS.
        let mut write = |register, value| devices.serial.write(register, value, clock::monotonic());
        for (register, value) in [(2, 0x07), (2, 0x81), (4, 0x0b)] {
            write(register, value);
        }
        devices.settle();
        assert_eq!(devices.console_room(), 16);
        Ok(())
    }

    /// A UART that its driver has opened, and that has received `bytes`.
    #[cfg(target_arch = "x86_64")]
    fn received(bytes: &[u8]) -> Result<Devices<NoInterrupt>> {
        let mut devices = Devices::from_state(&DevicesState::powered_on(), Screen::stdout()?, |_| NoInterrupt)?;
        for (register, value) in [(2, 0x07), (2, 0x81), (4, 0x0b)] {
            devices.serial.write(register, value, clock::monotonic());
        }
        devices.type_on_console(bytes);
        Ok(devices)
    }

    /// `rep insb` and `rep outsb`: KVM has the bytes of all accesses side by side.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_string_instruction_reaches_one_port() -> Result<()> {
        let Address::Port(uart) = arch::SERIAL else {
            unreachable!("a PC's UART has ports");
        };
        let mut devices = received(b"abcdef")?;
        let mut data = [0; 4];
        devices.read_port(uart, 1, &mut data);
        assert_eq!(&data, b"abcd");
        // Words: the receiver and the register beside it, twice.
        devices.read_port(uart, 2, &mut data);
        assert_eq!([data[0], data[2]], *b"ef");

        let mut devices = received(b"")?;
        let before = devices.state().serial;
        // The scratch register, eight times.
        devices.write_port(uart + 7, 1, b"12345678");
        let after = devices.state().serial;
        let expected = SerialState {
            scr: b'8',
            saved_at: after.saved_at,
            ..before
        };
        assert_eq!(after, expected);

        // The keyboard controller's status, which says that nothing is there.
        let mut data = [0xff; 3];
        devices.read_port(0x64, 1, &mut data);
        assert_eq!(data, [data[0]; 3]);
        assert_eq!(data[0] & 1, 0, "{data:x?}");
        Ok(())
    }

    /// What a console does not take is lost in the end, and the guest goes on.
    #[test]
    fn output_that_stalls_for_too_long_is_discarded_and_counted() -> Result<()> {
        let (reader, writer) = io::pipe()?;
        fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        while rustix::io::write(&writer, &[0; 4096]).is_ok() {}
        let mut state = DevicesState::powered_on();
        state.serial.tsr = Some(b'!');
        let mut devices = Devices::from_state(&state, Screen::new(writer.into()), |_| NoInterrupt)?;
        devices.advance();
        assert_eq!((devices.take_discarded(), devices.state().serial.tsr), (0, Some(b'!')));
        let much_later = clock::monotonic().saturating_add(STALL_LIMIT + Duration::from_secs(1));
        devices.serial.drain_output(much_later);
        assert_eq!((devices.take_discarded(), devices.state().serial.tsr), (1, None));
        assert_eq!(devices.take_discarded(), 0);
        drop(reader);
        Ok(())
    }
}
