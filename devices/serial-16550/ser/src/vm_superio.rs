//! Converts the state that users of vm-superio have.

use devstate_versioning::wire::{Malformed, Reader, downgrade_to, upgrade_from};
use devstate_versioning::{ConversionError, Expected, LoadError};
use heapless::Vec;

use crate::mirror::SerialStateSer;

/// The fields of `vm_superio::SerialState`. `vm_superio_ser::SerialStateSer` and version 1 of the mirror have the same
/// fields.
///
/// ```
/// use devstate_serial_16550::SerialState;
/// use devstate_serial_16550_ser::{SerialStateSer, VmSuperioSerialState};
///
/// let old = VmSuperioSerialState {
///     in_buffer: heapless::Vec::from_slice(b"typed while saved").unwrap(),
///     ..VmSuperioSerialState::default()
/// };
/// let mut mirror = SerialStateSer::try_from(&old)?;
/// let backlog = mirror.take_backlog();
/// assert_eq!(&backlog[..], b"d");
/// assert_eq!(SerialState::try_from(&mirror)?.rx.as_slice(), b"typed while save");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VmSuperioSerialState {
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
    pub in_buffer: Vec<u8, 64>,
}

impl Default for VmSuperioSerialState {
    /// Returns the initial state of vm-superio's UART: 9,600 baud 8N1, OUT2 set, a peer connected.
    fn default() -> Self {
        Self {
            baud_divisor_low: 12,
            baud_divisor_high: 0,
            interrupt_enable: 0,
            interrupt_identification: 0x01,
            line_control: 0x03,
            line_status: 0x60,
            modem_control: 0x08,
            modem_status: 0xb0,
            scratch: 0,
            in_buffer: Vec::new(),
        }
    }
}

impl VmSuperioSerialState {
    /// The maximum number of bytes that vm-superio-ser's `Versionize` writes. Its format is bincode.
    pub const BINCODE_MAX_LEN: usize = 9 + 8 + 64;

    /// Reads the bytes that vm-superio-ser's `Versionize` wrote.
    ///
    /// # Errors
    ///
    /// `Truncated`, `TrailingBytes`, or `Value` for more characters than vm-superio holds.
    pub fn from_bincode(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        let state = Self::read(&mut reader);
        reader.finish()?;
        Ok(state.unwrap_or_default())
    }

    /// Returns the bytes that vm-superio-ser's `Versionize` would write.
    #[must_use]
    pub fn to_bincode(&self) -> Vec<u8, { Self::BINCODE_MAX_LEN }> {
        let registers = [
            self.baud_divisor_low,
            self.baud_divisor_high,
            self.interrupt_enable,
            self.interrupt_identification,
            self.line_control,
            self.line_status,
            self.modem_control,
            self.modem_status,
            self.scratch,
        ];
        let length = (self.in_buffer.len() as u64).to_le_bytes();
        let parts = [&registers[..], &length, &self.in_buffer];
        parts.into_iter().flatten().copied().collect()
    }

    /// After an error, which the reader keeps, what it gives means nothing.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
        ] = *reader.array()?;
        let offset = reader.offset();
        let length = u64::from_le_bytes(*reader.array()?);
        let mut in_buffer = Vec::new();
        let characters = match usize::try_from(length) {
            Ok(length) if length <= in_buffer.capacity() => reader.bytes(length)?,
            _ => return Err(reader.refuse_at(offset, Expected::LengthUpTo(in_buffer.capacity()), length)),
        };
        // They fit: the length has just been checked.
        let _ = in_buffer.extend_from_slice(characters);
        Ok(Self {
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
        })
    }
}

impl TryFrom<&VmSuperioSerialState> for SerialStateSer {
    type Error = ConversionError;

    /// Converts to the same mirror as loading version 1.
    ///
    /// # Errors
    ///
    /// A derived register (IIR or LSR) shows something that the state does not have.
    fn try_from(state: &VmSuperioSerialState) -> Result<Self, ConversionError> {
        let VmSuperioSerialState {
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
        } = state;
        let mut mirror = Self {
            baud_divisor_low: *baud_divisor_low,
            baud_divisor_high: *baud_divisor_high,
            interrupt_enable: *interrupt_enable,
            interrupt_identification: *interrupt_identification,
            line_control: *line_control,
            line_status: *line_status,
            modem_control: *modem_control,
            modem_status: *modem_status,
            scratch: *scratch,
            in_buffer: in_buffer.clone(),
            ..Self::default()
        };
        upgrade_from(&mut mirror, 1)?;
        Ok(mirror)
    }
}

impl TryFrom<&SerialStateSer> for VmSuperioSerialState {
    type Error = ConversionError;

    /// Converts to the fields of version 1, with the same losses as a downgrade to it. `ReleaseTable::losses` reports
    /// them.
    ///
    /// # Errors
    ///
    /// No error is possible at present.
    fn try_from(mirror: &SerialStateSer) -> Result<Self, ConversionError> {
        let mut mirror = mirror.clone();
        downgrade_to(&mut mirror, 1)?;
        Ok(Self {
            baud_divisor_low: mirror.baud_divisor_low,
            baud_divisor_high: mirror.baud_divisor_high,
            interrupt_enable: mirror.interrupt_enable,
            interrupt_identification: mirror.interrupt_identification,
            line_control: mirror.line_control,
            line_status: mirror.line_status,
            modem_control: mirror.modem_control,
            modem_status: mirror.modem_status,
            scratch: mirror.scratch,
            in_buffer: mirror.in_buffer,
        })
    }
}
