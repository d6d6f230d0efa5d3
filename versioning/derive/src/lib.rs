//! The derive macro of `devstate-versioning`. Use it from there: `devstate_versioning::Versioned` documents it.

#![forbid(unsafe_code)]

mod attributes;
mod bound;
mod enums;
mod expand;
mod field;
mod history;
#[cfg(test)]
mod hygiene;
mod mirror;
mod mirror_attributes;
mod part;
#[cfg(test)]
mod refusals;
mod refused;
mod semantics;
#[cfg(test)]
mod size;
mod structs;
mod versions;
mod windows;
mod words;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

#[expect(missing_docs, reason = "`devstate-versioning` re-exports and documents the macro")]
#[proc_macro_derive(Versioned, attributes(versioned))]
pub fn derive_versioned(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input)
        .unwrap_or_else(|error| refused::expand(&input, error))
        .into()
}
