//! The versions of a mirror as a tree, and which of them have a change.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Result};

/// The versions that the source of a mirror has, and the parent of each version.
#[derive(Debug)]
pub(crate) struct History {
    /// The latest version.
    pub(crate) version: u16,
    /// The oldest version. Earlier ones are forgotten.
    pub(crate) oldest: u16,
    /// The versions whose parent is not the previous version, each with its parent.
    pub(crate) branches: Vec<(u16, u16)>,
    /// The versions of another branch that this source does not have.
    pub(crate) absent: Vec<u16>,
}

/// The versions that made one change: one for each branch that has it.
#[derive(Clone, Debug)]
pub(crate) struct Boundary {
    pub(crate) versions: Vec<u16>,
    pub(crate) span: Span,
}

/// Versions without a gap, from the first to the one before the second.
type Range = (u16, Option<u16>);

/// A set of versions, as ascending ranges of those that the source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set(Vec<Range>);

impl History {
    #[cfg(test)]
    pub(crate) fn line(version: u16) -> Self {
        Self {
            version,
            oldest: 1,
            branches: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// Returns `true` for versions that follow each other, none of which is missing.
    pub(crate) fn is_line(&self) -> bool {
        self.branches.is_empty()
    }

    /// Returns `true` for a line from version 1.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_line() && self.oldest == 1
    }

    /// Returns `true` if the source has that version.
    pub(crate) fn has(&self, version: u16) -> bool {
        (self.oldest..=self.version).contains(&version) && !self.absent.contains(&version)
    }

    /// Returns the versions that the source has.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u16> {
        (self.oldest..=self.version).filter(|version| !self.absent.contains(version))
    }

    /// Returns the parent of `version`. Zero for version 1.
    pub(crate) fn parent(&self, version: u16) -> u16 {
        let branch = self.branches.iter().find(|(of, _)| *of == version);
        branch.map_or(version.saturating_sub(1), |(_, from)| *from)
    }

    /// Returns `true` if `later` is `earlier` or descends from it.
    pub(crate) fn leads(&self, earlier: u16, later: u16) -> bool {
        if self.is_line() {
            return earlier <= later;
        }
        let mut at = later;
        while at > earlier {
            at = self.parent(at);
        }
        at == earlier
    }

    /// Returns `true` if `version` has the change.
    pub(crate) fn has_change(&self, change: &Boundary, version: u16) -> bool {
        change.versions.iter().any(|first| self.leads(*first, version))
    }

    /// Returns the versions for which `holds` is true.
    pub(crate) fn set(&self, holds: impl Fn(u16) -> bool) -> Set {
        let mut ranges: Vec<Range> = Vec::new();
        let mut open = false;
        for (position, version) in self.versions().enumerate() {
            match (open, holds(version)) {
                (false, true) => ranges.push((if position == 0 { 1 } else { version }, None)),
                (true, false) => {
                    if let Some((_, end)) = ranges.last_mut() {
                        *end = Some(version);
                    }
                }
                _ => {}
            }
            open = holds(version);
        }
        Set(ranges)
    }

    /// Checks the versions of a change. `what` begins the message, such as ``"`level` starts"``.
    pub(crate) fn check_boundary(&self, what: &str, change: &Boundary) -> Result<()> {
        let refuse = |sentence: String| Err(Error::new(change.span, format!("{what} {sentence}")));
        for (position, &version) in change.versions.iter().enumerate() {
            if self.absent.contains(&version) {
                return refuse(format!(
                    "at version {version}, whose layout this source does not have (`_` in `layouts`): name versions that it has"
                ));
            }
            for &other in change.versions.iter().take(position) {
                let (first, second) = (version.min(other), version.max(other));
                if self.leads(first, second) {
                    return refuse(format!(
                        "at version {first} and at version {second}. Version {second} descends from version {first} \
                         and has the change already: name the first version on each branch"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns the history as data for the schema. `changes` are those of the fields and variants.
    pub(crate) fn schema(&self, changes: &[TokenStream]) -> TokenStream {
        let (oldest, absent) = (self.oldest, &self.absent);
        let branches = self
            .branches
            .iter()
            .map(|(version, from)| quote!(__devstate::schema::Branch { version: #version, from: #from }));
        // In a line, the order of the versions says as much.
        let changes = if self.is_line() { &[] } else { changes };
        quote! {
            __devstate::schema::History {
                oldest: #oldest,
                branches: &[#(#branches),*],
                absent: &[#(#absent),*],
                changes: &[#(#changes),*],
            }
        }
    }
}

impl Set {
    /// Returns `true` if no version is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `true` if `version` is in the set.
    pub(crate) fn has(&self, version: u16) -> bool {
        self.0
            .iter()
            .any(|(start, end)| version >= *start && end.is_none_or(|end| version < end))
    }

    /// Returns the condition that `__devstate_version` is in the set. `None` if every version is.
    pub(crate) fn condition(&self) -> Option<TokenStream> {
        let version = quote!(__devstate_version);
        let condition = |range: &Range| match *range {
            (1, None) => quote!(true),
            (start, None) => quote!(#version >= #start),
            (1, Some(end)) => quote!(#version < #end),
            (start, Some(end)) => quote!(#version >= #start && #version < #end),
        };
        match self.0.as_slice() {
            [] => Some(quote!(false)),
            [(1, None)] => None,
            [only] => Some(condition(only)),
            several => {
                let conditions = several.iter().map(condition);
                Some(quote!(#((#conditions))||*))
            }
        }
    }

    /// Returns `body`, run for the versions in the set.
    pub(crate) fn when(&self, body: TokenStream) -> TokenStream {
        match self.condition() {
            Some(condition) => quote!(if #condition { #body }),
            None => body,
        }
    }

    /// Returns the `Presence` for the schema.
    pub(crate) fn schema(&self) -> TokenStream {
        if let [(start, None)] = self.0.as_slice() {
            return quote!(__devstate::schema::Presence::since(#start));
        }
        let end = |end: &Option<u16>| match end {
            Some(end) => quote!(::core::option::Option::Some(#end)),
            None => quote!(::core::option::Option::None),
        };
        let (first, more) = match self.0.split_first() {
            Some((first, more)) => (*first, more),
            // Refused before: no version has it.
            None => ((u16::MAX, Some(u16::MAX)), &[][..]),
        };
        let (start, first_end) = (first.0, end(&first.1));
        let more = more.iter().map(|(start, last)| {
            let end = end(last);
            quote!(__devstate::schema::Span { start: #start, end: #end })
        });
        quote!(__devstate::schema::Presence { start: #start, end: #first_end, more: &[#(#more),*] })
    }
}

#[cfg(test)]
mod tests {
    use super::{Boundary, History, Set};
    use proc_macro2::Span;

    /// 1 ── 2 ── 3 ── 5, and 4 is a backport on 2.
    fn tree() -> History {
        History {
            branches: vec![(4, 2), (5, 3)],
            ..History::line(5)
        }
    }

    fn change(versions: &[u16]) -> Boundary {
        Boundary {
            versions: versions.to_vec(),
            span: Span::call_site(),
        }
    }

    fn has(history: &History, versions: &[u16]) -> Set {
        let change = change(versions);
        history.set(|version| history.has_change(&change, version))
    }

    #[test]
    fn a_line_has_one_range() {
        let line = History::line(3);
        assert_eq!(has(&line, &[2]), Set(vec![(2, None)]));
        assert_eq!(has(&line, &[1]), Set(vec![(1, None)]));
    }

    #[test]
    fn a_branch_without_the_change_leaves_a_gap() {
        assert_eq!(has(&tree(), &[3]), Set(vec![(3, Some(4)), (5, None)]));
        assert_eq!(has(&tree(), &[4, 5]), Set(vec![(4, None)]));
        assert_eq!(has(&tree(), &[4]), Set(vec![(4, Some(5))]));
    }

    #[test]
    fn a_version_that_the_source_does_not_have_is_in_no_range() {
        let stable = History {
            branches: vec![(4, 2)],
            absent: vec![3],
            ..History::line(4)
        };
        assert_eq!(has(&stable, &[4]), Set(vec![(4, None)]));
        assert_eq!(has(&stable, &[2]), Set(vec![(2, None)]));
    }

    #[test]
    fn a_change_is_named_once_for_each_branch() {
        assert!(tree().check_boundary("`x` starts", &change(&[4, 5])).is_ok());
        let error = tree().check_boundary("`x` starts", &change(&[2, 4])).unwrap_err();
        assert!(
            error.to_string().contains("Version 4 descends from version 2"),
            "{error}"
        );
    }
}
