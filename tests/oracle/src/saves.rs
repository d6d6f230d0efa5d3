//! A save and a restore: through bytes, at every release that loses nothing.

use anyhow::{Result, anyhow, ensure};
use devstate_replay::Release;
use devstate_versioning::{MirrorOf, ReleaseTable, max_snapshot_len};
use std::fmt::Debug;

/// How many snapshots were written and read, for each release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saves([u64; Release::ALL.len()]);

impl Saves {
    /// The releases, oldest first, with the number of snapshots at each.
    pub fn counts(&self) -> impl Iterator<Item = (Release, u64)> {
        Release::ALL.iter().copied().zip(self.0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// What became of the mirror after a snapshot at the latest release, and then at each older one that, as [`ReleaseTable::losses`]
    /// says, loses nothing: so what any of them loses shows in all that follows.
    pub(crate) fn through_bytes<M>(&mut self, mut mirror: M) -> Result<M>
    where
        M: for<'de> MirrorOf<'de, Release> + Default + Debug,
    {
        let mut bytes = vec![0x5a; max_snapshot_len::<M>()];
        for &release in Release::ALL.iter().rev() {
            let mut lossless = true;
            let possible = release.losses(&mirror, &mut mirror.clone(), &mut |_| lossless = false);
            if possible.is_err() || !lossless {
                ensure!(release != Release::LATEST, "{release:?} loses something of {mirror:?}");
                continue;
            }
            let snapshot = release
                .downgrade(&mirror, &mut mirror.clone())
                .and_then(|older| older.save(&mut bytes))
                .map_err(|error| anyhow!("{release:?}: {error}"))?;
            let mut loaded = M::default();
            let read = Release::load(snapshot, &mut loaded).map_err(|error| anyhow!("{release:?}: {error}"))?;
            ensure!(read == release, "saved at {release:?}, loaded at {read:?}");
            mirror = loaded;
            self.0[release as usize] += 1;
        }
        Ok(mirror)
    }
}
