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

/// The functions that read and write bytes, and the constant that they use.
struct ByteLayer {
    places: TokenStream,
    methods: TokenStream,
}

/// The places of the fields on the wire: those of the latest version first, which are neighbours where it is the one to read.
struct Places<'p, 'a> {
    /// Each with the number of its run.
    fields: Vec<(usize, &'p Field<'a>)>,
    /// How many of them the latest version has.
    latest: usize,
}

impl<'p, 'a> Places<'p, 'a> {
    fn new(mirror: &Mirror<'_>, runs: &[Run<'p, 'a>]) -> Self {
        let on_the_wire = runs
            .iter()
            .enumerate()
            .flat_map(|(number, Run(run))| run.iter().map(move |field| (number, *field)));
        let (mut fields, removed): (Vec<_>, Vec<_>) =
            on_the_wire.partition(|(_, field)| field.is_latest(mirror.history));
        let latest = fields.len();
        fields.extend(removed);
        Self { fields, latest }
    }

    fn position(&self, field: &Field<'_>) -> usize {
        let is_it = |(_, other): &(usize, &Field<'_>)| core::ptr::eq::<Field<'_>>(*other, field);
        self.fields.iter().position(is_it).unwrap_or(0)
    }

    /// Returns the field before the one at `position`, in each of the two orders, if it is a neighbour.
    fn before(&self, position: usize) -> [Option<&'p Field<'a>>; 2] {
        let neighbours = |one: usize, other: usize| {
            let of_run = |at: usize| self.fields.get(at).map(|(run, _)| *run);
            [of_run(one) == of_run(other), one < self.latest && other < self.latest]
        };
        let Some(before) = position.checked_sub(1) else {
            return [None; 2];
        };
        neighbours(before, position)
            .map(|together| self.fields.get(before).filter(|_| together).map(|(_, field)| *field))
    }

    /// Returns `true` if the field may share a window with a neighbour.
    fn may_share(&self, position: usize) -> bool {
        let may_be_fixed = |at: usize| self.fields.get(at).is_some_and(|(_, field)| field.may_be_fixed());
        let before = self.before(position).iter().any(Option::is_some) && may_be_fixed(position.wrapping_sub(1));
        let behind = self.before(position + 1).iter().any(Option::is_some) && may_be_fixed(position + 1);
        may_be_fixed(position) && (before || behind)
    }

    /// Returns the constant with the places.
    fn constant(&self) -> TokenStream {
        let count = self.fields.len();
        if !(0..count).any(|position| self.may_share(position)) {
            return TokenStream::new();
        }
        let latest = self.latest;
        let fields = self.fields.iter().enumerate().map(|(position, (run, field))| {
            let run = *run as u16;
            if self.may_share(position) {
                let (len, known) = (field.fixed_len(), field.is_fixed());
                quote!((#len, #known, #run))
            } else {
                quote!((::core::option::Option::None, false, #run))
            }
        });
        quote! {
            const __DEVSTATE_PLACES: [[__devstate::Place; #count]; 2] = __devstate::places([#(#fields),*], #latest);
        }
    }

    /// Returns the code for reading a field.
    fn read(&self, mirror: &Mirror<'_>, field: &Field<'_>) -> TokenStream {
        let position = self.position(field);
        let [_, _, varying_read] = varying(mirror, field);
        if !self.may_share(position) {
            return varying_read;
        }
        let member = &field.member;
        let is_known = |before: &Option<&Field<'_>>| field.is_fixed() && before.is_some_and(Field::is_fixed);
        // Known types after one another never start a window.
        let open = (!self.before(position).iter().all(is_known)).then(
            || quote!(__devstate::open(&mut __devstate_window, __devstate_places[#position], __devstate_reader)?;),
        );
        if field.is_fixed() {
            return quote! {
                #open
                __devstate::load(&mut self.#member, &__devstate_window, __devstate_places[#position], __devstate_reader)?;
            };
        }
        let Source { value: at, .. } = field.source();
        quote! {
            #open
            if const { __DEVSTATE_PLACES[<__DevstateV as __devstate::Versions>::IS_NEWEST as ::core::primitive::usize][#position].is_fixed } {
                __devstate::load_value(
                    &mut self.#member, #at, &__devstate_window, __devstate_places[#position], __devstate_reader,
                )?;
            } else {
                #varying_read
            }
        }
    }
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
        let [len, write] = match run.as_slice() {
            [only] if !only.is_fixed() => {
                let [len, write, _] = varying(mirror, only);
                [len, write]
            }
            [only] => alone(mirror, only),
            run => sharing(mirror, run, &places),
        };
        let read = run.iter().map(|field| places.read(mirror, field)).collect();
        encoded_len.extend(first.attributes.versions.when(len));
        encode.extend(first.attributes.versions.when(write));
        decode.extend(first.attributes.versions.when(read));
    }
    let constant = places.constant();
    let window = (!constant.is_empty()).then(|| {
        quote! {
            let __devstate_places = const {
                &__DEVSTATE_PLACES[<__DevstateV as __devstate::Versions>::IS_NEWEST as ::core::primitive::usize]
            };
            let mut __devstate_window = __devstate::ReadWindow::EMPTY;
        }
    });
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
            #window
            #decode
            ::core::result::Result::Ok(())
        }
    };
    ByteLayer {
        places: constant,
        methods,
    }
}

/// Returns the code for the length and writing of fields that share windows where their types have a fixed length.
fn sharing(mirror: &Mirror<'_>, run: &[&Field<'_>], places: &Places<'_, '_>) -> [TokenStream; 2] {
    let place_of = |field: &Field<'_>| {
        let position = places.position(field);
        quote!(__DEVSTATE_PLACES[0][#position])
    };
    let mut len = TokenStream::new();
    let mut write = TokenStream::new();
    let mut before: Option<&Field<'_>> = None;
    let mut first_known = TokenStream::new();
    for (position, field) in run.iter().enumerate() {
        let member = &field.member;
        let place = place_of(field);
        let within = quote!(const { #place.start..#place.end });
        let before_is_known = before.is_some_and(Field::is_fixed);
        let [varying_len, varying_write, _] = varying(mirror, field);
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
        }
        if field.is_fixed() {
            if !before_is_known {
                first_known = place.clone();
            }
            // Known types after one another share a window.
            if run.get(position + 1).is_none_or(|next| !next.is_fixed()) {
                len.extend(quote!(__devstate_len += const { #place.end - #first_known.start };));
            }
            // Not by a function: the compiler makes more instructions of that.
            write.extend(quote! {
                if let ::core::option::Option::Some(__devstate_place) =
                    <[::core::primitive::u8]>::get_mut(__devstate_window, #within)
                {
                    __devstate::Fixed::store(&self.#member, __devstate_place);
                }
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
        }
        before = Some(field);
    }
    [
        len,
        quote!({ let mut __devstate_window: &mut [::core::primitive::u8] = &mut []; #write }),
    ]
}

/// Returns the code for the length and writing of a field of a known type that shares its window with none.
fn alone(mirror: &Mirror<'_>, field: &Field<'_>) -> [TokenStream; 2] {
    let (member, ty) = (&field.member, field.ty);
    let [len, ..] = varying(mirror, field);
    // The call for its type would take more instructions.
    let write = quote! {
        match <__DevstateW as __devstate::Writer>::window::<{ <#ty as __devstate::Fixed>::LEN }>(__devstate_writer) {
            ::core::option::Option::Some(__devstate_window) => __devstate::Fixed::store(&self.#member, __devstate_window),
            ::core::option::Option::None => return,
        }
    };
    [len, write]
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
