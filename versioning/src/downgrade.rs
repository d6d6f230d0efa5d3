//! What saving at an older release would lose, said before anything is written.

use crate::error::{Error, ErrorKind, Refused};
use crate::loss::{Differ, Loss};
use crate::release::VersionOf;
use crate::wire::Wire;

/// Tells `visit` of each field that would not come back from `release` as it is, without writing anything.
///
/// A downgrade is lossless when what an older build writes back is equal to what was saved. Skipped fields do not
/// count. Nothing is allocated; the copy that is translated there and back stands on the stack
/// ([`plan_in`] takes the caller's memory).
///
/// ```
/// use devstate_versioning::{Mirror, Versioned, plan, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
/// pub struct TimerSer {
///     pub count: u32,
///     #[versioned(start = 2)]
///     pub prescaler: u8,
/// }
///
/// release_table! {
///     /// What this firmware has shipped.
///     pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
///     TimerSer => [1, 2],
/// }
///
/// let mut lost = Vec::new();
/// plan(&TimerSer { count: 7, prescaler: 3 }, Release::V1_0, &mut |loss| {
///     lost.push(loss.field.display(TimerSer::SCHEMA).to_string());
/// })?;
/// assert_eq!(lost, ["prescaler"]);
/// # Ok::<(), devstate_versioning::Refused>(())
/// ```
///
/// # Errors
///
/// [`Refused`] by a semantic function, which is no loss but a no; also where the release has no such mirror at all.
pub fn plan<'de, R, M>(mirror: &M, release: R, visit: &mut dyn FnMut(&Loss)) -> Result<(), Refused>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    plan_in(mirror, release, &mut mirror.clone(), visit)
}

/// [`plan`] with the caller's memory for the copy; what stands in `scratch` does not matter.
///
/// # Errors
///
/// As [`plan`].
pub fn plan_in<'de, R, M>(mirror: &M, release: R, scratch: &mut M, visit: &mut dyn FnMut(&Loss)) -> Result<(), Refused>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    if release.version() == 0 {
        return Err(Refused::new("the release has no such mirror"));
    }
    scratch.clone_from(mirror);
    scratch.lower(release)?;
    scratch.raise(release)?;
    mirror.differ(scratch, &mut Differ::new(visit));
    Ok(())
}

/// Makes `lowered` what an older release can say of `mirror`, if nothing is lost by that.
pub(crate) fn lower_lossless<'de, R, M>(mirror: &M, release: R, lowered: &mut M) -> Result<(), Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    require_mirror::<R, M>(release)?;
    let mut first = None;
    plan_in(mirror, release, lowered, &mut |loss| {
        first.get_or_insert(loss.field);
    })?;
    if let Some(field) = first {
        return Err(ErrorKind::Lossy {
            field,
            release: release.number(),
        }
        .at(0));
    }
    lowered.clone_from(mirror);
    Ok(lowered.lower(release)?)
}

/// Refuses a release that has no such mirror, before any semantic function is asked.
pub(crate) fn require_mirror<R: VersionOf<M>, M>(release: R) -> Result<(), Error> {
    if release.version() == 0 {
        return Err(ErrorKind::NotInRelease {
            release: release.number(),
        }
        .at(0));
    }
    Ok(())
}

/// The oldest release, from `oldest` on, that loses nothing but ignorable fields; the latest if no other does.
pub(crate) fn widest_in<'de, R, M>(mirror: &M, oldest: R, scratch: &mut M) -> R
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Clone,
{
    for &release in R::ALL {
        if release.number() < oldest.number() || release.version() == 0 {
            continue;
        }
        let mut lossless = true;
        let plan = plan_in(mirror, release, scratch, &mut |loss| lossless &= loss.ignorable);
        if plan.is_ok() && lossless {
            return release;
        }
    }
    R::LATEST
}
