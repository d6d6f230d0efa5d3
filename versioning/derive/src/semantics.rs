//! The order in which semantic functions run.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::mirror::{Mirror, Part};

/// One call: at the boundary below which version, of which field, which function.
struct Call<'a> {
    boundary: u16,
    field: &'a str,
    function: &'a Path,
}

/// The `de_fn`s: ascending by version, in order of appearance within one.
pub(crate) fn raising(mirror: &Mirror<'_>, parts: &[Part<'_>]) -> TokenStream {
    let mut calls = calls(parts, |semantic| semantic.de_fn.as_ref());
    calls.sort_by_key(|call| call.boundary);
    emit(mirror, &calls)
}

/// The `ser_fn`s: the exact reverse.
pub(crate) fn lowering(mirror: &Mirror<'_>, parts: &[Part<'_>]) -> TokenStream {
    let mut calls = calls(parts, |semantic| semantic.ser_fn.as_ref());
    calls.sort_by_key(|call| call.boundary);
    calls.reverse();
    emit(mirror, &calls)
}

fn calls<'a>(
    parts: &'a [Part<'_>],
    function: impl Fn(&'a crate::attributes::Semantic) -> Option<&'a Path>,
) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for part in parts {
        for semantic in &part.attributes.semantics {
            if let Some(function) = function(semantic) {
                calls.extend(semantic.boundaries.iter().map(|&boundary| Call {
                    boundary,
                    field: &part.name,
                    function,
                }));
            }
        }
    }
    calls
}

fn emit(mirror: &Mirror<'_>, calls: &[Call<'_>]) -> TokenStream {
    let name = &mirror.name;
    calls
        .iter()
        .map(
            |Call {
                 boundary,
                 field,
                 function,
             }| {
                quote! {
                    if version < #boundary {
                        let result: ::core::result::Result<(), __versioning::ConversionError> = #function(self, version);
                        if let ::core::result::Result::Err(refused) = result {
                            return ::core::result::Result::Err(refused.at(#name, #field, version));
                        }
                    }
                }
            },
        )
        .collect()
}
