//! The commands: one file each, with its arguments and `run`.

pub(crate) mod peek;
