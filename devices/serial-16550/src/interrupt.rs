//! The interrupt: one id by priority, and the line's level, both computed from the state.

use crate::spec::{ier, iir, msr};
use crate::state::SerialState;

impl SerialState {
    /// The id of the pending interrupt with the highest priority, or [`iir::NONE`] (section 8.6).
    ///
    /// Received data and time-out have the same priority; where both are pending the time-out's bit is set.
    #[inline]
    pub(crate) const fn interrupt_id(&self) -> u8 {
        if self.ier == 0 {
            iir::NONE
        } else if self.ier & ier::LINE_STATUS != 0 && self.lsr_errors != 0 {
            iir::LINE_STATUS
        } else if self.ier & ier::RECEIVED_DATA != 0 && self.timed_out() {
            iir::TIMEOUT
        } else if self.ier & ier::RECEIVED_DATA != 0 && self.rx.len >= self.trigger_level() {
            iir::RECEIVED_DATA
        } else if self.thre_pending {
            iir::THR_EMPTY
        } else if self.ier & ier::MODEM_STATUS != 0 && self.msr_deltas & msr::DELTAS != 0 {
            iir::MODEM_STATUS
        } else {
            iir::NONE
        }
    }

    /// The level of the interrupt line.
    #[inline]
    pub(crate) const fn interrupt_level(&self) -> bool {
        self.interrupt_id() != iir::NONE
    }
}
