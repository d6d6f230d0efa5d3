//! An independent decoder for every encoder: postcard, into plain structs. Only integers above eight bits need a newtype,
//! for their fixed width.

use crate::{Release, machine, states};
use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{MirrorOf, ReleaseTable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

macro_rules! fixed {
    ($($Name:ident: $int:ty),+) => {$(
        #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
        struct $Name(#[serde(with = "postcard::fixint::le")] $int);
    )+};
}

fixed!(U16: u16, U32: u32, U64: u64, I16: i16, I64: i64);

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

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Keyboard1 {
    option: u8,
    scan_code_set: u8,
    scanning: bool,
    leds: u8,
    typematic: u8,
    last_sent: u8,
    replies: Vec<u8>,
    codes: Vec<u8>,
    overrun: Option<u8>,
    held: [u8; 19],
    without_break: [u8; 19],
    without_repeat: [u8; 19],
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the mirror's fields")]
struct Mouse1 {
    argument: u8,
    remote: bool,
    wrap: bool,
    reporting: bool,
    scaling_2_1: bool,
    resolution: u8,
    sample_rate: u8,
    protocol: u8,
    knock: u8,
    buttons: u8,
    dx: I16,
    dy: I16,
    dz: I16,
    dw: I16,
    unreported: bool,
    queue: Vec<u8>,
    last_packet: Vec<u8>,
}

/// Version 1, and what came after it.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Keyboard2 {
    version_1: Keyboard1,
    sys_rq: bool,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the mirror")]
struct Mouse2 {
    argument: u8,
    remote: bool,
    wrap: bool,
    reporting: bool,
    scaling_2_1: bool,
    resolution: u8,
    sample_rate: u8,
    protocol: u8,
    knock: u8,
    buttons: u8,
    dx: I16,
    dy: I16,
    dz: I16,
    dw: I16,
    unreported: bool,
    queue: Vec<u8>,
    horizontal: bool,
    horizontal_begun: bool,
    reported: u8,
    clicks: u8,
    begun: u8,
    waiting: u8,
    last_sent: Vec<u8>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct I8042<K, M> {
    config: u8,
    ram: [u8; 31],
    output_port: u8,
    system_flag: bool,
    last_write_was_command: bool,
    input_port_poll: u8,
    pending_command: u8,
    output_buffer: u8,
    keyboard_reply: Option<u8>,
    mouse_reply: Option<u8>,
    last_read: u8,
    password: Vec<u8>,
    locked: Option<u8>,
    keyboard: K,
    mouse: M,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Machine1 {
    rtc: Rtc1,
    serial: Serial1,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Machine2 {
    rtc: Rtc2,
    serial: Serial2,
    i8042: I8042<Keyboard2, Mouse2>,
    events: U64,
}

impl From<&RtcStateSer> for Rtc2 {
    fn from(mirror: &RtcStateSer) -> Self {
        Self {
            lr: U32(mirror.lr),
            mr: U32(mirror.mr),
            imsc: U32(mirror.imsc),
            ris: U32(mirror.ris),
            counter: U32(mirror.counter),
            sub_second_ns: U32(mirror.sub_second_ns),
            enabled: mirror.enabled,
            saved_at: U64(mirror.saved_at),
            host_offset: mirror.host_offset.map(I64),
        }
    }
}

impl From<&RtcStateSer> for Rtc1 {
    fn from(mirror: &RtcStateSer) -> Self {
        let offset = i64::from(mirror.counter) - (mirror.saved_at / 1_000_000_000).cast_signed();
        Self {
            lr: U32(mirror.lr),
            offset: I64(offset),
            mr: U32(mirror.mr),
            imsc: U32(mirror.imsc),
            ris: U32(mirror.ris),
        }
    }
}

/// IIR and LSR follow from the rest: data that is enabled to interrupt or the transmitter's interrupt, and whether there is
/// data. The transmitter is empty, and the modem's lines have not changed.
impl From<&SerialStateSer> for Serial1 {
    fn from(mirror: &SerialStateSer) -> Self {
        let has_data = !mirror.in_buffer.is_empty();
        let received = if has_data {
            (mirror.interrupt_enable & 1) << 2
        } else {
            0
        };
        let sources = received | u8::from(mirror.thr_interrupt_pending) << 1;
        Self {
            baud_divisor_low: mirror.baud_divisor_low,
            baud_divisor_high: mirror.baud_divisor_high,
            interrupt_enable: mirror.interrupt_enable,
            interrupt_identification: sources.max(1),
            line_control: mirror.line_control,
            line_status: 0x60 | u8::from(has_data),
            modem_control: mirror.modem_control,
            modem_status: mirror.modem_status & 0xf0,
            scratch: mirror.scratch,
            in_buffer: mirror.in_buffer.to_vec(),
        }
    }
}

impl From<&SerialStateSer> for Serial2 {
    fn from(mirror: &SerialStateSer) -> Self {
        Self {
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
        }
    }
}

impl<K, M> From<&I8042StateSer> for I8042<K, M>
where
    K: for<'m> From<&'m KeyboardStateSer>,
    M: for<'m> From<&'m MouseStateSer>,
{
    fn from(mirror: &I8042StateSer) -> Self {
        Self {
            config: mirror.config,
            ram: mirror.ram,
            output_port: mirror.output_port,
            system_flag: mirror.system_flag,
            last_write_was_command: mirror.last_write_was_command,
            input_port_poll: mirror.input_port_poll,
            pending_command: mirror.pending_command,
            output_buffer: mirror.output_buffer,
            keyboard_reply: mirror.keyboard_reply,
            mouse_reply: mirror.mouse_reply,
            last_read: mirror.last_read,
            password: mirror.password.to_vec(),
            locked: mirror.locked,
            keyboard: K::from(&mirror.keyboard),
            mouse: M::from(&mirror.mouse),
        }
    }
}

impl From<&KeyboardStateSer> for Keyboard1 {
    fn from(keyboard: &KeyboardStateSer) -> Self {
        Self {
            option: keyboard.option,
            scan_code_set: keyboard.scan_code_set,
            scanning: keyboard.scanning,
            leds: keyboard.leds,
            typematic: keyboard.typematic,
            last_sent: keyboard.last_sent,
            replies: keyboard.replies.to_vec(),
            codes: keyboard.codes.to_vec(),
            overrun: keyboard.overrun,
            held: keyboard.held,
            without_break: keyboard.without_break,
            without_repeat: keyboard.without_repeat,
        }
    }
}

impl From<&MouseStateSer> for Mouse1 {
    fn from(mouse: &MouseStateSer) -> Self {
        Self {
            argument: mouse.argument,
            remote: mouse.remote,
            wrap: mouse.wrap,
            reporting: mouse.reporting,
            scaling_2_1: mouse.scaling_2_1,
            resolution: mouse.resolution,
            sample_rate: mouse.sample_rate,
            protocol: mouse.protocol,
            knock: mouse.rate_sequence,
            buttons: mouse.buttons,
            dx: I16(mouse.dx),
            dy: I16(mouse.dy),
            dz: I16(mouse.dz),
            dw: I16(mouse.dw),
            unreported: mouse.unreported,
            queue: mouse.queue.to_vec(),
            last_packet: Vec::new(),
        }
    }
}

impl From<&KeyboardStateSer> for Keyboard2 {
    fn from(keyboard: &KeyboardStateSer) -> Self {
        Self {
            version_1: keyboard.into(),
            sys_rq: keyboard.sys_rq,
        }
    }
}

impl From<&MouseStateSer> for Mouse2 {
    fn from(mouse: &MouseStateSer) -> Self {
        Self {
            argument: mouse.argument,
            remote: mouse.remote,
            wrap: mouse.wrap,
            reporting: mouse.reporting,
            scaling_2_1: mouse.scaling_2_1,
            resolution: mouse.resolution,
            sample_rate: mouse.sample_rate,
            protocol: mouse.protocol,
            knock: mouse.rate_sequence,
            buttons: mouse.buttons,
            dx: I16(mouse.dx),
            dy: I16(mouse.dy),
            dz: I16(mouse.dz),
            dw: I16(mouse.dw),
            unreported: mouse.unreported,
            queue: mouse.queue.to_vec(),
            horizontal: mouse.horizontal,
            horizontal_begun: mouse.horizontal_begun,
            reported: mouse.reported,
            clicks: mouse.clicks,
            begun: mouse.begun,
            waiting: mouse.waiting,
            last_sent: mouse.last_sent.to_vec(),
        }
    }
}

/// What postcard reads from a mirror's payload, after it has written the same bytes again.
fn plain<'de, M, P>(mirror: &M, release: Release) -> P
where
    M: MirrorOf<'de, Release>,
    P: Serialize + DeserializeOwned,
{
    let mut scratch = mirror.clone();
    let translated = release.downgrade_lossy(mirror, &mut scratch, &mut |_| true).unwrap();
    let mut memory = vec![0; M::MAX_ENCODED_LEN];
    let payload = translated.encode(&mut memory).unwrap();
    let (plain, rest) = postcard::take_from_bytes::<P>(payload).unwrap();
    assert!(rest.is_empty());
    assert_eq!(postcard::to_slice(&plain, &mut [0; 600]).unwrap(), payload);
    plain
}

#[test]
fn the_clock() {
    for mirror in states::rtcs() {
        assert_eq!(plain::<_, Rtc2>(&mirror, Release::V2), Rtc2::from(&mirror));
        assert_eq!(plain::<_, Rtc1>(&mirror, Release::V1), Rtc1::from(&mirror));
    }
}

#[test]
fn the_uart() {
    for mirror in states::serials() {
        assert_eq!(plain::<_, Serial2>(&mirror, Release::V2), Serial2::from(&mirror));
        assert_eq!(plain::<_, Serial1>(&mirror, Release::V1), Serial1::from(&mirror));
    }
}

#[test]
fn the_keyboard_controller() {
    type Version1 = I8042<Keyboard1, Mouse1>;
    type Version2 = I8042<Keyboard2, Mouse2>;
    for mirror in states::i8042s() {
        assert_eq!(plain::<_, Version2>(&mirror, Release::V3), Version2::from(&mirror));
        let mut expected = Version1::from(&mirror);
        expected.mouse.last_packet = last_packet(&mirror.mouse);
        assert_eq!(plain::<_, Version1>(&mirror, Release::V2), expected);
    }
}

/// Version 1 has what was sent last, if that is a packet.
fn last_packet(mouse: &MouseStateSer) -> Vec<u8> {
    let sent = mouse.last_sent.strip_prefix(&[0xfa]).unwrap_or(&mouse.last_sent);
    let is_packet = sent.len() >= 3 && sent[0] & 0xc8 == 0x08;
    if is_packet { sent.to_vec() } else { Vec::new() }
}

#[test]
fn the_keyboard_and_the_mouse_alone() {
    for I8042StateSer { keyboard, mouse, .. } in states::i8042s() {
        assert_eq!(
            plain::<_, Keyboard2>(&keyboard, Release::V3),
            Keyboard2::from(&keyboard)
        );
        assert_eq!(plain::<_, Mouse2>(&mouse, Release::V3), Mouse2::from(&mouse));
        assert_eq!(
            plain::<_, Keyboard1>(&keyboard, Release::V2),
            Keyboard1::from(&keyboard)
        );
        let expected = Mouse1 {
            last_packet: last_packet(&mouse),
            ..Mouse1::from(&mouse)
        };
        assert_eq!(plain::<_, Mouse1>(&mouse, Release::V2), expected);
    }
}

#[test]
fn the_machine() {
    for mirror in machine::machines() {
        let expected = Machine2 {
            rtc: Rtc2::from(&mirror.rtc),
            serial: Serial2::from(&mirror.serial),
            i8042: I8042::from(&mirror.i8042),
            events: U64(mirror.events),
        };
        assert_eq!(plain::<_, Machine2>(&mirror, Release::V3), expected);
        let expected = Machine1 {
            rtc: Rtc1::from(&mirror.rtc),
            serial: Serial1::from(&mirror.serial),
        };
        assert_eq!(plain::<_, Machine1>(&mirror, Release::V1), expected);
    }
}
