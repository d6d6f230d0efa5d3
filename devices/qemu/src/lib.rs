#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
mod description;
mod devices;
mod error;
mod export;
mod import;
mod known;
mod merge;
mod migration;
mod notice;
mod trim;

pub use devices::{QemuDevicesSer, Release};
pub use error::{QemuError, Unknown};
pub use migration::{Migration, Section};
pub use notice::Notice;
