//! What guests and hosts do to each device, as random scripts that shrink.

use proptest::prelude::*;

pub mod i8042;
pub mod rtc;
pub mod serial;

/// Phrases of a script, one after the other. A phrase is sometimes broken off, as by a guest that is reset or has a bug,
/// and sometimes has what the host does in its middle.
fn phrases<Op: Clone + std::fmt::Debug + 'static>(
    phrase: impl Strategy<Value = Vec<Op>> + 'static,
    host: impl Strategy<Value = Op> + 'static,
    length: usize,
) -> BoxedStrategy<Vec<Op>> {
    let disturbed = (phrase, any::<u8>(), host).prop_map(|(mut phrase, chance, host)| {
        let place = usize::from(chance) % (phrase.len() + 1);
        match chance % 16 {
            0 | 1 => phrase.truncate(place),
            2 | 3 => phrase.insert(place, host),
            _ => {}
        }
        phrase
    });
    prop::collection::vec(disturbed, length / 4)
        .prop_map(move |phrases| phrases.into_iter().flatten().take(length).collect())
        .boxed()
}
