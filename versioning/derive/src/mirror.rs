//! The model of a mirror.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{ConstParam, DeriveInput, Error, Expr, GenericParam, Ident, Lifetime, LitStr, Result, WherePredicate};

use crate::history::History;
use crate::mirror_attributes::MirrorAttributes;

/// A mirror whose annotations have been checked.
pub(crate) struct Mirror<'a> {
    pub(crate) ident: &'a Ident,
    /// The wire name.
    pub(crate) name: String,
    pub(crate) history: &'a History,
    /// The lifetime of borrowed fields, if there are any.
    pub(crate) lifetime: Option<Lifetime>,
    /// The const parameters.
    pub(crate) parameters: Vec<&'a ConstParam>,
    /// The predicates of its `where`.
    pub(crate) predicates: Vec<&'a WherePredicate>,
}

/// The parts of the expansion that differ between structs and enums.
pub(crate) struct Bodies {
    /// The shape in the schema.
    pub(crate) shape: TokenStream,
    /// The constant of `Layout` for the length, if it may be fixed.
    pub(crate) fixed_len: TokenStream,
    /// The constant with the places of the fields in their windows, if there are any.
    pub(crate) places: TokenStream,
    /// The methods of `Wire`.
    pub(crate) methods: TokenStream,
    /// The bounds of the fields' types.
    pub(crate) bounds: Vec<TokenStream>,
    /// `true` if a field is a part.
    pub(crate) has_parts: bool,
    /// `true` if the bound of a field changed.
    pub(crate) has_field_checks: bool,
    /// The changes of all fields and variants, as data for the schema.
    pub(crate) changes: Vec<TokenStream>,
}

impl<'a> Mirror<'a> {
    pub(crate) fn new(input: &'a DeriveInput, attributes: &'a MirrorAttributes) -> Result<Self> {
        let (lifetime, parameters) = parameters(input)?;
        check_instance(&input.ident, &parameters, &attributes.instance)?;
        Ok(Self {
            ident: &input.ident,
            name: attributes
                .name
                .as_ref()
                .map_or_else(|| input.ident.unraw().to_string(), LitStr::value),
            history: &attributes.history,
            lifetime,
            parameters,
            predicates: input
                .generics
                .where_clause
                .iter()
                .flat_map(|given| &given.predicates)
                .collect(),
        })
    }

    /// Returns the type with its own parameters.
    pub(crate) fn self_type(&self) -> TokenStream {
        let constants = self
            .parameters
            .iter()
            .map(|parameter| parameter.ident.to_token_stream());
        self.with_arguments(self.lifetime.iter().map(ToTokens::to_token_stream).chain(constants))
    }

    /// Returns the instance with these const arguments, for every lifetime.
    pub(crate) fn instance(&self, constants: &[Expr]) -> TokenStream {
        let constants = constants.iter().map(|value| quote!({ #value }));
        self.with_arguments(self.lifetime.iter().map(|_| quote!('static)).chain(constants))
    }

    fn with_arguments(&self, arguments: impl Iterator<Item = TokenStream>) -> TokenStream {
        let ident = self.ident;
        let mut arguments = arguments.peekable();
        if arguments.peek().is_none() {
            quote!(#ident)
        } else {
            quote!(#ident<#(#arguments),*>)
        }
    }

    /// Returns the declarations of the const parameters.
    pub(crate) fn declared_constants(&self) -> Vec<TokenStream> {
        let declared = self
            .parameters
            .iter()
            .map(|ConstParam { ident, ty, .. }| quote!(const #ident: #ty));
        declared.collect()
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

/// The lifetime and the const parameters of a mirror.
type Parameters<'a> = (Option<Lifetime>, Vec<&'a ConstParam>);

fn parameters(input: &DeriveInput) -> Result<Parameters<'_>> {
    let mut lifetime = None;
    let mut constants = Vec::new();
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) if lifetime.is_none() => lifetime = Some(parameter.lifetime.clone()),
            GenericParam::Lifetime(parameter) => {
                return Err(Error::new_spanned(
                    parameter,
                    "a mirror has at most one lifetime: the lifetime of the buffer that its borrowed fields are \
                     decoded from",
                ));
            }
            GenericParam::Const(parameter) => constants.push(parameter),
            GenericParam::Type(parameter) => {
                return Err(Error::new_spanned(
                    parameter,
                    "a mirror with type parameters has many layouts, but `Versioned` is derived for one layout: write \
                     a type for each layout, or implement `Layout`, `Mirror` and `Wire` by hand",
                ));
            }
        }
    }
    Ok((lifetime, constants))
}

/// Checks that a mirror with const parameters names the instance whose layouts it pins.
fn check_instance(mirror: &Ident, parameters: &[&ConstParam], instance: &[Expr]) -> Result<()> {
    if parameters.len() == instance.len() {
        return Ok(());
    }
    let names: Vec<String> = parameters.iter().map(|parameter| parameter.ident.to_string()).collect();
    Err(Error::new(
        mirror.span(),
        match (names.as_slice(), instance) {
            ([], _) => format!("the mirror `{mirror}` has no const parameters: delete `instance`"),
            (names, []) => format!(
                "the mirror `{mirror}` has a layout for each value of {}: name the values whose fingerprints are in \
                 `layouts`, as in `instance(64)`. A release table pins the layouts of the instances in its rows",
                names.join(", ")
            ),
            (names, given) => format!(
                "`instance` of the mirror `{mirror}` has {} values, and its const parameters are {}: give one for each",
                given.len(),
                names.join(", ")
            ),
        },
    ))
}
