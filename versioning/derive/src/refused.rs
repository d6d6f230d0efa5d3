//! The code for a mirror that the derive macro refused: the error, and implementations without content.
//!
//! Without them, the compiler would report for each use that the type is no mirror. The version of such a mirror is 0, which
//! `devstate-versioning` does not check any further.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Error, GenericParam, Ident, Lifetime, LitStr, Path};

use crate::words::versioned;

/// Returns the error, and the implementations.
pub(crate) fn expand(input: &DeriveInput, error: Error) -> TokenStream {
    let error = error.into_compile_error();
    let krate = find(&input.attrs, "crate").and_then(|path| path.parse::<Path>().ok());
    let krate = krate.map_or_else(|| quote!(::devstate_versioning), |path| path.to_token_stream());
    let ident = &input.ident;
    let name = find(&input.attrs, "name").map_or_else(|| ident.unraw().to_string(), |name| name.value());
    let (own, arguments, predicates) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    let lifetime = input.generics.lifetimes().next().map(|own| own.lifetime.clone());
    let lifetime = lifetime.unwrap_or_else(|| {
        let lifetime = Lifetime::new("'__devstate", proc_macro2::Span::call_site());
        generics.params.insert(0, syn::parse_quote!(#lifetime));
        lifetime
    });
    generics.params.push(parameter("__DevstateV"));
    let (all, ..) = generics.split_for_impl();
    let predicates = predicates.map_or_else(|| quote!(where), |own| quote!(#own,));
    quote! {
        #error
        const _: () = {
            use #krate::__private as __devstate;

            impl #own __devstate::Layout for #ident #arguments #predicates {
                const TYPE: &'static __devstate::schema::Type =
                    &__devstate::schema::Type::Mirror(<Self as __devstate::Mirror>::SCHEMA);
            }

            impl #own __devstate::Mirror for #ident #arguments #predicates {
                const SCHEMA: &'static __devstate::schema::Schema = &__devstate::refused(#name);
                const LAYOUTS: &'static [::core::primitive::u64] = &[];
                const OPEN: ::core::primitive::bool = true;
                const DERIVED: ::core::primitive::bool = true;
            }

            impl #all __devstate::Wire<#lifetime, __DevstateV> for #ident #arguments #predicates __DevstateV: __devstate::Versions {
                fn encoded_len(&self, _: __DevstateV) -> ::core::primitive::usize {
                    0
                }
                fn encode<__DevstateW: __devstate::Writer>(&self, _: __DevstateV, _: &mut __DevstateW) {}
                fn decode_into(
                    &mut self,
                    _: __DevstateV,
                    _: &mut __devstate::Reader<#lifetime>,
                ) -> ::core::result::Result<(), __devstate::Malformed> {
                    ::core::result::Result::Ok(())
                }
                fn differ(&self, _: &Self, _: __DevstateV, _: &mut __devstate::Differ<'_>) {}
            }
        };
    }
}

fn parameter(name: &str) -> GenericParam {
    GenericParam::Type(Ident::new(name, proc_macro2::Span::call_site()).into())
}

/// Finds an annotation such as `crate = "…"`, also where the other ones cannot be read.
fn find(attributes: &[Attribute], wanted: &str) -> Option<LitStr> {
    let mut lists = versioned(attributes).filter_map(|attribute| attribute.meta.require_list().ok());
    lists.find_map(|list| {
        let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
        tokens.windows(3).find_map(|window| match window {
            [TokenTree::Ident(word), TokenTree::Punct(equals), value] if word == wanted && equals.as_char() == '=' => {
                syn::parse2(value.to_token_stream()).ok()
            }
            _ => None,
        })
    })
}
