//! Packing by hand: one bounds check for each struct, safe code, in place. The limit for code that anyone would write.

use std::hint::black_box;

use heapless::Vec;

use crc::{CRC_64_XZ, Crc, Table};

use crate::peer::{Container, Peer, Versioned};
use crate::work::Work;

/// Hand-written packing.
pub struct Hand;

/// The work as it is.
#[derive(Clone, Debug, Default)]
pub struct Plain(pub Work);

impl From<&Work> for Plain {
    fn from(work: &Work) -> Self {
        Self(work.clone())
    }
}

impl From<Plain> for Work {
    fn from(plain: Plain) -> Self {
        plain.0
    }
}

impl Peer for Hand {
    const NAME: &'static str = "by hand";
    type State = Plain;

    fn save(Plain(work): &Plain, buffer: &mut [u8]) -> usize {
        save(work, 2, buffer).unwrap_or(0)
    }

    fn load(payload: &[u8], Plain(work): &mut Plain) {
        let _ = load(payload, 2, work);
    }

    const VERSIONED: Option<Versioned<Plain>> = Some(Versioned {
        save: |Plain(work), version| Box::new(move |buffer| save(&work, black_box(version), buffer).unwrap_or(0)),
        load: |bytes, version, Plain(work)| {
            let _ = load(bytes, version, work);
        },
    });

    const CONTAINER: Option<Container<Plain>> = Some(Container {
        save: |Plain(work), buffer| seal(work, buffer).unwrap_or(0),
        load: |bytes, Plain(work)| {
            let _ = open(bytes, work);
        },
    });
}

const MAGIC: [u8; 8] = *b"by hand\x02";

static CRC: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_XZ);

/// Magic with the version, length, payload, checksum.
fn seal(work: &Work, buffer: &mut [u8]) -> Option<usize> {
    let len = save(work, 2, buffer.get_mut(12..)?)?;
    buffer.get_mut(..8)?.copy_from_slice(&MAGIC);
    buffer.get_mut(8..12)?.copy_from_slice(&(len as u32).to_le_bytes());
    let checksum = CRC.checksum(buffer.get(..12 + len)?);
    buffer
        .get_mut(12 + len..20 + len)?
        .copy_from_slice(&checksum.to_le_bytes());
    Some(20 + len)
}

fn open(bytes: &[u8], work: &mut Work) -> Option<()> {
    let (summed, checksum) = bytes.split_last_chunk::<8>()?;
    let (magic, rest) = summed.split_first_chunk::<8>()?;
    let (len, payload) = rest.split_first_chunk::<4>()?;
    let whole = *magic == MAGIC
        && u32::from_le_bytes(*len) as usize == payload.len()
        && CRC.checksum(summed) == u64::from_le_bytes(*checksum);
    if whole { load(payload, 2, work) } else { None }
}

/// Splits the next `N` bytes off and fills them.
#[inline(always)]
fn put<const N: usize>(rest: &mut [u8], bytes: [u8; N]) -> Option<&mut [u8]> {
    let (window, rest) = rest.split_first_chunk_mut::<N>()?;
    *window = bytes;
    Some(rest)
}

#[inline(always)]
fn put_bytes<'a>(rest: &'a mut [u8], bytes: &[u8]) -> Option<&'a mut [u8]> {
    let rest = put(rest, [bytes.len() as u8])?;
    let (window, rest) = rest.split_at_mut_checked(bytes.len())?;
    window.copy_from_slice(bytes);
    Some(rest)
}

#[inline(always)]
fn save(work: &Work, version: u16, buffer: &mut [u8]) -> Option<usize> {
    let available = buffer.len();
    let Work { rtc, serial, i8042 } = work;

    let (window, rest) = buffer.split_first_chunk_mut::<16>()?;
    window[0..4].copy_from_slice(&rtc.lr.to_le_bytes());
    window[4..8].copy_from_slice(&rtc.mr.to_le_bytes());
    window[8..12].copy_from_slice(&rtc.imsc.to_le_bytes());
    window[12..16].copy_from_slice(&rtc.ris.to_le_bytes());
    let mut rest = rest;
    if version >= 2 {
        let (window, tail) = rest.split_first_chunk_mut::<9>()?;
        window[0..4].copy_from_slice(&rtc.counter.to_le_bytes());
        window[4..8].copy_from_slice(&rtc.nanoseconds.to_le_bytes());
        window[8] = u8::from(rtc.enabled);
        rest = tail;
    }

    let [d0, d1] = serial.divisor.to_le_bytes();
    rest = put(
        rest,
        [
            d0, d1, serial.ier, serial.lcr, serial.mcr, serial.lsr, serial.msr, serial.scr,
        ],
    )?;
    rest = put_bytes(rest, &serial.rx)?;
    if version >= 2 {
        let (window, tail) = rest.split_first_chunk_mut::<10>()?;
        window[0] = serial.fcr;
        window[1] = u8::from(serial.thr_empty);
        window[2..10].copy_from_slice(&serial.time_out.to_le_bytes());
        rest = put_bytes(tail, &serial.tx)?;
    }

    rest = put(rest, [i8042.ctr, i8042.output_port, i8042.status, i8042.command])?;
    rest = put_bytes(rest, &i8042.keyboard_queue)?;
    rest = put(rest, [i8042.scan_code_set, i8042.leds, u8::from(i8042.scanning)])?;
    rest = put_bytes(rest, &i8042.mouse_queue)?;
    let ([x0, x1], [y0, y1]) = (i8042.dx.to_le_bytes(), i8042.dy.to_le_bytes());
    rest = put(rest, [i8042.rate, i8042.resolution, i8042.flags, x0, x1, y0, y1])?;
    if version >= 2 {
        rest = put(rest, [i8042.dz as u8, i8042.buttons])?;
    }
    Some(available - rest.len())
}

#[inline(always)]
fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[inline(always)]
fn take_bytes<'a>(rest: &'a [u8], into: &mut Vec<u8, 16>) -> Option<&'a [u8]> {
    let (&length, rest) = rest.split_first()?;
    if length > 16 {
        return None;
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(length))?;
    into.clear();
    into.extend_from_slice(bytes).ok()?;
    Some(rest)
}

#[inline(always)]
fn load(payload: &[u8], version: u16, work: &mut Work) -> Option<()> {
    let Work { rtc, serial, i8042 } = work;

    let (&[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3], mut rest) =
        payload.split_first_chunk::<16>()?;
    rtc.lr = u32::from_le_bytes([a0, a1, a2, a3]);
    rtc.mr = u32::from_le_bytes([b0, b1, b2, b3]);
    rtc.imsc = u32::from_le_bytes([c0, c1, c2, c3]);
    rtc.ris = u32::from_le_bytes([d0, d1, d2, d3]);
    if version >= 2 {
        let (&[a0, a1, a2, a3, b0, b1, b2, b3, enabled], tail) = rest.split_first_chunk::<9>()?;
        rtc.counter = u32::from_le_bytes([a0, a1, a2, a3]);
        rtc.nanoseconds = u32::from_le_bytes([b0, b1, b2, b3]);
        rtc.enabled = flag(enabled)?;
        rest = tail;
    } else {
        rtc.counter = 0;
        rtc.nanoseconds = 0;
        rtc.enabled = false;
    }

    let (&[d0, d1, ier, lcr, mcr, lsr, msr, scr], tail) = rest.split_first_chunk::<8>()?;
    serial.divisor = u16::from_le_bytes([d0, d1]);
    serial.ier = ier;
    serial.lcr = lcr;
    serial.mcr = mcr;
    serial.lsr = lsr;
    serial.msr = msr;
    serial.scr = scr;
    rest = take_bytes(tail, &mut serial.rx)?;
    if version >= 2 {
        let (&[fcr, thr_empty, t0, t1, t2, t3, t4, t5, t6, t7], tail) = rest.split_first_chunk::<10>()?;
        serial.fcr = fcr;
        serial.thr_empty = flag(thr_empty)?;
        serial.time_out = u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        rest = take_bytes(tail, &mut serial.tx)?;
    } else {
        serial.fcr = 0;
        serial.thr_empty = false;
        serial.time_out = 0;
        serial.tx.clear();
    }

    let (&[ctr, output_port, status, command], tail) = rest.split_first_chunk::<4>()?;
    i8042.ctr = ctr;
    i8042.output_port = output_port;
    i8042.status = status;
    i8042.command = command;
    rest = take_bytes(tail, &mut i8042.keyboard_queue)?;
    let (&[scan_code_set, leds, scanning], tail) = rest.split_first_chunk::<3>()?;
    i8042.scan_code_set = scan_code_set;
    i8042.leds = leds;
    i8042.scanning = flag(scanning)?;
    rest = take_bytes(tail, &mut i8042.mouse_queue)?;
    let (&[rate, resolution, flags, x0, x1, y0, y1], tail) = rest.split_first_chunk::<7>()?;
    i8042.rate = rate;
    i8042.resolution = resolution;
    i8042.flags = flags;
    i8042.dx = i16::from_le_bytes([x0, x1]);
    i8042.dy = i16::from_le_bytes([y0, y1]);
    rest = tail;
    if version >= 2 {
        let (&[dz, buttons], tail) = rest.split_first_chunk::<2>()?;
        i8042.dz = dz as i8;
        i8042.buttons = buttons;
        rest = tail;
    } else {
        i8042.dz = 0;
        i8042.buttons = 0;
    }
    rest.is_empty().then_some(())
}
