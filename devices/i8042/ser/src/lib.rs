#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod bytes;
mod controller;
mod keyboard;
mod mouse;
pub mod qemu;

pub use controller::I8042StateSer;
pub use keyboard::KeyboardStateSer;
pub use mouse::MouseStateSer;
