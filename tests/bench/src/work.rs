//! What every encoder is given: the state of three devices, about 93 bytes when packed.

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// The three devices. Fields marked 2 came with version 2 of their struct.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub rtc: Rtc,
    pub serial: Serial,
    pub i8042: I8042,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rtc {
    pub lr: u32,
    pub mr: u32,
    pub imsc: u32,
    pub ris: u32,
    /// 2
    pub counter: u32,
    /// 2
    pub nanoseconds: u32,
    /// 2
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Serial {
    pub divisor: u16,
    pub ier: u8,
    pub lcr: u8,
    pub mcr: u8,
    pub lsr: u8,
    pub msr: u8,
    pub scr: u8,
    pub rx: Vec<u8, 16>,
    /// 2
    pub fcr: u8,
    /// 2
    pub thr_empty: bool,
    /// 2
    pub time_out: u64,
    /// 2
    pub tx: Vec<u8, 16>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct I8042 {
    pub ctr: u8,
    pub output_port: u8,
    pub status: u8,
    pub command: u8,
    pub keyboard_queue: Vec<u8, 16>,
    pub scan_code_set: u8,
    pub leds: u8,
    pub scanning: bool,
    pub mouse_queue: Vec<u8, 16>,
    pub rate: u8,
    pub resolution: u8,
    pub flags: u8,
    pub dx: i16,
    pub dy: i16,
    /// 2
    pub dz: i8,
    /// 2
    pub buttons: u8,
}

fn bytes<const N: usize>(bytes: &[u8]) -> Vec<u8, N> {
    Vec::from_slice(bytes).unwrap_or_default()
}

impl Work {
    /// The state that is measured: a full receive FIFO, half a transmit FIFO, small queues.
    pub fn sample() -> Self {
        Self {
            rtc: Rtc {
                lr: 0x6957_35a6,
                mr: 0x69a7_bdc2,
                imsc: 1,
                ris: 0,
                counter: 0x6957_35a7,
                nanoseconds: 123_456_789,
                enabled: true,
            },
            serial: Serial {
                divisor: 1,
                ier: 5,
                lcr: 0x13,
                mcr: 0x0b,
                lsr: 0x60,
                msr: 0xb0,
                scr: 0x5a,
                rx: bytes(b"sixteen bytes in"),
                fcr: 0x81,
                thr_empty: true,
                time_out: 347_222,
                tx: bytes(b"8 bytes."),
            },
            i8042: I8042 {
                ctr: 0x43,
                output_port: 0xcf,
                status: 0x1c,
                command: 0xd4,
                keyboard_queue: bytes(&[0xe0, 0x75]),
                scan_code_set: 2,
                leds: 2,
                scanning: true,
                mouse_queue: bytes(&[8, 5, 0xfd]),
                rate: 100,
                resolution: 2,
                flags: 0x20,
                dx: 5,
                dy: -3,
                dz: -1,
                buttons: 1,
            },
        }
    }
}

/// Conversions between a type of this module and an encoder's own with the same fields.
macro_rules! same_fields {
    ($Own:ident = $Work:ty { $($field:ident),+ $(,)? }) => {
        impl From<&$Work> for $Own {
            fn from(work: &$Work) -> Self {
                Self { $($field: crate::work::Carry::carry(&work.$field)),+ }
            }
        }

        impl From<$Own> for $Work {
            fn from(own: $Own) -> Self {
                Self { $($field: crate::work::Carry::carry(&own.$field)),+ }
            }
        }
    };
}

/// A field's value in another type.
pub trait Carry<T> {
    fn carry(&self) -> T;
}

macro_rules! carry_plain {
    ($($T:ty),+) => {$(
        impl Carry<$T> for $T {
            fn carry(&self) -> $T {
                *self
            }
        }
    )+};
}

carry_plain!(u8, u16, u32, u64, i8, i16, bool);

impl<const N: usize> Carry<Vec<u8, N>> for Vec<u8, N> {
    fn carry(&self) -> Vec<u8, N> {
        self.clone()
    }
}

impl<const N: usize> Carry<std::vec::Vec<u8>> for Vec<u8, N> {
    fn carry(&self) -> std::vec::Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> Carry<Vec<u8, N>> for std::vec::Vec<u8> {
    fn carry(&self) -> Vec<u8, N> {
        bytes(self)
    }
}

/// Carries the structs of this module to an encoder's own and back.
macro_rules! carry_struct {
    ($($Own:ty = $Work:ty),+ $(,)?) => {$(
        impl crate::work::Carry<$Own> for $Work {
            fn carry(&self) -> $Own {
                self.into()
            }
        }

        impl crate::work::Carry<$Work> for $Own {
            fn carry(&self) -> $Work {
                self.clone().into()
            }
        }
    )+};
}
