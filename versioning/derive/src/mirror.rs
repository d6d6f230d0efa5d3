//! What structs and enums have in common: the checked model, the schema and the frame of the expansion.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, GenericParam, Ident, Lifetime, LitStr, Member, Result, Type,
};

use crate::attributes::{MirrorAttributes, PartAttributes};
use crate::{enums, structs};

/// A mirror whose annotations have been checked.
pub(crate) struct Mirror<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) version: u16,
    /// The lifetime of the input that borrowed fields keep, if there are any.
    pub(crate) lifetime: Option<Lifetime>,
}

/// A field that is, or was, on the wire, or is skipped.
pub(crate) struct Part<'a> {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    pub(crate) attributes: PartAttributes,
}

/// The three bodies that differ between structs and enums, and what they ask of their fields.
pub(crate) struct Bodies {
    pub(crate) shape: TokenStream,
    pub(crate) methods: TokenStream,
    /// Field types that must be [`Wire`] themselves.
    pub(crate) wire_types: Vec<TokenStream>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = MirrorAttributes::read(&input.attrs, &input.ident)?;
    let mirror = Mirror {
        ident: &input.ident,
        name: attributes
            .name
            .as_ref()
            .map_or_else(|| input.ident.unraw().to_string(), LitStr::value),
        version: attributes.version,
        lifetime: lifetime(input)?,
    };
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
    Ok(frame(&mirror, &attributes, &bodies))
}

/// Reads the fields of a struct or a variant; the wire names must differ, also from those of removed fields.
pub(crate) fn parts<'a>(fields: impl IntoIterator<Item = &'a Field>, version: u16) -> Result<Vec<Part<'a>>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for (position, field) in fields.into_iter().enumerate() {
        let member = field
            .ident
            .clone()
            .map_or_else(|| Member::from(position), Member::Named);
        let code_name = member_name(&member);
        let attributes = PartAttributes::read(&field.attrs, &code_name, field.span(), version)?;
        let name = attributes.name.as_ref().map_or(code_name, LitStr::value);
        if !attributes.skip && parts.iter().any(|part| !part.attributes.skip && part.name == name) {
            return Err(name_taken(
                name_span(attributes.name.as_ref(), field.ident.as_ref(), field),
                &name,
            ));
        }
        parts.push(Part {
            member,
            name,
            ty: &field.ty,
            attributes,
        });
    }
    Ok(parts)
}

pub(crate) fn name_taken(at: Span, name: &str) -> Error {
    Error::new(
        at,
        format!(
            "the wire name `{name}` is taken: a name belongs to one field for ever, also after it was removed; choose \
             another one"
        ),
    )
}

/// Where a wire name comes from: `name = "…"`, or the name in the code.
pub(crate) fn name_span(given: Option<&LitStr>, code_name: Option<&Ident>, part: &impl Spanned) -> Span {
    given
        .map(LitStr::span)
        .or_else(|| code_name.map(Ident::span))
        .unwrap_or_else(|| part.span())
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
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
    let pinned = attributes.layouts.iter().map(|layout| match layout {
        Some(literal) => quote!(::core::option::Option::Some(#literal)),
        None => quote!(::core::option::Option::None),
    });
    let Bodies {
        shape,
        methods,
        wire_types,
    } = bodies;
    // By way of `__R`: a bound on a bare type is checked on its own, and a type that cannot stand on the wire would be
    // complained of here and in the schema.
    let bounds = wire_types.iter().map(
        |ty| quote_spanned!(ty.span()=> <__R as __versioning::__private::Itself<#ty>>::Type: __versioning::wire::Wire<#input, __R>),
    );
    // The compiler shows where the call stands: at the mirror's name.
    let check = quote_spanned! {ident.span()=>
        const _: () = __versioning::wire::check_layouts(
            <#static_type as __versioning::Mirror>::SCHEMA,
            <#static_type as __versioning::Mirror>::LAYOUTS,
            &[#(#pinned),*],
        );
    };
    quote! {
        const _: () = {
            use #krate as __versioning;

            #[automatically_derived]
            impl #layout_generics __versioning::wire::Layout for #self_type {
                const TYPE: &'static __versioning::schema::Type =
                    &__versioning::schema::Type::Mirror(<Self as __versioning::Mirror>::SCHEMA);
            }

            #[automatically_derived]
            impl #layout_generics __versioning::Mirror for #self_type {
                const SCHEMA: &'static __versioning::schema::Schema =
                    &__versioning::schema::Schema::new(#name, #version, #shape);
                const LAYOUTS: &'static [::core::primitive::u64] = &__versioning::__private::layouts::<#count>(Self::SCHEMA);
                const OPEN: ::core::primitive::bool = #open;
            }

            #check

            #[automatically_derived]
            #[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_variables, unused_mut)]
            impl<#input, __R> __versioning::wire::Wire<#input, __R> for #self_type
            where
                __R: __versioning::wire::VersionOf<#self_type>,
                #(#bounds,)*
            {
                #methods
            }
        };
    }
}

impl Mirror<'_> {
    /// The lifetime of the input in the expansion.
    pub(crate) fn input_lifetime(&self) -> Lifetime {
        self.lifetime
            .clone()
            .unwrap_or_else(|| Lifetime::new("'__de", proc_macro2::Span::call_site()))
    }
}

impl PartAttributes {
    /// The condition under which `version` has the part; `None` where all have it.
    pub(crate) fn condition(&self) -> Option<TokenStream> {
        let start = self.start;
        match (start, self.end) {
            (1, None) => None,
            (_, None) => Some(quote!(version >= #start)),
            (1, Some(end)) => Some(quote!(version < #end)),
            (_, Some(end)) => Some(quote!(version >= #start && version < #end)),
        }
    }

    /// `body` for the versions that have the part.
    pub(crate) fn when(&self, body: TokenStream) -> TokenStream {
        match self.condition() {
            Some(condition) => quote!(if #condition { #body }),
            None => body,
        }
    }

    /// The `Versions` of the part in the schema.
    pub(crate) fn versions(&self) -> TokenStream {
        let start = self.start;
        let end = match self.end {
            Some(end) => quote!(::core::option::Option::Some(#end)),
            None => quote!(::core::option::Option::None),
        };
        quote!(__versioning::schema::Versions { start: #start, end: #end })
    }
}

impl Part<'_> {
    /// The field's entry in the schema.
    pub(crate) fn schema(&self) -> TokenStream {
        let Self {
            name, ty, attributes, ..
        } = self;
        let ty = match &attributes.foreign {
            Some(foreign) => {
                let (max, layout) = (&foreign.max, &foreign.layout);
                quote!(&__versioning::schema::Type::Foreign { layout: #layout, max: #max })
            }
            None => quote!(<#ty as __versioning::wire::Layout>::TYPE),
        };
        let versions = attributes.versions();
        let ignorable = attributes.ignorable;
        quote! {
            __versioning::schema::Field { name: #name, ty: #ty, versions: #versions, ignorable: #ignorable }
        }
    }

    /// The field's value where a version does not have it: an expression that may use `version`.
    pub(crate) fn missing(&self) -> TokenStream {
        missing(self.ty, self.attributes.default_fn.as_ref())
    }

    /// Whether the latest version has it: a removed or skipped field is no part of the state.
    pub(crate) fn is_latest(&self) -> bool {
        self.attributes.end.is_none() && !self.attributes.skip
    }

    /// Whether the encoding's length is fixed, which shows in the tokens of integers, `bool` and arrays of them.
    /// Where the names mean other types, the expansion does not compile.
    pub(crate) fn is_fixed(&self) -> bool {
        fn fixed(ty: &Type) -> bool {
            match ty {
                Type::Path(path) => path.path.get_ident().is_some_and(|ident| {
                    [
                        "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "bool",
                    ]
                    .iter()
                    .any(|name| ident == name)
                }),
                Type::Array(array) => fixed(&array.elem),
                _ => false,
            }
        }
        self.attributes.foreign.is_none() && fixed(self.ty)
    }
}

/// The value of a field that a version does not have.
pub(crate) fn missing(ty: &Type, default_fn: Option<&syn::Path>) -> TokenStream {
    match default_fn {
        Some(path) => quote!(#path(version)),
        None => value_of(
            ty,
            &|ty| quote!(<#ty as __versioning::__private::MissingValue>::missing_value()),
        ),
    }
}

/// `value` for the type, or for each element: arrays of more than 32 have no `Default`.
pub(crate) fn value_of(ty: &Type, value: &dyn Fn(&Type) -> TokenStream) -> TokenStream {
    match ty {
        Type::Array(array) => {
            let element = value_of(&array.elem, value);
            quote!(::core::array::from_fn(|_| #element))
        }
        ty => value(ty),
    }
}

/// Calls of the byte layer for one field behind a place expression; foreign types go through postcard.
pub(crate) struct Calls {
    pub(crate) encoded_len: TokenStream,
    pub(crate) encode: TokenStream,
    pub(crate) decode: TokenStream,
    pub(crate) differ: TokenStream,
}

impl Mirror<'_> {
    /// The calls for the field at `place`, an expression of reference type; `other` is the one to compare with.
    pub(crate) fn calls(&self, part: &Part<'_>, place: &TokenStream, other: &TokenStream) -> Calls {
        let ty = part.ty;
        let input = self.input_lifetime();
        let wire = quote!(<#ty as __versioning::wire::Wire<#input, __R>>);
        match &part.attributes.foreign {
            Some(foreign) => {
                let max = &foreign.max;
                Calls {
                    encoded_len: quote!(__versioning::__private::foreign_len::<#ty, { #max }>(#place)),
                    encode: quote!(__versioning::__private::foreign_encode::<#ty, __W, { #max }>(#place, writer)),
                    decode: quote!(__versioning::__private::foreign_decode::<#ty, { #max }>(#place, reader)),
                    differ: quote!(differ.leaf(*(#place) == *(#other))),
                }
            }
            None => Calls {
                encoded_len: quote!(#wire::encoded_len(#place, release)),
                encode: quote!(#wire::encode(#place, release, writer)),
                decode: quote!(#wire::decode_into(#place, release, reader)),
                differ: quote!(#wire::differ(#place, #other, release, differ)),
            },
        }
    }
}

/// Bounds for the fields that are not fixed: foreign ones have theirs in the functions that carry them.
pub(crate) fn wire_types(parts: &[Part<'_>]) -> Vec<TokenStream> {
    let mut types: Vec<TokenStream> = Vec::new();
    for part in parts
        .iter()
        .filter(|part| !part.attributes.skip && part.attributes.foreign.is_none())
    {
        let ty = part.ty.to_token_stream();
        if !part.is_fixed() && !types.iter().any(|seen| seen.to_string() == ty.to_string()) {
            types.push(ty);
        }
    }
    types
}

/// A binding for the field at `position` of a variant.
pub(crate) fn binding(prefix: &str, position: usize) -> Ident {
    format_ident!("__{prefix}{position}")
}

/// Refuses annotations where they have no meaning.
pub(crate) fn refuse_annotations(attributes: &[Attribute], what: &str) -> Result<()> {
    match attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("versioned"))
    {
        Some(attribute) => Err(Error::new_spanned(attribute, what)),
        None => Ok(()),
    }
}

/// An explicit discriminant as a number, where it is a plain literal.
pub(crate) fn literal(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(literal),
            ..
        }) => literal.base10_parse().ok(),
        _ => None,
    }
}
