//! What a guest is started from.

use std::path::PathBuf;

/// Kernel, initial RAM disk and command line of a guest that has not run yet.
#[derive(Clone, Debug)]
pub struct BootSource {
    pub kernel: PathBuf,
    pub initrd: Option<PathBuf>,
    pub cmdline: String,
}
