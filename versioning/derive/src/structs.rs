//! The code for a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Fields, Result};

use crate::attributes::ItemAttributes;
use crate::field::{Field, Source, Translation, bounds, fields, missing};
use crate::mirror::{Bodies, Mirror, set_version};
use crate::semantics;

pub(crate) fn expand(mirror: &Mirror<'_>, items: &Fields) -> Result<Bodies> {
    let fields = fields(items, mirror, |item, name| {
        ItemAttributes::read(&item.attrs, name, item.span(), mirror.history)
    })?;
    let schema = fields.iter().filter(|field| !field.attributes.skip).map(Field::schema);
    let shape = quote!(__devstate::schema::Shape::Struct(&[#(#schema),*]));
    let byte_layer = byte_layer(mirror, &fields);
    let translation = translation(mirror, &fields);
    Ok(Bodies {
        shape,
        fixed_len: fixed_len(&fields),
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

/// Neighbouring fields that exist in the same versions, and may have a fixed length. Those that have share a bounds check.
struct Run<'p, 'a>(Vec<&'p Field<'a>>);

fn runs<'p, 'a>(fields: &'p [Field<'a>]) -> Vec<Run<'p, 'a>> {
    let mut runs: Vec<Run<'p, 'a>> = Vec::new();
    for field in fields.iter().filter(|field| !field.attributes.skip) {
        if let Some(Run(run)) = runs.last_mut()
            && let Some(first) = run.first()
            && first.may_be_fixed()
            && field.may_be_fixed()
            && first.attributes.versions == field.attributes.versions
        {
            run.push(field);
        } else {
            runs.push(Run(vec![field]));
        }
    }
    runs
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

fn byte_layer(mirror: &Mirror<'_>, fields: &[Field<'_>]) -> TokenStream {
    let input = mirror.input_lifetime();
    let mut encoded_len = TokenStream::new();
    let mut encode = TokenStream::new();
    let mut decode = TokenStream::new();
    for Run(run) in runs(fields) {
        let Some(first) = run.first() else { continue };
        let [len, write, read] = match run.as_slice() {
            [only] if !only.is_fixed() => varying(mirror, only),
            [only] => alone(mirror, only),
            run => sharing(mirror, run),
        };
        encoded_len.extend(first.attributes.versions.when(len));
        encode.extend(first.attributes.versions.when(write));
        decode.extend(first.attributes.versions.when(read));
    }
    let version = set_version();
    quote! {
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
            #decode
            ::core::result::Result::Ok(())
        }
    }
}

/// Returns the code for the length, writing and reading of fields that share windows where their types have a fixed length.
fn sharing(mirror: &Mirror<'_>, run: &[&Field<'_>]) -> [TokenStream; 3] {
    let count = run.len();
    let lengths = run.iter().map(|field| {
        let (len, known) = (field.fixed_len(), field.is_fixed());
        quote!((#len, #known))
    });
    let places = quote! {
        const __DEVSTATE_PLACES: [__devstate::Place; #count] = __devstate::places([#(#lengths),*]);
    };
    let mut len = TokenStream::new();
    let mut write = TokenStream::new();
    let mut read = TokenStream::new();
    let mut before_is_known = false;
    let mut first_known = 0;
    for (position, field) in run.iter().enumerate() {
        let member = &field.member;
        let place = quote!(__DEVSTATE_PLACES[#position]);
        let within = quote!(const { #place.start..#place.end });
        let [varying_len, varying_write, varying_read] = varying(mirror, field);
        // Known types after one another never start a window.
        if !(before_is_known && field.is_fixed()) {
            write.extend(quote! {
                if const { #place.window != 0 } {
                    __devstate_window = match <__DevstateW as __devstate::Writer>::window::<{ #place.window }>(__devstate_writer) {
                        ::core::option::Option::Some(__devstate_window) => __devstate_window,
                        ::core::option::Option::None => return,
                    };
                }
            });
            read.extend(quote! {
                if const { #place.window != 0 } {
                    __devstate_start = __devstate::Reader::offset(__devstate_reader);
                    __devstate_window = __devstate::Reader::array::<{ #place.window }>(__devstate_reader)?;
                }
            });
        }
        if field.is_fixed() {
            if !before_is_known {
                first_known = position;
            }
            // Known types after one another share a window.
            if run.get(position + 1).is_none_or(|next| !next.is_fixed()) {
                len.extend(quote!(__devstate_len += const { #place.end - __DEVSTATE_PLACES[#first_known].start };));
            }
            // Not by a function: the compiler makes more instructions of that.
            write.extend(quote! {
                if let ::core::option::Option::Some(__devstate_place) =
                    <[::core::primitive::u8]>::get_mut(__devstate_window, #within)
                {
                    __devstate::Fixed::store(&self.#member, __devstate_place);
                }
            });
            read.extend(quote! {
                __devstate::load(&mut self.#member, __devstate_window, #within, __devstate_start, __devstate_reader)?;
            });
        } else {
            let Source { value: at, .. } = field.source();
            len.extend(varying_len);
            write.extend(quote! {
                if const { #place.is_fixed } {
                    __devstate::store_value(&self.#member, #at, __devstate_window, #within);
                } else {
                    __devstate_window = &mut [];
                    #varying_write
                }
            });
            read.extend(quote! {
                if const { #place.is_fixed } {
                    __devstate::load_value(
                        &mut self.#member, #at, __devstate_window, #within, __devstate_start, __devstate_reader,
                    )?;
                } else {
                    #varying_read
                }
            });
        }
        before_is_known = field.is_fixed();
    }
    [
        quote!({ #places #len }),
        quote!({ #places let mut __devstate_window: &mut [::core::primitive::u8] = &mut []; #write }),
        quote!({ #places let mut __devstate_window: &[::core::primitive::u8] = &[]; let mut __devstate_start = 0; #read }),
    ]
}

/// Returns the code for the length, writing and reading of a field of a known type that shares its window with none.
fn alone(mirror: &Mirror<'_>, field: &Field<'_>) -> [TokenStream; 3] {
    let (member, ty) = (&field.member, field.ty);
    let [len, _, read] = varying(mirror, field);
    // The call for its type would take more instructions.
    let write = quote! {
        match <__DevstateW as __devstate::Writer>::window::<{ <#ty as __devstate::Fixed>::LEN }>(__devstate_writer) {
            ::core::option::Option::Some(__devstate_window) => __devstate::Fixed::store(&self.#member, __devstate_window),
            ::core::option::Option::None => return,
        }
    };
    [len, write, read]
}

/// Returns the code for the length, writing and reading of a field whose length depends on its value.
fn varying(mirror: &Mirror<'_>, field: &Field<'_>) -> [TokenStream; 3] {
    let member = &field.member;
    let shared = mirror.calls(field, &quote!(&self.#member), &quote!(&__devstate_other.#member));
    let exclusive = mirror.calls(field, &quote!(&mut self.#member), &quote!(&__devstate_other.#member));
    let (len, encode, decode) = (shared.encoded_len, shared.encode, exclusive.decode);
    [quote!(__devstate_len += #len;), quote!(#encode;), quote!(#decode?;)]
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
