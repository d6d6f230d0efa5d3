//! Scripts for the PL031.

use proptest::prelude::*;
use proptest::sample::select;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The guest reads a register.
    Read(u16),
    /// The guest writes a register.
    Write(u16, u32),
    /// The guest sets the match register this many seconds after the clock.
    SetAlarm(u32),
    /// The guest reads one or two bytes, at an address that is aligned to them.
    ReadNarrow(u16, u8),
    /// The guest writes one or two bytes, at an address that is aligned to them.
    WriteNarrow(u16, u8, u16),
    /// About that many nanoseconds pass.
    Elapse(u64),
    /// The machine is reset.
    Reset,
}

use Op::{Elapse, Read, ReadNarrow, Reset, SetAlarm, Write, WriteNarrow};

/// Registers by name.
const DR: u16 = 0x00;
const MR: u16 = 0x04;
const LR: u16 = 0x08;
const CR: u16 = 0x0c;
const IMSC: u16 = 0x10;
const RIS: u16 = 0x14;
const MIS: u16 = 0x18;
const ICR: u16 = 0x1c;

/// Scripts of up to `length` steps.
pub fn scripts(length: usize) -> BoxedStrategy<Vec<Op>> {
    super::phrases(phrase(), host(), length)
}

fn phrase() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        6 => Just(vec![Read(DR), Read(DR)]),
        4 => (0..5_u32, any::<bool>()).prop_map(|(seconds, masked)| {
            vec![Read(DR), SetAlarm(seconds), Write(IMSC, u32::from(!masked)), Read(MR), Read(RIS), Read(MIS)]
        }),
        4 => Just(vec![Read(MIS), Read(RIS), Write(ICR, 1), Read(RIS), Read(MIS)]),
        2 => Just(vec![Read(RIS), Write(ICR, 0), Read(RIS)]),
        3 => clock().prop_map(|value| vec![Write(LR, value), Read(LR), Read(DR), Read(RIS)]),
        2 => any::<u32>().prop_map(|value| vec![Write(IMSC, value), Read(IMSC), Read(MIS)]),
        2 => any::<u32>().prop_map(|value| vec![Write(CR, value), Read(CR), Read(DR)]),
        1 => Just((0xfe0..0x1000).step_by(4).map(Read).collect()),
        // Linux's driver, when it finds the device.
        1 => Just(vec![Read(0xfe0), Read(0xfe4), Read(0xfe8), Read(0xfec), Read(CR), Write(CR, 1), Write(ICR, 1), Write(IMSC, 0)]),
        3 => (0..0x400_u16).prop_map(|word| vec![Read(word * 4)]),
        3 => (0..8_u16, any::<u32>()).prop_map(|(word, value)| vec![Write(word * 4, value)]),
        1 => (0..0x400_u16, any::<u32>()).prop_map(|(word, value)| vec![Write(word * 4, value)]),
        2 => narrow().prop_map(|(address, width)| vec![ReadNarrow(address, width)]),
        1 => (narrow(), any::<u16>()).prop_map(|((address, width), value)| vec![WriteNarrow(address, width, value)]),
        2 => host().prop_map(|op| vec![op]),
    ]
}

fn host() -> impl Strategy<Value = Op> {
    prop_oneof![
        16 => select(vec![10_000_000, 10_000_000, 300_000_000, 700_000_000, 700_000_000, 1_200_000_000]).prop_map(Elapse),
        1 => Just(Elapse(2_300_000_000)),
        4 => Just(Reset),
    ]
}

/// Values around which the clock wraps, and any.
fn clock() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => select(vec![0, 1, u32::MAX, u32::MAX - 1, u32::MAX - 3, 0x8000_0000, 0x7fff_ffff]),
        1 => any::<u32>(),
    ]
}

fn narrow() -> impl Strategy<Value = (u16, u8)> {
    let place = prop_oneof![0..0x20_u16, 0xfe0..0x1000_u16, 0..0x1000_u16];
    (place, any::<bool>()).prop_map(|(address, byte)| if byte { (address, 1) } else { (address & !1, 2) })
}
