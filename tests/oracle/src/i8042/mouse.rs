//! The rows of the mouse.

use super::{I8042Rows, Subject, elsewhere};
use crate::subject::Stimulus;
use devstate_i8042::spec::mouse::{self as spec, status};
use devstate_i8042::{
    ByteQueue, I8042State, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState, RateSequence,
    spec as ports,
};
use serde_json::{Value, json};

impl Subject {
    /// The mouse was sent a byte, and is in the state `wanted`: that becomes QEMU's.
    pub(super) fn mouse_byte(&mut self, byte: u8, before: &I8042State, wanted: &mut I8042State) {
        let argument = before.mouse.argument;
        let is_command = argument == MouseArgument::None && (!before.mouse.wrap || byte == spec::RESET);
        let command = is_command.then_some(byte);
        // QEMU's has one queue.
        let mut flat = *before;
        flat.mouse.replies = ByteQueue::from_slice(&in_order(&before.mouse)).unwrap();
        (flat.mouse.packets, flat.mouse.begun) = (ByteQueue::EMPTY, 0);
        if !before.mouse.packets.is_empty() {
            let after = elsewhere(&flat, |device| device.write(ports::DATA, byte));
            let takes_command = argument != MouseArgument::None && byte >= spec::FIRST_COMMAND;
            let executed = if takes_command { Some(byte) } else { command };
            self.replies_go_first(executed, before, &wanted.mouse, &flat, &after.mouse);
            wanted.mouse = after.mouse;
        }
        let (before_it, after) = (&flat.mouse, wanted.mouse);
        if argument != MouseArgument::None && byte >= spec::FIRST_COMMAND {
            self.take_for_argument(byte, argument, &flat, &mut wanted.mouse);
            return;
        }
        let kept = if command == Some(spec::RESET) {
            &[]
        } else {
            before_it.replies.as_slice()
        };
        let ours = after.replies.as_slice().get(kept.len()..).unwrap_or_default();
        let theirs = self.their_reply(byte, command, before_it, &after, ours);

        let it = &mut wanted.mouse;
        if command == Some(spec::READ_DATA) {
            let mut left = *before_it;
            take_packet(&mut left);
            move_counts(&left, it);
        } else {
            self.keep_movement(command, before_it, it);
        }
        self.choose_protocol(command, before_it, it);
        let mut queue = kept.to_vec();
        let mut room = usize::from(spec::BUFFER) - kept.len();
        // The data are not a part of the reply, but follow it.
        let parts = if command == Some(spec::READ_DATA) {
            theirs.split_at(1)
        } else {
            (&theirs[..], &[][..])
        };
        for part in [parts.0, parts.1] {
            if part.len() <= room {
                queue.extend_from_slice(part);
                room -= part.len();
            } else {
                self.row(I8042Rows::MouseRepliesWhenFull, !ours.is_empty());
                if command == Some(spec::READ_DATA) {
                    move_counts(before_it, it);
                }
            }
        }
        it.replies = ByteQueue::from_slice(&queue).unwrap();
    }

    /// What ours does with its packets, where QEMU's queues the reply behind them.
    fn replies_go_first(
        &mut self,
        command: Option<u8>,
        before: &I8042State,
        ours: &MouseState,
        flat: &I8042State,
        flat_after: &MouseState,
    ) {
        let (read, theirs) = (in_order(ours), in_order(flat_after));
        if read == theirs {
            return;
        }
        let begun = usize::from(before.mouse.begun);
        let (rest, waiting) = before.mouse.packets.as_slice().split_at(begun);
        let older = before.mouse.replies.as_slice();
        let reply = theirs.get(flat.mouse.replies.as_slice().len()..).unwrap_or_default();
        let discards =
            matches!(command, Some(spec::DISABLE | spec::SET_DEFAULTS)) || ours.protocol != before.mouse.protocol;
        let expected = if command == Some(spec::READ_DATA) && !waiting.is_empty() {
            [rest, older, &[spec::ACK], waiting].concat()
        } else if discards {
            [rest, older, reply].concat()
        } else {
            [rest, older, reply, waiting].concat()
        };
        self.row(I8042Rows::MouseRepliesFirst, read == expected);
    }

    /// QEMU's takes any byte for an argument.
    fn take_for_argument(&mut self, byte: u8, argument: MouseArgument, before: &I8042State, it: &mut MouseState) {
        let mut without = *before;
        without.mouse.argument = MouseArgument::None;
        let as_a_command = elsewhere(&without, |device| device.write(ports::DATA, byte));
        self.row(I8042Rows::MouseCommandForArgument, *it == as_a_command.mouse);
        *it = without.mouse;
        if argument == MouseArgument::SampleRate {
            self.theirs.sample_rate = byte;
            (it.sample_rate, it.rate_sequence) = (byte, RateSequence::None);
        } else {
            self.theirs.resolution = byte;
        }
        if !it.replies.push_all(&[spec::ACK], spec::BUFFER) {
            self.row(I8042Rows::MouseRepliesWhenFull, true);
        }
    }

    /// QEMU's keeps its protocol, and always reports the horizontal wheel of an Explorer.
    fn choose_protocol(&mut self, command: Option<u8>, before: &MouseState, it: &mut MouseState) {
        if command == Some(spec::SET_DEFAULTS) && before.protocol != MouseProtocol::Standard {
            self.row(I8042Rows::MouseDefaultsProtocol, it.protocol == MouseProtocol::Standard);
            it.protocol = before.protocol;
        }
        if it.protocol == MouseProtocol::Explorer {
            let wheel = MouseInput {
                dw: 1,
                ..MouseInput::NONE
            };
            let mut state = I8042State::RESET;
            (state.mouse.protocol, state.mouse.reporting) = (it.protocol, true);
            let turned = elsewhere(&state, |device| _ = device.mouse(&wheel));
            self.row(I8042Rows::MouseHorizontalWheel, turned == state);
            it.protocol = MouseProtocol::ExplorerHorizontal;
        }
    }

    /// QEMU's reply. `ours` is our reply.
    fn their_reply(
        &mut self,
        byte: u8,
        command: Option<u8>,
        before: &MouseState,
        after: &MouseState,
        ours: &[u8],
    ) -> Vec<u8> {
        let mut reply = ours.to_vec();
        if before.argument == MouseArgument::Resolution {
            self.theirs.resolution = byte;
            if byte > spec::RESOLUTION_MAX {
                let refused = ours == [spec::NAK] && after.resolution == before.resolution;
                self.row(I8042Rows::MouseResolution, refused);
                reply = vec![spec::ACK];
            }
        }
        if before.argument == MouseArgument::SampleRate {
            self.theirs.sample_rate = byte;
        }
        match (command, &mut reply[..]) {
            (Some(spec::SET_DEFAULTS | spec::RESET), _) => {
                self.theirs.resolution = spec::RESOLUTION_DEFAULT;
                self.theirs.sample_rate = spec::SAMPLE_RATE_DEFAULT;
            }
            (Some(spec::STATUS), [_, first, resolution, sample_rate]) => {
                let buttons = status::LEFT | status::MIDDLE | status::RIGHT;
                if *first & buttons != 0 {
                    self.row(
                        I8042Rows::MouseStatusButtons,
                        *first & buttons == status_buttons(before),
                    );
                }
                *first &= !buttons;
                if self.theirs.resolution > spec::RESOLUTION_MAX {
                    self.row(I8042Rows::MouseResolution, *resolution == before.resolution);
                } else if *resolution != self.theirs.resolution {
                    self.row(I8042Rows::MouseAfterPowerOn, *resolution == spec::RESOLUTION_DEFAULT);
                }
                if *sample_rate != self.theirs.sample_rate {
                    self.row(I8042Rows::MouseAfterPowerOn, *sample_rate == spec::SAMPLE_RATE_DEFAULT);
                }
                *resolution = self.theirs.resolution;
                *sample_rate = self.theirs.sample_rate;
            }
            (Some(spec::RESEND), [_, ..]) => {
                self.row(I8042Rows::MouseResend, ours == before.last_sent.as_slice());
                reply.clear();
            }
            (Some(spec::READ_DATA), [_, packet @ ..]) => {
                let mut it = *before;
                let theirs = take_packet(&mut it);
                if theirs != packet {
                    if before.clicks == MouseButtons::NONE {
                        self.row(
                            I8042Rows::MouseWheelSteps,
                            carried(before, packet)[2].unsigned_abs() <= 6,
                        );
                    } else {
                        let shown = (before.buttons.0 ^ before.clicks.0) & 7;
                        self.row(I8042Rows::MouseClicksAreReported, packet[0] & 7 == shown);
                    }
                }
                reply = [vec![spec::ACK], theirs].concat();
            }
            _ => {}
        }
        reply
    }

    /// No command makes QEMU's forget what it has counted.
    fn keep_movement(&mut self, command: Option<u8>, before: &MouseState, it: &mut MouseState) {
        let forgot = counts(before) != counts(it);
        if command == Some(spec::RESET) {
            if forgot || before.wrap || before.rate_sequence != RateSequence::None {
                let reset = MouseState {
                    buttons: before.buttons,
                    reported: before.buttons,
                    replies: it.replies,
                    last_sent: it.last_sent,
                    ..MouseState::RESET
                };
                self.row(I8042Rows::MouseResetIsComplete, *it == reset);
            }
            (it.wrap, it.rate_sequence) = (before.wrap, before.rate_sequence);
        } else if forgot {
            let shall_not = [
                spec::SCALING_1_1,
                spec::SCALING_2_1,
                spec::SET_RESOLUTION,
                spec::SET_SAMPLE_RATE,
            ];
            let shall = command.is_none_or(|command| !shall_not.contains(&command));
            self.row(I8042Rows::MouseForgetsMovement, shall && counts(it) == [0; 4]);
        }
        move_counts(before, it);
    }

    /// The mouse moves, or its buttons do.
    pub(super) fn mouse(&mut self, input: &MouseInput) {
        let before = self.state();
        let reported = self.device.mouse(input);
        let after = self.state();
        let (before_it, after_it) = (&before.mouse, &after.mouse);
        let moved = sum(counts(before_it), [input.dx, input.dy, input.dz, input.dw]);
        let counted = in_order(after_it) == in_order(before_it)
            && after_it.buttons == input.buttons
            && for_the_guest(after_it, counts(after_it)) == for_the_guest(before_it, moved);
        let mut wanted = after;
        if !before_it.reporting {
            if after_it != before_it {
                self.row(I8042Rows::MouseWhileDisabled, counted);
            }
            wanted = before;
        } else if before_it.remote {
            [wanted.mouse.dx, wanted.mouse.dy, wanted.mouse.dz, wanted.mouse.dw] = moved;
            if counts(after_it) != moved {
                self.row(I8042Rows::MouseReportsChanges, counted);
            }
        } else {
            let it = &mut wanted.mouse;
            it.packets = before_it.packets;
            [it.dx, it.dy, it.dz, it.dw] = moved;
            let sent = report(it);
            if sent == 0 {
                (it.reported, it.clicks) = (after_it.reported, after_it.clicks);
            } else {
                (it.reported, it.clicks) = (it.buttons, MouseButtons::NONE);
            }
            if in_order(after_it) == in_order(it)
                && for_the_guest(it, counts(after_it)) == for_the_guest(it, counts(it))
            {
                if counts(after_it) != counts(it) {
                    self.row(I8042Rows::MouseReportsChanges, true);
                }
                if after_it.unreported() && !before_it.wrap {
                    let row = I8042Rows::MouseReportsLater;
                    self.tally.holds(row as usize, !reported);
                }
                if sent != 0 && after_it.clicks != MouseButtons::NONE {
                    self.row(I8042Rows::MouseClicksAreReported, true);
                }
            } else if !self.explain_packets(&before, &after, input, counted) {
                // No row: what QEMU gives will not be what ours does.
                wanted = after;
            }
        }
        self.become_theirs(&before, &mut wanted);
    }

    /// Whether there is a row for packets that are not those of QEMU's.
    fn explain_packets(&mut self, before: &I8042State, after: &I8042State, input: &MouseInput, counted: bool) -> bool {
        let (before_it, after_it) = (&before.mouse, &after.mouse);
        let clicks = elsewhere(before, |device| device.count_mouse(input)).mouse.clicks;
        let kept = usize::from(before_it.packets.len);
        let len = if before_it.protocol == MouseProtocol::Standard {
            3
        } else {
            4
        };
        let packets: Vec<&[u8]> = after_it.packets.as_slice()[kept..].chunks(len).collect();
        let horizontal = packets.iter().any(|packet| is_horizontal(before_it, packet));
        if before_it.wrap {
            self.row(I8042Rows::MouseWrapIsQuiet, counted);
        } else if packets.is_empty() && !after_it.unreported() {
            self.row(I8042Rows::MouseReportsChanges, counted);
        } else if before_it.scaling_2_1 {
            self.row(I8042Rows::MouseScaling, is_doubled(before_it, &packets, input));
        } else if clicks != MouseButtons::NONE {
            let shown = packets.first().map(|packet| packet[0] & 7);
            let expected = (input.buttons.0 ^ clicks.0) & 7;
            self.row(I8042Rows::MouseClicksAreReported, shown == Some(expected));
        } else if (before_it.dz + input.dz).unsigned_abs() > 6 || horizontal {
            let row = if horizontal && (before_it.dz + input.dz).unsigned_abs() <= 6 {
                I8042Rows::MouseSideButtonsWithWheel
            } else {
                I8042Rows::MouseWheelSteps
            };
            let moved = packets
                .iter()
                .fold(counts(after_it), |moved, packet| sum(moved, carried(before_it, packet)));
            let expected = sum(counts(before_it), [input.dx, input.dy, input.dz, input.dw]);
            let all_are_there = for_the_guest(before_it, moved) == for_the_guest(before_it, expected);
            let steps_fit = packets
                .iter()
                .all(|packet| carried(before_it, packet)[2].unsigned_abs() <= 6);
            self.row(row, all_are_there && steps_fit);
        } else {
            return false;
        }
        true
    }
}

/// The bytes for the guest, in the order in which it reads them.
fn in_order(mouse: &MouseState) -> Vec<u8> {
    let (rest, packets) = mouse.packets.as_slice().split_at(mouse.begun.into());
    [rest, mouse.replies.as_slice(), packets].concat()
}

/// What of the counts the mouse's packets carry.
fn for_the_guest(mouse: &MouseState, counts: [i16; 4]) -> [i16; 4] {
    let [dx, dy, dz, _] = counts;
    match mouse.protocol {
        MouseProtocol::Standard => [dx, dy, 0, 0],
        MouseProtocol::IntelliMouse => [dx, dy, dz, 0],
        MouseProtocol::Explorer | MouseProtocol::ExplorerHorizontal => counts,
    }
}

/// One packet of QEMU's.
fn take_packet(it: &mut MouseState) -> Vec<u8> {
    fn take(counts: &mut i16, most: i16) -> i16 {
        let taken = (*counts).clamp(-most, most);
        *counts -= taken;
        taken
    }
    let low = |counts: i16| counts.to_le_bytes()[0];
    let (x, y) = (take(&mut it.dx, 127), take(&mut it.dy, 127));
    let signs = u8::from(x < 0) << 4 | u8::from(y < 0) << 5;
    let mut packet = vec![0x08 | signs | it.buttons.0 & 7, low(x), low(y)];
    match it.protocol {
        MouseProtocol::Standard => (it.dz, it.dw) = (0, 0),
        MouseProtocol::IntelliMouse => {
            packet.push(low(take(&mut it.dz, 127)));
            it.dw = 0;
        }
        _ if it.dw != 0 => packet.push(0x40 | low(take(&mut it.dw, 31)) & 0x3f),
        _ => packet.push(low(take(&mut it.dz, 7)) & 0x0f | (it.buttons.0 & 0x18) << 1),
    }
    packet
}

/// QEMU's queues packets, one at least, as long as there is room. How many.
fn report(it: &mut MouseState) -> usize {
    let len = if it.protocol == MouseProtocol::Standard { 3 } else { 4 };
    let mut sent = 0;
    while in_order(it).len() + len <= usize::from(spec::BUFFER) {
        let packet = take_packet(it);
        it.packets.push_all(&packet, spec::BUFFER);
        sent += 1;
        if counts(it) == [0; 4] {
            break;
        }
    }
    sent
}

fn is_horizontal(mouse: &MouseState, packet: &[u8]) -> bool {
    mouse.protocol.id() == 4 && packet[3] & 0xc0 == 0x40
}

/// The counts in a packet of ours that is not scaled.
fn carried(mouse: &MouseState, packet: &[u8]) -> [i16; 4] {
    let signed = |byte: u8, bits: u32| i16::from((byte << (8 - bits)).cast_signed() >> (8 - bits));
    let [dx, dy] = [signed(packet[1], 8), signed(packet[2], 8)];
    match packet.get(3) {
        None => [dx, dy, 0, 0],
        Some(wheel) if is_horizontal(mouse, packet) => [dx, dy, 0, signed(*wheel, 6)],
        Some(wheel) => [dx, dy, signed(*wheel, 4), 0],
    }
}

/// The same as events of QEMU's, whose mouse has these `buttons` down. They are one group, which the guest may get a
/// packet for. They are few, since QEMU reads them byte by byte.
pub(super) fn as_events(input: &MouseInput, buttons: MouseButtons) -> Stimulus {
    let event = |kind: &str, data: Value| json!({"type": kind, "data": data});
    let relative = |axis: &str, value: i32| event("rel", json!({"axis": axis, "value": value}));
    let button = |name: &str, down: bool| event("btn", json!({"button": name, "down": down}));
    let mut events = Vec::new();
    for (axis, counts) in [("x", i32::from(input.dx)), ("y", -i32::from(input.dy))] {
        if counts != 0 {
            events.push(relative(axis, counts));
        }
    }
    for (clicks, [backward, forward]) in [
        (input.dz, ["wheel-up", "wheel-down"]),
        (input.dw, ["wheel-right", "wheel-left"]),
    ] {
        let name = if clicks < 0 { backward } else { forward };
        events.extend((0..clicks.unsigned_abs()).map(|_| button(name, true)));
    }
    for (bit, name) in ["left", "right", "middle", "side", "extra"].into_iter().enumerate() {
        let is_down = |buttons: MouseButtons| buttons.0 & 1 << bit != 0;
        if is_down(input.buttons) != is_down(buttons) {
            events.push(button(name, is_down(input.buttons)));
        }
    }
    if events.is_empty() {
        events.push(relative("x", 0));
    }
    Stimulus::Qmp("input-send-event", json!({"events": events}))
}

/// Whether the first packet says what scaling 2:1 makes of the movement.
fn is_doubled(before: &MouseState, packets: &[&[u8]], input: &MouseInput) -> bool {
    let scaled = |counts: i16| {
        let counts = counts.clamp(-63, 63);
        let small = [0, 1, 1, 3, 6, 9].get(usize::from(counts.unsigned_abs())).copied();
        small
            .map_or(counts * 2, |small: i16| small * counts.signum())
            .to_le_bytes()[0]
    };
    let movement = [before.dx + input.dx, before.dy + input.dy];
    packets
        .first()
        .is_some_and(|packet| packet[1..3] == movement.map(scaled))
}

fn status_buttons(mouse: &MouseState) -> u8 {
    let bits = [(1, status::LEFT), (2, status::RIGHT), (4, status::MIDDLE)];
    let held = bits.iter().filter(|(button, _)| mouse.buttons.0 & button != 0);
    held.map(|(_, bit)| bit).sum()
}

fn counts(mouse: &MouseState) -> [i16; 4] {
    [mouse.dx, mouse.dy, mouse.dz, mouse.dw]
}

fn sum(one: [i16; 4], other: [i16; 4]) -> [i16; 4] {
    std::array::from_fn(|axis| one[axis] + other[axis])
}

fn move_counts(from: &MouseState, to: &mut MouseState) {
    [to.dx, to.dy, to.dz, to.dw] = counts(from);
}
