//! What a refusal has to name: the value that stands in the refused state at the named place.

use devstate_core::InvalidState;
use devstate_i8042::{I8042State, Lock, PendingCommand};
use devstate_rtc_pl031::RtcState;
use devstate_serial_16550::SerialState;

/// A state whose fields can be found by the names that refusals give.
pub trait Named {
    /// The value at that name and index; `None` where there is no such field, or it cannot be wrong.
    fn value(&self, field: &str, index: Option<usize>) -> Option<u64>;

    /// The refusal names a field that is there, with the value that it has.
    fn assert_named(&self, error: &InvalidState) {
        let value = self.value(error.field, error.index.map(usize::from));
        assert_eq!(value, Some(error.value), "{error}");
        assert!(!error.reason.is_empty());
    }
}

impl Named for RtcState {
    fn value(&self, field: &str, index: Option<usize>) -> Option<u64> {
        (field == "sub_second_ns" && index.is_none()).then_some(self.sub_second_ns.into())
    }
}

impl Named for SerialState {
    fn value(&self, field: &str, index: Option<usize>) -> Option<u64> {
        let byte = match (field, index) {
            ("ier", None) => self.ier,
            ("fcr", None) => self.fcr,
            ("mcr", None) => self.mcr,
            ("rx.len", None) => self.rx.len,
            ("rx.bytes", Some(index)) => *self.rx.bytes.get(index)?,
            ("rx_errors", Some(index)) => *self.rx_errors.get(index)?,
            ("lsr_errors", None) => self.lsr_errors,
            ("timeout_remaining", None) => return Some(self.timeout_remaining),
            ("tx.len", None) => self.tx.len,
            ("tx.bytes", Some(index)) => *self.tx.bytes.get(index)?,
            ("tsr", None) => self.tsr?,
            ("thre_pending", None) => self.thre_pending.into(),
            ("msr_lines", None) => self.msr_lines,
            ("msr_deltas", None) => self.msr_deltas,
            _ => return None,
        };
        Some(byte.into())
    }
}

impl Named for I8042State {
    fn value(&self, field: &str, index: Option<usize>) -> Option<u64> {
        let byte = match (field, index) {
            ("pending_command", None) => match self.pending_command {
                PendingCommand::WriteRam(address) => address,
                _ => return None,
            },
            ("output_buffer", None) => self.output_buffer as u8,
            ("password.len", None) => self.password.len,
            ("password.bytes", Some(index)) => *self.password.bytes.get(index)?,
            ("lock", None) => match self.lock {
                Lock::Open => return None,
                Lock::Locked(typed) => typed,
            },
            _ => {
                return self
                    .value_of_keyboard(field, index)
                    .or_else(|| self.value_of_mouse(field, index));
            }
        };
        Some(byte.into())
    }
}

trait Parts {
    fn value_of_keyboard(&self, field: &str, index: Option<usize>) -> Option<u64>;
    fn value_of_mouse(&self, field: &str, index: Option<usize>) -> Option<u64>;
}

impl Parts for I8042State {
    fn value_of_keyboard(&self, field: &str, index: Option<usize>) -> Option<u64> {
        let keyboard = &self.keyboard;
        let byte = match (field.strip_prefix("keyboard.")?, index) {
            ("leds", None) => keyboard.leds,
            ("typematic", None) => keyboard.typematic,
            ("replies.len", None) => keyboard.replies.len,
            ("replies.bytes", Some(index)) => *keyboard.replies.bytes.get(index)?,
            // While a password locks, nothing may wait, replies included.
            ("codes.len", None) if self.lock != Lock::Open && keyboard.codes.len <= 16 => {
                keyboard.replies.len + keyboard.codes.len
            }
            ("codes.len", None) => keyboard.codes.len,
            ("codes.bytes", Some(index)) => *keyboard.codes.bytes.get(index)?,
            ("overrun", None) => keyboard.overrun?,
            ("sys_rq", None) => keyboard.sys_rq.into(),
            ("held", Some(index)) => *keyboard.held.0.get(index)?,
            ("without_break", Some(index)) => *keyboard.without_break.0.get(index)?,
            ("without_repeat", Some(index)) => *keyboard.without_repeat.0.get(index)?,
            _ => return None,
        };
        Some(byte.into())
    }

    fn value_of_mouse(&self, field: &str, index: Option<usize>) -> Option<u64> {
        let mouse = &self.mouse;
        let byte = match (field.strip_prefix("mouse.")?, index) {
            ("wrap", None) => mouse.wrap.into(),
            ("resolution", None) => mouse.resolution,
            ("buttons", None) => mouse.buttons.0,
            ("reported", None) => mouse.reported.0,
            ("clicks", None) => mouse.clicks.0,
            ("replies.len", None) => mouse.replies.len,
            ("replies.bytes", Some(index)) => *mouse.replies.bytes.get(index)?,
            ("packets.len", None) => mouse.packets.len,
            ("packets.bytes", Some(index)) => *mouse.packets.bytes.get(index)?,
            ("begun", None) => mouse.begun,
            ("last_sent.len", None) => mouse.last_sent.len,
            ("last_sent.bytes", Some(index)) => *mouse.last_sent.bytes.get(index)?,
            _ => return None,
        };
        Some(byte.into())
    }
}
