//! The code for an enum: the position of the variant as a tag, then its fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DataEnum, Error, Expr, Ident, Result};

use crate::attributes::ItemAttributes;
use crate::field::{Field, Translation, bounds, fields, name_span, name_taken, value_of};
use crate::history::History;
use crate::mirror::{Bodies, Mirror, set_version};
use crate::words::{Numbered, at};

/// The reason for refusing a stand-in.
const ALSO_MISSING: &str = "it replaces another variant, but that version does not have it either";

/// The highest tag: one byte of a varint.
const MAX_TAG: u8 = 127;

struct Variant<'a> {
    ident: &'a Ident,
    name: String,
    tag: u8,
    fields: Vec<Field<'a>>,
    attributes: ItemAttributes,
}

pub(crate) fn expand(mirror: &Mirror<'_>, data: &DataEnum) -> Result<Bodies> {
    let variants = read(mirror, data)?;
    if variants.is_empty() {
        return Err(Error::new(
            data.enum_token.span,
            "an enum without variants has no values to write",
        ));
    }
    let schema = variants.iter().map(|variant| schema(variant));
    let shape = quote!(__devstate::schema::Shape::Enum(&[#(#schema),*]));
    let byte_layer = byte_layer(mirror, &variants);
    let translation = translation(mirror, &variants);
    // In a variant, fixed fields go through `Wire` too. They always implement it.
    let bounds = variants
        .iter()
        .flat_map(|variant| bounds(&variant.fields, mirror))
        .collect();
    let fields = || variants.iter().flat_map(|variant| &variant.fields);
    let own = variants
        .iter()
        .flat_map(|variant| variant.attributes.change_schemas(&variant.name));
    let changes = own.chain(fields().flat_map(|field| field.attributes.change_schemas(&field.name)));
    // A tag alone, which every version has.
    let plain = |variant: &Variant<'_>| variant.fields.is_empty() && variant.attributes.versions.condition().is_none();
    let fixed_len = if variants.iter().all(plain) {
        quote!(
            const FIXED_LEN: ::core::option::Option<::core::primitive::usize> = ::core::option::Option::Some(1);
        )
    } else {
        TokenStream::new()
    };
    Ok(Bodies {
        shape,
        fixed_len,
        places: TokenStream::new(),
        methods: quote!(#byte_layer #translation),
        bounds,
        has_parts: fields().any(Field::has_parts),
        has_field_checks: fields().any(|field| field.attributes.bound.is_some() || field.attributes.unit.is_some()),
        changes: changes.collect(),
    })
}

fn read<'a>(mirror: &Mirror<'_>, data: &'a DataEnum) -> Result<Vec<Variant<'a>>> {
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for variant in &data.variants {
        let code_name = variant.ident.unraw().to_string();
        let attributes = ItemAttributes::read_variant(&variant.attrs, &code_name, variant.span(), mirror.history)?;
        let position = variants.last().map_or(0, |before| u16::from(before.tag) + 1);
        let number = tag(&code_name, position, attributes.tag, mirror.history)?;
        let Some(tag) = u8::try_from(number).ok().filter(|tag| *tag <= MAX_TAG) else {
            return Err(Error::new(
                variant.span(),
                format!("`{code_name}` has the tag {number}, and {MAX_TAG} is the highest"),
            ));
        };
        if let Some((_, discriminant)) = &variant.discriminant
            && literal(discriminant) != Some(u64::from(tag))
        {
            return Err(Error::new(
                discriminant.span(),
                format!(
                    "the tag of `{code_name}` is its position, {tag}: never delete or move a variant. Give it an \
                     `end` instead, and add new variants after the last"
                ),
            ));
        }
        let name = attributes.name.as_ref().map_or(code_name, syn::LitStr::value);
        if variants.iter().any(|other| other.name == name) {
            let at = name_span(attributes.name.as_ref(), Some(&variant.ident), variant);
            return Err(name_taken(at, &name));
        }
        let fields = fields(&variant.fields, mirror, |item, name| {
            ItemAttributes::read_variant_field(&item.attrs, name, item.span(), &attributes, mirror.history)
        })?;
        variants.push(Variant {
            ident: &variant.ident,
            name,
            tag,
            fields,
            attributes,
        });
    }
    Ok(variants)
}

/// Returns the tag of a variant: its position, unless forgotten variants before it were deleted, or belong to another branch. `next` is the tag behind
/// that of the variant before it.
fn tag(name: &str, next: u16, given: Option<Numbered>, history: &History) -> Result<u16> {
    let Some(Numbered { value, span }) = given else {
        return Ok(next);
    };
    if value < next {
        return Err(Error::new(
            span,
            format!(
                "`{name}` has the tag {value}, and the next free one is {next}: tags ascend, and each belongs to one variant"
            ),
        ));
    }
    if value > next && history.oldest == 1 && history.absent.is_empty() {
        return Err(Error::new(
            span,
            format!(
                "`{name}` has the tag {value}, but its position is {next}: tags can have gaps only for deleted \
                 variants of forgotten versions or of another branch, and the mirror has neither `oldest` nor a `_` \
                 in `layouts`"
            ),
        ));
    }
    Ok(value)
}

fn schema(variant: &Variant<'_>) -> TokenStream {
    let name = &variant.name;
    let fields = variant.fields.iter().map(Field::schema);
    let (versions, tag) = (variant.attributes.versions.schema(), variant.tag);
    quote! {
        __devstate::schema::Variant { name: #name, tag: #tag, fields: &[#(#fields),*], versions: #versions }
    }
}

impl Variant<'_> {
    /// Returns a pattern that binds every field to a name with this prefix.
    fn pattern(&self, prefix: &str) -> TokenStream {
        let ident = self.ident;
        let fields = self.fields.iter().enumerate().map(|(position, field)| {
            let (member, binding) = (&field.member, binding(prefix, position));
            quote!(#member: #binding)
        });
        quote!(Self::#ident { #(#fields),* })
    }

    /// Returns the variant with a default in each field.
    fn with_defaults(&self) -> TokenStream {
        let ident = self.ident;
        let fields = self.fields.iter().map(|field| {
            let (member, ty) = (&field.member, field.ty);
            let value = value_of(ty, "__devstate_undecoded");
            quote!(#member: #value)
        });
        quote!(Self::#ident { #(#fields),* })
    }

    /// Returns a match guard: `__devstate_version` has the variant. `None` if all versions have it.
    fn guard(&self) -> Option<TokenStream> {
        self.attributes
            .versions
            .condition()
            .map(|condition| quote!(if #condition))
    }
}

fn byte_layer(mirror: &Mirror<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let input = mirror.input_lifetime();
    let mut encoded_len = TokenStream::new();
    let mut encode = TokenStream::new();
    let mut decode = TokenStream::new();
    for variant in variants {
        let (tag, pattern) = (variant.tag, variant.pattern("a"));
        let calls: Vec<_> = variant
            .fields
            .iter()
            .enumerate()
            .map(|(position, field)| {
                let place = binding("a", position);
                mirror.calls(field, &quote!(#place), &quote!(#place))
            })
            .collect();
        let lens = calls.iter().map(|call| &call.encoded_len);
        encoded_len.extend(quote!(#pattern => 1usize #(+ #lens)*,));
        let refuse = variant.attributes.versions.condition().map(|condition| {
            quote! {
                if !(#condition) {
                    __devstate::refuse_variant(__devstate_writer, #tag);
                }
            }
        });
        let encodes = calls.iter().map(|call| &call.encode);
        encode.extend(quote!(#pattern => { #refuse <__DevstateW as __devstate::Writer>::byte(__devstate_writer, #tag); #(#encodes;)* }));
        let guard = variant.guard();
        let with_defaults = variant.with_defaults();
        let decodes = calls.iter().map(|call| &call.decode);
        let fill = if variant.fields.is_empty() {
            TokenStream::new()
        } else {
            quote!(if let #pattern = self { #(#decodes?;)* })
        };
        decode.extend(quote!(#tag #guard => { *self = #with_defaults; #fill }));
    }
    let version = set_version();
    quote! {
        #[inline]
        fn encoded_len(&self, __devstate_at: __DevstateV) -> ::core::primitive::usize {
            #version
            match self { #encoded_len }
        }

        #[inline]
        fn encode<__DevstateW: __devstate::Writer>(&self, __devstate_at: __DevstateV, __devstate_writer: &mut __DevstateW) {
            #version
            match self { #encode }
        }

        #[inline]
        fn decode_into(
            &mut self,
            __devstate_at: __DevstateV,
            __devstate_reader: &mut __devstate::Reader<#input>,
        ) -> ::core::result::Result<(), __devstate::Malformed> {
            #version
            let __devstate_offset = __devstate::Reader::offset(__devstate_reader);
            match __devstate::Reader::byte(__devstate_reader)? {
                #decode
                __devstate_tag => return __devstate::no_variant(__devstate_reader, __devstate_offset, __devstate_tag),
            }
            ::core::result::Result::Ok(())
        }
    }
}

fn translation(mirror: &Mirror<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let variants_of_all: Vec<_> = variants.iter().collect();
    let stand_in_below = stand_in(
        mirror,
        &variants_of_all,
        "that version does not have the variant, and no `default_fn` replaces it",
    );
    // A variant that was read at an older version and was removed since is replaced by one of the latest version.
    let removed: Vec<_> = variants
        .iter()
        .filter(|variant| !variant.attributes.versions.has(mirror.history.version))
        .collect();
    let latest = mirror.history.version;
    let stand_in_above = stand_in(
        mirror,
        &removed,
        "the latest version does not have the variant, and no `default_fn` replaces it",
    );
    let downgrade = nested(mirror, variants, Translation::Downgrade);
    let upgrade = nested(mirror, variants, Translation::Upgrade);
    let differ = variants.iter().map(|variant| {
        let (here, there) = (variant.pattern("a"), variant.pattern("b"));
        let fields = variant.fields.iter().enumerate().map(|(position, field)| {
            let (a, b) = (binding("a", position), binding("b", position));
            let walk = mirror.calls(field, &quote!(#a), &quote!(#b)).differ;
            let step = u16::from(variant.tag) << 8 | position as u16;
            quote!(__devstate::Differ::field(__devstate_differ, #step, |__devstate_differ| #walk);)
        });
        quote!((#here, #there) => { #(#fields)* })
    });
    let others = (variants.len() > 1).then(|| quote!(_ => __devstate::Differ::leaf(__devstate_differ, false),));
    let version = set_version();
    quote! {
        #[inline]
        fn downgrade(&mut self, __devstate_at: __DevstateV) -> ::core::result::Result<(), __devstate::ConversionError> {
            #version
            let __devstate_wire = __devstate_version;
            #stand_in_below
            #downgrade
            ::core::result::Result::Ok(())
        }

        #[inline]
        fn upgrade(&mut self, __devstate_at: __DevstateV) -> ::core::result::Result<(), __devstate::ConversionError> {
            #version
            #upgrade
            let __devstate_wire = __devstate_version;
            let __devstate_version: ::core::primitive::u16 = #latest;
            #stand_in_above
            ::core::result::Result::Ok(())
        }

        fn differ(&self, __devstate_other: &Self, __devstate_at: __DevstateV, __devstate_differ: &mut __devstate::Differ<'_>) {
            #version
            match (self, __devstate_other) {
                #(#differ)*
                #others
            }
        }
    }
}

/// Returns code that replaces a variant that `__devstate_version` does not have by its stand-in, or refuses it.
/// `__devstate_wire` is the version on the wire.
fn stand_in(mirror: &Mirror<'_>, variants: &[&Variant<'_>], reason: &str) -> TokenStream {
    let name = &mirror.name;
    let missing: Vec<_> = variants
        .iter()
        .filter_map(|variant| Some((variant, variant.attributes.versions.condition()?)))
        .collect();
    if missing.is_empty() {
        return TokenStream::new();
    }
    let replace = missing.iter().map(|(variant, condition)| {
        let (ident, variant_name) = (variant.ident, &variant.name);
        let stand_in = match &variant.attributes.default_fn {
            Some(path) => {
                quote_spanned!(at(path.span())=> *self = __devstate::default_value::<Self, _>(#path(__devstate_version)))
            }
            None => quote!(return __devstate::refuse(#reason, #name, #variant_name, __devstate_wire)),
        };
        quote!(Self::#ident { .. } if !(#condition) => #stand_in,)
    });
    let refuse = missing.iter().map(|(variant, condition)| {
        let (ident, variant_name) = (variant.ident, &variant.name);
        quote! {
            Self::#ident { .. } if !(#condition) => {
                return __devstate::refuse(#ALSO_MISSING, #name, #variant_name, __devstate_wire);
            }
        }
    });
    quote! {
        match self { #(#replace)* _ => {} }
        match self { #(#refuse)* _ => {} }
    }
}

/// Returns code that calls `method` on each field of the current variant.
fn nested(mirror: &Mirror<'_>, variants: &[Variant<'_>], method: Translation) -> TokenStream {
    let arms: Vec<_> = variants
        .iter()
        .filter(|variant| variant.fields.iter().any(|field| !field.is_fixed()))
        .map(|variant| {
            let pattern = variant.pattern("a");
            let calls = variant
                .fields
                .iter()
                .enumerate()
                .filter(|(_, field)| !field.is_fixed())
                .map(|(position, field)| {
                    let place = binding("a", position);
                    mirror.translate(field, method, &quote!(#place))
                });
            quote!(#pattern => { #(#calls)* })
        })
        .collect();
    if arms.is_empty() {
        TokenStream::new()
    } else {
        quote!(match self { #(#arms)* _ => {} })
    }
}

/// Returns the name that a pattern gives to the field at `position` of a variant.
pub(crate) fn binding(prefix: &str, position: usize) -> Ident {
    format_ident!("__devstate_{prefix}{position}")
}

/// Returns an explicit discriminant as a number, if it is a literal.
pub(crate) fn literal(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(literal),
            ..
        }) => literal.base10_parse().ok(),
        _ => None,
    }
}
