//! The encoders that are measured, one a file.

pub mod bincode;
pub mod devstate;
pub mod hand;
pub mod json;
pub mod minicbor;
pub mod postcard;
pub mod versionize;
