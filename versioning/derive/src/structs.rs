//! The code for a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Fields, Result};

use crate::attributes::ItemAttributes;
use crate::field::{Field, Translation, bounds, fields, missing};
use crate::mirror::{Bodies, Mirror, set_version};
use crate::semantics;
use crate::windows::{Places, Run, runs};

pub(crate) fn expand(mirror: &Mirror<'_>, items: &Fields) -> Result<Bodies> {
    let fields = fields(items, mirror, |item, name| {
        ItemAttributes::read(&item.attrs, name, item.span(), mirror.history)
    })?;
    let schema = fields.iter().filter(|field| !field.attributes.skip).map(Field::schema);
    let shape = quote!(__devstate::schema::Shape::Struct(&[#(#schema),*]));
    let ByteLayer {
        places,
        methods: byte_layer,
    } = byte_layer(mirror, &fields);
    let translation = translation(mirror, &fields);
    Ok(Bodies {
        shape,
        fixed_len: fixed_len(&fields),
        places,
        methods: quote!(#byte_layer #translation),
        bounds: bounds(&fields, mirror),
        has_parts: fields.iter().any(Field::has_parts),
        has_field_checks: fields
            .iter()
            .any(|field| field.attributes.bound.is_some() || field.attributes.unit.is_some()),
        changes: fields
            .iter()
            .flat_map(|field| field.attributes.change_schemas(&field.name))
            .collect(),
    })
}

/// Returns the constant of `Layout` for the length, if all versions may have the same.
fn fixed_len(fields: &[Field<'_>]) -> TokenStream {
    let fields: Vec<_> = fields.iter().filter(|field| !field.attributes.skip).collect();
    let may_be_fixed = |field: &&Field<'_>| field.may_be_fixed() && field.attributes.versions.condition().is_none();
    if !fields.iter().all(may_be_fixed) {
        return TokenStream::new();
    }
    let lengths = fields.iter().map(|field| field.fixed_len());
    quote! {
        const FIXED_LEN: ::core::option::Option<::core::primitive::usize> = __devstate::fixed_len(&[#(#lengths),*]);
    }
}

/// The functions that read and write bytes, and the constant that they use.
struct ByteLayer {
    places: TokenStream,
    methods: TokenStream,
}

fn byte_layer(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> ByteLayer {
    let input = mirror.input_lifetime();
    let mut encoded_len = TokenStream::new();
    let mut encode = TokenStream::new();
    let mut decode = TokenStream::new();
    let runs = runs(fields);
    let places = Places::new(mirror, &runs);
    for Run(run) in &runs {
        let Some(first) = run.first() else { continue };
        let [len, write] = places.len_and_write(mirror, run);
        let read = run.iter().map(|field| places.read(mirror, field)).collect();
        encoded_len.extend(first.attributes.versions.when(len));
        encode.extend(first.attributes.versions.when(write));
        decode.extend(first.attributes.versions.when(read));
    }
    let before_reading = places.before_reading();
    let version = set_version();
    let methods = quote! {
        #[inline]
        fn encoded_len(&self, __devstate_at: __DevstateV) -> ::core::primitive::usize {
            #version
            let mut __devstate_len = 0;
            #encoded_len
            __devstate_len
        }

        #[cfg_attr(target_pointer_width = "64", inline(always))]
        #[cfg_attr(not(target_pointer_width = "64"), inline)]
        fn encode<__DevstateW: __devstate::Writer>(&self, __devstate_at: __DevstateV, __devstate_writer: &mut __DevstateW) {
            #version
            #encode
        }

        #[inline]
        fn decode_into(
            &mut self,
            __devstate_at: __DevstateV,
            __devstate_reader: &mut __devstate::Reader<#input>,
        ) -> ::core::result::Result<(), __devstate::Malformed> {
            #version
            #before_reading
            #decode
            ::core::result::Result::Ok(())
        }
    };
    ByteLayer {
        places: places.constant(),
        methods,
    }
}

fn translation(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let nested = |method: Translation| -> TokenStream {
        fields
            .iter()
            .filter(|field| !field.attributes.skip && !field.is_fixed())
            .map(|field| {
                let member = &field.member;
                let call = mirror.translate(field, method, &quote!(&mut self.#member));
                if call.is_empty() {
                    call
                } else {
                    field.attributes.versions.when(call)
                }
            })
            .collect()
    };
    let restore_removed = fields
        .iter()
        .filter(|field| !field.attributes.skip && !field.is_latest(mirror.history))
        .map(|field| {
            let (member, missing) = (&field.member, field.missing());
            field.attributes.versions.when(quote!(self.#member = #missing;))
        });
    let ser_fns = semantics::downgrading(mirror, fields);
    let downgrade_nested = nested(Translation::Downgrade);

    let upgrade_nested = nested(Translation::Upgrade);
    let fill_missing = fields.iter().filter_map(|field| {
        let condition = field.attributes.versions.condition()?;
        let (member, missing) = (&field.member, field.missing());
        Some(quote!(if !(#condition) { self.#member = #missing; }))
    });
    let de_fns = semantics::upgrading(mirror, fields);
    let reset = fields
        .iter()
        .filter(|field| !field.is_latest(mirror.history))
        .map(|field| {
            let (member, missing) = (&field.member, missing(field.ty, None));
            quote!(self.#member = #missing;)
        });

    let on_the_wire = fields.iter().filter(|field| !field.attributes.skip).enumerate();
    let differ = on_the_wire
        .filter(|(_, field)| field.is_latest(mirror.history))
        .map(|(step, field)| {
            let member = &field.member;
            let step = step as u16;
            let ignorable = field.attributes.ignorable;
            if field.is_fixed() {
                return quote! {
                    __devstate::differ(
                        #step, #ignorable, &self.#member, &__devstate_other.#member, __devstate_at, __devstate_differ,
                    );
                };
            }
            let walk = mirror
                .calls(field, &quote!(&self.#member), &quote!(&__devstate_other.#member))
                .differ;
            let method = if ignorable {
                quote!(ignorable_field)
            } else {
                quote!(field)
            };
            quote!(__devstate::Differ::#method(__devstate_differ, #step, |__devstate_differ| #walk);)
        });
    let version = set_version();
    quote! {
        #[inline]
        fn downgrade(&mut self, __devstate_at: __DevstateV) -> ::core::result::Result<(), __devstate::ConversionError> {
            #version
            #(#restore_removed)*
            #ser_fns
            #downgrade_nested
            ::core::result::Result::Ok(())
        }

        #[inline]
        fn upgrade(&mut self, __devstate_at: __DevstateV) -> ::core::result::Result<(), __devstate::ConversionError> {
            #version
            #upgrade_nested
            #(#fill_missing)*
            #de_fns
            #(#reset)*
            ::core::result::Result::Ok(())
        }

        fn differ(&self, __devstate_other: &Self, __devstate_at: __DevstateV, __devstate_differ: &mut __devstate::Differ<'_>) {
            #version
            #(#differ)*
        }
    }
}
