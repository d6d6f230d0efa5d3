#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod history;
mod mirror;
pub mod qemu;
mod vm_superio;

pub use mirror::SerialStateSer;
pub use vm_superio::VmSuperioSerialState;
