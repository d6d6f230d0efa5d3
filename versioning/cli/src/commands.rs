//! The commands: one file each, with its arguments and `run`.

pub(crate) mod diff;
pub(crate) mod golden;
pub(crate) mod inspect;
pub(crate) mod man;
pub(crate) mod peek;
pub(crate) mod qemu;
pub(crate) mod schema;
pub(crate) mod verify;
