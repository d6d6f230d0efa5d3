//! What an encoder implements to be measured beside the others.

/// An encoder of the state `W`. A new one is a file in `peers/` with an implementation of this, and a line in `main.rs`.
pub trait Peer<W> {
    /// As it stands in the tables.
    const NAME: &'static str;

    /// Writes the payload of the latest version and returns its length.
    fn save(work: &W, buffer: &mut [u8]) -> usize;

    /// Reads such a payload, in place where the encoder can.
    fn load(payload: &[u8], work: &mut W);

    /// The same at a version that is known at run time, where the encoder has versions.
    const VERSIONED: Option<Versioned<W>> = None;

    /// The same with header, release and checksum.
    const CONTAINER: Option<Container<W>> = None;
}

/// Saving and loading at a version, with everything that a caller pays: its copy and the translation included.
pub struct Versioned<W> {
    /// Translates into the memory of the second state, where the encoder needs some.
    pub save: fn(&W, version: u16, scratch: &mut W, buffer: &mut [u8]) -> usize,
    pub load: fn(&[u8], version: u16, &mut W),
}

/// Saving and loading with header and checksum.
pub struct Container<W> {
    pub save: fn(&W, &mut [u8]) -> usize,
    pub load: fn(&[u8], &mut W),
}
