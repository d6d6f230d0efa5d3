//! What is measured: each a function of its own, as a firmware would call it.

#![no_std]
#![forbid(unsafe_code)]

use bare_machine::{MachineSer, OPTIONS, Release};
use devstate_versioning::{LoadError, ReleaseTable, SaveError};

/// Writes the latest release, and returns the length of the snapshot in bytes.
///
/// # Errors
///
/// As [`ReleaseTable::save`].
#[inline(never)]
pub fn save(mirror: &MachineSer, buffer: &mut [u8]) -> Result<usize, SaveError> {
    let latest = Release::latest(mirror).with_options(OPTIONS);
    latest.save(buffer).map(<[u8]>::len)
}

/// Writes release 1, with a mirror that the caller lends for the translation.
///
/// # Errors
///
/// As [`ReleaseTable::downgrade`].
#[inline(never)]
pub fn save_older(mirror: &MachineSer, buffer: &mut [u8], scratch: &mut MachineSer) -> Result<usize, SaveError> {
    let older = Release::V1.downgrade(mirror, scratch)?.with_options(OPTIONS);
    older.save(buffer).map(<[u8]>::len)
}

/// Reads any release.
///
/// # Errors
///
/// As [`ReleaseTable::load`].
#[inline(never)]
pub fn load(snapshot: &[u8], mirror: &mut MachineSer) -> Result<Release, LoadError> {
    Release::load_with(OPTIONS, snapshot, mirror)
}
