//! The order in which semantic functions run.

use std::cmp::Reverse;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use crate::attributes::Semantic;
use crate::field::Field;
use crate::history::{Boundary, History, Set};
use crate::mirror::Mirror;
use crate::words::at;

/// A call of a semantic function.
struct Call<'a> {
    order: Order,
    /// The versions for which it runs.
    versions: Set,
    field: &'a str,
    function: &'a Path,
}

/// The place of a call in an upgrade: first what only the version on the wire has is undone, the latest step first. Then
/// follow the steps to the latest version, the earliest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Undone(Reverse<u16>),
    Made(u16),
}

/// Returns the calls of the `de_fn`s: in the order of their steps, and in order of appearance within a step.
pub(crate) fn upgrading(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    emit(
        mirror,
        &calls(mirror.history, fields, |semantic| semantic.de_fn.as_ref()),
    )
}

/// Returns the calls of the `ser_fn`s, in the reverse order.
pub(crate) fn downgrading(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let mut calls = calls(mirror.history, fields, |semantic| semantic.ser_fn.as_ref());
    calls.reverse();
    emit(mirror, &calls)
}

fn calls<'a>(
    history: &History,
    fields: &'a [Field<'_>],
    function: impl Fn(&'a Semantic) -> Option<&'a Path>,
) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for field in fields {
        for semantic in &field.attributes.semantics {
            let Some(function) = function(semantic) else { continue };
            for change in &semantic.boundaries {
                calls.extend(steps(history, change).into_iter().map(|(order, versions)| Call {
                    order,
                    versions,
                    field: &field.name,
                    function,
                }));
            }
        }
    }
    calls.sort_by_key(|call| call.order);
    calls
}

/// Returns where a change lies between a version and the latest one, and for which versions it lies there.
fn steps(history: &History, change: &Boundary) -> Vec<(Order, Set)> {
    let mut made = change
        .versions
        .iter()
        .filter(|step| history.leads(**step, history.version));
    if let Some(step) = made.next() {
        let without = history.set(|version| !history.has_change(change, version));
        return vec![(Order::Made(*step), without)];
    }
    let undone = change.versions.iter().map(|step| {
        let with = history.set(|version| history.leads(*step, version));
        (Order::Undone(Reverse(*step)), with)
    });
    undone.collect()
}

fn emit(mirror: &Mirror<'_>, calls: &[Call<'_>]) -> TokenStream {
    let name = &mirror.name;
    calls
        .iter()
        .map(
            |Call {
                 versions,
                 field,
                 function,
                 ..
             }| {
                // The span of the call is the function in the annotation, so the compiler points there.
                let call = quote_spanned!(at(function.span())=> __devstate::refusal(#function(self, __devstate_version), #name, #field, __devstate_version)?);
                versions.when(quote!(#call;))
            },
        )
        .collect()
}
