//! The model of a field, and the code that deals with one field.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{ConstParam, Error, Ident, LitStr, Member, Result, Type};

use crate::attributes::ItemAttributes;
use crate::bound::Bound;
use crate::history::History;
use crate::mirror::Mirror;
use crate::part::Part;
use crate::words::at;

/// A field of a struct or of a variant: of any version, or skipped.
pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) ty: &'a Type,
    pub(crate) attributes: ItemAttributes,
    /// The type has a fixed length.
    has_fixed_type: bool,
    /// The type may have a fixed length, and the expansion can name it in a constant.
    may_be_fixed: bool,
}

/// Reads the fields of a struct or a variant. Wire names must differ, also from those of removed fields.
pub(crate) fn fields<'a>(
    items: impl IntoIterator<Item = &'a syn::Field>,
    mirror: &Mirror<'_>,
    read: impl Fn(&syn::Field, &str) -> Result<ItemAttributes>,
) -> Result<Vec<Field<'a>>> {
    let mut fields: Vec<Field<'a>> = Vec::new();
    for (position, item) in items.into_iter().enumerate() {
        let member = item.ident.clone().map_or_else(|| Member::from(position), Member::Named);
        let code_name = member_name(&member);
        let attributes = read(item, &code_name)?;
        let name = attributes.name.as_ref().map_or(code_name, LitStr::value);
        if !attributes.skip && fields.iter().any(|field| !field.attributes.skip && field.name == name) {
            return Err(name_taken(
                name_span(attributes.name.as_ref(), item.ident.as_ref(), item),
                &name,
            ));
        }
        fields.push(Field {
            member,
            name,
            ty: &item.ty,
            attributes,
            has_fixed_type: Field::fixed_type(&item.ty, &mirror.parameters),
            may_be_fixed: Field::may_be_fixed_type(&item.ty, mirror),
        });
    }
    Ok(fields)
}

pub(crate) fn name_taken(at: Span, name: &str) -> Error {
    Error::new(
        at,
        format!(
            "the wire name `{name}` is taken: a name belongs to one field for ever, even after the field was removed. \
             Choose another name"
        ),
    )
}

/// Returns the place of a wire name: `name = "…"`, or the name in the code.
pub(crate) fn name_span(given: Option<&LitStr>, code_name: Option<&Ident>, item: &impl Spanned) -> Span {
    given
        .map(LitStr::span)
        .or_else(|| code_name.map(Ident::span))
        .unwrap_or_else(|| item.span())
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

impl Field<'_> {
    /// Returns the entry of the field in the schema.
    pub(crate) fn schema(&self) -> TokenStream {
        let Self {
            name, ty, attributes, ..
        } = self;
        let ty = match &attributes.foreign {
            Some(foreign) => {
                let (max, layout) = (&foreign.max, &foreign.layout);
                quote!(&__devstate::schema::Type::Foreign { layout: #layout, max: #max })
            }
            None => quote!(<#ty as __devstate::Layout>::TYPE),
        };
        let versions = attributes.versions.schema();
        let mut members = Vec::new();
        if attributes.ignorable {
            members.push(quote!(ignorable: true));
        }
        if let Some(parts) = attributes.part.as_ref().map(Part::schema) {
            members.push(quote!(parts: #parts));
        }
        if let Some(inner) = attributes.inner.as_ref().map(Part::schema) {
            members.push(quote!(inner: #inner));
        }
        if let Some(bounds) = attributes.bound.as_ref().map(Bound::schema) {
            members.push(quote!(bounds: #bounds));
        }
        if let Some(unit) = &attributes.unit {
            members.push(quote!(unit: ::core::option::Option::Some(#unit)));
        }
        let plain = quote!(__devstate::schema::Field::new(#name, #ty, #versions));
        if members.is_empty() {
            plain
        } else {
            quote!(__devstate::schema::Field { #(#members,)* ..#plain })
        }
    }

    /// Returns an expression for the value of the field in a version without it. It may use `__devstate_version`.
    pub(crate) fn missing(&self) -> TokenStream {
        missing(self.ty, self.attributes.default_fn.as_ref())
    }

    /// Returns `true` if the latest version has the field: it is neither removed nor skipped.
    pub(crate) fn is_latest(&self, history: &History) -> bool {
        self.attributes.versions.has(history.version) && !self.attributes.skip
    }

    /// Returns `true` if the encoding has a fixed length: for integers, `bool` and arrays of them, known by their names. If
    /// such a name means another type, the expansion does not compile.
    pub(crate) fn is_fixed(&self) -> bool {
        self.attributes.foreign.is_none() && self.attributes.bound.is_none() && self.has_fixed_type
    }

    /// Returns an expression for the length, if it is fixed.
    pub(crate) fn fixed_len(&self) -> TokenStream {
        let ty = self.ty;
        quote!(<#ty as __devstate::Layout>::FIXED_LEN)
    }

    /// Returns `true` if the encoding may have a fixed length, which the type says in `FIXED_LEN`.
    pub(crate) fn may_be_fixed(&self) -> bool {
        self.attributes.foreign.is_none() && self.attributes.bound.is_none() && self.may_be_fixed
    }

    /// Returns `false` for a type that is known to have no fixed length by its name, and for one with `Self` or a parameter of
    /// the mirror, which the expansion cannot name in a constant.
    fn may_be_fixed_type(ty: &Type, mirror: &Mirror<'_>) -> bool {
        let tokens = ty.to_token_stream();
        let known = [
            "Option", "Vec", "Deque", "String", "Str", "Bytes", "Sequence", "Inner", "char", "Self",
        ];
        !known.iter().any(|name| mentions(tokens.clone(), name))
            && !mirror
                .parameters
                .iter()
                .any(|parameter| mentions(tokens.clone(), &parameter.ident))
            && !mirror
                .lifetime
                .iter()
                .any(|lifetime| mentions(tokens.clone(), &lifetime.ident))
    }

    /// Returns `true` for a type with a fixed length that the expansion can name in a constant: a length with `Self` or a const
    /// parameter cannot be named there.
    fn fixed_type(ty: &Type, parameters: &[&ConstParam]) -> bool {
        fn fixed(ty: &Type, parameters: &[&ConstParam]) -> bool {
            match ty {
                Type::Path(path) => path.path.get_ident().is_some_and(|ident| {
                    [
                        "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "bool",
                    ]
                    .iter()
                    .any(|name| ident == name)
                }),
                Type::Array(array) => {
                    let length = array.len.to_token_stream();
                    let named = |parameter: &&ConstParam| mentions(length.clone(), &parameter.ident);
                    !parameters.iter().any(named) && !mentions(length.clone(), "Self") && fixed(&array.elem, parameters)
                }
                Type::Group(group) => fixed(&group.elem, parameters),
                Type::Paren(paren) => fixed(&paren.elem, parameters),
                _ => false,
            }
        }
        fixed(ty, parameters)
    }
}

/// Returns `true` if the tokens contain the name.
fn mentions<N: ?Sized>(tokens: TokenStream, name: &N) -> bool
where
    Ident: PartialEq<N>,
{
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// Returns an expression for the value of a field in a version without it.
pub(crate) fn missing(ty: &Type, default_fn: Option<&syn::Path>) -> TokenStream {
    match default_fn {
        Some(path) => quote_spanned!(at(path.span())=> __devstate::default_value::<#ty, _>(#path(__devstate_version))),
        None => value_of(ty, "__devstate_missing"),
    }
}

/// Returns the value of the type that `method` of `Missing` returns. Of an array it is the value of each element: arrays of
/// more than 32 have no `Default`.
pub(crate) fn value_of(ty: &Type, method: &str) -> TokenStream {
    match ty {
        // A type that a macro by example was given as `$ty:ty`.
        Type::Group(group) => value_of(&group.elem, method),
        Type::Paren(paren) => value_of(&paren.elem, method),
        Type::Array(array) => {
            let element = value_of(&array.elem, method);
            quote!(::core::array::from_fn(|_| #element))
        }
        ty => {
            let method = Ident::new(method, ty.span());
            let value = quote_spanned!(ty.span()=> (&__devstate::Missing::<#ty, __DevstateV>::TYPE).#method());
            quote! {
                {
                    #[allow(unused_imports)]
                    use __devstate::{ByDefault as _, ByElement as _};
                    #value
                }
            }
        }
    }
}

/// The calls for one field. Foreign types go through postcard.
pub(crate) struct Calls {
    pub(crate) encoded_len: TokenStream,
    pub(crate) encode: TokenStream,
    pub(crate) decode: TokenStream,
    pub(crate) differ: TokenStream,
}

/// The two translations of a value.
#[derive(Clone, Copy)]
pub(crate) enum Translation {
    /// To the version that is to be written.
    Downgrade,
    /// From the version that was read.
    Upgrade,
}

/// The source of versions for the mirrors in a field.
pub(crate) struct Source {
    pub(crate) ty: TokenStream,
    pub(crate) value: TokenStream,
}

impl Field<'_> {
    /// Returns `true` if `parts(…)` pins something of the field.
    pub(crate) const fn has_parts(&self) -> bool {
        self.attributes.part.is_some() || self.attributes.inner.is_some()
    }

    /// Returns the source of the field's versions: that of the owner, or one for the part.
    pub(crate) fn source(&self) -> Source {
        let of_owner = self.attributes.part.as_ref().or(self.attributes.inner.as_ref());
        match of_owner.map(Part::version) {
            None => Source {
                ty: quote!(__DevstateV),
                value: quote!(__devstate_at),
            },
            Some(version) => Source {
                ty: quote!(<__DevstateV as __devstate::Versions>::Part),
                value: quote!(__devstate::Versions::part(__devstate_at, #version)),
            },
        }
    }
}

impl Mirror<'_> {
    /// Returns the call of a translation of the field at `place`: `downgrade` or `upgrade`.
    pub(crate) fn translate(&self, field: &Field<'_>, method: Translation, place: &TokenStream) -> TokenStream {
        let (ty, input) = (field.ty, self.input_lifetime());
        let Source { ty: source, value } = field.source();
        let bound = field.attributes.bound.as_ref().map(Bound::at_version);
        match (&field.attributes.foreign, bound) {
            (Some(foreign), bound) => {
                let max = &foreign.max;
                let bound = bound.unwrap_or_else(|| quote!({ #max }));
                match method {
                    Translation::Downgrade => self.refusal(
                        field,
                        &quote!(__devstate::foreign_downgrade::<#ty, { #max }>(#place, #bound)),
                    ),
                    Translation::Upgrade => TokenStream::new(),
                }
            }
            (None, Some(bound)) => {
                let bounded = quote!(<#ty as __devstate::Bounded<#input, #source>>);
                self.refusal(
                    field,
                    &match method {
                        Translation::Downgrade => quote!(#bounded::downgrade_within(#place, #value, #bound)),
                        Translation::Upgrade => quote!(#bounded::upgrade_within(#place, #value, #bound)),
                    },
                )
            }
            (None, None) => {
                let method = match method {
                    Translation::Downgrade => quote!(downgrade),
                    Translation::Upgrade => quote!(upgrade),
                };
                quote!(<#ty as __devstate::Wire<#input, #source>>::#method(#place, #value)?;)
            }
        }
    }

    /// Returns a call whose refusal gets the name of the field.
    fn refusal(&self, field: &Field<'_>, call: &TokenStream) -> TokenStream {
        let (mirror, field) = (&self.name, &field.name);
        quote!(__devstate::refusal(#call, #mirror, #field, __devstate_version)?;)
    }

    /// Returns the calls for the field at `place`, an expression of reference type. `other` is the value to compare with.
    pub(crate) fn calls(&self, field: &Field<'_>, place: &TokenStream, other: &TokenStream) -> Calls {
        let ty = field.ty;
        let input = self.input_lifetime();
        let Source { ty: source, value: at } = field.source();
        let wire = quote!(<#ty as __devstate::Wire<#input, #source>>);
        let bounded = quote!(<#ty as __devstate::Bounded<#input, #source>>);
        let bound = field.attributes.bound.as_ref().map(Bound::at_version);
        match (&field.attributes.foreign, bound) {
            (Some(foreign), bound) => {
                let max = &foreign.max;
                let bound = bound.unwrap_or_else(|| quote!({ #max }));
                Calls {
                    encoded_len: quote!(__devstate::foreign_len::<#ty, { #max }>(#place)),
                    encode: quote!(__devstate::foreign_encode::<#ty, __DevstateW, { #max }>(#place, #bound, __devstate_writer)),
                    decode: quote!(__devstate::foreign_decode::<#ty, { #max }>(#place, #bound, __devstate_reader)),
                    differ: quote!(__devstate::foreign_differ::<#ty, { #max }>(#place, #other, __devstate_differ)),
                }
            }
            (None, Some(bound)) => Calls {
                encoded_len: quote!(#bounded::encoded_len_within(#place, #at, #bound)),
                encode: quote!(#bounded::encode_within(#place, #at, #bound, __devstate_writer)),
                decode: quote!(#bounded::decode_within(#place, #at, #bound, __devstate_reader)),
                differ: quote!(#wire::differ(#place, #other, #at, __devstate_differ)),
            },
            (None, None) => Calls {
                encoded_len: quote!(#wire::encoded_len(#place, #at)),
                encode: quote!(#wire::encode(#place, #at, __devstate_writer)),
                decode: quote!(#wire::decode_into(#place, #at, __devstate_reader)),
                differ: quote!(#wire::differ(#place, #other, #at, __devstate_differ)),
            },
        }
    }
}

/// Returns the bounds that the expansion needs for fields that are not fixed. The functions that carry foreign types have
/// theirs.
pub(crate) fn bounds(fields: &[Field<'_>], mirror: &Mirror<'_>) -> Vec<TokenStream> {
    let input = mirror.input_lifetime();
    let on_the_wire = fields
        .iter()
        .filter(|field| !field.attributes.skip && field.attributes.foreign.is_none() && !field.is_fixed());
    let mut bounds: Vec<TokenStream> = Vec::new();
    for field in on_the_wire {
        let (ty, source) = (field.ty, field.source().ty);
        let of_trait = match field.attributes.bound {
            Some(_) => quote!(Bounded),
            None => quote!(Wire),
        };
        // The compiler checks a bound on a bare type at once, and would refuse a wrong type here and in the schema. `Itself`
        // avoids the second error.
        let bound = quote_spanned! {ty.span()=>
            <__DevstateV as __devstate::Itself<#ty>>::Type: __devstate::#of_trait<#input, #source>
        };
        if !bounds.iter().any(|seen| seen.to_string() == bound.to_string()) {
            bounds.push(bound);
        }
    }
    bounds
}
