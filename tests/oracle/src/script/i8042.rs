//! Scripts for the i8042 with keyboard and mouse.

use devstate_i8042::{Key, MouseButtons, MouseInput};
use proptest::prelude::*;
use proptest::sample::select;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The guest reads port 60h (0) or 64h (4).
    Read(u16),
    /// The guest writes port 60h (0) or 64h (4).
    Write(u16, u8),
    /// A key goes down or up.
    Key(Key, bool),
    /// The mouse moves, its wheels turn, its buttons are down or up.
    Mouse(MouseInput),
    /// The machine is reset from outside.
    Reset,
}

use Op::{Read, Reset, Write};

const DATA: u16 = 0;
const COMMAND: u16 = 4;

/// Scripts of up to `length` steps.
pub fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
    super::phrases(phrase(), host(), length)
}

fn phrase() -> BoxedStrategy<Vec<Op>> {
    prop_oneof![
        20 => controller(),
        20 => keyboard(),
        24 => mouse(),
        12 => (1..20_usize).prop_map(handle_interrupts),
        10 => prop::collection::vec(typed(), 1..6),
        10 => prop::collection::vec(moved(), 1..6),
        12 => prop::collection::vec(moved(), 1..5).prop_map(|moves| used_mouse(&moves)),
        2 => host().prop_map(|op| vec![op]),
        3 => any::<u8>().prop_map(|byte| vec![Write(DATA, byte), Read(COMMAND), Read(DATA)]),
        3 => any::<u8>().prop_filter("resets", |command| harmless(*command)).prop_map(|byte| vec![Write(COMMAND, byte), Read(COMMAND), Read(DATA)]),
        1 => Just(linux_controller_probe()),
        1 => Just(linux_keyboard_probe()),
        2 => Just(linux_mouse_probe()),
    ]
    .boxed()
}

fn host() -> BoxedStrategy<Op> {
    prop_oneof![40 => typed(), 40 => moved(), 1 => Just(Reset)].boxed()
}

/// An interrupt handler, so many times: whose byte is there? then the byte.
fn handle_interrupts(count: usize) -> Vec<Op> {
    (0..count).flat_map(|_| [Read(COMMAND), Read(DATA)]).collect()
}

fn controller() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        4 => Just(vec![Write(COMMAND, 0x20), Read(COMMAND), Read(DATA)]),
        8 => command_byte().prop_map(|byte| vec![Write(COMMAND, 0x60), Write(DATA, byte)]),
        2 => command_byte().prop_map(|byte| {
            vec![Write(COMMAND, 0x60), Write(DATA, byte), Write(COMMAND, 0x20), Read(COMMAND), Read(DATA)]
        }),
        // Ports are disabled during a dialogue with the other device.
        2 => select(vec![0xa7, 0xa8, 0xad, 0xae]).prop_map(|command| vec![Write(COMMAND, command), Read(COMMAND)]),
        2 => Just(vec![Write(COMMAND, 0xad), Write(COMMAND, 0x20), Read(COMMAND), Read(DATA), Write(COMMAND, 0xae)]),
        3 => select(vec![0xa9, 0xaa, 0xab, 0xc0, 0xd0]).prop_map(|command| {
            vec![Write(COMMAND, command), Read(COMMAND), Read(DATA), Read(COMMAND)]
        }),
        2 => select(vec![0xdf, 0xdd, 0xcf, 0xff, 0x03, 0xef, 0x11]).prop_map(|byte| {
            vec![Write(COMMAND, 0xd1), Write(DATA, byte), Write(COMMAND, 0xd0), Read(DATA)]
        }),
        3 => (any::<bool>(), any::<u8>()).prop_map(|(mouse, byte)| {
            let command = if mouse { 0xd3 } else { 0xd2 };
            vec![Write(COMMAND, command), Write(DATA, byte), Read(COMMAND), Read(DATA)]
        }),
        // Replies that are not read.
        2 => prop::collection::vec(select(vec![0x20, 0xaa, 0xa9, 0xc0, 0xd0]), 2..4).prop_map(|commands| {
            commands.into_iter().map(|command| Write(COMMAND, command)).chain([Read(COMMAND)]).collect()
        }),
        1 => any::<u8>().prop_map(|byte| vec![Write(COMMAND, 0xd3), Write(DATA, byte), Write(COMMAND, 0xaa), Read(COMMAND)]),
        1 => any::<u8>().prop_map(|byte| vec![Write(COMMAND, 0xaa), Write(COMMAND, 0xd3), Write(DATA, byte), Read(COMMAND)]),
        // The output port is written while a byte waits, and read.
        2 => (select(vec![vec![Write(COMMAND, 0xaa)], vec![Write(COMMAND, 0xd3), Write(DATA, 0x5a)]]), select(vec![0xc3, 0xdf, 0xff, 0xe3]), any::<bool>())
            .prop_map(|(fill, byte, again)| {
                let again = if again { vec![Write(COMMAND, 0x20)] } else { Vec::new() };
                [fill, vec![Write(COMMAND, 0xd1), Write(DATA, byte)], again, vec![Write(COMMAND, 0xd0), Read(DATA), Read(DATA)]].concat()
            }),
        // What IBM's has, and QEMU's has not.
        2 => (0x21..0x40_u8, any::<u8>()).prop_map(|(at, byte)| {
            vec![Write(COMMAND, at | 0x40), Write(DATA, byte), Write(COMMAND, at), Read(COMMAND), Read(DATA)]
        }),
        1 => Just(vec![Write(COMMAND, 0xa4), Read(COMMAND), Read(DATA)]),
        1 => Just([0xa5, 0xa6].map(|command| Write(COMMAND, command)).to_vec()),
        1 => select(vec![0xc1, 0xc2]).prop_map(|command| vec![Write(COMMAND, command), Read(COMMAND)]),
        1 => Just(vec![Write(COMMAND, 0xe0), Read(COMMAND), Read(DATA)]),
        2 => select(vec![0xf1, 0xf3, 0xfb, 0xfd, 0xff, 0xdd, 0xdf]).prop_map(|command| {
            vec![Write(COMMAND, command), Write(COMMAND, 0xd0), Read(DATA)]
        }),
        // A command whose data never comes, and one that comes between a command and its data.
        2 => select(vec![0x60, 0xd1, 0xd2, 0xd3, 0xd4]).prop_map(|command| vec![Write(COMMAND, command)]),
        1 => (select(vec![0x60, 0xd2, 0xd3, 0xd4]), any::<u8>().prop_filter("resets", |command| harmless(*command)), command_byte())
            .prop_map(|(first, second, byte)| vec![Write(COMMAND, first), Write(COMMAND, second), Write(DATA, byte | 1)]),
        1 => select(vec![vec![Write(COMMAND, 0xfe)], vec![Write(COMMAND, 0xf0)], vec![Write(COMMAND, 0xd1), Write(DATA, 0xde)]]),
    ]
}

/// Of the commands, these reset the machine: enough of them come where they are meant.
fn harmless(command: u8) -> bool {
    command < 0xf0 || command & 1 != 0
}

/// As drivers write it, and any.
fn command_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => select(vec![0x47, 0x03, 0x43, 0x07, 0x47, 0x03]),
        3 => select(vec![0x65, 0x61, 0x45, 0x74, 0x44, 0x57, 0x67, 0x30, 0x77, 0x23, 0x13, 0x02, 0x01]),
        1 => any::<u8>(),
    ]
}

fn keyboard() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        4 => prop::sample::select(vec![0xee, 0xf2, 0xf4, 0xf4, 0xf5, 0xf6, 0xfe, 0xff]).prop_map(|byte| to_keyboard(&[byte])),
        3 => any::<u8>().prop_map(|leds| to_keyboard(&[0xed, leds])),
        3 => any::<u8>().prop_map(|setting| to_keyboard(&[0xf3, setting])),
        // A key repeats, and nothing is read.
        2 => (select(Key::ALL), 2..5_usize).prop_map(|(key, times)| {
            let mut ops = vec![Op::Key(key, true); times];
            ops.push(Op::Key(key, false));
            ops.extend(handle_interrupts(8));
            ops
        }),
        // Modifiers move while scanning is disabled.
        2 => (select(vec![Key::Ctrl, Key::Shift, Key::Alt]), any::<bool>(), select(vec![Key::Pause, Key::Print])).prop_map(|(modifier, first, key)| {
            let pressed = |pressed| vec![Op::Key(modifier, pressed)];
            let key = vec![Op::Key(key, true), Op::Key(key, false)];
            [pressed(first), to_keyboard(&[0xf5]), pressed(!first), to_keyboard(&[0xf4]), key, handle_interrupts(12)].concat()
        }),
        // Alt moves while Print Screen is down.
        2 => (select(vec![Key::Alt, Key::AltR]), any::<bool>()).prop_map(|(alt, first)| {
            let ops = vec![Op::Key(alt, first), Op::Key(Key::Print, true), Op::Key(alt, !first), Op::Key(Key::Print, false)];
            [vec![Op::Key(Key::Print, false)], ops, handle_interrupts(12)].concat()
        }),
        1 => select(vec![Key::KpDivide, Key::KpSubtract, Key::Hiragana]).prop_map(|key| {
            [to_keyboard(&[0xf0, 3]), vec![Op::Key(key, true), Op::Key(key, false)], handle_interrupts(4)].concat()
        }),
        4 => (0..5_u8).prop_map(|set| to_keyboard(&[0xf0, set])),
        2 => (1..4_u8).prop_map(|set| [to_keyboard(&[0xf0, set]), to_keyboard(&[0xf0, 0])].concat()),
        2 => select(vec![0xf7, 0xf8, 0xf9, 0xfa]).prop_map(|byte| to_keyboard(&[byte])),
        2 => (0xfb..0xfe_u8, prop::collection::vec(any::<u8>(), 1..3)).prop_map(|(command, keys)| {
            [vec![command], keys, vec![0xf4]].concat().into_iter().flat_map(|byte| to_keyboard(&[byte])).collect()
        }),
        // A set that the translation is not for.
        2 => (select(vec![1, 3]), prop::collection::vec(typed(), 1..4)).prop_map(|(set, keys)| {
            let translate = [Write(COMMAND, 0x60), Write(DATA, 0x43)];
            [translate.to_vec(), to_keyboard(&[0xf0, set]), keys, handle_interrupts(6)].concat()
        }),
        // There, this key's break code is the prefix of break codes in set 2.
        1 => typed().prop_map(|next| {
            let translate = [Write(COMMAND, 0x60), Write(DATA, 0x43)];
            let keys = vec![Op::Key(Key::KatakanaHiragana, false), next];
            [translate.to_vec(), to_keyboard(&[0xf0, 1]), keys, handle_interrupts(4)].concat()
        }),
        // Nobody reads what is typed, and then not the reply.
        2 => (prop::collection::vec(typed(), 4..7), typed()).prop_map(|(mut ops, last)| {
            ops.extend([Write(DATA, 0xf2), last]);
            ops.extend(handle_interrupts(12));
            ops
        }),
        // Broken off in the middle, by another command or by whatever comes next.
        2 => (select(vec![0xed, 0xf0, 0xf3]), any::<u8>()).prop_map(|(command, byte)| to_keyboard(&[command, byte | 0xe0])),
        1 => select(vec![0xed, 0xf0, 0xf3, 0xfc]).prop_map(|byte| vec![Write(DATA, byte)]),
        // Replies that are not read.
        2 => prop::collection::vec(select(vec![0xf2, 0xee, 0xff, 0xf4, 0xf2, 0xf2]), 2..4)
            .prop_map(|bytes| bytes.into_iter().map(|byte| Write(DATA, byte)).collect()),
        1 => any::<u8>().prop_map(|byte| to_keyboard(&[byte])),
    ]
}

/// Reads the reply to each byte before the next is sent.
fn to_keyboard(bytes: &[u8]) -> Vec<Op> {
    let send = |byte: &u8| [Write(DATA, *byte), Read(COMMAND), Read(DATA), Read(COMMAND)];
    let mut ops: Vec<Op> = bytes.iter().flat_map(send).collect();
    ops.extend([Read(DATA), Read(DATA)]);
    ops
}

fn mouse() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        8 => Just(to_mouse(&[0xf4], 1)),
        3 => select(vec![0xe6, 0xea, 0xf5, 0xf6]).prop_map(|byte| to_mouse(&[byte], 1)),
        4 => prop::collection::vec(moved(), 1..4).prop_map(|moves| [to_mouse(&[0xe7], 1), used_mouse(&moves), to_mouse(&[0xe9], 4)].concat()),
        2 => Just(to_mouse(&[0xe9], 4)),
        1 => (0..8_u8).prop_map(held_button),
        2 => Just(to_mouse(&[0xf2], 2)),
        2 => Just(to_mouse(&[0xff], 3)),
        3 => prop_oneof![0..4_u8, any::<u8>()].prop_map(|resolution| [to_mouse(&[0xe8, resolution], 1), to_mouse(&[0xe9], 4)].concat()),
        3 => rate().prop_map(|rate| to_mouse(&[0xf3, rate], 1)),
        4 => rate_sequence().prop_map(|rates| {
            let mut ops: Vec<Op> = rates.iter().flat_map(|rate| to_mouse(&[0xf3, *rate], 1)).collect();
            ops.extend(to_mouse(&[0xf2], 2));
            ops
        }),
        // A command while packets wait, or while one is being read.
        3 => (moved(), 0..5_usize, select(vec![0xf5, 0xf6, 0xe6, 0xe9, 0xeb, 0xff, 0xf2, 0xfe])).prop_map(|(moved, read, command)| {
            let ops = vec![moved, Write(COMMAND, 0xd4), Write(DATA, command)];
            [to_mouse(&[0xf4], 1), vec![Read(DATA); read], ops, handle_interrupts(9)].concat()
        }),
        3 => (moved(), moved(), 1..5_usize, select(vec![0xf5, 0xf6, 0xe6, 0xe9, 0xeb, 0xff, 0xf2])).prop_map(|(one, other, read, command)| {
            let ops = vec![Write(COMMAND, 0xd4), Write(DATA, command)];
            [to_mouse(&[0xf4], 1), vec![one, other], handle_interrupts(read), ops, handle_interrupts(12)].concat()
        }),
        // A command in place of an argument.
        2 => (select(vec![0xe8, 0xf3]), select(vec![0xff, 0xf4, 0xf5, 0xe9, 0xf2, 0xf6])).prop_map(|(command, byte)| {
            [to_mouse(&[command], 1), to_mouse(&[byte], 4), to_mouse(&[0xe9], 4)].concat()
        }),
        // Back to three bytes.
        1 => select(vec![100, 200]).prop_map(|rate| [to_mouse(&[0xf3, 200, 0xf3, rate, 0xf3, 80, 0xf6, 0xf2], 2), used_mouse(&[turned(3)])].concat()),
        // The wheel turns fast.
        2 => (select(vec![100, 200]), -20..21_i16).prop_map(|(rate, steps)| {
            [to_mouse(&[0xf3, 200, 0xf3, rate, 0xf3, 80], 1), used_mouse(&[turned(steps)]), handle_interrupts(12)].concat()
        }),
        // A click while the queue is full.
        2 => (0..8_u8).prop_map(|buttons| {
            let clicks = [buttons, 0, 0, buttons, 0].map(held);
            let moves = (0..5).map(|_| Op::Mouse(MouseInput { dx: 1, ..MouseInput::NONE }));
            [to_mouse(&[0xf6, 0xf4], 1), moves.collect(), clicks.to_vec(), handle_interrupts(16), vec![held(0)], handle_interrupts(8)].concat()
        }),
        // A reset in the middle of a sequence of rates.
        1 => Just([to_mouse(&[0xf3, 200], 1), to_mouse(&[0xff], 3), to_mouse(&[0xf3, 100, 0xf3, 80, 0xf2], 2)].concat()),
        2 => moved().prop_map(|moved| [to_mouse(&[0xf0], 1), vec![moved], to_mouse(&[0xeb], 5), to_mouse(&[0xea], 1)].concat()),
        2 => Just(to_mouse(&[0xeb], 5)),
        1 => Just(to_mouse(&[0xf0], 1)),
        2 => (moved(), any::<u8>()).prop_map(|(moved, byte)| {
            [to_mouse(&[0xee, byte], 1), vec![moved], to_mouse(&[0xec], 1)].concat()
        }),
        1 => Just(to_mouse(&[0xee], 1)),
        1 => moved().prop_map(|moved| [to_mouse(&[0xf4, 0xee], 1), vec![moved], handle_interrupts(6), to_mouse(&[0xec], 1)].concat()),
        2 => Just(to_mouse(&[0xfe], 4)),
        1 => moved().prop_map(|moved| [used_mouse(&[moved]), to_mouse(&[0xfe], 4)].concat()),
        // Synaptics' question, in resolutions.
        1 => Just([to_mouse(&[0xe6, 0xe8, 0, 0xe8, 0, 0xe8, 0, 0xe8, 0], 1), to_mouse(&[0xe9], 4)].concat()),
        // Genius' and Logitech's, in scalings.
        1 => Just([to_mouse(&[0xe6, 0xe6, 0xe6], 1), to_mouse(&[0xe9], 4)].concat()),
        // Replies that are not read.
        3 => prop::collection::vec(select(vec![0xe9, 0xf2, 0xeb, 0xf4, 0xe6, 0xeb]), 2..6).prop_map(|bytes| {
            bytes.into_iter().flat_map(|byte| [Write(COMMAND, 0xd4), Write(DATA, byte)]).collect()
        }),
        1 => select(vec![0xe8, 0xf3]).prop_map(|byte| to_mouse(&[byte], 1)),
        2 => any::<u8>().prop_map(|byte| to_mouse(&[byte], 1)),
    ]
}

/// A packet or two for each movement, read before the next.
fn used_mouse(moves: &[Op]) -> Vec<Op> {
    let mut ops = to_mouse(&[0xf4], 1);
    for moved in moves {
        ops.push(moved.clone());
        ops.extend(handle_interrupts(4));
    }
    ops
}

fn held(buttons: u8) -> Op {
    Op::Mouse(MouseInput {
        buttons: MouseButtons(buttons),
        ..MouseInput::NONE
    })
}

fn turned(steps: i16) -> Op {
    Op::Mouse(MouseInput {
        dz: steps,
        ..MouseInput::NONE
    })
}

/// Asks for the status with buttons held, and lets go of them.
fn held_button(buttons: u8) -> Vec<Op> {
    [
        used_mouse(&[held(buttons)]),
        to_mouse(&[0xe9], 4),
        used_mouse(&[held(0)]),
    ]
    .concat()
}

fn rate() -> impl Strategy<Value = u8> {
    prop_oneof![4 => select(vec![10, 20, 40, 60, 80, 100, 200, 102]), 1 => any::<u8>()]
}

/// The one to an `IntelliMouse`, the one to an Explorer, both one after the other, and nearly so.
fn rate_sequence() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(vec![200, 100, 80]),
        3 => Just(vec![200, 200, 80]),
        1 => Just(vec![200, 100, 80, 200, 200, 80]),
        1 => Just(vec![200, 200, 80, 200, 80, 40]),
        2 => prop::collection::vec(select(vec![200, 200, 100, 80, 40]), 2..6),
    ]
}

/// Reads that many bytes of reply after each byte.
fn to_mouse(bytes: &[u8], replies: usize) -> Vec<Op> {
    let send = |byte: &u8| {
        let mut ops = vec![Write(COMMAND, 0xd4), Write(DATA, *byte)];
        ops.extend(handle_interrupts(replies));
        ops
    };
    bytes.iter().flat_map(send).collect()
}

fn typed() -> impl Strategy<Value = Op> {
    let special = vec![
        Key::Shift,
        Key::ShiftR,
        Key::Ctrl,
        Key::CtrlR,
        Key::Alt,
        Key::AltR,
        Key::Print,
        Key::Pause,
        Key::Print,
        Key::Pause,
    ];
    let key = prop_oneof![2 => select(Key::ALL), 1 => select(special)];
    (key, any::<bool>()).prop_map(|(key, pressed)| Op::Key(key, pressed))
}

fn moved() -> impl Strategy<Value = Op> {
    let counts = || prop_oneof![3 => Just(0), 4 => -6..7_i16, 2 => -160..161_i16];
    let clicks = || prop_oneof![32 => Just(0), 12 => -2..3_i16, 1 => -40..41_i16];
    let buttons = prop_oneof![2 => Just(0), 1 => 0..0x20_u8].prop_map(MouseButtons);
    (counts(), counts(), clicks(), clicks(), buttons).prop_map(|(dx, dy, dz, dw, buttons)| {
        Op::Mouse(MouseInput {
            dx,
            dy,
            dz,
            dw,
            buttons,
        })
    })
}

/// What Linux's `i8042` does to find the controller and its second port.
fn linux_controller_probe() -> Vec<Op> {
    let read = |command| [Write(COMMAND, command), Read(COMMAND), Read(DATA)];
    let write = |command, byte| [Write(COMMAND, command), Write(DATA, byte), Read(COMMAND)];
    [
        handle_interrupts(2),
        [read(0xaa), read(0x20)].concat(),
        write(0x60, 0x65).to_vec(),
        [read(0x20), write(0xd3, 0x5a)].concat(),
        vec![Read(DATA), Write(COMMAND, 0xa9), Read(COMMAND), Read(DATA)],
        [vec![Write(COMMAND, 0xa7)], read(0x20).to_vec()].concat(),
        [vec![Write(COMMAND, 0xa8)], read(0x20).to_vec()].concat(),
        [write(0xd3, 0xf0), write(0xd3, 0x56), write(0xd3, 0xa4)].concat(),
        vec![Read(DATA)],
        write(0x60, 0x47).to_vec(),
    ]
    .concat()
}

/// `atkbd`: identification, LEDs, sets, typematic.
fn linux_keyboard_probe() -> Vec<Op> {
    let bytes = [0xf2, 0xed, 0x00, 0xf0, 0x02, 0xf3, 0x00, 0xf4];
    bytes.iter().flat_map(|byte| to_keyboard(&[*byte])).collect()
}

/// `psmouse`, as far as it looks for the two that there are.
fn linux_mouse_probe() -> Vec<Op> {
    [
        to_mouse(&[0xf2], 2),
        to_mouse(&[0xff], 3),
        to_mouse(&[0xf3, 200, 0xf3, 200, 0xf3, 80], 1),
        to_mouse(&[0xf2], 2),
        to_mouse(&[0xf3, 100, 0xe8, 3, 0xe6, 0xf4], 1),
    ]
    .concat()
}
