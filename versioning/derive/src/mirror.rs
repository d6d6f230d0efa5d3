//! The model of a mirror.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{DeriveInput, Error, GenericParam, Ident, Lifetime, LitStr, Result};

use crate::attributes::MirrorAttributes;

/// A mirror whose annotations have been checked.
pub(crate) struct Mirror<'a> {
    pub(crate) ident: &'a Ident,
    /// The wire name.
    pub(crate) name: String,
    pub(crate) version: u16,
    /// The lifetime of borrowed fields, if there are any.
    pub(crate) lifetime: Option<Lifetime>,
}

/// The parts of the expansion that differ between structs and enums.
pub(crate) struct Bodies {
    /// The shape in the schema.
    pub(crate) shape: TokenStream,
    /// The methods of `Wire`.
    pub(crate) methods: TokenStream,
    /// The bounds of the fields' types.
    pub(crate) bounds: Vec<TokenStream>,
    /// `true` if a field is a part.
    pub(crate) has_parts: bool,
}

impl<'a> Mirror<'a> {
    pub(crate) fn new(input: &'a DeriveInput, attributes: &MirrorAttributes) -> Result<Self> {
        Ok(Self {
            ident: &input.ident,
            name: attributes
                .name
                .as_ref()
                .map_or_else(|| input.ident.unraw().to_string(), LitStr::value),
            version: attributes.version,
            lifetime: lifetime(input)?,
        })
    }

    /// Returns the lifetime of the input in the expansion.
    pub(crate) fn input_lifetime(&self) -> Lifetime {
        self.lifetime
            .clone()
            .unwrap_or_else(|| Lifetime::new("'__devstate", Span::call_site()))
    }
}

/// Returns the statement that sets `__devstate_version`, the version of the mirror at `__devstate_at`.
pub(crate) fn set_version() -> TokenStream {
    quote! {
        let __devstate_version = <__DevstateV as __devstate::VersionOf<Self>>::version(__devstate_at);
    }
}

fn lifetime(input: &DeriveInput) -> Result<Option<Lifetime>> {
    let mut lifetime = None;
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) if lifetime.is_none() => lifetime = Some(parameter.lifetime.clone()),
            GenericParam::Lifetime(parameter) => {
                return Err(Error::new_spanned(
                    parameter,
                    "a mirror has at most one lifetime: that of the buffer its borrowed fields are decoded from",
                ));
            }
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a mirror derives `Versioned` for one layout, and a generic one has many: give each its own type, \
                     or implement `Layout`, `Mirror` and `Wire` by hand",
                ));
            }
        }
    }
    Ok(lifetime)
}
