//! The frame of the generated code.
//!
//! Each name that the code declares begins with `__devstate`, in upper or lower case. Each path is absolute, or begins with
//! `__devstate`, which is `devstate_versioning::__private`. Otherwise a pattern could mean a constant in the user's module:
//! macros have no hygiene for constants. `tests/hygiene.rs` of `devstate-versioning` checks each identifier.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, LitInt, Result};

use crate::attributes::{ANY_NUMBER, MirrorAttributes};
use crate::mirror::{Bodies, Mirror};
use crate::{enums, structs};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = MirrorAttributes::read(&input.attrs, &input.ident)?;
    let mirror = Mirror::new(input, &attributes)?;
    let bodies = match &input.data {
        Data::Struct(data) => structs::expand(&mirror, &data.fields)?,
        Data::Enum(data) => enums::expand(&mirror, data)?,
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "a union has no wire form: its bytes do not say what they are",
            ));
        }
    };
    match &attributes.parts {
        None if bodies.has_parts => {
            return Err(Error::new(
                input.ident.span(),
                format!(
                    "`parts` is missing on the mirror `{}`: it pins each version together with its parts, as `layouts` pins \
                     it without them. Write `parts(open)`, with one entry for each version. {ANY_NUMBER}",
                    mirror.name
                ),
            ));
        }
        Some(parts) if !bodies.has_parts => {
            return Err(Error::new(
                parts.span,
                "`parts` pins fields with `part = [..]`, and this mirror has none: delete it",
            ));
        }
        _ => {}
    }
    Ok(frame(&mirror, &attributes, &bodies))
}

fn frame(mirror: &Mirror<'_>, attributes: &MirrorAttributes, bodies: &Bodies) -> TokenStream {
    let Mirror {
        ident,
        name,
        version,
        lifetime,
    } = mirror;
    let krate = attributes
        .krate
        .as_ref()
        .map_or_else(|| quote!(::devstate_versioning), ToTokens::to_token_stream);
    let self_type = match lifetime {
        Some(lifetime) => quote!(#ident<#lifetime>),
        None => quote!(#ident),
    };
    let layout_generics = lifetime.as_ref().map(|lifetime| quote!(<#lifetime>));
    let static_type = match lifetime {
        Some(_) => quote!(#ident<'static>),
        None => quote!(#ident),
    };
    let input = mirror.input_lifetime();
    let count = usize::from(*version);
    let open = attributes.layouts.iter().any(Option::is_none);
    let pinned = attributes.layouts.iter().map(|layout| pin(layout.as_ref()));
    let Bodies {
        shape, methods, bounds, ..
    } = bodies;
    // The span of the call is the name of the mirror, so the compiler points there.
    let check = quote_spanned! {ident.span()=>
        const _: () = __devstate::check_pins(
            <#static_type as __devstate::Mirror>::SCHEMA,
            <#static_type as __devstate::Mirror>::LAYOUTS,
            &[#(#pinned),*],
        );
    };
    let check_parts = attributes.parts.as_ref().map(|parts| {
        let pinned = parts.given.iter().map(|layout| pin(layout.as_ref()));
        quote_spanned! {ident.span()=>
            const _: () = __devstate::check_parts::<#count>(
                <#static_type as __devstate::Mirror>::SCHEMA,
                &[#(#pinned),*],
            );
        }
    });
    quote! {
        const _: () = {
            use #krate::__private as __devstate;

            #[automatically_derived]
            impl #layout_generics __devstate::Layout for #self_type {
                const TYPE: &'static __devstate::schema::Type =
                    &__devstate::schema::Type::Mirror(<Self as __devstate::Mirror>::SCHEMA);
            }

            #[automatically_derived]
            impl #layout_generics __devstate::Mirror for #self_type {
                const SCHEMA: &'static __devstate::schema::Schema =
                    &__devstate::schema::Schema::new(#name, #version, #shape);
                const LAYOUTS: &'static [::core::primitive::u64] = &__devstate::layouts::<#count>(<Self as __devstate::Mirror>::SCHEMA);
                const OPEN: ::core::primitive::bool = #open;
                const DERIVED: ::core::primitive::bool = true;
            }

            #check
            #check_parts

            #[automatically_derived]
            #[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_variables, unused_mut)]
            impl<#input, __DevstateV> __devstate::Wire<#input, __DevstateV> for #self_type
            where
                __DevstateV: __devstate::VersionOf<#self_type>,
                #(#bounds,)*
            {
                #methods
            }
        };
    }
}

/// Returns a literal or `open` as an `Option`.
fn pin(layout: Option<&LitInt>) -> TokenStream {
    match layout {
        Some(literal) => quote!(::core::option::Option::Some(#literal)),
        None => quote!(::core::option::Option::None),
    }
}
