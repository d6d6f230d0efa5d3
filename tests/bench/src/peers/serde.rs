//! Encoders through serde, none with versions.

use bincode::config;

use crate::peer::Peer;
use crate::work::Work;

/// postcard 1: varints.
pub struct Postcard;

impl<W: Work> Peer<W> for Postcard {
    const NAME: &'static str = "postcard";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        postcard::to_slice(work, buffer).map_or(0, |bytes| bytes.len())
    }

    fn load(payload: &[u8], work: &mut W) {
        if let Ok(loaded) = postcard::from_bytes(payload) {
            *work = loaded;
        }
    }
}

/// bincode 2, with fixed-width integers.
pub struct Bincode;

impl<W: Work> Peer<W> for Bincode {
    const NAME: &'static str = "bincode 2";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        let config = config::standard().with_fixed_int_encoding();
        bincode::serde::encode_into_slice(work, buffer, config).unwrap_or(0)
    }

    fn load(payload: &[u8], work: &mut W) {
        let config = config::standard().with_fixed_int_encoding();
        if let Ok((loaded, _)) = bincode::serde::borrow_decode_from_slice(payload, config) {
            *work = loaded;
        }
    }
}

/// JSON through serde_json, for scale.
pub struct Json;

impl<W: Work> Peer<W> for Json {
    const NAME: &'static str = "serde_json";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        let available = buffer.len();
        let mut rest = buffer;
        serde_json::to_writer(&mut rest, work).map_or(0, |()| available - rest.len())
    }

    fn load(payload: &[u8], work: &mut W) {
        if let Ok(loaded) = serde_json::from_slice(payload) {
            *work = loaded;
        }
    }
}
