#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod history;
mod mirror;
pub mod qemu;
mod rust_vmms;
mod vm_superio;

pub use mirror::SerialStateSer;
pub use rust_vmms::{CloudHypervisorSerialState, CrosvmSerialState};
pub use vm_superio::VmSuperioSerialState;
