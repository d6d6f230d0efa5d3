//! Lengths of sequences, as postcard writes them: seven bits a byte, least significant first, at most five bytes.

/// How many bytes the length `n` takes.
pub(crate) const fn len(n: usize) -> usize {
    match n {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}
