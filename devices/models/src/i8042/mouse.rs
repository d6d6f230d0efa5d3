//! The mouse once more.

use super::outside::Event;
use devstate_i8042::{ByteQueue, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState, RateSequence};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Mouse {
    /// All but its queues.
    state: MouseState,
    /// The rest of a packet that the system has begun to read.
    rest: VecDeque<u8>,
    replies: VecDeque<u8>,
    packets: VecDeque<Vec<u8>>,
    last_sent: Vec<u8>,
}

impl Mouse {
    pub(super) fn of(state: &MouseState) -> Self {
        let len = if state.protocol == MouseProtocol::Standard {
            3
        } else {
            4
        };
        let (rest, packets) = state.packets.as_slice().split_at(state.begun.into());
        Self {
            state: *state,
            rest: rest.to_vec().into(),
            replies: state.replies.as_slice().to_vec().into(),
            packets: packets.chunks(len).map(<[u8]>::to_vec).collect(),
            last_sent: state.last_sent.as_slice().to_vec(),
        }
    }

    pub(super) fn state(&self) -> MouseState {
        let packets: Vec<u8> = self.rest.iter().chain(self.packets.iter().flatten()).copied().collect();
        MouseState {
            replies: ByteQueue::from_slice(&self.replies.iter().copied().collect::<Vec<_>>()).unwrap(),
            packets: ByteQueue::from_slice(&packets).unwrap(),
            begun: self.rest.len() as u8,
            last_sent: ByteQueue::from_slice(&self.last_sent).unwrap(),
            ..self.state
        }
    }

    pub(super) fn has_data(&self) -> bool {
        self.len() != 0
    }

    fn packets_len(&self) -> usize {
        self.rest.len() + self.packets.iter().map(Vec::len).sum::<usize>()
    }

    fn len(&self) -> usize {
        self.packets_len() + self.replies.len()
    }

    pub(super) fn send(&mut self) -> Option<u8> {
        if let Some(byte) = self.rest.pop_front() {
            return Some(byte);
        }
        if let Some(byte) = self.replies.pop_front() {
            return Some(byte);
        }
        self.last_sent = self.packets.pop_front()?;
        self.rest = self.last_sent.clone().into();
        self.rest.pop_front()
    }

    pub(super) fn receive(&mut self, byte: u8, events: &mut Vec<Event>) {
        let argument = std::mem::replace(&mut self.state.argument, MouseArgument::None);
        let reply = match (argument, byte) {
            (MouseArgument::None, 0xec | 0xff) => self.execute(byte, events),
            (MouseArgument::None, _) if self.state.wrap => vec![byte],
            (MouseArgument::None, _) | (_, 0xe6..) => self.execute(byte, events),
            (MouseArgument::Resolution, 4..) => vec![0xfe],
            (MouseArgument::Resolution, _) => {
                self.state.resolution = byte;
                self.forget();
                vec![0xfa]
            }
            (MouseArgument::SampleRate, _) => {
                self.state.sample_rate = byte;
                self.forget();
                self.continue_sequence(byte);
                vec![0xfa]
            }
        };
        if self.len() + reply.len() > 24 {
            events.push(Event::MouseReplyLost);
            self.replies.clear();
        }
        self.replies.extend(&reply);
        if !reply.is_empty() && reply != [0xfe] {
            self.last_sent = reply;
        }
    }

    fn execute(&mut self, command: u8, events: &mut Vec<Event>) -> Vec<u8> {
        let state = &mut self.state;
        let mut forgets = true;
        match command {
            0xe6 | 0xe7 => {
                state.scaling_2_1 = command == 0xe7;
                forgets = false;
            }
            0xe8 => {
                state.argument = MouseArgument::Resolution;
                forgets = false;
            }
            0xf3 => {
                state.argument = MouseArgument::SampleRate;
                forgets = false;
            }
            0xe9 => {
                let [left, right, middle] = [1, 2, 4].map(|button| state.buttons.0 & button != 0);
                let bits = [
                    right,
                    middle,
                    left,
                    false,
                    state.scaling_2_1,
                    state.reporting,
                    state.remote,
                ];
                let status = bits.iter().rev().fold(0, |status, bit| status << 1 | u8::from(*bit));
                let reply = vec![0xfa, status, state.resolution, state.sample_rate];
                self.forget();
                return reply;
            }
            0xea => state.remote = false,
            0xf0 => state.remote = true,
            0xeb => {
                let packet = match self.packets.pop_front() {
                    Some(packet) => packet,
                    None => self.packet(false),
                };
                return [vec![0xfa], packet].concat();
            }
            0xec if state.wrap => state.wrap = false,
            0xee => state.wrap = true,
            0xf2 => {
                self.forget();
                return vec![0xfa, self.id()];
            }
            0xf4 => state.reporting = true,
            0xf5 => {
                state.reporting = false;
                self.packets.clear();
            }
            0xf6 => {
                (state.remote, state.reporting, state.scaling_2_1) = (false, false, false);
                (state.resolution, state.sample_rate) = (2, 100);
                state.protocol = MouseProtocol::Standard;
                self.packets.clear();
            }
            0xfe => return self.last_sent.clone(),
            0xff => {
                let buttons = state.buttons;
                *self = Self::of(&MouseState::RESET);
                (self.state.buttons, self.state.reported) = (buttons, buttons);
                return vec![0xfa, 0xaa, 0x00];
            }
            _ => {
                events.push(Event::UnknownToMouse(command));
                return Vec::new();
            }
        }
        if forgets {
            self.forget();
        }
        vec![0xfa]
    }

    const fn id(&self) -> u8 {
        match self.state.protocol {
            MouseProtocol::Standard => 0,
            MouseProtocol::IntelliMouse => 3,
            MouseProtocol::Explorer | MouseProtocol::ExplorerHorizontal => 4,
        }
    }

    /// 200, 100, 80 and 200, 200, 80, and after that 200, 80, 40.
    fn continue_sequence(&mut self, rate: u8) {
        use RateSequence as Rates;
        let before = self.state.protocol;
        let protocol = &mut self.state.protocol;
        self.state.rate_sequence = match (self.state.rate_sequence, rate) {
            (Rates::Rate200Then100, 80) => {
                *protocol = MouseProtocol::IntelliMouse;
                Rates::None
            }
            (Rates::Rate200Then200, 80) => {
                *protocol = MouseProtocol::Explorer;
                Rates::None
            }
            (Rates::Rate200Then80, 40) => {
                if *protocol == MouseProtocol::Explorer {
                    *protocol = MouseProtocol::ExplorerHorizontal;
                }
                Rates::None
            }
            (Rates::None | Rates::Rate200Then80, 200) => Rates::Rate200,
            (Rates::Rate200, 100) => Rates::Rate200Then100,
            (Rates::Rate200, 200) => Rates::Rate200Then200,
            (Rates::Rate200, 80) => Rates::Rate200Then80,
            _ => Rates::None,
        };
        if before != self.state.protocol {
            self.packets.clear();
        }
    }

    fn forget(&mut self) {
        for counts in self.counts() {
            *counts = 0;
        }
        self.state.reported = self.state.buttons;
        self.state.clicks = MouseButtons::NONE;
    }

    fn counts(&mut self) -> [&mut i16; 4] {
        let state = &mut self.state;
        [&mut state.dx, &mut state.dy, &mut state.dz, &mut state.dw]
    }

    /// The buttons that there are for the system.
    fn carried(&self) -> u8 {
        if self.id() == 4 { 31 } else { 7 }
    }

    fn streams(&self) -> bool {
        self.state.reporting && !self.state.remote && !self.state.wrap
    }

    pub(super) fn count(&mut self, input: &MouseInput, events: &mut Vec<Event>) {
        let before = self.state.buttons.0;
        let buttons = input.buttons.0 % 32;
        self.state.buttons.0 = buttons;
        let mut lost = 0;
        let carried = self.carried();
        for bit in (0..5).map(|bit| 1 << bit).filter(|bit| bit & carried != 0) {
            if self.streams() && (before ^ buttons) & bit != 0 {
                let clicks = &mut self.state.clicks.0;
                if (buttons ^ self.state.reported.0) & bit == 0 {
                    *clicks |= bit;
                } else if *clicks & bit != 0 {
                    *clicks &= !bit;
                    lost |= bit;
                }
            }
        }
        if lost != 0 {
            events.push(Event::ClickLost(lost));
        }
        if !self.streams() {
            self.state.clicks = MouseButtons::NONE;
        }
        let wheels = match self.state.protocol {
            MouseProtocol::Standard => [0, 0],
            MouseProtocol::IntelliMouse | MouseProtocol::Explorer => [input.dz, 0],
            MouseProtocol::ExplorerHorizontal => [input.dz, input.dw],
        };
        let moves = [input.dx, input.dy, wheels[0], wheels[1]];
        for (counts, by) in self.counts().into_iter().zip(moves) {
            let sum = i32::from(*counts) + i32::from(by);
            *counts = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }

    fn has_news(&mut self) -> bool {
        let MouseState {
            buttons,
            reported,
            clicks,
            ..
        } = self.state;
        let carried = self.carried();
        self.counts().iter().any(|counts| **counts != 0) || (buttons.0 ^ reported.0 | clicks.0) & carried != 0
    }

    pub(super) fn report(&mut self, events: &mut Vec<Event>) -> bool {
        while self.streams() && self.has_news() {
            if !self.has_room(events) {
                return false;
            }
            let packet = self.packet(self.state.scaling_2_1);
            self.packets.push_back(packet);
        }
        true
    }

    pub(super) fn queue_packet(&mut self, input: &MouseInput, events: &mut Vec<Event>) -> bool {
        let has_room = self.has_room(events);
        if has_room {
            self.state.buttons = MouseButtons(input.buttons.0 % 32);
            self.forget();
            self.count(input, events);
            let packet = self.packet(false);
            self.packets.push_back(packet);
            self.forget();
        }
        has_room
    }

    fn has_room(&self, events: &mut Vec<Event>) -> bool {
        let len = if self.id() == 0 { 3 } else { 4 };
        let has_room = self.len() + len <= 16;
        if !has_room {
            events.push(Event::PacketDelayed);
        }
        has_room
    }

    /// Counts that a packet carries of each, and what it does not carry stays.
    fn packet(&mut self, scaled: bool) -> Vec<u8> {
        let protocol = self.state.protocol;
        let horizontal = protocol == MouseProtocol::ExplorerHorizontal && self.state.dw != 0;
        let carried = if horizontal { 7 } else { self.carried() };
        let shown = (self.state.buttons.0 ^ self.state.clicks.0) & carried;
        self.state.reported.0 = self.state.reported.0 & !carried | shown;
        self.state.clicks.0 &= !carried;
        let [dx, dy, dz, dw] = self.counts();
        let most = if scaled { 63 } else { 127 };
        let (x, y) = (carry(dx, most), carry(dy, most));
        let [x, y] = if scaled { [twice(x), twice(y)] } else { [x, y] };
        let signs = u8::from(x < 0) << 4 | u8::from(y < 0) << 5;
        let mut packet = vec![0x08 | (shown % 8) | signs, low(x), low(y)];
        match protocol {
            MouseProtocol::Standard => (*dz, *dw) = (0, 0),
            MouseProtocol::IntelliMouse => packet.push(low(carry(dz, 6))),
            _ if horizontal => packet.push(0x40 | low(carry(dw, 31)) & 0x3f),
            _ => packet.push(low(carry(dz, 6)) & 0x0f | (shown & 0x18) << 1),
        }
        if protocol != MouseProtocol::ExplorerHorizontal {
            *dw = 0;
        }
        packet
    }
}

fn low(counts: i16) -> u8 {
    counts.to_le_bytes()[0]
}

fn carry(counts: &mut i16, most: i16) -> i16 {
    let carried = (*counts).max(-most).min(most);
    *counts -= carried;
    carried
}

/// The table of 2:1 scaling: slow movements stay slow.
fn twice(counts: i16) -> i16 {
    let table = [0, 1, 1, 3, 6, 9];
    let magnitude = counts.unsigned_abs();
    let scaled = table
        .get(usize::from(magnitude))
        .copied()
        .unwrap_or(2 * magnitude.cast_signed());
    if counts < 0 { -scaled } else { scaled }
}
