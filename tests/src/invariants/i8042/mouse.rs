//! The mouse once more.

use super::outside::Event;
use devstate_i8042::{ByteQueue, Knock, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Mouse {
    /// All but its queues.
    state: MouseState,
    /// What the system has not read.
    pub(super) queue: VecDeque<u8>,
    last_packet: Vec<u8>,
}

impl Mouse {
    pub(super) fn of(state: &MouseState) -> Self {
        Self {
            state: *state,
            queue: state.queue.as_slice().to_vec().into(),
            last_packet: state.last_packet.as_slice().to_vec(),
        }
    }

    pub(super) fn state(&self) -> MouseState {
        MouseState {
            queue: ByteQueue::from_slice(&self.queue.iter().copied().collect::<Vec<_>>()).unwrap(),
            last_packet: ByteQueue::from_slice(&self.last_packet).unwrap(),
            ..self.state
        }
    }

    pub(super) fn receive(&mut self, byte: u8, told: &mut Vec<Event>) {
        let argument = std::mem::replace(&mut self.state.argument, MouseArgument::None);
        let reply = match (argument, byte) {
            (MouseArgument::Resolution, 4..) => vec![0xfe],
            (MouseArgument::Resolution, _) => {
                self.state.resolution = byte;
                self.forget();
                vec![0xfa]
            }
            (MouseArgument::SampleRate, _) => {
                self.state.sample_rate = byte;
                self.forget();
                self.knock(byte);
                vec![0xfa]
            }
            (MouseArgument::None, 0xec | 0xff) => self.execute(byte, told),
            (MouseArgument::None, _) if self.state.wrap => vec![byte],
            (MouseArgument::None, _) => self.execute(byte, told),
        };
        if self.queue.len() + reply.len() <= 24 {
            self.queue.extend(reply);
        } else {
            told.push(Event::MouseReplyLost);
        }
    }

    fn execute(&mut self, command: u8, told: &mut Vec<Event>) -> Vec<u8> {
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
                let mut reply = vec![0xfa];
                let had_news = self.state.unreported;
                reply.extend(self.packet(false, had_news));
                return reply;
            }
            0xec if state.wrap => state.wrap = false,
            0xee => state.wrap = true,
            0xf2 => {
                self.forget();
                return vec![0xfa, self.id()];
            }
            0xf4 => state.reporting = true,
            0xf5 => state.reporting = false,
            0xf6 => {
                (state.remote, state.reporting, state.scaling_2_1) = (false, false, false);
                (state.resolution, state.sample_rate) = (2, 100);
            }
            0xfe => return self.last_packet.clone(),
            0xff => {
                let buttons = state.buttons;
                *self = Self::of(&MouseState::RESET);
                self.state.buttons = buttons;
                return vec![0xfa, 0xaa, 0x00];
            }
            _ => {
                told.push(Event::UnknownToMouse(command));
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
            MouseProtocol::Explorer => 4,
        }
    }

    /// 200, 100, 80 and 200, 200, 80.
    fn knock(&mut self, rate: u8) {
        let protocol = match (self.state.knock, rate) {
            (Knock::TwoForIntelliMouse, 80) => MouseProtocol::IntelliMouse,
            (Knock::TwoForExplorer, 80) => MouseProtocol::Explorer,
            _ => self.state.protocol,
        };
        self.state.protocol = protocol;
        self.state.knock = match (self.state.knock, rate) {
            (Knock::None, 200) => Knock::One,
            (Knock::One, 200) => Knock::TwoForExplorer,
            (Knock::One, 100) => Knock::TwoForIntelliMouse,
            _ => Knock::None,
        };
    }

    fn forget(&mut self) {
        for counts in self.counts() {
            *counts = 0;
        }
        self.state.unreported = false;
    }

    fn counts(&mut self) -> [&mut i16; 4] {
        let state = &mut self.state;
        [&mut state.dx, &mut state.dy, &mut state.dz, &mut state.dw]
    }

    /// Whether there may be news of the side buttons.
    pub(super) fn count(&mut self, input: &MouseInput) -> bool {
        let had_news = self.state.unreported;
        let buttons = MouseButtons(input.buttons.0 % 32);
        let moves = [input.dx, input.dy, input.dz, input.dw];
        if moves != [0; 4] || buttons != self.state.buttons {
            self.state.unreported = true;
        }
        let pressed_before = std::mem::replace(&mut self.state.buttons, buttons);
        for (counts, by) in self.counts().into_iter().zip(moves) {
            let sum = i32::from(*counts) + i32::from(by);
            *counts = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        had_news || pressed_before.0 / 8 != buttons.0 / 8
    }

    pub(super) fn report(&mut self, side_buttons: bool, told: &mut Vec<Event>) -> bool {
        if self.state.remote || self.state.wrap || !self.state.reporting {
            return true;
        }
        while self.state.unreported {
            if !self.has_room(told) {
                return false;
            }
            let packet = self.packet(self.state.scaling_2_1, side_buttons);
            self.queue.extend(packet);
        }
        true
    }

    pub(super) fn queue_packet(&mut self, input: &MouseInput, told: &mut Vec<Event>) -> bool {
        let has_room = self.has_room(told);
        if has_room {
            self.forget();
            self.count(input);
            let packet = self.packet(false, false);
            self.queue.extend(packet);
            self.forget();
        }
        has_room
    }

    fn has_room(&self, told: &mut Vec<Event>) -> bool {
        let len = if self.id() == 0 { 3 } else { 4 };
        let has_room = self.queue.len() + len <= 16;
        if !has_room {
            told.push(Event::PacketDelayed);
        }
        has_room
    }

    /// Bits that a packet carries of each, and what it does not carry stays. `side_buttons`: there may be news of them.
    fn packet(&mut self, scaled: bool, side_buttons: bool) -> Vec<u8> {
        let id = self.id();
        let buttons = self.state.buttons.0;
        let [dx, dy, dz, dw] = self.counts();
        let most = if scaled { 63 } else { 127 };
        let (x, y) = (carry(dx, most), carry(dy, most));
        let [x, y] = if scaled { [twice(x), twice(y)] } else { [x, y] };
        let signs = u8::from(x < 0) << 4 | u8::from(y < 0) << 5;
        let mut packet = vec![0x08 | (buttons % 8) | signs, low(x), low(y)];
        match id {
            0 => (*dz, *dw) = (0, 0),
            3 => {
                *dw = 0;
                packet.push(low(carry(dz, 127)));
            }
            _ if *dw != 0 => packet.push(0x40 | low(carry(dw, 31)) & 0x3f),
            _ => packet.push(low(carry(dz, 7)) & 0x0f | (buttons & 0x18) << 1),
        }
        let says_nothing_of_them = id == 4 && packet[3] & 0xc0 == 0x40;
        let left = self.counts().iter().any(|counts| **counts != 0);
        self.state.unreported = left || side_buttons && says_nothing_of_them;
        self.last_packet.clone_from(&packet);
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
