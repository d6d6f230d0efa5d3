//! The devices' mirrors through every release and through other people's encoders, with the states that devices get into.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod foreign_formats;
mod hostile;
mod machine;
mod plain_postcard;
mod releases;
mod states;

use devstate_tests::published::Release;
