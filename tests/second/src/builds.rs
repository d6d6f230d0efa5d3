//! The builds that are compared: every source of every history.

use crate::history::History;
use fastrand::Rng;

/// The seed of the histories, unless `SECOND_SEED` gives another one.
pub const SEED: u64 = 1;

/// The number of histories.
const FAMILIES: usize = 12;

/// One source of a history.
#[derive(Debug)]
pub struct Build {
    /// The number of the history.
    pub family: usize,
    /// The number of the source within it.
    pub number: usize,
    /// What the source knows.
    pub history: History,
}

/// All builds of a seed.
pub fn all(seed: u64) -> Vec<Build> {
    let mut rng = Rng::with_seed(seed);
    let mut builds = Vec::new();
    for family in 0..FAMILIES {
        let history = crate::random::history(&mut rng);
        let mut sources: Vec<History> = (0..history.releases.len())
            .map(|release| history.source_of(release))
            .collect();
        sources.push(history.without_the_first(1));
        sources.push(history);
        builds.extend(sources.into_iter().enumerate().map(|(number, history)| Build {
            family,
            number,
            history,
        }));
    }
    builds
}
