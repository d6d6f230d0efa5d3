//! Scripts for the 16550A.

use proptest::prelude::*;
use proptest::sample::select;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The guest reads a register.
    Read(u16),
    /// The guest writes a register.
    Write(u16, u8),
    /// Characters are offered from outside.
    Receive(Vec<u8>),
    /// A break comes in.
    Break,
    /// About that many nanoseconds pass.
    Elapse(u64),
    /// The machine is reset.
    Reset,
}

use Op::{Break, Elapse, Read, Receive, Reset, Write};

/// Scripts of up to `length` steps.
pub fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
    super::phrases(phrase(), host(), length)
}

fn phrase() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 1..6).prop_map(print_polled),
        6 => Just(handle_interrupt()),
        4 => (1..17_usize).prop_map(read_received),
        3 => any::<u8>().prop_map(|ier| vec![Write(1, ier & 0x0f), Read(1), Read(2)]),
        2 => Just(vec![Write(1, 0), Write(1, 2), Read(2), Read(2)]),
        3 => fifo_control().prop_map(|fcr| vec![Write(2, fcr), Read(2)]),
        2 => (divisor(), any::<u8>()).prop_map(|(divisor, lcr)| set_line(divisor, lcr)),
        2 => prop::collection::vec(any::<u8>(), 1..20).prop_map(|bytes| loop_back(&bytes)),
        1 => any::<u8>().prop_map(|mcr| vec![Write(4, mcr), Read(4), Read(6)]),
        1 => Just(probe()),
        6 => host().prop_map(|op| vec![op]),
        4 => (0..8_u16).prop_map(|register| vec![Read(register)]),
        4 => (0..8_u16, any::<u8>()).prop_map(|(register, value)| vec![Write(register, value)]),
        1 => Just(vec![Write(3, 3)]),
        1 => Just(vec![Write(4, 0x0b)]),
    ]
}

fn host() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => prop::collection::vec(any::<u8>(), 1..5).prop_map(Receive),
        6 => prop::collection::vec(any::<u8>(), 5..20).prop_map(Receive),
        4 => Just(Break),
        3 => select(vec![10_000, 300_000, 2_000_000, 20_000_000]).prop_map(Elapse),
        1 => Just(Reset),
    ]
}

fn print_polled(text: Vec<u8>) -> Vec<Op> {
    text.into_iter().flat_map(|byte| [Read(5), Write(0, byte)]).collect()
}

/// Linux's order: identification, line status, data, modem status, and once more identification.
fn handle_interrupt() -> Vec<Op> {
    vec![Read(2), Read(5), Read(0), Read(5), Read(6), Read(5), Read(2)]
}

fn read_received(count: usize) -> Vec<Op> {
    (0..count).flat_map(|_| [Read(5), Read(0)]).collect()
}

fn fifo_control() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => select(vec![0x01, 0x07, 0x41, 0x47, 0x81, 0xc1, 0xc7, 0x00, 0x06]),
        1 => any::<u8>(),
    ]
}

fn divisor() -> impl Strategy<Value = u16> {
    prop_oneof![
        6 => select(vec![1, 2, 3, 6, 12, 24, 48, 96, 384, 1047, 0]),
        1 => any::<u16>(),
    ]
}

fn set_line(divisor: u16, lcr: u8) -> Vec<Op> {
    let [low, high] = divisor.to_le_bytes();
    vec![
        Write(3, lcr | 0x80),
        Write(0, low),
        Write(1, high),
        Read(0),
        Read(1),
        Write(3, lcr & 0x7f),
        Read(3),
    ]
}

fn loop_back(bytes: &[u8]) -> Vec<Op> {
    let mut ops = vec![Write(4, 0x1b), Read(6)];
    ops.extend(bytes.iter().map(|byte| Write(0, *byte)));
    ops.extend([Read(2), Read(5)]);
    ops.extend(bytes.iter().flat_map(|_| [Read(0), Read(5)]));
    ops.extend([Write(4, 0x0b), Read(6)]);
    ops
}

/// Which chip is it?
fn probe() -> Vec<Op> {
    vec![
        Read(1),
        Write(1, 0),
        Read(1),
        Write(1, 0x0f),
        Read(1),
        Write(1, 0),
        Write(4, 0x1a),
        Read(6),
        Write(4, 0x08),
        Write(2, 0x01),
        Read(2),
        Write(2, 0x07),
        Read(2),
        Write(7, 0x5a),
        Read(7),
    ]
}
