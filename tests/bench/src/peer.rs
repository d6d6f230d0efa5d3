//! What an encoder implements to be measured beside the others.

use crate::work::Work;

/// An encoder. A new one is a file in `peers/` with an implementation of this, and a line in `peers.rs`.
pub trait Peer {
    /// As it stands in the tables.
    const NAME: &'static str;

    /// The state in the encoder's own type; conversions are not measured.
    type State: for<'a> From<&'a Work> + Into<Work> + Default;

    /// Writes the payload of the latest version and gives its length.
    fn save(state: &Self::State, buffer: &mut [u8]) -> usize;

    /// Reads such a payload, in place where the encoder can.
    fn load(payload: &[u8], state: &mut Self::State);

    /// The same for the older version, where the encoder has versions: chosen at run time.
    const VERSIONED: Option<Versioned<Self::State>> = None;

    /// The same with header, release and checksum.
    const CONTAINER: Option<Container<Self::State>> = None;
}

/// Saving and loading at the older version, with the version chosen at run time.
pub struct Versioned<S> {
    /// Prepares a state for a version, translation included, and returns its encoder.
    pub save: fn(S, version: u16) -> Encoder,
    pub load: fn(&[u8], version: u16, &mut S),
}

/// Writes a prepared state and returns the number of bytes.
pub type Encoder = Box<dyn Fn(&mut [u8]) -> usize>;

/// Saving and loading with header and checksum.
pub struct Container<S> {
    pub save: fn(&S, &mut [u8]) -> usize,
    pub load: fn(&[u8], &mut S),
}
