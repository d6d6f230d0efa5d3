//! bincode 2 through serde, with fixed-width integers.

use bincode::config;

use super::hand::Plain;
use crate::peer::Peer;

/// bincode 2.
pub struct Bincode;

impl Peer for Bincode {
    const NAME: &'static str = "bincode 2";
    type State = Plain;

    fn save(Plain(work): &Plain, buffer: &mut [u8]) -> usize {
        let config = config::standard().with_fixed_int_encoding();
        bincode::serde::encode_into_slice(work, buffer, config).unwrap_or(0)
    }

    fn load(payload: &[u8], Plain(work): &mut Plain) {
        let config = config::standard().with_fixed_int_encoding();
        if let Ok((loaded, _)) = bincode::serde::borrow_decode_from_slice(payload, config) {
            *work = loaded;
        }
    }
}
