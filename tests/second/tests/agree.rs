//! Both implementations agree on random histories and random values.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use devstate_second::agree::{Count, compare};
use devstate_second::{builds, generated};
use fastrand::Rng;

/// The values of each root. `SECOND_VALUES=10000 cargo test -p devstate-second` takes more.
const VALUES: u64 = 2000;

#[test]
fn both_implementations_agree() {
    let values = std::env::var("SECOND_VALUES")
        .ok()
        .and_then(|values| values.parse().ok())
        .unwrap_or(VALUES);
    let builds = builds::all(generated::SEED);
    let mut count = Count::default();
    for (build, roots) in builds.iter().zip(generated::roots()) {
        for ((mirror, _), root) in build.history.roots().zip(&roots) {
            let place = format!("history {}, build {}, mirror {mirror}", build.family, build.number);
            let mut rng = Rng::with_seed(generated::SEED);
            for value in 0..values {
                let before = rng.clone();
                let mut run = || compare(&mut rng, &build.history, mirror, root, &mut count);
                if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut run)) {
                    println!("{place}, value {value}, {before:?}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    println!("{count:?}");
    // Every outcome occurs often.
    assert!(count.lossy * 40 > count.translations, "{count:?}");
    assert!(count.refused * 100 > count.translations, "{count:?}");
    assert!(count.hostile_refused * 5 > count.hostile, "{count:?}");
    assert!(count.too_long > 0, "{count:?}");
}
