//! What is measured: each a function of its own, as a firmware would call it.

#![no_std]
#![forbid(unsafe_code)]

use bare_machine::{CONTAINER, MachineSer, Release};
use devstate_versioning::Error;

/// Writes the latest release, and gives the snapshot's length.
///
/// # Errors
///
/// As [`devstate_versioning::save`].
#[inline(never)]
pub fn save(mirror: &MachineSer, buffer: &mut [u8]) -> Result<usize, Error> {
    CONTAINER
        .save::<Release, _>(mirror, buffer)
        .map(|snapshot| snapshot.len())
}

/// Writes release 1, with a mirror that the caller lends for the translation.
///
/// # Errors
///
/// As [`devstate_versioning::save_as`].
#[inline(never)]
pub fn save_older(mirror: &MachineSer, buffer: &mut [u8], scratch: &mut MachineSer) -> Result<usize, Error> {
    CONTAINER
        .save_as_in(mirror, Release::V1, buffer, scratch)
        .map(|snapshot| snapshot.len())
}

/// Reads any release.
///
/// # Errors
///
/// As [`devstate_versioning::load`].
#[inline(never)]
pub fn load(snapshot: &[u8], mirror: &mut MachineSer) -> Result<Release, Error> {
    CONTAINER.load(snapshot, mirror)
}
