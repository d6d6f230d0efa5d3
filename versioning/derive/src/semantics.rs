//! The order in which semantic functions run.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::field::Field;
use crate::mirror::Mirror;

/// One call: at the boundary below which version, of which field, which function.
struct Call<'a> {
    boundary: u16,
    field: &'a str,
    function: &'a Path,
}

/// The `de_fn`s: ascending by version, in order of appearance within one.
pub(crate) fn upgrading(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let mut calls = calls(fields, |semantic| semantic.de_fn.as_ref());
    calls.sort_by_key(|call| call.boundary);
    emit(mirror, &calls)
}

/// The `ser_fn`s: the exact reverse.
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
                quote! {
                    if __devstate_version < #boundary {
                        __devstate::refusal(#function(self, __devstate_version), #name, #field, __devstate_version)?;
                    }
                }
            },
        )
        .collect()
}
