//! Translation to an older release or version, and what it loses.

use crate::at::{AtVersion, VersionOf, Versions};
use crate::codec::Wire;
use crate::error::{ConversionError, SaveError};
use crate::loss::{Differ, Loss};
use crate::mirror::Mirror;

/// Calls `visit` with each field that does not come back from a release unchanged. `scratch` is overwritten.
pub(crate) fn losses<'de, V, M>(
    mirror: &M,
    at: V,
    scratch: &mut M,
    visit: &mut dyn FnMut(&Loss),
) -> Result<(), SaveError>
where
    V: VersionOf<M>,
    M: Wire<'de, V> + Clone,
{
    if at.version() == 0 {
        return Err(SaveError::NotInRelease {
            release: Versions::number(at),
        });
    }
    scratch.clone_from(mirror);
    scratch.downgrade(at)?;
    scratch.upgrade(at)?;
    mirror.differ(scratch, at, &mut Differ::new(visit));
    Ok(())
}

/// Makes `translated` what the release can express of `mirror`, if `accept` returns `true` for each loss.
pub(crate) fn translate<'de, V, M>(
    mirror: &M,
    at: V,
    translated: &mut M,
    accept: &mut dyn FnMut(&Loss) -> bool,
) -> Result<(), SaveError>
where
    V: VersionOf<M>,
    M: Wire<'de, V> + Clone,
{
    if !at.is_latest() {
        let mut refused = None;
        losses(mirror, at, translated, &mut |loss| {
            if !accept(loss) {
                refused.get_or_insert(loss.field);
            }
        })?;
        if let Some(field) = refused {
            return Err(SaveError::Lossy {
                field,
                release: at.number(),
            });
        }
    }
    translated.clone_from(mirror);
    Ok(translated.downgrade(at)?)
}

/// Translates a mirror with the values of an older version to the latest version, without a release table.
///
/// Use it to import a foreign format: fill the fields of the version that the format corresponds to, then call this. A
/// nested mirror must be a part. The compiler refuses a mirror that needs a row in a release table.
///
/// # Errors
///
/// [`ConversionError`] from a semantic function, or for a version that the mirror does not have.
pub fn upgrade_from<M: for<'de> Wire<'de, AtVersion> + Mirror>(
    mirror: &mut M,
    version: u16,
) -> Result<(), ConversionError> {
    mirror.upgrade(alone::<M>(version)?)
}

/// Translates a mirror at its latest version to an older one, without a release table. Use it to export to a foreign format:
/// the counterpart of [`upgrade_from`].
///
/// It does not report losses. [`ReleaseTable::losses`](crate::ReleaseTable::losses) does.
///
/// # Errors
///
/// [`ConversionError`] from a semantic function, or for a version that the mirror does not have.
pub fn downgrade_to<M: for<'de> Wire<'de, AtVersion> + Mirror>(
    mirror: &mut M,
    version: u16,
) -> Result<(), ConversionError> {
    mirror.downgrade(alone::<M>(version)?)
}

fn alone<M: Mirror>(version: u16) -> Result<AtVersion, ConversionError> {
    const {
        assert!(
            !M::SCHEMA.needs_rows(),
            "the versions of nested mirrors come from a release table"
        );
    };
    if !M::SCHEMA.has(version) {
        return Err(ConversionError::new("the mirror does not have this version").at(M::SCHEMA.name, "", version));
    }
    Ok(AtVersion::new(version))
}
