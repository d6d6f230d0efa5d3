#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod mirror;
mod vm_superio;

pub use mirror::RtcStateSer;
pub use vm_superio::VmSuperioRtcState;
