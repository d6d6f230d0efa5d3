#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod mirror;

pub use mirror::RtcStateSer;
