//! A product's release table and mirrors, read from the JSON that its program prints with
//! `devstate_versioning::schema::Json`.
//!
//! No code of the product is linked. A file may be hostile, so its length, its names and its nesting are limited. All
//! work that depends on it is limited too.

mod change;
mod diff;
mod document;
mod fingerprint;
mod folder;
mod load;
mod show;

pub use change::{Change, Verdict};
pub use diff::diff;
pub use document::{Branch, Document, Field, Mirror, Release, Span, Step, StepKind, Type, Variant};
pub use folder::{Folder, Found, NotFound, read_schema};
pub use load::{MAX_FILE_LEN, MAX_NAME_LEN, MAX_STEPS, Schema, SchemaError};
pub use show::show;
