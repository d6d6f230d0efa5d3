//! Translation to an older release, and what it loses.

use crate::at::{VersionOf, Versions};
use crate::codec::Wire;
use crate::error::SaveError;
use crate::loss::{Differ, Loss};

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
