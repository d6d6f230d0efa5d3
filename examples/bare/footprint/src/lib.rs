//! What is measured: each a function of its own, as a firmware would call it.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "one-release")]
use bare_machine::OnlyRelease as Release;
#[cfg(not(feature = "one-release"))]
use bare_machine::Release;
use bare_machine::{MachineSer, OPTIONS};
use devstate_versioning::{LoadError, LoadErrorKind, ReleaseTable, SaveError};

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
#[cfg(not(feature = "one-release"))]
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

/// What calling [`save`] takes without what it does.
///
/// # Errors
///
/// Always.
#[inline(never)]
pub fn save_nothing(_mirror: &MachineSer, _buffer: &mut [u8]) -> Result<usize, SaveError> {
    Err(SaveError::Sink)
}

/// What calling [`load`] takes without what it does.
///
/// # Errors
///
/// Always.
#[inline(never)]
pub fn load_nothing(_snapshot: &[u8], _mirror: &mut MachineSer) -> Result<Release, LoadError> {
    Err(LoadErrorKind::TrailingBytes { bytes: 0 }.at(0))
}
