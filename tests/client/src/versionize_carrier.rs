//! A mirror within a product's `Versionize` snapshot: for products that cannot leave `Versionize` yet.
//!
//! The mirror is carried as a byte vector, a whole devstate snapshot with its release, its fingerprint and its checksum. So
//! its versions are those of the release table, whatever the `VersionMap` says of the structs around it, and the structs
//! around it stay as they are. The map only has to say from which of the product's versions on the field is a carrier.
//!
//! This code belongs into the product: the libraries do not depend on versionize, which rests on an unmaintained bincode.

use crate::Release;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::{MirrorOf, ReleaseTable, max_snapshot_len};
use std::io::{Read, Write};
use versionize::{VersionMap, Versionize, VersionizeError, VersionizeResult};
use versionize_derive::Versionize;

/// A mirror that goes through `Versionize`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried<M>(pub M);

/// Which release a version of the product writes: the same versions of the mirrors that the product shipped with it.
///
/// # Errors
///
/// The reason, with its number, for a version that the product never had.
pub fn release_for(product_version: u16) -> Result<Release, String> {
    match product_version {
        1 => Ok(Release::V1),
        2 => Ok(Release::V2),
        unknown => Err(format!("no release is known for version {unknown} of the product")),
    }
}

impl<M> Versionize for Carried<M>
where
    M: for<'de> MirrorOf<'de, Release> + Default + 'static,
{
    fn serialize<W: Write>(
        &self,
        writer: &mut W,
        version_map: &VersionMap,
        target_version: u16,
    ) -> VersionizeResult<()> {
        let release = release_for(target_version).map_err(VersionizeError::Serialize)?;
        let mut memory = vec![0; max_snapshot_len::<M>()];
        // Refused, with the field's name in the product's log, where the older version cannot say it.
        let snapshot = release
            .downgrade(&self.0, &mut self.0.clone())
            .and_then(|older| older.save(&mut memory))
            .map_err(|error| VersionizeError::Serialize(error.to_string()))?;
        snapshot.to_vec().serialize(writer, version_map, target_version)
    }

    fn deserialize<R: Read>(reader: &mut R, version_map: &VersionMap, source_version: u16) -> VersionizeResult<Self> {
        let expected = release_for(source_version).map_err(VersionizeError::Deserialize)?;
        let snapshot = Vec::<u8>::deserialize(reader, version_map, source_version)?;
        let mut mirror = M::default();
        let found =
            Release::load(&snapshot, &mut mirror).map_err(|error| VersionizeError::Deserialize(error.to_string()))?;
        if found != expected {
            let (found, expected) = (found.number(), expected.number());
            return Err(VersionizeError::Deserialize(format!(
                "a mirror of release {found} in version {source_version} of the product, which writes release {expected}"
            )));
        }
        Ok(Self(mirror))
    }

    fn version() -> u16 {
        Release::LATEST.number()
    }
}

/// The product's own machine, which goes on deriving `Versionize`.
#[derive(Clone, Debug, Default, PartialEq, Versionize)]
pub struct MachineState {
    pub vcpus: u8,
    pub rtc: Carried<RtcStateSer>,
    pub serial: Carried<SerialStateSer>,
}
