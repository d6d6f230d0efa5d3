//! The guest as the host sees it: the outputs, and room for characters.

use devstate_core::InterruptLine;

use crate::device::Serial;
use crate::events::SerialEvents;
use crate::line::LineParameters;
use crate::modem::ModemOutputs;
use crate::output::Output;

/// What a change is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    outputs: ModemOutputs,
    break_output: bool,
    line: LineParameters,
    room: usize,
    unread: u8,
}

impl<I: InterruptLine, W: Output, EV: SerialEvents> Serial<I, W, EV> {
    /// Returns the levels that the guest drives on the modem's outputs.
    #[must_use]
    pub const fn modem_outputs(&self) -> ModemOutputs {
        ModemOutputs::from_mcr(self.state.mcr)
    }

    /// Returns the frame and speed that the guest programmed.
    #[must_use]
    pub const fn line_parameters(&self) -> LineParameters {
        LineParameters::new(self.state.divisor, self.state.lcr, self.config.input_clock_hz)
    }

    /// Returns `true` if the guest holds the output at space (section 8.1, bit 6). In loopback the output is at mark.
    #[must_use]
    pub const fn break_output(&self) -> bool {
        self.state.break_output()
    }

    pub(crate) fn outside(&self) -> Outside {
        Outside {
            outputs: self.modem_outputs(),
            break_output: self.break_output(),
            line: self.line_parameters(),
            room: self.receive_capacity(),
            unread: self.state.rx.len,
        }
    }

    pub(crate) fn report_changes(&self, before: &Outside) {
        self.report_outputs(before);
        self.report_room(before);
    }

    pub(crate) fn report_outputs(&self, before: &Outside) {
        let now = self.outside();
        if now.outputs != before.outputs {
            self.events.modem_outputs_changed(now.outputs);
        }
        if now.break_output != before.break_output {
            self.events.break_changed(now.break_output);
        }
        if now.line != before.line {
            self.events.line_changed(now.line);
        }
    }

    /// Reports room that anything but a read has made. Also an emptied receiver, though it may have less room than
    /// before in another mode: a host that was refused waits for exactly that.
    pub(crate) fn report_room(&self, before: &Outside) {
        let room = self.receive_capacity();
        let emptied = before.unread != 0 && self.state.rx.is_empty();
        if room != 0 && (room > before.room || emptied) {
            self.events.receive_ready();
        }
    }

    /// Reports the characters that a reset or a restore discards.
    pub(crate) fn report_lost_characters(&self) {
        let (unsent, unread) = (self.output_pending(), self.state.rx.len);
        if unsent != 0 {
            self.events.transmit_discarded(unsent);
        }
        if unread != 0 {
            self.events.receive_discarded(unread.into());
        }
    }
}
