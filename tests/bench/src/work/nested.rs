//! The shape of real states: mirrors in mirrors, enums, an enum with a value, `Option`, a change of meaning.

use std::sync::OnceLock;

use devstate_versioning::{ConversionError, Versioned, release_table};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use versionize::{VersionMap, Versionize, VersionizeError, VersionizeResult};
use versionize_derive::Versionize;

use super::{Bytes, Work};
use crate::peers::hand::{flag, put, put_bytes, take_bytes};

work! {
    /// The three devices.
    struct NestedWork [version = 1, layouts(0x71a3_d3f3_d7a4_5571)] {
        0 rtc: Clock,
        1 serial: Port,
        2 i8042: Controller,
    }

    struct Clock [version = 2, layouts(0xeba4_6d44_4b92_5301, open)] {
        0 lr: u32,
        1 mr: u32,
        2 imsc: bool,
        3 ris: bool,
        4 counter: u32 since 2,
        5 nanoseconds: u32 since 2,
        6 enabled: bool since 2,
        7 alarm: Option<u64> since 2,
    }

    struct Frame [version = 1, layouts(0xf229_5df1_3d86_a819)] {
        0 word: Word,
        1 parity: Parity,
        2 two_stop_bits: bool,
    }

    /// Bits of a character.
    enum Word [version = 1, layouts(0x9e2c_2468_8bf7_04bc)] {
        0 Five, 1 Six, 2 Seven, 3 Eight,
    }

    /// What the bit behind a character is.
    enum Parity [version = 1, layouts(0xc870_085f_8800_1260)] {
        0 None, 1 Odd, 2 Even, 3 Mark, 4 Space,
    }

    struct Port [version = 2, layouts(0x5097_120b_853c_40d2, open)] {
        0 divisor: u16,
        1 frame: Frame,
        2 ier: u8,
        3 mcr: u8,
        4 lsr: u8,
        5 msr: u8,
        6 scr: u8,
        7 rx: Bytes,
        8 fcr: u8 since 2,
        9 thr_empty: bool
            [start = 2, ser_fn = Port::into_lsr, de_fn = Port::from_lsr]
            [start = 2, ser_fn = "lsr_of_version_1", de_fn = "lsr_from_version_1"],
        10 time_out: Option<u64> since 2,
        11 tx: Bytes since 2,
    }

    struct Controller [version = 1, layouts(0x8a6a_48cf_0560_3c29)] {
        0 ctr: u8,
        1 output_port: u8,
        2 command: Option<u8>,
        3 keyboard: Keyboard,
        4 mouse: Mouse,
    }

    struct Keyboard [version = 1, layouts(0x3176_b863_e108_c66e)] {
        0 queue: Bytes,
        1 set: ScanCodes,
        2 leds: u8,
        3 scanning: bool,
        4 expects: Expects,
    }

    /// The keyboard's scan codes.
    enum ScanCodes [version = 1, layouts(0x1e49_8420_259a_1c71)] {
        0 Set2, 1 Set1, 2 Set3,
    }
}

/// What the next byte to the keyboard is.
#[derive(Versioned, Serialize, Deserialize, Encode, Decode, Versionize, Clone, Debug, Default, Copy, PartialEq)]
#[versioned(version = 1, layouts(0xe2e2_8f03_1d42_fa82))]
pub enum Expects {
    #[n(0)]
    #[default]
    Command,
    #[n(1)]
    Leds,
    #[n(2)]
    ArgumentOf(#[n(0)] u8),
}

work! {
    struct Mouse [version = 2, layouts(0x845c_1349_453a_5f7e, open)] {
        0 queue: Bytes,
        1 rate: u8,
        2 resolution: u8,
        3 mode: Mode,
        4 dx: i16,
        5 dy: i16,
        6 dz: i8 since 2,
        7 buttons: u8 since 2,
    }

    /// How the mouse reports.
    enum Mode [version = 1, layouts(0x3812_cc63_0078_2de9)] {
        0 Stream, 1 Remote, 2 Wrap,
    }
}

release_table! {
    pub enum Release { V1 = 1 @ 0x8020_d1ff_68e9_4f6a, V2 = 2 @ open }
    Clock => [1, 2],
    Word => [1, 1],
    Parity => [1, 1],
    Frame => [1, 1],
    Port => [1, 2],
    ScanCodes => [1, 1],
    Expects => [1, 1],
    Keyboard => [1, 1],
    Mode => [1, 1],
    Mouse => [1, 2],
    Controller => [1, 1],
    NestedWork => [1, 1],
}

/// Version 1 says in the line status register that the transmitter is empty.
const THR_EMPTY: u8 = 0x20;

impl Port {
    fn into_lsr(&mut self, _version: u16) -> Result<(), ConversionError> {
        self.lsr = self.lsr & !THR_EMPTY | if self.thr_empty { THR_EMPTY } else { 0 };
        Ok(())
    }

    fn from_lsr(&mut self, _version: u16) -> Result<(), ConversionError> {
        self.thr_empty = self.lsr & THR_EMPTY != 0;
        self.lsr &= !THR_EMPTY;
        Ok(())
    }

    /// versionize's.
    fn lsr_of_version_1(&mut self, version: u16) -> VersionizeResult<()> {
        self.into_lsr(version)
            .map_err(|error| VersionizeError::Semantic(error.to_string()))
    }

    /// versionize's.
    fn lsr_from_version_1(&mut self, version: u16) -> VersionizeResult<()> {
        self.from_lsr(version)
            .map_err(|error| VersionizeError::Semantic(error.to_string()))
    }
}

impl Work for NestedWork {
    const TABLES: [&'static str; 3] = ["payload", "at a version known at run time", "with header and checksum"];

    type Release = Release;

    /// A full receive FIFO, half a transmit FIFO, small queues.
    fn sample() -> Self {
        Self {
            rtc: Clock {
                lr: 0x6957_35a6,
                mr: 0x69a7_bdc2,
                imsc: true,
                ris: false,
                counter: 0x6957_35a7,
                nanoseconds: 123_456_789,
                enabled: true,
                alarm: None,
            },
            serial: Port {
                divisor: 1,
                frame: Frame {
                    word: Word::Eight,
                    parity: Parity::Even,
                    two_stop_bits: false,
                },
                ier: 5,
                mcr: 0x0b,
                lsr: 0x40,
                msr: 0xb0,
                scr: 0x5a,
                rx: b"sixteen bytes in"[..].into(),
                fcr: 0x81,
                thr_empty: true,
                time_out: Some(347_222),
                tx: b"8 bytes."[..].into(),
            },
            i8042: Controller {
                ctr: 0x43,
                output_port: 0xcf,
                command: Some(0xd4),
                keyboard: Keyboard {
                    queue: [0xe0, 0x75, 0xe0][..].into(),
                    set: ScanCodes::Set2,
                    leds: 2,
                    scanning: true,
                    expects: Expects::ArgumentOf(0xf3),
                },
                mouse: Mouse {
                    queue: [8, 5, 0xfd, 0][..].into(),
                    rate: 100,
                    resolution: 2,
                    mode: Mode::Remote,
                    dx: 5,
                    dy: -3,
                    dz: -1,
                    buttons: 1,
                },
            },
        }
    }

    fn version_map() -> &'static VersionMap {
        static MAP: OnceLock<VersionMap> = OnceLock::new();
        MAP.get_or_init(|| {
            let mut map = VersionMap::new();
            map.new_version()
                .set_type_version(Clock::type_id(), 2)
                .set_type_version(Port::type_id(), 2)
                .set_type_version(Mouse::type_id(), 2);
            map
        })
    }

    #[inline(always)]
    fn save_by_hand(&self, version: u16, buffer: &mut [u8]) -> Option<usize> {
        let available = buffer.len();
        let Self { rtc, serial, i8042 } = self;

        let (window, rest) = buffer.split_first_chunk_mut::<10>()?;
        window[0..4].copy_from_slice(&rtc.lr.to_le_bytes());
        window[4..8].copy_from_slice(&rtc.mr.to_le_bytes());
        window[8] = u8::from(rtc.imsc);
        window[9] = u8::from(rtc.ris);
        let mut rest = rest;
        if version >= 2 {
            let (window, tail) = rest.split_first_chunk_mut::<9>()?;
            window[0..4].copy_from_slice(&rtc.counter.to_le_bytes());
            window[4..8].copy_from_slice(&rtc.nanoseconds.to_le_bytes());
            window[8] = u8::from(rtc.enabled);
            rest = put_time(tail, rtc.alarm)?;
        }

        let [d0, d1] = serial.divisor.to_le_bytes();
        let Frame {
            word,
            parity,
            two_stop_bits,
        } = serial.frame;
        let lsr = match version {
            1 if serial.thr_empty => serial.lsr | THR_EMPTY,
            1 => serial.lsr & !THR_EMPTY,
            _ => serial.lsr,
        };
        let [ier, mcr, msr, scr] = [serial.ier, serial.mcr, serial.msr, serial.scr];
        let frame = [word as u8, parity as u8, u8::from(two_stop_bits)];
        rest = put(rest, [d0, d1, frame[0], frame[1], frame[2], ier, mcr, lsr, msr, scr])?;
        rest = put_bytes(rest, &serial.rx)?;
        if version >= 2 {
            rest = put(rest, [serial.fcr, u8::from(serial.thr_empty)])?;
            rest = put_time(rest, serial.time_out)?;
            rest = put_bytes(rest, &serial.tx)?;
        }

        rest = match i8042.command {
            None => put(rest, [i8042.ctr, i8042.output_port, 0])?,
            Some(command) => put(rest, [i8042.ctr, i8042.output_port, 1, command])?,
        };
        let Keyboard {
            queue,
            set,
            leds,
            scanning,
            expects,
        } = &i8042.keyboard;
        rest = put_bytes(rest, queue)?;
        let (set, scanning) = (*set as u8, u8::from(*scanning));
        rest = match *expects {
            Expects::Command => put(rest, [set, *leds, scanning, 0])?,
            Expects::Leds => put(rest, [set, *leds, scanning, 1])?,
            Expects::ArgumentOf(command) => put(rest, [set, *leds, scanning, 2, command])?,
        };
        let mouse = &i8042.mouse;
        rest = put_bytes(rest, &mouse.queue)?;
        let ([x0, x1], [y0, y1]) = (mouse.dx.to_le_bytes(), mouse.dy.to_le_bytes());
        rest = put(rest, [mouse.rate, mouse.resolution, mouse.mode as u8, x0, x1, y0, y1])?;
        if version >= 2 {
            rest = put(rest, [mouse.dz as u8, mouse.buttons])?;
        }
        Some(available - rest.len())
    }

    #[inline(always)]
    fn load_by_hand(&mut self, version: u16, payload: &[u8]) -> Option<()> {
        let Self { rtc, serial, i8042 } = self;

        let (&[a0, a1, a2, a3, b0, b1, b2, b3, imsc, ris], mut rest) = payload.split_first_chunk::<10>()?;
        rtc.lr = u32::from_le_bytes([a0, a1, a2, a3]);
        rtc.mr = u32::from_le_bytes([b0, b1, b2, b3]);
        rtc.imsc = flag(imsc)?;
        rtc.ris = flag(ris)?;
        if version >= 2 {
            let (&[a0, a1, a2, a3, b0, b1, b2, b3, enabled], tail) = rest.split_first_chunk::<9>()?;
            rtc.counter = u32::from_le_bytes([a0, a1, a2, a3]);
            rtc.nanoseconds = u32::from_le_bytes([b0, b1, b2, b3]);
            rtc.enabled = flag(enabled)?;
            rest = take_time(tail, &mut rtc.alarm)?;
        } else {
            rtc.counter = 0;
            rtc.nanoseconds = 0;
            rtc.enabled = false;
            rtc.alarm = None;
        }

        let (&[d0, d1, word, parity, two_stop_bits, ier, mcr, lsr, msr, scr], tail) = rest.split_first_chunk::<10>()?;
        serial.divisor = u16::from_le_bytes([d0, d1]);
        serial.frame = Frame {
            word: *[Word::Five, Word::Six, Word::Seven, Word::Eight].get(usize::from(word))?,
            parity: *[Parity::None, Parity::Odd, Parity::Even, Parity::Mark, Parity::Space].get(usize::from(parity))?,
            two_stop_bits: flag(two_stop_bits)?,
        };
        serial.ier = ier;
        serial.mcr = mcr;
        serial.lsr = lsr;
        serial.msr = msr;
        serial.scr = scr;
        rest = take_bytes(tail, &mut serial.rx)?;
        if version >= 2 {
            let (&[fcr, thr_empty], tail) = rest.split_first_chunk::<2>()?;
            serial.fcr = fcr;
            serial.thr_empty = flag(thr_empty)?;
            rest = take_time(tail, &mut serial.time_out)?;
            rest = take_bytes(rest, &mut serial.tx)?;
        } else {
            serial.fcr = 0;
            serial.thr_empty = lsr & THR_EMPTY != 0;
            serial.lsr &= !THR_EMPTY;
            serial.time_out = None;
            serial.tx.0.clear();
        }

        let (&[ctr, output_port, command], tail) = rest.split_first_chunk::<3>()?;
        i8042.ctr = ctr;
        i8042.output_port = output_port;
        rest = take_option(command, tail, &mut i8042.command)?;
        let keyboard = &mut i8042.keyboard;
        rest = take_bytes(rest, &mut keyboard.queue)?;
        let (&[set, leds, scanning, expects], tail) = rest.split_first_chunk::<4>()?;
        keyboard.set = *[ScanCodes::Set2, ScanCodes::Set1, ScanCodes::Set3].get(usize::from(set))?;
        keyboard.leds = leds;
        keyboard.scanning = flag(scanning)?;
        rest = tail;
        keyboard.expects = match expects {
            0 => Expects::Command,
            1 => Expects::Leds,
            2 => {
                let (&command, tail) = rest.split_first()?;
                rest = tail;
                Expects::ArgumentOf(command)
            }
            _ => return None,
        };
        let mouse = &mut i8042.mouse;
        rest = take_bytes(rest, &mut mouse.queue)?;
        let (&[rate, resolution, mode, x0, x1, y0, y1], tail) = rest.split_first_chunk::<7>()?;
        mouse.rate = rate;
        mouse.resolution = resolution;
        mouse.mode = *[Mode::Stream, Mode::Remote, Mode::Wrap].get(usize::from(mode))?;
        mouse.dx = i16::from_le_bytes([x0, x1]);
        mouse.dy = i16::from_le_bytes([y0, y1]);
        rest = tail;
        if version >= 2 {
            let (&[dz, buttons], tail) = rest.split_first_chunk::<2>()?;
            mouse.dz = dz as i8;
            mouse.buttons = buttons;
            rest = tail;
        } else {
            mouse.dz = 0;
            mouse.buttons = 0;
        }
        rest.is_empty().then_some(())
    }
}

#[inline(always)]
fn put_time(rest: &mut [u8], time: Option<u64>) -> Option<&mut [u8]> {
    match time {
        None => put(rest, [0]),
        Some(time) => {
            let (window, rest) = rest.split_first_chunk_mut::<9>()?;
            window[0] = 1;
            window[1..].copy_from_slice(&time.to_le_bytes());
            Some(rest)
        }
    }
}

#[inline(always)]
fn take_time<'a>(rest: &'a [u8], time: &mut Option<u64>) -> Option<&'a [u8]> {
    let (&tag, rest) = rest.split_first()?;
    if !flag(tag)? {
        *time = None;
        return Some(rest);
    }
    let (bytes, rest) = rest.split_first_chunk::<8>()?;
    *time = Some(u64::from_le_bytes(*bytes));
    Some(rest)
}

#[inline(always)]
fn take_option<'a>(tag: u8, rest: &'a [u8], byte: &mut Option<u8>) -> Option<&'a [u8]> {
    if !flag(tag)? {
        *byte = None;
        return Some(rest);
    }
    let (&value, rest) = rest.split_first()?;
    *byte = Some(value);
    Some(rest)
}
