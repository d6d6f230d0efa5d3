//! Windows: the code for neighbouring fields that share a bounds check.

use proc_macro2::TokenStream;
use quote::quote;

use crate::field::{Field, Source};
use crate::mirror::Mirror;

/// Neighbouring fields that exist in the same versions, and may have a fixed length. Those that have share a bounds check.
pub(crate) struct Run<'p, 'a>(pub(crate) Vec<&'p Field<'a>>);

/// Returns the runs of the fields on the wire.
pub(crate) fn runs<'p, 'a>(fields: &'p [Field<'a>]) -> Vec<Run<'p, 'a>> {
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

/// The places of the fields on the wire: those of the latest version first, which are neighbours where it is the one to read.
pub(crate) struct Places<'p, 'a> {
    /// Each with the number of its run.
    fields: Vec<(usize, &'p Field<'a>)>,
    /// How many of them the latest version has.
    latest: usize,
}

impl<'p, 'a> Places<'p, 'a> {
    pub(crate) fn new(mirror: &Mirror<'_>, runs: &[Run<'p, 'a>]) -> Self {
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
    pub(crate) fn constant(&self) -> TokenStream {
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

    /// Returns the statements before the first field is read.
    pub(crate) fn before_reading(&self) -> TokenStream {
        if self.constant().is_empty() {
            return TokenStream::new();
        }
        let in_use = places_in_use();
        quote! {
            let __devstate_places = const { &#in_use };
            let mut __devstate_window = __devstate::ReadWindow::EMPTY;
        }
    }

    /// Returns the code for the length and writing of a run.
    pub(crate) fn len_and_write(&self, mirror: &Mirror<'_>, run: &[&Field<'_>]) -> [TokenStream; 2] {
        match run {
            [only] if !only.is_fixed() => {
                let [len, write, _] = varying(mirror, only);
                [len, write]
            }
            [only] => alone(mirror, only),
            run => sharing(mirror, run, self),
        }
    }

    /// Returns the code for reading a field.
    pub(crate) fn read(&self, mirror: &Mirror<'_>, field: &Field<'_>) -> TokenStream {
        let position = self.position(field);
        let [_, _, varying_read] = varying(mirror, field);
        if !self.may_share(position) {
            return varying_read;
        }
        let member = &field.member;
        let is_known = |before: Option<&Field<'_>>| field.is_fixed() && before.is_some_and(Field::is_fixed);
        // Known types after one another never start a window.
        let open = (!self.before(position).into_iter().all(is_known)).then(
            || quote!(__devstate::open(&mut __devstate_window, __devstate_places[#position], __devstate_reader)?;),
        );
        if field.is_fixed() {
            return quote! {
                #open
                __devstate::load(&mut self.#member, &__devstate_window, __devstate_places[#position], __devstate_reader)?;
            };
        }
        let Source { value: at, .. } = field.source();
        let in_use = places_in_use();
        quote! {
            #open
            if const { #in_use[#position].is_fixed } {
                __devstate::load_value(
                    &mut self.#member, #at, &__devstate_window, __devstate_places[#position], __devstate_reader,
                )?;
            } else {
                #varying_read
            }
        }
    }
}

/// Returns the places for the release that is read.
fn places_in_use() -> TokenStream {
    quote!(__DEVSTATE_PLACES[<__DevstateV as __devstate::Versions>::IS_NEWEST as ::core::primitive::usize])
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
