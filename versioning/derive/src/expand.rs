//! The frame of the generated code.
//!
//! Each name that the code declares begins with `__devstate`, in upper or lower case. Each path is absolute, or begins with
//! `__devstate`, which is `devstate_versioning::__private`. Otherwise a pattern could mean a constant in the user's module:
//! macros have no hygiene for constants. `tests/hygiene.rs` of `devstate-versioning` checks each identifier.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Result};

use crate::mirror::{Bodies, Mirror};
use crate::mirror_attributes::{ANY_NUMBER, MirrorAttributes};
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
                "a union has no wire form, because its bytes do not show which field is in use",
            ));
        }
    };
    match &attributes.parts {
        None if bodies.has_parts => {
            return Err(Error::new(
                input.ident.span(),
                format!(
                    "`parts` is missing on the mirror `{}`: it pins each version together with its parts and inner snapshots, \
                     as `layouts` pins it without them. Write `parts(open)`, with one entry for each version. {ANY_NUMBER}",
                    mirror.name
                ),
            ));
        }
        Some(parts) if !bodies.has_parts => {
            return Err(Error::new(
                parts.span,
                "`parts` pins fields with `part = [..]` or `inner = [..]`, and this mirror has none: delete it",
            ));
        }
        _ => {}
    }
    Ok(frame(&mirror, &attributes, &bodies))
}

fn frame(mirror: &Mirror<'_>, attributes: &MirrorAttributes, bodies: &Bodies) -> TokenStream {
    let Mirror {
        name,
        history,
        lifetime,
        predicates,
        ..
    } = mirror;
    let krate = attributes
        .krate
        .as_ref()
        .map_or_else(|| quote!(::devstate_versioning), ToTokens::to_token_stream);
    let self_type = mirror.self_type();
    let declared = mirror.declared_constants();
    let lifetimes = lifetime.iter();
    let lifetimes_again = lifetime.iter();
    let given = (!predicates.is_empty()).then(|| quote!(where #(#predicates,)*));
    let layout_generics = quote!(<#(#lifetimes,)* #(#declared),*>);
    let input = mirror.input_lifetime();
    let version = history.version;
    let count = usize::from(version);
    let open = attributes.layouts.is_open();
    let Bodies {
        shape,
        fixed_len,
        places,
        methods,
        bounds,
        changes,
        ..
    } = bodies;
    let with_history = (!history.is_plain()).then(|| {
        let history = history.schema(changes);
        quote!(.with_history(#history))
    });
    let checks = checks(mirror, attributes, bodies);
    quote! {
        const _: () = {
            use #krate::__private as __devstate;

            #[automatically_derived]
            impl #layout_generics __devstate::Layout for #self_type #given {
                const TYPE: &'static __devstate::schema::Type =
                    &__devstate::schema::Type::Mirror(<Self as __devstate::Mirror>::SCHEMA);
                #fixed_len
            }

            #[automatically_derived]
            impl #layout_generics __devstate::Mirror for #self_type #given {
                const SCHEMA: &'static __devstate::schema::Schema =
                    &__devstate::schema::Schema::new(#name, #version, #shape)#with_history;
                const LAYOUTS: &'static [::core::primitive::u64] = &__devstate::layouts::<#count>(<Self as __devstate::Mirror>::SCHEMA);
                const OPEN: ::core::primitive::bool = #open;
                const DERIVED: ::core::primitive::bool = true;
            }

            #[automatically_derived]
            impl<#(#lifetimes_again,)* #(#declared,)* __DevstateV> __devstate::Blank<__DevstateV> for #self_type
            where
                <__DevstateV as __devstate::Itself<Self>>::Type: ::core::default::Default,
                #(#predicates,)*
            {
                #[inline]
                fn blank() -> Self {
                    <Self as ::core::default::Default>::default()
                }
            }

            #checks
            #places

            #[automatically_derived]
            #[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_variables, unused_mut)]
            impl<#input, #(#declared,)* __DevstateV> __devstate::Wire<#input, __DevstateV> for #self_type
            where
                __DevstateV: __devstate::VersionOf<#self_type>,
                #(#predicates,)*
                #(#bounds,)*
            {
                #methods
            }
        };
    }
}

/// Returns the checks of the pins, parts and fields. They are constants, which the compiler evaluates in `cargo check`.
fn checks(mirror: &Mirror<'_>, attributes: &MirrorAttributes, bodies: &Bodies) -> TokenStream {
    let Mirror { ident, history, .. } = mirror;
    let pinned_type = mirror.instance(&attributes.instance);
    let count = usize::from(history.version);
    let pinned = attributes.layouts.pins(history.oldest);
    // The span of the call is the name of the mirror, so the compiler points there.
    let check = quote_spanned! {ident.span()=>
        const _: () = __devstate::check_pins(
            <#pinned_type as __devstate::Mirror>::SCHEMA,
            <#pinned_type as __devstate::Mirror>::LAYOUTS,
            &[#(#pinned),*],
        );
    };
    let check_parts = attributes.parts.as_ref().map(|parts| {
        let pinned = parts.pins(history.oldest);
        quote_spanned! {ident.span()=>
            const _: () = __devstate::check_parts::<#count>(
                <#pinned_type as __devstate::Mirror>::SCHEMA,
                &[#(#pinned),*],
            );
        }
    });
    let check_fields = bodies.has_field_checks.then(|| {
        quote_spanned! {ident.span()=>
            const _: () = __devstate::check_fields(<#pinned_type as __devstate::Mirror>::SCHEMA);
        }
    });
    quote!(#check #check_parts #check_fields)
}
