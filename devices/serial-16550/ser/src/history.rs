//! The translation between versions 1 and 2.
//!
//! Version 1 is the state of a simpler device, the one of vm-superio. Its FIFOs are always on, its transmitter is
//! always empty, nothing times out, and a read of LSR or MSR clears nothing. It has IIR and LSR, although they follow
//! from the other fields. If they contradict the other fields, the other fields win. If they name something that is
//! missing, the state is refused.

#![expect(
    clippy::unnecessary_wraps,
    reason = "every semantic function may refuse; some never need to"
)]

use devstate_serial_16550::{SerialState, spec};
use devstate_versioning::ConversionError;

use crate::mirror::SerialStateSer;

/// vm-superio's bits of IIR: not the chip's ids, but one bit for each of two sources, and one for none.
mod superio_iir {
    pub(super) const NONE: u8 = 0x01;
    pub(super) const THR_EMPTY: u8 = 0x02;
    pub(super) const RECEIVED_DATA: u8 = 0x04;
    /// Added whenever the register is read; a saved register may have them as well.
    pub(super) const FIFO: u8 = 0xc0;
}

/// The FIFOs are on, and each character makes an interrupt.
pub(crate) fn fifos_on(_version: u16) -> u8 {
    spec::fcr::ENABLE
}

/// Only the transmitter's interrupt is independent. Whether received data is pending follows from `in_buffer`. This also
/// repairs a quirk of vm-superio: there a read of IIR clears that bit while characters are unread.
pub(crate) fn pending_from_iir(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    let iir = mirror.interrupt_identification & !superio_iir::FIFO;
    if iir & !(superio_iir::NONE | superio_iir::THR_EMPTY | superio_iir::RECEIVED_DATA) != 0 {
        return Err(ConversionError::new("IIR names a source that version 1 did not have"));
    }
    if iir & superio_iir::NONE != 0 && iir != superio_iir::NONE {
        return Err(ConversionError::new("IIR shows both a pending interrupt and none"));
    }
    let enabled = mirror.interrupt_enable & spec::ier::THR_EMPTY != 0;
    mirror.thr_interrupt_pending = enabled && iir & superio_iir::THR_EMPTY != 0;
    Ok(())
}

pub(crate) fn iir_of_version_1(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    let mut iir = 0;
    if mirror.thr_interrupt_pending {
        iir |= superio_iir::THR_EMPTY;
    }
    if mirror.interrupt_enable & spec::ier::RECEIVED_DATA != 0 && !mirror.in_buffer.is_empty() {
        iir |= superio_iir::RECEIVED_DATA;
    }
    mirror.interrupt_identification = if iir == 0 { superio_iir::NONE } else { iir };
    Ok(())
}

/// Data ready follows from `in_buffer`. The errors are taken over.
pub(crate) fn errors_from_lsr(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    let lsr = mirror.line_status;
    if lsr & spec::lsr::RESET != spec::lsr::RESET {
        return Err(ConversionError::new(
            "LSR shows a character that is being sent, but there is none",
        ));
    }
    if lsr & spec::lsr::FIFO_ERROR != 0 && lsr & spec::lsr::CHARACTER_ERRORS == 0 {
        return Err(ConversionError::new(
            "LSR shows that a character has an error, but not which error",
        ));
    }
    mirror.line_errors = lsr & spec::lsr::ERRORS;
    Ok(())
}

/// No errors are written: nothing would ever clear them.
pub(crate) fn lsr_of_version_1(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.line_status = spec::lsr::RESET;
    if !mirror.in_buffer.is_empty() {
        mirror.line_status |= spec::lsr::DATA_READY;
    }
    Ok(())
}

pub(crate) fn drop_bits_that_do_not_exist(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.modem_control &= spec::mcr::MASK;
    Ok(())
}

/// Nothing would ever clear them.
pub(crate) fn drop_deltas(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.modem_status &= spec::msr::LINES;
    Ok(())
}

/// Four character times from the moment of loading, if there are characters. The moment of the save is not known: with
/// `Clock::Wall` the time-out is over.
pub(crate) fn begin_timeout(mirror: &mut SerialStateSer, _version: u16) -> Result<(), ConversionError> {
    mirror.timeout_remaining = if mirror.in_buffer.is_empty() {
        0
    } else {
        let divisor = u16::from_le_bytes([mirror.baud_divisor_low, mirror.baud_divisor_high]);

        SerialState::timeout_nanos(divisor, mirror.line_control)
    };
    Ok(())
}
