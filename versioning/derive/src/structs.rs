//! The wire form of a struct.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Fields, Result};

use crate::mirror::{Bodies, Mirror, Part, missing, parts, wire_types};
use crate::semantics;

pub(crate) fn expand(mirror: &Mirror<'_>, fields: &Fields) -> Result<Bodies> {
    let parts = parts(fields, mirror.version)?;
    let schema = parts.iter().filter(|part| !part.attributes.skip).map(Part::schema);
    let shape = quote!(__versioning::schema::Shape::Struct(&[#(#schema),*]));
    let byte_layer = byte_layer(mirror, &parts);
    let translation = translation(mirror, &parts);
    Ok(Bodies {
        shape,
        methods: quote!(#byte_layer #translation),
        wire_types: wire_types(&parts),
    })
}

/// Neighbouring fields of fixed length that the same versions have: they share one bounds check.
struct Run<'p, 'a>(Vec<&'p Part<'a>>);

fn runs<'p, 'a>(parts: &'p [Part<'a>]) -> Vec<Run<'p, 'a>> {
    let mut runs: Vec<Run<'p, 'a>> = Vec::new();
    for part in parts.iter().filter(|part| !part.attributes.skip) {
        if let Some(Run(run)) = runs.last_mut()
            && let Some(first) = run.first()
            && first.is_fixed()
            && part.is_fixed()
            && (first.attributes.start, first.attributes.end) == (part.attributes.start, part.attributes.end)
        {
            run.push(part);
        } else {
            runs.push(Run(vec![part]));
        }
    }
    runs
}

fn byte_layer(mirror: &Mirror<'_>, parts: &[Part<'_>]) -> TokenStream {
    let input = mirror.input_lifetime();
    let mut encoded_len = TokenStream::new();
    let mut encode = TokenStream::new();
    let mut decode = TokenStream::new();
    for Run(run) in runs(parts) {
        let Some(first) = run.first() else { continue };
        let [len, write, read] = if first.is_fixed() {
            fixed(&run)
        } else {
            varying(mirror, first)
        };
        encoded_len.extend(first.attributes.when(len));
        encode.extend(first.attributes.when(write));
        decode.extend(first.attributes.when(read));
    }
    quote! {
        #[inline]
        fn encoded_len(&self, release: __R) -> ::core::primitive::usize {
            let version = <__R as __versioning::wire::VersionOf<Self>>::version(release);
            let mut len = 0usize;
            #encoded_len
            len
        }

        #[inline]
        fn encode<__W: __versioning::wire::Writer>(&self, release: __R, writer: &mut __W) {
            let version = <__R as __versioning::wire::VersionOf<Self>>::version(release);
            #encode
        }

        #[inline]
        fn decode_into(
            &mut self,
            release: __R,
            reader: &mut __versioning::wire::Reader<#input>,
        ) -> ::core::result::Result<(), __versioning::wire::Malformed> {
            let version = <__R as __versioning::wire::VersionOf<Self>>::version(release);
            #decode
            ::core::result::Result::Ok(())
        }
    }
}

/// Length, writing and reading of a run of fixed fields.
fn fixed(run: &[&Part<'_>]) -> [TokenStream; 3] {
    let mut bounds = quote!(
        const __END: ::core::primitive::usize = 0;
    );
    let mut ends = vec![quote!(0usize)];
    let mut stores = TokenStream::new();
    let mut loads = TokenStream::new();
    let mut consts = TokenStream::new();
    for (i, part) in run.iter().enumerate() {
        let (member, ty) = (&part.member, part.ty);
        let start = ends.last().cloned();
        let end = format_ident!("__END_{i}");
        consts.extend(
            quote!(const #end: ::core::primitive::usize = #start + <#ty as __versioning::__private::Fixed>::LEN;),
        );
        stores.extend(quote! {
            if let ::core::option::Option::Some(out) = window.get_mut(#start..#end) {
                __versioning::__private::Fixed::store(&self.#member, out);
            }
        });
        loads.extend(quote! {
            if let ::core::option::Option::Some(bytes) = window.get(#start..#end)
                && let ::core::result::Result::Err(bad) = __versioning::__private::Fixed::load(&mut self.#member, bytes)
            {
                return ::core::result::Result::Err(reader.refuse_at(
                    start + #start + bad.position,
                    __versioning::Expected::Bool,
                    bad.found as ::core::primitive::u64,
                ));
            }
        });
        bounds = quote!(const __END: ::core::primitive::usize = #end;);
        ends.push(quote!(#end));
    }
    [
        quote!({ #consts #bounds len += __END; }),
        quote!({
            #consts
            #bounds
            if let ::core::option::Option::Some(window) = writer.window::<__END>() {
                #stores
            }
        }),
        quote!({
            #consts
            #bounds
            let start = reader.offset();
            let window = reader.array::<__END>()?;
            #loads
        }),
    ]
}

/// Length, writing and reading of a field whose length depends on its value.
fn varying(mirror: &Mirror<'_>, part: &Part<'_>) -> [TokenStream; 3] {
    let member = &part.member;
    let shared = mirror.calls(part, &quote!(&self.#member), &quote!(&other.#member));
    let exclusive = mirror.calls(part, &quote!(&mut self.#member), &quote!(&other.#member));
    let (len, encode, decode) = (shared.encoded_len, shared.encode, exclusive.decode);
    [quote!(len += #len;), quote!(#encode;), quote!(#decode?;)]
}

fn translation(mirror: &Mirror<'_>, parts: &[Part<'_>]) -> TokenStream {
    let input = mirror.input_lifetime();
    let nested = |method: TokenStream| -> TokenStream {
        parts
            .iter()
            .filter(|part| !part.attributes.skip && part.attributes.foreign.is_none() && !part.is_fixed())
            .map(|part| {
                let (member, ty) = (&part.member, part.ty);
                part.attributes
                    .when(quote!(<#ty as __versioning::wire::Wire<#input, __R>>::#method(&mut self.#member, release)?;))
            })
            .collect()
    };
    let restore_removed = parts.iter().filter(|part| part.attributes.end.is_some()).map(|part| {
        let (member, missing) = (&part.member, part.missing());
        part.attributes.when(quote!(self.#member = #missing;))
    });
    let ser_fns = semantics::lowering(mirror, parts);
    let lower_nested = nested(quote!(downgrade));

    let raise_nested = nested(quote!(upgrade));
    let fill_missing = parts.iter().filter_map(|part| {
        let condition = part.attributes.condition()?;
        let (member, missing) = (&part.member, part.missing());
        Some(quote!(if !(#condition) { self.#member = #missing; }))
    });
    let de_fns = semantics::raising(mirror, parts);
    let reset = parts.iter().filter(|part| !part.is_latest()).map(|part| {
        let (member, missing) = (&part.member, missing(part.ty, None));
        quote!(self.#member = #missing;)
    });

    let on_the_wire = parts.iter().filter(|part| !part.attributes.skip).enumerate();
    let differ = on_the_wire.filter(|(_, part)| part.is_latest()).map(|(step, part)| {
        let member = &part.member;
        let step = step as u16;
        let walk = mirror
            .calls(part, &quote!(&self.#member), &quote!(&other.#member))
            .differ;
        let method = if part.attributes.ignorable {
            quote!(ignorable_field)
        } else {
            quote!(field)
        };
        quote!(differ.#method(#step, |differ| #walk);)
    });
    quote! {
        #[inline]
        fn downgrade(&mut self, release: __R) -> ::core::result::Result<(), __versioning::ConversionError> {
            let version = <__R as __versioning::wire::VersionOf<Self>>::version(release);
            #(#restore_removed)*
            #ser_fns
            #lower_nested
            ::core::result::Result::Ok(())
        }

        #[inline]
        fn upgrade(&mut self, release: __R) -> ::core::result::Result<(), __versioning::ConversionError> {
            let version = <__R as __versioning::wire::VersionOf<Self>>::version(release);
            #raise_nested
            #(#fill_missing)*
            #de_fns
            #(#reset)*
            ::core::result::Result::Ok(())
        }

        fn differ(&self, other: &Self, release: __R, differ: &mut __versioning::wire::Differ<'_>) {
            #(#differ)*
        }
    }
}
