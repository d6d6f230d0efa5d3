//! The annotation `bound(1 = 8, 3 = 16)`: the bound of a field from each of these versions on.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, LitInt, Result, Token, parenthesized};

use crate::history::{Boundary, History, Set};
use crate::words::span_of;

/// The bounds of a field as written.
pub(crate) struct Bound {
    given: Vec<Given>,
    span: Span,
    /// The bound at each version from version 1. `None` for a version without the field.
    by_version: Vec<Option<Expr>>,
    /// The changes of the bound.
    pub(crate) changes: Vec<Boundary>,
}

/// One element of the list.
struct Given {
    version: LitInt,
    bound: Expr,
}

impl Parse for Given {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let version = input.parse()?;
        input.parse::<Token![=]>()?;
        let bound = input.parse()?;
        Ok(Self { version, bound })
    }
}

impl Bound {
    pub(crate) fn read(meta: &ParseNestedMeta<'_>) -> Result<Self> {
        let list;
        parenthesized!(list in meta.input);
        let given = Punctuated::<Given, Token![,]>::parse_terminated(&list)?;
        Ok(Self {
            given: given.into_iter().collect(),
            span: span_of(&meta.path),
            by_version: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Finds the bound of each version that has the field.
    pub(crate) fn resolve(&mut self, field: &str, history: &History, versions: &Set) -> Result<()> {
        let mut given = Vec::new();
        for Given { version, bound } in &self.given {
            let number: u16 = version.base10_parse()?;
            if number == 0 || number > history.version {
                return Err(Error::new(
                    version.span(),
                    format!(
                        "`bound` of `{field}` names version {number}, and the mirror's versions are 1 to {}",
                        history.version
                    ),
                ));
            }
            if given.iter().any(|(other, _)| *other == number) {
                return Err(Error::new(
                    version.span(),
                    format!("`bound` of `{field}` names version {number} twice: give one bound"),
                ));
            }
            given.push((number, bound));
        }
        given.sort_by_key(|(number, _)| *number);
        self.changes = self.find_changes(field, history, &given)?;
        for version in 1..=history.version {
            let there = history.has(version) && versions.has(version);
            // The nearest version before it on its branch.
            let nearest = given
                .iter()
                .filter(|(from, _)| history.leads(*from, version))
                .max_by_key(|(from, _)| *from);
            match nearest {
                _ if !there => self.by_version.push(None),
                Some((_, bound)) => self.by_version.push(Some((*bound).clone())),
                None => {
                    return Err(Error::new(
                        self.span,
                        format!(
                            "`bound` of `{field}` gives no bound for version {version}, which has the field: begin \
                             with the first version that has it, as in `bound({version} = 8, {} = 16)`",
                            version + 1
                        ),
                    ));
                }
            }
        }
        if self.given.len() < 2 {
            return Err(Error::new(
                self.span,
                format!(
                    "`bound` of `{field}` gives one bound, so it never changed: delete it, or name the versions that changed it, \
                     as in `bound(1 = 8, 3 = 16)`"
                ),
            ));
        }
        Ok(())
    }

    /// Returns the changes of the bound, of which `given` are the versions in ascending order. Branches that gave the field the
    /// same bound made the same change. The first bound on a branch is no change.
    fn find_changes(&self, field: &str, history: &History, given: &[(u16, &Expr)]) -> Result<Vec<Boundary>> {
        let mut changes: Vec<(String, Boundary)> = Vec::new();
        for (position, (number, bound)) in given.iter().enumerate() {
            let before = given.iter().take(position).rev();
            let Some((from, old)) = before.into_iter().find(|(from, _)| history.leads(*from, *number)) else {
                continue;
            };
            if old == bound {
                return Err(Error::new(
                    self.span,
                    format!(
                        "`bound` of `{field}` names version {number}, which has the same bound as version {from}: \
                         name only versions that changed the bound"
                    ),
                ));
            }
            let text = quote!(#bound).to_string();
            let elsewhere = |change: &Boundary| !change.versions.iter().any(|made| history.leads(*made, *number));
            match changes
                .iter_mut()
                .find(|(other, change)| *other == text && elsewhere(change))
            {
                Some((_, change)) => change.versions.push(*number),
                None => changes.push((
                    text,
                    Boundary {
                        versions: vec![*number],
                        span: self.span,
                    },
                )),
            }
        }
        Ok(changes.into_iter().map(|(_, change)| change).collect())
    }

    /// Returns the bound of each version as data for the schema.
    pub(crate) fn schema(&self) -> TokenStream {
        let bounds = self
            .by_version
            .iter()
            .map(|bound| bound.as_ref().map_or_else(|| quote!(0), |bound| quote!(#bound)));
        quote!(&[#(#bounds),*])
    }

    /// Returns an expression for the bound at `__devstate_version`.
    pub(crate) fn at_version(&self) -> TokenStream {
        let bounds = self.schema();
        quote!(__devstate::bound_at(const { #bounds }, __devstate_version))
    }
}
