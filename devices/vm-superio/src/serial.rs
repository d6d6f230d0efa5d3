//! The 16550A UART.

mod adapters;

use core::fmt;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use devstate_core::{Clock, RisingEdge};
use devstate_serial_16550::{self as uart, Config, spec};
use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState as SavedState};

use crate::Trigger;
use crate::host_time::Monotonic;
use crate::trigger::Edge;
use adapters::{Forward, Output};

/// The maximum number of characters that wait for the guest: 16 in the UART's FIFO, the others in front of it.
const CAPACITY: usize = 64;

/// Receives the events of a UART.
pub trait SerialEvents {
    /// The guest read the data register.
    fn buffer_read(&self);

    /// The output took a character.
    fn out_byte(&self);

    /// The output did not take a character. The character is lost.
    fn tx_lost_byte(&self);

    /// No character waits for the guest: the host may read its input again.
    fn in_buffer_empty(&self);
}

/// Ignores all events.
#[derive(Clone, Copy, Debug)]
pub struct NoEvents;

impl SerialEvents for NoEvents {
    fn buffer_read(&self) {}

    fn out_byte(&self) {}

    fn tx_lost_byte(&self) {}

    fn in_buffer_empty(&self) {}
}

impl<EV: SerialEvents> SerialEvents for Arc<EV> {
    fn buffer_read(&self) {
        (**self).buffer_read();
    }

    fn out_byte(&self) {
        (**self).out_byte();
    }

    fn tx_lost_byte(&self) {
        (**self).tx_lost_byte();
    }

    fn in_buffer_empty(&self) {
        (**self).in_buffer_empty();
    }
}

/// The fields of a UART that vm-superio saves. Errors of characters, modem deltas, the trigger level and more are
/// missing: [`devstate_serial_16550_ser::SerialStateSer`] has them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SerialState {
    /// Divisor latch, low byte.
    pub baud_divisor_low: u8,
    /// Divisor latch, high byte.
    pub baud_divisor_high: u8,
    /// Interrupt enable register.
    pub interrupt_enable: u8,
    /// Interrupt identification register, without the FIFO bits.
    pub interrupt_identification: u8,
    /// Line control register.
    pub line_control: u8,
    /// Line status register.
    pub line_status: u8,
    /// Modem control register.
    pub modem_control: u8,
    /// Modem status register.
    pub modem_status: u8,
    /// Scratchpad register.
    pub scratch: u8,
    /// Characters received and not yet read, at most 64.
    pub in_buffer: Vec<u8>,
}

impl Default for SerialState {
    /// Returns the state in which a UART starts: 9,600 baud 8N1, OUT2 set, a peer connected.
    fn default() -> Self {
        Self::from_saved(SavedState::default())
    }
}

impl SerialState {
    fn from_saved(saved: SavedState) -> Self {
        let SavedState {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            in_buffer,
        } = saved;
        Self {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            in_buffer: in_buffer.to_vec(),
        }
    }

    /// Returns the saved form, or `None` for more characters than it holds.
    fn to_saved(&self) -> Option<SavedState> {
        let Self {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            ref in_buffer,
        } = *self;
        Some(SavedState {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            in_buffer: in_buffer.as_slice().try_into().ok()?,
        })
    }
}

/// Why an operation failed.
#[derive(Debug)]
pub enum Error<E> {
    /// The interrupt could not be signalled.
    Trigger(E),
    /// The output did not take a character.
    IOError(io::Error),
    /// There is no room for characters.
    FullFifo,
    /// The saved state is impossible for a UART. vm-superio does not have this error.
    InvalidState(String),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trigger(error) => write!(f, "cannot signal the interrupt: {error}"),
            Self::IOError(error) => write!(f, "cannot write to the output: {error}"),
            Self::FullFifo => f.write_str("no room for characters"),
            Self::InvalidState(reason) => write!(f, "cannot restore the state: {reason}"),
        }
    }
}

impl<E: std::error::Error> std::error::Error for Error<E> {}

/// A 16550A whose output is an [`io::Write`] and whose interrupt is a [`Trigger`].
///
/// ```
/// use devstate_vm_superio::{Serial, Trigger};
///
/// struct Interrupt;
/// impl Trigger for Interrupt {
///     type E = std::io::Error;
///     fn trigger(&self) -> std::io::Result<()> {
///         Ok(())
///     }
/// }
///
/// let mut serial = Serial::new(Interrupt, Vec::new());
/// serial.write(0, b'!').unwrap();
/// assert_eq!(serial.writer(), b"!");
/// assert_eq!(serial.enqueue_raw_bytes(b"ls").unwrap(), 2);
/// assert_eq!(serial.read(0), b'l');
/// ```
#[derive(Debug)]
pub struct Serial<T: Trigger, EV: SerialEvents, W: Write> {
    device: uart::Serial<RisingEdge<Edge<T>>, Output<W>, Forward<EV>>,
    /// Characters in front of the UART's FIFO, which has 16 places.
    waiting: VecDeque<u8>,
    clock: Monotonic,
}

impl<T: Trigger, W: Write> Serial<T, NoEvents, W> {
    /// Creates a UART.
    pub fn new(trigger: T, out: W) -> Self {
        Self::with_events(trigger, NoEvents, out)
    }
}

impl<T: Trigger, EV: SerialEvents, W: Write> Serial<T, EV, W> {
    /// Like [`new`](Serial::new), with an event handler.
    pub fn with_events(trigger: T, serial_evts: EV, out: W) -> Self {
        let device = uart::Serial::with_config(
            RisingEdge::new(Edge(trigger)),
            Output::new(out),
            Forward::new(serial_evts),
            Config::DEFAULT,
        );
        let mut serial = Self {
            device,
            waiting: VecDeque::new(),
            clock: Monotonic::start(),
        };
        // Nothing is pending in this state, and it is valid.
        let started = serial.enter(&SerialState::default());
        debug_assert!(started.is_ok());
        serial
    }

    /// Creates a UART in a saved state. An interrupt that is pending there is signalled again.
    ///
    /// # Errors
    ///
    /// - `FullFifo` for more than 64 characters.
    /// - `InvalidState` if the registers of the state contradict each other.
    /// - `Trigger` if the interrupt cannot be signalled.
    pub fn from_state(state: &SerialState, trigger: T, serial_evts: EV, out: W) -> Result<Self, Error<T::E>> {
        let mut serial = Self::with_events(trigger, serial_evts, out);
        serial.enter(state)?;
        Ok(serial)
    }

    fn enter(&mut self, state: &SerialState) -> Result<(), Error<T::E>> {
        let saved = state.to_saved().ok_or(Error::FullFifo)?;
        let mut mirror = SerialStateSer::try_from(&saved).map_err(|error| Error::InvalidState(error.to_string()))?;
        let waiting = mirror.take_backlog();
        let state = uart::SerialState::try_from(&mirror).map_err(|error| Error::InvalidState(error.to_string()))?;
        self.waiting = waiting.iter().copied().collect();
        self.device
            .restore(&state, self.clock.now(), Clock::Frozen)
            .map_err(|error| Error::InvalidState(error.to_string()))?;
        self.device.events().receive_ready.set(false);
        self.check_trigger()
    }

    /// Returns the fields of the UART that vm-superio saves.
    pub fn state(&self) -> SerialState {
        let mirror = SerialStateSer::new(&self.device_state());
        // The conversion has no error.
        let mut state = SerialState::from_saved(SavedState::try_from(&mirror).unwrap_or_default());
        state.in_buffer.extend(&self.waiting);
        state
    }

    /// Returns the output.
    pub fn writer(&self) -> &W {
        &self.device.output().out
    }

    /// Returns the output.
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.device.output_mut().out
    }

    /// Drops the UART, and returns the output.
    pub fn into_writer(self) -> W {
        self.device.into_output().out
    }

    /// Returns the interrupt.
    pub fn interrupt_evt(&self) -> &T {
        &self.device.interrupt().trigger().0
    }

    /// Returns the event handler.
    pub fn events(&self) -> &EV {
        &self.device.events().events
    }

    /// Reads a register for the guest. At any offset above 7 it returns 0. If a read raises the interrupt and the
    /// trigger fails, the next [`write`](Self::write) or [`enqueue_raw_bytes`](Self::enqueue_raw_bytes) returns the
    /// error.
    pub fn read(&mut self, offset: u8) -> u8 {
        if offset > 7 {
            return 0;
        }
        let reads_data = u16::from(offset) == spec::RBR && self.device_state().lcr & spec::lcr::DLAB == 0;
        let value = self.device.read(offset.into(), self.clock.now());
        self.move_up();
        self.report_room(reads_data);
        if reads_data {
            self.events().buffer_read();
        }
        value
    }

    /// Writes a register for the guest. Writes to offsets above 7 have no effect.
    ///
    /// # Errors
    ///
    /// - `IOError` if the output did not take a character. The character is lost.
    /// - `Trigger` if the interrupt cannot be signalled.
    pub fn write(&mut self, offset: u8, value: u8) -> Result<(), Error<T::E>> {
        if offset > 7 {
            return Ok(());
        }
        self.device.write(offset.into(), value, self.clock.now());
        self.move_up();
        self.report_room(false);
        // Both errors belong to this write: none may be left for the next one.
        let not_sent = self.device.output_mut().error.take();
        self.check_trigger()?;
        match not_sent {
            Some(error) => Err(Error::IOError(error)),
            None => Ok(()),
        }
    }

    /// Returns the number of characters that [`enqueue_raw_bytes`](Self::enqueue_raw_bytes) has room for.
    pub fn fifo_capacity(&self) -> usize {
        let received = usize::from(self.device_state().rx.len);
        CAPACITY.saturating_sub(received + self.waiting.len())
    }

    /// Gives characters to the guest, and returns the number of characters that were taken. In loopback this is 0.
    ///
    /// # Errors
    ///
    /// - `FullFifo` if there is no room at all.
    /// - `Trigger` if the interrupt cannot be signalled.
    pub fn enqueue_raw_bytes(&mut self, input: &[u8]) -> Result<usize, Error<T::E>> {
        let is_looped_back = self.device_state().mcr & spec::mcr::LOOP != 0;
        if input.is_empty() || is_looped_back {
            return Ok(0);
        }
        let taken = input.len().min(self.fifo_capacity());
        if taken == 0 {
            return Err(Error::FullFifo);
        }
        self.waiting.extend(input.iter().take(taken));
        self.move_up();
        self.check_trigger()?;
        Ok(taken)
    }

    /// Moves waiting characters into the UART's FIFO.
    fn move_up(&mut self) {
        while let (characters @ [_, ..], _) = self.waiting.as_slices() {
            let taken = self.device.receive(characters, self.clock.now());
            if taken == 0 {
                break;
            }
            self.waiting.drain(..taken);
        }
    }

    /// Reports that no character waits, if the guest has just read data or the UART takes characters again.
    fn report_room(&self, has_read_data: bool) {
        let takes_characters = self.device.events().receive_ready.take();
        let is_empty = self.waiting.is_empty() && self.device_state().rx.len == 0;
        if is_empty && (has_read_data || takes_characters) {
            self.events().in_buffer_empty();
        }
    }

    fn device_state(&self) -> uart::SerialState {
        self.device.state(self.clock.now())
    }

    fn check_trigger(&mut self) -> Result<(), Error<T::E>> {
        match self.device.interrupt_mut().take_error() {
            Some(error) => Err(Error::Trigger(error)),
            None => Ok(()),
        }
    }
}
