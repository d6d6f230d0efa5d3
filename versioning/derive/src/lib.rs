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
mod structs;
mod versions;
mod words;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct or an enum a mirror. The crate `devstate-versioning` re-exports this macro and describes its annotations.
#[proc_macro_derive(Versioned, attributes(versioned))]
pub fn derive_versioned(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input)
        .unwrap_or_else(|error| refused::expand(&input, error))
        .into()
}
