//! Converts the UART states that cloud-hypervisor and crosvm save as JSON. Both devices have the same origin as
//! vm-superio's device.

use devstate_versioning::ConversionError;
use heapless::Vec;

use crate::mirror::SerialStateSer;
use crate::vm_superio::VmSuperioSerialState;

/// The fields of cloud-hypervisor's UART. Its snapshots have them in the `state` of the device `__serial`.
///
/// They are the fields of vm-superio, with one number for the divisor. The conversions are the same as for
/// [`VmSuperioSerialState`].
///
/// ```
/// use devstate_serial_16550::SerialState;
/// use devstate_serial_16550_ser::{CloudHypervisorSerialState, SerialStateSer};
///
/// let theirs = CloudHypervisorSerialState { baud_divisor: 1, interrupt_enable: 5, ..Default::default() };
/// let mut mirror = SerialStateSer::try_from(&theirs)?;
/// let backlog = mirror.take_backlog();
/// assert!(backlog.is_empty());
/// assert_eq!(SerialState::try_from(&mirror)?.divisor, 1);
/// assert_eq!(CloudHypervisorSerialState::try_from(&mirror)?, theirs);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CloudHypervisorSerialState {
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
    /// Divisor latch, both bytes.
    pub baud_divisor: u16,
    /// Characters received and not yet read. Serde refuses more than 64.
    pub in_buffer: Vec<u8, 64>,
}

/// The fields of crosvm's UART, in its snapshots.
///
/// They are the fields of cloud-hypervisor, and three fields of the host. crosvm refuses a state without these three.
///
/// ```
/// use devstate_serial_16550_ser::{CrosvmSerialState, SerialStateSer};
///
/// let theirs = CrosvmSerialState::default();
/// let mirror = SerialStateSer::try_from(&theirs)?;
/// assert_eq!(CrosvmSerialState::try_from(&mirror)?, theirs);
/// # Ok::<(), devstate_versioning::ConversionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CrosvmSerialState {
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
    /// Divisor latch, both bytes.
    pub baud_divisor: u16,
    /// Characters received and not yet read. Serde refuses more than 64.
    pub in_buffer: Vec<u8, 64>,
    /// The host gives input. Not used here, and written as `true`.
    pub has_input: bool,
    /// The host takes output. Not used here, and written as `true`.
    pub has_output: bool,
    /// The host's log begins a line. Not used here, and written as `true`.
    pub last_write_was_newline: bool,
}

impl Default for CloudHypervisorSerialState {
    /// Returns the initial state of cloud-hypervisor's UART: the same as for vm-superio.
    fn default() -> Self {
        Self::from(VmSuperioSerialState::default())
    }
}

impl Default for CrosvmSerialState {
    /// Returns the initial state of crosvm's UART: the same as for vm-superio.
    fn default() -> Self {
        Self::from(CloudHypervisorSerialState::default())
    }
}

impl From<CloudHypervisorSerialState> for CrosvmSerialState {
    fn from(state: CloudHypervisorSerialState) -> Self {
        let CloudHypervisorSerialState {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor,
            in_buffer,
        } = state;
        Self {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor,
            in_buffer,
            has_input: true,
            has_output: true,
            last_write_was_newline: true,
        }
    }
}

impl From<CrosvmSerialState> for CloudHypervisorSerialState {
    /// Leaves out the host's three fields.
    fn from(state: CrosvmSerialState) -> Self {
        let CrosvmSerialState {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor,
            in_buffer,
            has_input: _,
            has_output: _,
            last_write_was_newline: _,
        } = state;
        Self {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor,
            in_buffer,
        }
    }
}

impl From<VmSuperioSerialState> for CloudHypervisorSerialState {
    fn from(state: VmSuperioSerialState) -> Self {
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
        Self {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor: u16::from_le_bytes([baud_divisor_low, baud_divisor_high]),
            in_buffer,
        }
    }
}

impl From<CloudHypervisorSerialState> for VmSuperioSerialState {
    fn from(state: CloudHypervisorSerialState) -> Self {
        let CloudHypervisorSerialState {
            interrupt_enable,
            interrupt_identification,
            line_control,
            line_status,
            modem_control,
            modem_status,
            scratch,
            baud_divisor,
            in_buffer,
        } = state;
        let [baud_divisor_low, baud_divisor_high] = baud_divisor.to_le_bytes();
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
            in_buffer,
        }
    }
}

impl TryFrom<&CloudHypervisorSerialState> for SerialStateSer {
    type Error = ConversionError;

    /// Converts in the same way as for [`VmSuperioSerialState`].
    ///
    /// # Errors
    ///
    /// A derived register (IIR or LSR) shows something that the state does not have.
    fn try_from(state: &CloudHypervisorSerialState) -> Result<Self, ConversionError> {
        Self::try_from(&VmSuperioSerialState::from(state.clone()))
    }
}

impl TryFrom<&SerialStateSer> for CloudHypervisorSerialState {
    type Error = ConversionError;

    /// Converts to the fields of version 1, with the same losses as a downgrade to it. `ReleaseTable::losses` reports
    /// them.
    ///
    /// # Errors
    ///
    /// No error is possible at present.
    fn try_from(mirror: &SerialStateSer) -> Result<Self, ConversionError> {
        VmSuperioSerialState::try_from(mirror).map(Self::from)
    }
}

impl TryFrom<&CrosvmSerialState> for SerialStateSer {
    type Error = ConversionError;

    /// Converts in the same way as for [`VmSuperioSerialState`]. The host's three fields are left out.
    ///
    /// # Errors
    ///
    /// A derived register (IIR or LSR) shows something that the state does not have.
    fn try_from(state: &CrosvmSerialState) -> Result<Self, ConversionError> {
        Self::try_from(&CloudHypervisorSerialState::from(state.clone()))
    }
}

impl TryFrom<&SerialStateSer> for CrosvmSerialState {
    type Error = ConversionError;

    /// Converts to the fields of version 1, with the same losses as a downgrade to it. `ReleaseTable::losses` reports
    /// them.
    ///
    /// # Errors
    ///
    /// No error is possible at present.
    fn try_from(mirror: &SerialStateSer) -> Result<Self, ConversionError> {
        CloudHypervisorSerialState::try_from(mirror).map(Self::from)
    }
}
