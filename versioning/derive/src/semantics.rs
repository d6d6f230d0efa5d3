//! The order in which semantic functions run.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::field::Field;
use crate::mirror::Mirror;

/// A call of a semantic function: for versions below `boundary`.
struct Call<'a> {
    boundary: u16,
    field: &'a str,
    function: &'a Path,
}

/// Returns the calls of the `de_fn`s: by ascending version, and in order of appearance within a version.
pub(crate) fn upgrading(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let mut calls = calls(fields, |semantic| semantic.de_fn.as_ref());
    calls.sort_by_key(|call| call.boundary);
    emit(mirror, &calls)
}

/// Returns the calls of the `ser_fn`s, in the reverse order.
pub(crate) fn downgrading(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let mut calls = calls(fields, |semantic| semantic.ser_fn.as_ref());
    calls.sort_by_key(|call| call.boundary);
    calls.reverse();
    emit(mirror, &calls)
}

fn calls<'a>(
    fields: &'a [Field<'_>],
    function: impl Fn(&'a crate::attributes::Semantic) -> Option<&'a Path>,
) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for field in fields {
        for semantic in &field.attributes.semantics {
            if let Some(function) = function(semantic) {
                calls.extend(semantic.boundaries.iter().map(|&boundary| Call {
                    boundary,
                    field: &field.name,
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
                // The span of the call is the function in the annotation, so the compiler points there.
                let call = quote_spanned!(function.span()=> __devstate::refusal(#function(self, __devstate_version), #name, #field, __devstate_version)?);
                quote!(if __devstate_version < #boundary { #call; })
            },
        )
        .collect()
}
