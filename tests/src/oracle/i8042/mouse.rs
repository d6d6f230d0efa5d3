//! The rows of the mouse.

use super::{I8042Rows, Subject, elsewhere};
use crate::oracle::subject::Stimulus;
use devstate_i8042::spec::mouse::{self as spec, status};
use devstate_i8042::{
    ByteQueue, I8042State, Knock, MouseArgument, MouseButtons, MouseInput, MouseProtocol, MouseState,
};
use serde_json::{Value, json};

impl Subject {
    /// The mouse was sent a byte, and is in the state `wanted`: that becomes QEMU's.
    pub(super) fn mouse_byte(&mut self, byte: u8, before: &I8042State, wanted: &mut I8042State) {
        let (before_it, after) = (&before.mouse, wanted.mouse);
        let is_command = before_it.argument == MouseArgument::None && (!before_it.wrap || byte == spec::RESET);
        let command = is_command.then_some(byte);
        let kept = if command == Some(spec::RESET) {
            &[]
        } else {
            before_it.queue.as_slice()
        };
        let ours = after.queue.as_slice().get(kept.len()..).unwrap_or_default();
        let theirs = self.their_reply(byte, command, before_it, &after, ours);

        let it = &mut wanted.mouse;
        if command != Some(spec::READ_DATA) {
            self.keep_movement(command, before_it, it);
        }
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
        it.queue = ByteQueue::from_slice(&queue).unwrap();
    }

    /// What QEMU's answers. `ours` is what ours does.
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
                self.row(I8042Rows::MouseResend, ours == before.last_packet.as_slice());
                reply.clear();
            }
            _ => {}
        }
        reply
    }

    /// No command makes QEMU's forget what it has counted.
    fn keep_movement(&mut self, command: Option<u8>, before: &MouseState, it: &mut MouseState) {
        let forgot = counts(before) != counts(it);
        if command == Some(spec::RESET) {
            if forgot || before.wrap || before.knock != Knock::None {
                let reset = MouseState {
                    buttons: before.buttons,
                    queue: it.queue,
                    ..MouseState::RESET
                };
                self.row(I8042Rows::MouseResetIsComplete, *it == reset);
            }
            (it.wrap, it.knock) = (before.wrap, before.knock);
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
        let counted = after_it.queue == before_it.queue
            && after_it.buttons == input.buttons
            && counts(after_it) == sum(counts(before_it), [input.dx, input.dy, input.dz, input.dw]);
        let mut wanted = after;
        if !before_it.reporting {
            if after_it != before_it {
                self.row(I8042Rows::MouseWhileDisabled, counted);
            }
            wanted = before;
        } else if !before_it.remote {
            let is_news = before_it.unreported
                || before_it.buttons != input.buttons
                || [input.dx, input.dy, input.dz, input.dw] != [0; 4];
            let reported_at_once = as_we_report(&before, input, is_news);
            wanted = reported_at_once;
            let tells_of_side_buttons = forget_side_buttons(before_it, &mut wanted.mouse);
            if after == wanted {
                if wanted.mouse.unreported && !before_it.wrap {
                    let row = I8042Rows::MouseTellsThatItWaits;
                    self.tally.holds(row as usize, !reported);
                }
            } else if before_it.wrap {
                self.row(I8042Rows::MouseWrapIsQuiet, counted);
            } else if !is_news {
                self.row(I8042Rows::MouseReportsChanges, after == before);
            } else if before_it.scaling_2_1 {
                self.row(I8042Rows::MouseScaling, is_doubled(before_it, after_it, input));
            } else if tells_of_side_buttons {
                self.row(I8042Rows::MouseSideButtonsWithWheel, after == reported_at_once);
            } else {
                // No row: what QEMU gives will not be what ours does.
                wanted = after;
            }
        }
        self.become_theirs(&before, &mut wanted);
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

/// One packet at least, in wrap mode too, and never scaled.
fn as_we_report(before: &I8042State, input: &MouseInput, is_news: bool) -> I8042State {
    let mut state = *before;
    state.mouse.unreported |= !is_news;
    state.mouse.wrap = false;
    state.mouse.scaling_2_1 = false;
    let mut reported = elsewhere(&state, |device| {
        device.mouse(input);
    });
    reported.mouse.wrap = before.mouse.wrap;
    reported.mouse.scaling_2_1 = before.mouse.scaling_2_1;
    reported
}

/// Takes back the packet, or the wish for one, that follows one of the horizontal wheel for the side buttons alone.
/// Whether there was any.
fn forget_side_buttons(before: &MouseState, it: &mut MouseState) -> bool {
    let queued = it.queue.as_slice().to_vec();
    let (kept, new) = queued.split_at(usize::from(before.queue.len));
    let is_horizontal = |packet: &[u8]| before.protocol == MouseProtocol::Explorer && packet[3] & 0xc0 == 0x40;
    let packets: Vec<&[u8]> = new.chunks_exact(4).collect();
    match packets[..] {
        [.., horizontal, last] if is_horizontal(horizontal) && last[1..3] == [0; 2] && last[3] & 0x4f == 0 => {
            it.queue = ByteQueue::from_slice(&[kept, &new[..new.len() - 4]].concat()).unwrap();
            it.last_packet = ByteQueue::from_slice(horizontal).unwrap();
            true
        }
        [.., last] if is_horizontal(last) && it.unreported && counts(it) == [0; 4] => {
            it.unreported = false;
            true
        }
        _ => false,
    }
}

/// Whether the first packet says what scaling 2:1 makes of the movement.
fn is_doubled(before: &MouseState, after: &MouseState, input: &MouseInput) -> bool {
    let scaled = |counts: i16| {
        let counts = counts.clamp(-63, 63);
        let small = [0, 1, 1, 3, 6, 9].get(usize::from(counts.unsigned_abs())).copied();
        small
            .map_or(counts * 2, |small: i16| small * counts.signum())
            .to_le_bytes()[0]
    };
    let packet = after
        .queue
        .as_slice()
        .get(usize::from(before.queue.len)..)
        .unwrap_or_default();
    let movement = [before.dx + input.dx, before.dy + input.dy];
    packet.get(1..3).is_some_and(|bytes| bytes == movement.map(scaled))
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
    to.unreported = from.unreported;
}
