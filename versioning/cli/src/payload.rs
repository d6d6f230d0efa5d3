//! Reads a payload by a schema from a file: each value with its path, offset and bytes.
//!
//! It refuses what `devstate_versioning::inspect` refuses, with the same words. The work is limited by the length of the
//! payload, whatever schema and payload say.
//!
//! Bytes that are a snapshot of a known schema are read as one: a field can carry the snapshot of another release table.

mod inner;
mod value;
mod walk;

pub use inner::Within;
pub use value::{Item, Path, Step, Value};
pub use walk::{Stopped, Why, walk};
