//! postcard: varints, no versions.

use super::hand::Plain;
use crate::peer::Peer;

/// postcard 1.
pub struct Postcard;

impl Peer for Postcard {
    const NAME: &'static str = "postcard";
    type State = Plain;

    fn save(Plain(work): &Plain, buffer: &mut [u8]) -> usize {
        postcard::to_slice(work, buffer).map_or(0, |bytes| bytes.len())
    }

    fn load(payload: &[u8], Plain(work): &mut Plain) {
        if let Ok(loaded) = postcard::from_bytes(payload) {
            *work = loaded;
        }
    }
}
