//! Movement and buttons, and the packets that report them.

use crate::events::I8042Events;
use crate::mouse::{MouseProtocol, MouseState};
use crate::mouse_input::{MouseButtons, MouseInput};
use crate::spec::mouse as spec;
use crate::spec::mouse::packet;
use devstate_core::ByteQueue;

impl MouseState {
    /// Returns `true` if the mouse sends packets on its own.
    const fn streams(&self) -> bool {
        self.reporting && !self.remote && !self.wrap
    }

    /// Counts movement and buttons for the next packet. What the protocol does not carry is dropped.
    pub(crate) fn count(&mut self, input: &MouseInput, events: &impl I8042Events) {
        let buttons = MouseButtons(input.buttons.0 & MouseButtons::ALL.0);
        let changed = (buttons.0 ^ self.buttons.0) & self.protocol.buttons().0;
        self.buttons = buttons;
        if self.streams() {
            let differs = buttons.0 ^ self.reported.0;
            let lost = changed & differs & self.clicks.0;
            if lost != 0 {
                events.mouse_click_lost(MouseButtons(lost));
            }
            self.clicks.0 = self.clicks.0 & !lost | changed & !differs;
        } else {
            self.clicks = MouseButtons::NONE;
        }
        self.dx = self.dx.saturating_add(input.dx);
        self.dy = self.dy.saturating_add(input.dy);
        if self.protocol != MouseProtocol::Standard {
            self.dz = self.dz.saturating_add(input.dz);
        }
        if self.protocol == MouseProtocol::ExplorerHorizontal {
            self.dw = self.dw.saturating_add(input.dw);
        }
    }

    /// Drops what has been counted. Buttons stay down, and count as reported.
    pub(crate) fn forget_movement(&mut self) {
        (self.dx, self.dy, self.dz, self.dw) = (0, 0, 0, 0);
        self.reported = self.buttons;
        self.clicks = MouseButtons::NONE;
    }

    /// Drops the packets that the guest has not begun to read.
    pub(crate) fn discard_packets(&mut self) {
        let rest = self.packets.as_slice().get(..self.begun.into()).unwrap_or_default();
        self.packets = ByteQueue::from_slice(rest).unwrap_or(ByteQueue::EMPTY);
    }

    /// Takes the oldest packet that the guest has not begun to read.
    pub(crate) fn take_waiting_packet(&mut self) -> Option<ByteQueue<4>> {
        let (rest, waiting) = self.packets.as_slice().split_at_checked(self.begun.into())?;
        let (first, others) = waiting.split_at_checked(self.protocol.packet_len().into())?;
        let packet = ByteQueue::from_slice(first)?;
        let mut packets = ByteQueue::from_slice(rest)?;
        packets.push_all(others, spec::BUFFER);
        self.packets = packets;
        Some(packet)
    }

    /// In stream mode, queues packets until everything is reported or the queue is full. Returns `false` if something
    /// is left to report.
    pub(crate) fn report(&mut self, events: &impl I8042Events) -> bool {
        let streams = self.streams();
        while streams && self.unreported() {
            if !self.has_room() {
                events.mouse_packet_delayed();
                return false;
            }
            let scale = if self.scaling_2_1 { 2 } else { 1 };
            let packet = self.take_packet(scale);
            self.packets.push_all(packet.as_slice(), spec::BUFFER);
        }
        true
    }

    /// Queues one packet with just this content, in any mode. What had been counted before is dropped. Returns `false`
    /// if the queue is full.
    pub(crate) fn queue_packet(&mut self, input: &MouseInput, events: &impl I8042Events) -> bool {
        if !self.has_room() {
            events.mouse_packet_delayed();
            return false;
        }
        self.forget_movement();
        self.buttons = MouseButtons(input.buttons.0 & MouseButtons::ALL.0);
        self.forget_movement();
        self.count(input, events);
        let packet = self.take_packet(1);
        self.forget_movement();
        self.packets.push_all(packet.as_slice(), spec::BUFFER)
    }

    /// Returns `true` if a packet fits. Unread replies take room, too.
    const fn has_room(&self) -> bool {
        let used = self.packets.len.saturating_add(self.replies.len);
        spec::BUFFER.saturating_sub(used) >= self.protocol.packet_len()
    }

    /// Takes from the counters what one packet can carry. `scale` is 2 if movement is to be doubled.
    pub(crate) fn take_packet(&mut self, scale: i16) -> ByteQueue<4> {
        let x = scaled(take(&mut self.dx, spec::MAX_COUNTS / scale), scale);
        let y = scaled(take(&mut self.dy, spec::MAX_COUNTS / scale), scale);
        let horizontal = self.protocol == MouseProtocol::ExplorerHorizontal && self.dw != 0;
        // A packet of the horizontal wheel has no room for the side buttons.
        let carried = if horizontal {
            packet::BUTTONS
        } else {
            self.protocol.buttons().0
        };
        let buttons = self.take_buttons(carried).0;
        let mut first = packet::ALWAYS | (buttons & packet::BUTTONS);
        if x < 0 {
            first |= packet::X_SIGN;
        }
        if y < 0 {
            first |= packet::Y_SIGN;
        }
        let mut bytes = ByteQueue::from_array([first, low_byte(x), low_byte(y)]);
        match self.protocol {
            MouseProtocol::Standard => self.dz = 0,
            MouseProtocol::IntelliMouse => {
                bytes.push(low_byte(take(&mut self.dz, spec::MAX_WHEEL_STEPS)));
            }
            MouseProtocol::ExplorerHorizontal if horizontal => {
                let steps = take(&mut self.dw, spec::MAX_HORIZONTAL_STEPS);
                bytes.push(packet::HORIZONTAL | low_byte(steps) & 0x3f);
            }
            MouseProtocol::Explorer | MouseProtocol::ExplorerHorizontal => {
                let side_buttons = (buttons & !packet::BUTTONS) << 1;
                bytes.push(side_buttons | low_byte(take(&mut self.dz, spec::MAX_WHEEL_STEPS)) & 0x0f);
            }
        }
        if self.protocol != MouseProtocol::ExplorerHorizontal {
            self.dw = 0;
        }
        bytes
    }

    /// Returns the buttons that a packet reports as down, of those that it carries. They then count as reported.
    fn take_buttons(&mut self, carried: u8) -> MouseButtons {
        let shown = self.buttons.0 ^ self.clicks.0;
        self.reported.0 = self.reported.0 & !carried | shown & carried;
        self.clicks.0 &= !carried;
        MouseButtons(shown & carried)
    }
}

fn take(counts: &mut i16, most: i16) -> i16 {
    let taken = (*counts).clamp(-most, most);
    *counts = counts.saturating_sub(taken);
    taken
}

/// Returns the counts with scaling 2:1, which is not linear for slow movements.
fn scaled(counts: i16, scale: i16) -> i16 {
    if scale == 1 {
        return counts;
    }
    let magnitude = match counts.abs() {
        0 => 0,
        1 | 2 => 1,
        3 => 3,
        4 => 6,
        5 => 9,
        more => more * 2,
    };
    magnitude * counts.signum()
}

fn low_byte(counts: i16) -> u8 {
    counts.to_le_bytes()[0]
}
