//! One encoder a file.

pub mod devstate;
pub mod hand;
pub mod serde;
pub mod versionize;

use crate::peer::Peer;
use crate::work::Work;

/// minicbor 2: CBOR arrays, fields found by their index.
pub struct Minicbor;

impl<W: Work> Peer<W> for Minicbor {
    const NAME: &'static str = "minicbor 2";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        let available = buffer.len();
        let mut rest = buffer;
        minicbor::encode(work, &mut rest).map_or(0, |()| available - rest.len())
    }

    fn load(payload: &[u8], work: &mut W) {
        if let Ok(loaded) = minicbor::decode(payload) {
            *work = loaded;
        }
    }
}
