//! The mouse.

use devstate_i8042::{ByteQueue, MouseArgument, MouseButtons, MouseProtocol, MouseState, RateSequence, spec};
use devstate_qemu_section::{Losses, Refused};

use super::NO_COMMAND;
use super::ring::{MOST, contents, invalid, ring};
use super::section::Ps2MouseSection;
use crate::bytes::fill;

/// The bits of the status that QEMU keeps: the same as those that the guest reads.
const STATUS: u8 = spec::mouse::status::REMOTE | spec::mouse::status::ENABLED | spec::mouse::status::SCALING_2_1;

/// Sequences of sample rates, as QEMU counts them.
const SEQUENCES: [RateSequence; 4] = [
    RateSequence::None,
    RateSequence::Rate200,
    RateSequence::Rate200Then100,
    RateSequence::Rate200Then200,
];

pub(super) fn import(section: &Ps2MouseSection, losses: &mut Losses<'_>) -> Result<MouseState, Refused> {
    let Ps2MouseSection {
        ref common,
        mouse_status,
        mouse_resolution,
        mouse_sample_rate,
        mouse_wrap,
        mouse_type,
        mouse_detect_state,
        mouse_dx,
        mouse_dy,
        mouse_dz,
        mouse_buttons,
    } = *section;
    if mouse_status & !STATUS != 0 {
        losses.lose("mouse_status", mouse_status, "only bits 4 to 6")?;
    }
    if mouse_resolution > spec::mouse::RESOLUTION_MAX {
        losses.lose(
            "mouse_resolution",
            mouse_resolution,
            "the resolutions are 0 to 3: it is 3 here",
        )?;
    }
    let buttons = MouseButtons(mouse_buttons & MouseButtons::ALL.0);
    if buttons.0 != mouse_buttons {
        losses.lose("mouse_buttons", mouse_buttons, "there are five buttons")?;
    }
    let protocol = match mouse_type {
        0 => MouseProtocol::Standard,
        3 => MouseProtocol::IntelliMouse,
        4 => MouseProtocol::ExplorerHorizontal,
        other => return Err(invalid("mouse_type", other.into(), "0, 3 or 4").into()),
    };
    let sequence = SEQUENCES.get(usize::from(mouse_detect_state)).copied();
    if sequence.is_none() {
        losses.lose(
            "mouse_detect_state",
            mouse_detect_state,
            "no such sequence of sample rates",
        )?;
    }
    let argument = match u8::try_from(common.write_cmd) {
        Ok(spec::mouse::SET_RESOLUTION) => MouseArgument::Resolution,
        Ok(spec::mouse::SET_SAMPLE_RATE) => MouseArgument::SampleRate,
        _ => MouseArgument::None,
    };
    let wrap = mouse_wrap != 0;
    if common.write_cmd != NO_COMMAND && (wrap || argument == MouseArgument::None) {
        losses.lose(
            "ps2mouse.write_cmd",
            common.write_cmd,
            "no command that waits for an argument",
        )?;
    }
    Ok(MouseState {
        argument: if wrap { MouseArgument::None } else { argument },
        remote: mouse_status & spec::mouse::status::REMOTE != 0,
        wrap,
        reporting: mouse_status & spec::mouse::status::ENABLED != 0,
        scaling_2_1: mouse_status & spec::mouse::status::SCALING_2_1 != 0,
        resolution: mouse_resolution.min(spec::mouse::RESOLUTION_MAX),
        sample_rate: mouse_sample_rate,
        protocol,
        rate_sequence: sequence.unwrap_or(RateSequence::None),
        buttons,
        reported: buttons,
        dx: counts("mouse_dx", mouse_dx, losses)?,
        dy: counts("mouse_dy", mouse_dy, losses)?,
        dz: counts("mouse_dz", mouse_dz, losses)?,
        // QEMU does not tell packets from replies. As replies they keep their order, and no command discards them.
        replies: contents(common)?,
        last_sent: ByteQueue::EMPTY,
        ..MouseState::RESET
    })
}

fn counts(field: &'static str, value: i32, losses: &mut Losses<'_>) -> Result<i16, Refused> {
    let most = i32::from(i16::MAX);
    if value.unsigned_abs() > most.unsigned_abs() {
        losses.lose(field, value, "it counts up to 32767")?;
    }
    Ok(value.clamp(-most, most) as i16)
}

pub(super) fn export(state: &MouseState, losses: &mut Losses<'_>) -> Result<Ps2MouseSection, Refused> {
    let MouseState {
        argument,
        remote,
        wrap,
        reporting,
        scaling_2_1,
        resolution,
        sample_rate,
        protocol,
        rate_sequence,
        buttons,
        reported,
        clicks,
        dx,
        dy,
        dz,
        dw,
        replies: _,
        packets: _,
        begun: _,
        ref last_sent,
    } = *state;
    if protocol == MouseProtocol::Explorer {
        losses.lose(
            "mouse.protocol",
            4,
            "QEMU's mouse then also reports the horizontal wheel",
        )?;
    }
    let begun = SEQUENCES.iter().position(|sequence| *sequence == rate_sequence);
    if begun.is_none() {
        losses.lose(
            "mouse.rate_sequence",
            80,
            "QEMU's mouse does not know this sequence of sample rates",
        )?;
    }
    if reported != buttons {
        losses.lose(
            "mouse.reported",
            reported.0,
            "QEMU's mouse reports buttons with the next movement only",
        )?;
    }
    if clicks != MouseButtons::NONE {
        losses.lose(
            "mouse.clicks",
            clicks.0,
            "QEMU's mouse forgets a click that it could not report",
        )?;
    }
    if dw != 0 {
        losses.lose("mouse.dw", dw, "QEMU does not save the horizontal wheel")?;
    }
    if !last_sent.is_empty() {
        losses.ignore("mouse.last_sent", last_sent.len, "QEMU's mouse does not resend")?;
    }
    let write_cmd = match argument {
        MouseArgument::None => NO_COMMAND,
        MouseArgument::Resolution => spec::mouse::SET_RESOLUTION.into(),
        MouseArgument::SampleRate => spec::mouse::SET_SAMPLE_RATE.into(),
    };
    let bit = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
    let bytes = queue(state, losses)?;
    Ok(Ps2MouseSection {
        common: ring(write_cmd, bytes.as_slice()),
        mouse_status: bit(spec::mouse::status::REMOTE, remote)
            | bit(spec::mouse::status::ENABLED, reporting)
            | bit(spec::mouse::status::SCALING_2_1, scaling_2_1),
        mouse_resolution: resolution,
        mouse_sample_rate: sample_rate,
        mouse_wrap: wrap.into(),
        mouse_type: protocol.id(),
        mouse_detect_state: begun.unwrap_or(0) as u8,
        mouse_dx: dx.into(),
        mouse_dy: dy.into(),
        mouse_dz: dz.into(),
        mouse_buttons: buttons.0,
    })
}

/// The bytes in the order in which the guest reads them, as many as QEMU's queue has room for, and of packets whole ones.
fn queue(state: &MouseState, losses: &mut Losses<'_>) -> Result<ByteQueue<MOST>, Refused> {
    let room = usize::from(spec::mouse::BUFFER);
    let (rest, packets) = state
        .packets
        .as_slice()
        .split_at_checked(state.begun.into())
        .unwrap_or_default();
    let mut bytes = ByteQueue::EMPTY;
    fill(&mut bytes, rest);
    let replies = state.replies.as_slice();
    fill(&mut bytes, replies.get(..room - rest.len()).unwrap_or(replies));
    let packet_len = if protocol_has_wheel(state.protocol) { 4 } else { 3 };
    for packet in packets.chunks(packet_len) {
        if usize::from(bytes.len) + packet.len() <= room {
            fill(&mut bytes, packet);
        }
    }
    let all = rest.len() + replies.len() + packets.len();
    let lost = all - usize::from(bytes.len);
    if lost != 0 {
        losses.lose("mouse.packets", lost as u8, "QEMU's queue has 16 bytes")?;
    }
    Ok(bytes)
}

const fn protocol_has_wheel(protocol: MouseProtocol) -> bool {
    !matches!(protocol, MouseProtocol::Standard)
}
