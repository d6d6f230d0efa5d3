//! JSON through serde_json, for scale.

use super::hand::Plain;
use crate::peer::Peer;

/// serde_json.
pub struct Json;

impl Peer for Json {
    const NAME: &'static str = "serde_json";
    type State = Plain;

    fn save(Plain(work): &Plain, buffer: &mut [u8]) -> usize {
        let available = buffer.len();
        let mut rest = buffer;
        serde_json::to_writer(&mut rest, work).map_or(0, |()| available - rest.len())
    }

    fn load(payload: &[u8], Plain(work): &mut Plain) {
        if let Ok(loaded) = serde_json::from_slice(payload) {
            *work = loaded;
        }
    }
}
