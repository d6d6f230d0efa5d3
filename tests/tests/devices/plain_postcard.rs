//! An independent decoder for every encoder: postcard, into plain structs. Only integers above eight bits need a newtype,
//! for their fixed width.

use crate::{Device, states};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_versioning::{Layout, ReleaseTable, Wire, payload};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

macro_rules! fixed {
    ($($Name:ident: $int:ty),+) => {$(
        #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
        struct $Name(#[serde(with = "postcard::fixint::le")] $int);
    )+};
}

fixed!(U16: u16, U32: u32, U64: u64, I64: i64);

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Rtc1 {
    lr: U32,
    offset: I64,
    mr: U32,
    imsc: U32,
    ris: U32,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Rtc2 {
    lr: U32,
    mr: U32,
    imsc: U32,
    ris: U32,
    counter: U32,
    sub_second_ns: U32,
    enabled: bool,
    saved_at: U64,
    host_offset: Option<I64>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Serial1 {
    baud_divisor_low: u8,
    baud_divisor_high: u8,
    interrupt_enable: u8,
    interrupt_identification: u8,
    line_control: u8,
    line_status: u8,
    modem_control: u8,
    modem_status: u8,
    scratch: u8,
    in_buffer: Vec<u8>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Serial2 {
    baud_divisor_low: u8,
    baud_divisor_high: u8,
    interrupt_enable: u8,
    line_control: u8,
    modem_control: u8,
    modem_status: u8,
    scratch: u8,
    in_buffer: Vec<u8>,
    fifo_control: u8,
    receiver_buffer: u8,
    line_errors: u8,
    parity_errors: U16,
    framing_errors: U16,
    breaks: U16,
    timeout_remaining: U64,
    thr_interrupt_pending: bool,
    saved_at: U64,
    transmit_shift: Option<u8>,
    transmit_buffer: Vec<u8>,
}

/// What postcard reads from a mirror's payload, after it has written the same bytes again.
fn plain<'de, M, P>(mirror: &M, release: Device) -> P
where
    M: Wire<'de, Device> + Layout + Clone,
    P: Serialize + DeserializeOwned,
{
    let mut lowered = mirror.clone();
    if release != Device::LATEST {
        lowered.lower(release).unwrap();
    }
    let mut memory = vec![0; M::MAX_ENCODED_LEN];
    let len = payload::encode(&lowered, release, &mut memory).unwrap();
    let (plain, rest) = postcard::take_from_bytes::<P>(&memory[..len]).unwrap();
    assert!(rest.is_empty());
    assert_eq!(postcard::to_slice(&plain, &mut [0; 200]).unwrap(), &memory[..len]);
    plain
}

#[test]
fn the_clock() {
    for mirror in states::rtcs() {
        let RtcStateSer {
            lr,
            mr,
            imsc,
            ris,
            counter,
            sub_second_ns,
            enabled,
            saved_at,
            ..
        } = mirror;
        let expected = Rtc2 {
            lr: U32(lr),
            mr: U32(mr),
            imsc: U32(imsc),
            ris: U32(ris),
            counter: U32(counter),
            sub_second_ns: U32(sub_second_ns),
            enabled,
            saved_at: U64(saved_at),
            host_offset: None,
        };
        assert_eq!(plain::<_, Rtc2>(&mirror, Device::V2), expected);
        let old: Rtc1 = plain(&mirror, Device::V1);
        let offset = i64::from(counter) - (saved_at / 1_000_000_000).cast_signed();
        assert_eq!(
            old,
            Rtc1 {
                lr: U32(lr),
                offset: I64(offset),
                mr: U32(mr),
                imsc: U32(imsc),
                ris: U32(ris)
            }
        );
    }
}

#[test]
fn the_uart() {
    for mirror in states::serials() {
        let read: Serial2 = plain(&mirror, Device::V2);
        let expected = Serial2 {
            baud_divisor_low: mirror.baud_divisor_low,
            baud_divisor_high: mirror.baud_divisor_high,
            interrupt_enable: mirror.interrupt_enable,
            line_control: mirror.line_control,
            modem_control: mirror.modem_control,
            modem_status: mirror.modem_status,
            scratch: mirror.scratch,
            in_buffer: mirror.in_buffer.to_vec(),
            fifo_control: mirror.fifo_control,
            receiver_buffer: mirror.receiver_buffer,
            line_errors: mirror.line_errors,
            parity_errors: U16(mirror.parity_errors),
            framing_errors: U16(mirror.framing_errors),
            breaks: U16(mirror.breaks),
            timeout_remaining: U64(mirror.timeout_remaining),
            thr_interrupt_pending: mirror.thr_interrupt_pending,
            saved_at: U64(mirror.saved_at),
            transmit_shift: mirror.transmit_shift,
            transmit_buffer: mirror.transmit_buffer.to_vec(),
        };
        assert_eq!(read, expected);
        let old: Serial1 = plain(&mirror, Device::V1);
        assert_eq!(
            (old.scratch, &old.in_buffer),
            (mirror.scratch, &mirror.in_buffer.to_vec())
        );
    }
}
