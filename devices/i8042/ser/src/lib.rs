#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod bytes;
mod controller;
mod keyboard;
mod mouse;

pub use controller::I8042StateSer;
pub use keyboard::KeyboardStateSer;
pub use mouse::MouseStateSer;
