//! Converts the state of QEMU's UART to ours.

use devstate_core::{Instant, InvalidState};
use devstate_qemu_section::{Loss, Losses, Refused};
use devstate_serial_16550::{Fifo, SerialState, spec};

use super::section::{
    SerialFifo, SerialFifoTimeoutTimer, SerialPoll, SerialReceiveFifo, SerialSection, SerialThrPending,
    SerialTimeoutPending, SerialTransmitFifo, SerialTsr,
};
use crate::mirror::SerialStateSer;

impl SerialSection {
    /// Converts the section to the state of our device. `now` is the machine's virtual time. Calls the visitor with
    /// each loss.
    ///
    /// # Errors
    ///
    /// - The visitor refused a loss.
    /// - The state is impossible for a device.
    pub fn to_state(self, now: Instant, visit: &mut dyn FnMut(&Loss) -> bool) -> Result<SerialState, Refused> {
        let Self {
            divider,
            rbr,
            ier,
            iir,
            lcr,
            mcr,
            lsr,
            msr,
            scr,
            fcr_vmstate,
            thr_ipending,
            tsr,
            recv_fifo,
            xmit_fifo,
            fifo_timeout_timer,
            timeout_ipending,
            poll,
        } = self;
        let mut losses = Losses::new(visit);
        let fifos = fcr_vmstate & spec::fcr::ENABLE != 0;
        if !fifos && fcr_vmstate != 0 {
            losses.ignore("fcr_vmstate", fcr_vmstate, "kept only while the FIFOs are on")?;
        }
        if fifos != (iir & spec::iir::FIFO_ENABLED == spec::iir::FIFO_ENABLED) {
            losses.lose("iir", iir, "bits 6 and 7 show whether the FIFOs are on")?;
        }
        if let Some(SerialPoll { poll_msl, .. }) = poll {
            losses.ignore("poll_msl", poll_msl, "the host reports changes of the modem inputs")?;
        }
        let mut state = SerialState {
            divisor: divider,
            ier,
            fcr: if fifos { fcr_vmstate & spec::fcr::MASK } else { 0 },
            lcr,
            mcr,
            scr,
            rbr,
            rx: received(rbr, lsr, fifos, recv_fifo, &mut losses)?,
            lsr_errors: lsr & spec::lsr::ERRORS,
            msr_lines: msr & spec::msr::LINES,
            msr_deltas: msr & spec::msr::DELTAS,
            saved_at: now,
            ..SerialState::RESET
        };
        let came_round = transmitter(&mut state, lsr, tsr, xmit_fifo, &mut losses)?;
        let shown = iir & !spec::iir::FIFO_ENABLED == spec::iir::THR_EMPTY;
        let pending = thr_ipending.map_or(shown, |SerialThrPending { thr_ipending }| thr_ipending != 0);
        let enabled = ier & spec::ier::THR_EMPTY != 0 && state.tx.is_empty();
        state.thre_pending = pending && enabled;
        if pending && !enabled {
            losses.ignore("thr_ipending", 1, "enabling the interrupt makes it pending again")?;
        }
        if came_round && fifos {
            // As with every character that comes, the time-out begins anew.
            state.timeout_remaining = SerialState::timeout_nanos(state.divisor, state.lcr);
        } else {
            time_out(&mut state, now, fifo_timeout_timer, timeout_ipending, &mut losses)?;
        }
        state.validate()?;
        Ok(state)
    }
}

fn received(
    rbr: u8,
    lsr: u8,
    fifos: bool,
    recv_fifo: Option<SerialReceiveFifo>,
    losses: &mut Losses<'_>,
) -> Result<Fifo, Refused> {
    let in_fifo = match recv_fifo {
        Some(SerialReceiveFifo { recv_fifo }) => fifo("recv_fifo", recv_fifo)?,
        None => Fifo::EMPTY,
    };
    let ready = lsr & spec::lsr::DATA_READY != 0;
    if !fifos {
        if !in_fifo.is_empty() {
            losses.lose("recv_fifo", in_fifo.len, "there is no FIFO in 16450 mode")?;
        }
        return Ok(if ready { Fifo::from_array([rbr]) } else { Fifo::EMPTY });
    }
    if in_fifo.is_empty() == ready {
        losses.lose("lsr", lsr, "data are ready while they are in the receive FIFO")?;
    }
    Ok(in_fifo)
}

/// The characters of a FIFO.
fn fifo(field: &'static str, fifo: SerialFifo) -> Result<Fifo, InvalidState> {
    let SerialFifo { data, head, num } = fifo;
    if head >= spec::FIFO_LEN as u32 {
        return Err(InvalidState::new(field, head.into(), "its head is below 16"));
    }
    if num > spec::FIFO_LEN as u32 {
        return Err(InvalidState::new(field, num.into(), "it has 16 characters at most"));
    }
    let mut queue = Fifo::EMPTY;
    for character in data.iter().cycle().skip(head as usize).take(num as usize) {
        queue.push(*character);
    }
    Ok(queue)
}

/// What the output has not taken. Returns `true` if it comes round, in loopback.
fn transmitter(
    state: &mut SerialState,
    lsr: u8,
    tsr: Option<SerialTsr>,
    xmit_fifo: Option<SerialTransmitFifo>,
    losses: &mut Losses<'_>,
) -> Result<bool, Refused> {
    let waiting = match xmit_fifo {
        Some(SerialTransmitFifo { xmit_fifo }) => fifo("xmit_fifo", xmit_fifo)?,
        None => Fifo::EMPTY,
    };
    let stalled = tsr.filter(|SerialTsr { tsr_retry, .. }| *tsr_retry != 0);
    if stalled.is_some() == (lsr & spec::lsr::TRANSMITTER_EMPTY != 0) {
        let reason = "bit 6 is 0 while the output has not taken a character";
        return Err(InvalidState::new("lsr", lsr.into(), reason).into());
    }
    let Some(SerialTsr { tsr_retry, thr, tsr }) = stalled else {
        if !waiting.is_empty() {
            losses.lose(
                "xmit_fifo",
                waiting.len,
                "nothing waits while the shift register is empty",
            )?;
        }
        return Ok(false);
    };
    losses.ignore("tsr_retry", tsr_retry, "the host decides about stalled output")?;
    let waiting = match (state.fcr, lsr & spec::lsr::THR_EMPTY) {
        (0, 0) => Fifo::from_array([thr]),
        (0, _) => Fifo::EMPTY,
        _ => waiting,
    };
    if state.mcr & spec::mcr::LOOP == 0 {
        state.tsr = Some(tsr);
        state.tx = waiting;
        return Ok(false);
    }
    losses.lose("tsr", tsr, "in loopback, stalled output is received at once")?;
    come_round(state, tsr);
    for character in waiting.as_slice() {
        come_round(state, *character);
    }
    Ok(true)
}

/// The receiver gets a character as loopback gives it.
fn come_round(state: &mut SerialState, character: u8) {
    let character = character & 0xff >> (3 - (state.lcr & spec::lcr::WORD_LENGTH));
    let capacity = if state.fcr == 0 { 1 } else { spec::FIFO_LEN as u8 };
    if state.rx.len < capacity {
        state.rx.push(character);
    } else {
        state.lsr_errors |= spec::lsr::OVERRUN;
        if state.fcr == 0 {
            state.rx = Fifo::from_array([character]);
        }
    }
    if state.fcr == 0 {
        state.rbr = character;
    }
}

fn time_out(
    state: &mut SerialState,
    now: Instant,
    fifo_timeout_timer: Option<SerialFifoTimeoutTimer>,
    timeout_ipending: Option<SerialTimeoutPending>,
    losses: &mut Losses<'_>,
) -> Result<(), Refused> {
    let timer = fifo_timeout_timer.map(|SerialFifoTimeoutTimer { fifo_timeout_timer }| fifo_timeout_timer);
    let due_at = timer.and_then(|timer| u64::try_from(timer).ok());
    let timed_out = timeout_ipending.is_some_and(|SerialTimeoutPending { timeout_ipending }| timeout_ipending != 0);
    if state.fcr == 0 || state.rx.is_empty() {
        if timed_out {
            losses.lose(
                "timeout_ipending",
                1,
                "there is no time-out while the receive FIFO is empty",
            )?;
        }
        if let (Some(timer), Some(_)) = (timer, due_at) {
            losses.ignore(
                "fifo_timeout_timer",
                timer,
                "there is no time-out while the receive FIFO is empty",
            )?;
        }
        return Ok(());
    }
    state.timeout_remaining = match due_at {
        _ if timed_out => 0,
        Some(due_at) => due_at.saturating_sub(now.as_nanos()).max(1),
        None => {
            let reason = "no time-out runs; here the longest one does";
            losses.lose("fifo_timeout_timer", -1, reason)?;
            SerialState::MAX_TIMEOUT_NANOS
        }
    };
    if let Some(timer) = timer
        && state.timeout_remaining > SerialState::MAX_TIMEOUT_NANOS
    {
        losses.lose("fifo_timeout_timer", timer, "longer than any time-out")?;
        state.timeout_remaining = SerialState::MAX_TIMEOUT_NANOS;
    }
    Ok(())
}

impl TryFrom<(&SerialSection, Instant)> for SerialStateSer {
    type Error = Refused;

    /// Converts a section to a mirror. The second value is the machine's virtual time.
    ///
    /// # Errors
    ///
    /// A guest could see a loss, or the state is impossible for a device.
    fn try_from((section, now): (&SerialSection, Instant)) -> Result<Self, Refused> {
        let state = section.to_state(now, &mut |loss| loss.ignorable)?;
        Ok(Self::new(&state))
    }
}
