#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod history;
mod mirror;
mod vm_superio;

pub use mirror::SerialStateSer;
pub use vm_superio::VmSuperioSerialState;
