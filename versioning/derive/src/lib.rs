//! The derive macro of `devstate-versioning`; use it from there.
//!
//! Its documentation stands at `devstate_versioning::Versioned`.

#![forbid(unsafe_code)]

mod attributes;
mod enums;
mod expand;
mod field;
#[cfg(test)]
mod hygiene;
mod mirror;
mod part;
#[cfg(test)]
mod refusals;
mod semantics;
mod structs;
mod versions;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Gives a struct or an enum its versioned wire form. See `devstate_versioning::Versioned`.
#[proc_macro_derive(Versioned, attributes(versioned))]
pub fn derive_versioned(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
