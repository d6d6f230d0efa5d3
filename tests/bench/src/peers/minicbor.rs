//! minicbor 2: CBOR arrays, fields found by their index.

use minicbor::{Decode, Encode, decode, encode};

use crate::peer::Peer;
use crate::work::{self, Work};

/// minicbor 2.
pub struct Minicbor;

#[derive(Encode, Decode, Clone, Debug, Default)]
pub struct CborRtc {
    #[n(0)]
    lr: u32,
    #[n(1)]
    mr: u32,
    #[n(2)]
    imsc: u32,
    #[n(3)]
    ris: u32,
    #[n(4)]
    counter: u32,
    #[n(5)]
    nanoseconds: u32,
    #[n(6)]
    enabled: bool,
}

#[derive(Encode, Decode, Clone, Debug, Default)]
pub struct CborSerial {
    #[n(0)]
    divisor: u16,
    #[n(1)]
    ier: u8,
    #[n(2)]
    lcr: u8,
    #[n(3)]
    mcr: u8,
    #[n(4)]
    lsr: u8,
    #[n(5)]
    msr: u8,
    #[n(6)]
    scr: u8,
    #[cbor(n(7), with = "minicbor::bytes")]
    rx: Vec<u8>,
    #[n(8)]
    fcr: u8,
    #[n(9)]
    thr_empty: bool,
    #[n(10)]
    time_out: u64,
    #[cbor(n(11), with = "minicbor::bytes")]
    tx: Vec<u8>,
}

#[derive(Encode, Decode, Clone, Debug, Default)]
pub struct CborI8042 {
    #[n(0)]
    ctr: u8,
    #[n(1)]
    output_port: u8,
    #[n(2)]
    status: u8,
    #[n(3)]
    command: u8,
    #[cbor(n(4), with = "minicbor::bytes")]
    keyboard_queue: Vec<u8>,
    #[n(5)]
    scan_code_set: u8,
    #[n(6)]
    leds: u8,
    #[n(7)]
    scanning: bool,
    #[cbor(n(8), with = "minicbor::bytes")]
    mouse_queue: Vec<u8>,
    #[n(9)]
    rate: u8,
    #[n(10)]
    resolution: u8,
    #[n(11)]
    flags: u8,
    #[n(12)]
    dx: i16,
    #[n(13)]
    dy: i16,
    #[n(14)]
    dz: i8,
    #[n(15)]
    buttons: u8,
}

#[derive(Encode, Decode, Clone, Debug, Default)]
pub struct CborWork {
    #[n(0)]
    rtc: CborRtc,
    #[n(1)]
    serial: CborSerial,
    #[n(2)]
    i8042: CborI8042,
}

same_fields!(
    CborRtc = work::Rtc {
        lr,
        mr,
        imsc,
        ris,
        counter,
        nanoseconds,
        enabled
    }
);
same_fields!(
    CborSerial = work::Serial {
        divisor,
        ier,
        lcr,
        mcr,
        lsr,
        msr,
        scr,
        rx,
        fcr,
        thr_empty,
        time_out,
        tx
    }
);
same_fields!(
    CborI8042 = work::I8042 {
        ctr,
        output_port,
        status,
        command,
        keyboard_queue,
        scan_code_set,
        leds,
        scanning,
        mouse_queue,
        rate,
        resolution,
        flags,
        dx,
        dy,
        dz,
        buttons
    }
);
carry_struct!(CborRtc = work::Rtc, CborSerial = work::Serial, CborI8042 = work::I8042);
same_fields!(CborWork = Work { rtc, serial, i8042 });

impl Peer for Minicbor {
    const NAME: &'static str = "minicbor 2";
    type State = CborWork;

    fn save(state: &CborWork, buffer: &mut [u8]) -> usize {
        let available = buffer.len();
        let mut rest = buffer;
        let written: Result<(), encode::Error<_>> = minicbor::encode(state, &mut rest);
        written.map_or(0, |()| available - rest.len())
    }

    fn load(payload: &[u8], state: &mut CborWork) {
        let loaded: Result<CborWork, decode::Error> = minicbor::decode(payload);
        if let Ok(loaded) = loaded {
            *state = loaded;
        }
    }
}
