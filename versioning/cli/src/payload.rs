//! Reads a payload by a schema from a file: each value with its path, offset and bytes.
//!
//! It refuses the same payloads as `devstate_versioning::inspect`, with the same messages. The length of the payload
//! limits the work, even for a hostile schema or payload.
//!
//! A field can contain the snapshot of another release table. If its schema is known, the bytes of the field are read
//! as a snapshot.

mod inner;
mod value;
mod walk;

pub use inner::Within;
pub use value::{Item, Path, Step, Value};
pub use walk::{Stopped, Why, walk};
