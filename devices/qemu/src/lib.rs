#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bytes;
mod clock;
mod description;
mod devices;
mod edits;
mod error;
mod export;
mod import;
mod known;
mod merge;
mod migration;
mod notice;
mod trim;

pub use devices::{QemuDevicesSer, Release};
pub use edits::Edits;
pub use error::{QemuError, Unknown};
pub use migration::{Migration, Section};
pub use notice::Notice;
