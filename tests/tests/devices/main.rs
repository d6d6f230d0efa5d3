//! The devices' mirrors through every release and through other people's encoders, with the states that devices get into.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod foreign_formats;
mod plain_postcard;
mod releases;
mod states;

use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

release_table! {
    /// The devices' own versions.
    pub enum Device { V1 = 1 @ 0xb91d_30db_ca67_e80a, V2 = 2 @ open }
    RtcStateSer    => [1, 2],
    SerialStateSer => [1, 2],
    KeyboardStateSer => [_, 1],
    MouseStateSer => [_, 1],
    I8042StateSer => [_, 1],
}
