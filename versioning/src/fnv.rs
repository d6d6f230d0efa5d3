//! The 64-bit FNV-1a hash, as a constant function.

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Returns the 64-bit FNV-1a hash of `bytes`. All fingerprints are hashes of this kind, and so is
/// [`Schema::name_hash`](crate::schema::Schema::name_hash).
#[must_use]
pub const fn fnv1a(bytes: &[u8]) -> u64 {
    fnv1a_onto(OFFSET_BASIS, bytes)
}

/// Continues the hash of the bytes before with `bytes`.
pub(crate) const fn fnv1a_onto(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        hash = fnv1a_byte(hash, *byte);
        rest = tail;
    }
    hash
}

/// Continues the hash of the bytes before with one byte.
pub(crate) const fn fnv1a_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

/// Returns the hash of no bytes.
pub(crate) const fn fnv1a_start() -> u64 {
    OFFSET_BASIS
}
