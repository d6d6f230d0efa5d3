//! The annotations `part = [1, _, 2]` and `inner = [1, _, 2]`: which version of a mirror, or which release of an inner snapshot,
//! each version of the owner has.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, LitInt, Result, Token, bracketed};

use crate::history::{History, Set};

/// The versions of a part, one for each version of its owner. Zero where the owner's version does not have the field.
pub(crate) struct Part {
    /// `part` or `inner`.
    word: &'static str,
    versions: Vec<u16>,
    span: Span,
}

/// One element of the list.
struct Given(u16);

impl Parse for Given {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![_]) {
            input.parse::<Token![_]>()?;
            return Ok(Self(0));
        }
        let literal: LitInt = input.parse()?;
        match literal.base10_parse()? {
            0 => Err(Error::new(
                literal.span(),
                "a part has no version 0: versions start at 1, and `_` means that the version does not have the field",
            )),
            version => Ok(Self(version)),
        }
    }
}

impl Part {
    pub(crate) fn read(meta: &ParseNestedMeta<'_>, word: &'static str) -> Result<Self> {
        let list;
        let input = meta.value()?;
        bracketed!(list in input);
        let given = Punctuated::<Given, Token![,]>::parse_terminated(&list)?;
        Ok(Self {
            word,
            versions: given.iter().map(|given| given.0).collect(),
            span: meta.path.span(),
        })
    }

    /// Checks the list against the owner's versions. It begins with the oldest one.
    pub(crate) fn resolve(&mut self, field: &str, history: &History, versions: &Set) -> Result<()> {
        let span = self.span;
        let word = self.word;
        let refuse = |sentence: String| Err(Error::new(span, sentence));
        let (given, version) = (self.versions.len(), history.version - history.oldest + 1);
        if given != usize::from(version) {
            return refuse(format!(
                "`{word}` of `{field}` has {given} {}, and the mirror has {version}: give one for each version of the \
                 mirror, and `_` for a version without the field",
                if given == 1 { "version" } else { "versions" },
            ));
        }
        let forgotten = usize::from(history.oldest) - 1;
        self.versions.splice(0..0, std::iter::repeat_n(0, forgotten));
        let mut last = 0;
        for (owner, part) in (1..).zip(self.versions.iter().copied()).skip(forgotten) {
            let has = |owner| history.has(owner) && versions.has(owner);
            if has(owner) && part == 0 {
                return refuse(format!(
                    "`{word}` of `{field}` has `_` for version {owner} of the mirror, and that version has the field: give the \
                     version of the part"
                ));
            }
            if !has(owner) && part != 0 {
                return refuse(format!(
                    "`{word}` of `{field}` has {part} for version {owner} of the mirror, and that version does not have the \
                     field: write `_`"
                ));
            }
            // The compiler checks the steps of a tree, where the part's history is known.
            if history.is_line() && part != 0 && part < last {
                return refuse(format!(
                    "`{word}` of `{field}` goes down from {last} to {part} with version {owner} of the mirror: a later version \
                     has the same version of the part or a higher one"
                ));
            }
            last = last.max(part);
        }
        Ok(())
    }

    /// Returns the list as data for the schema.
    pub(crate) fn schema(&self) -> TokenStream {
        let versions = &self.versions;
        quote!(&[#(#versions),*])
    }

    /// Returns an expression for the version of the part at `__devstate_version`.
    pub(crate) fn version(&self) -> TokenStream {
        let mut there = self.versions.iter().copied().filter(|version| *version != 0);
        match there.next() {
            Some(only) if there.all(|version| version == only) => quote!(#only),
            _ => {
                let versions = self.schema();
                quote!(__devstate::part_at(const { #versions }, __devstate_version))
            }
        }
    }
}
