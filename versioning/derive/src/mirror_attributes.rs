//! Reads the annotations `#[versioned(…)]` of a mirror.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Ident, LitInt, LitStr, Path, Result, Token, parenthesized};

use crate::history::History;
use crate::words::{Numbered, number, set, span_of, unknown, versioned, wire_name};

/// The annotations of a mirror.
pub(crate) struct MirrorAttributes {
    pub(crate) history: History,
    pub(crate) layouts: Layouts,
    /// The same for each version together with its parts.
    pub(crate) parts: Option<Layouts>,
    /// The const arguments of the instance that `layouts` pins.
    pub(crate) instance: Vec<Expr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

const KNOWN: &str = "`version`, `layouts`, `parts`, `branch`, `oldest`, `instance`, `name` and `crate`";

/// The annotations of a mirror as written.
#[derive(Default)]
struct Raw {
    version: Option<Numbered>,
    oldest: Option<Numbered>,
    layouts: Option<Layouts>,
    parts: Option<Layouts>,
    branches: Option<Vec<Branch>>,
    instance: Option<Vec<Expr>>,
    name: Option<LitStr>,
    krate: Option<Path>,
}

impl MirrorAttributes {
    pub(crate) fn read(attributes: &[Attribute], mirror: &Ident) -> Result<Self> {
        let mut raw = Raw::default();
        for attribute in versioned(attributes) {
            attribute.parse_nested_meta(|meta| raw.read(&meta))?;
        }
        let Some(Numbered { value: version, span }) = raw.version else {
            return Err(Error::new(
                mirror.span(),
                format!("the mirror `{mirror}` has no version: write `#[versioned(version = 1, layouts(open))]`"),
            ));
        };
        if version == 0 {
            return Err(Error::new(
                span,
                format!(
                    "the mirror `{mirror}` has version 0, and versions start at 1: write `version = 1, layouts(open)`"
                ),
            ));
        }
        let oldest = oldest(raw.oldest, version)?;
        let Some(layouts) = raw.layouts else {
            return Err(Error::new(
                mirror.span(),
                format!(
                    "`layouts` is missing on the mirror `{mirror}`: give a fingerprint for each version, and `open` for a \
                     last version that is not published yet, as in `layouts(open)`. {ANY_NUMBER}"
                ),
            ));
        };
        layouts.check("layouts", oldest, version)?;
        if let Some(parts) = &raw.parts {
            parts.check("parts", oldest, version)?;
        }
        let history = History {
            version,
            oldest,
            branches: branches(&raw.branches.unwrap_or_default(), version)?,
            absent: layouts.absent(oldest),
        };
        check_parents(&history, layouts.span)?;
        Ok(Self {
            history,
            layouts,
            parts: raw.parts,
            instance: raw.instance.unwrap_or_default(),
            name: raw.name,
            krate: raw.krate,
        })
    }
}

impl Raw {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "version" => set(&mut self.version, meta, number(meta)?),
            "oldest" => set(&mut self.oldest, meta, number(meta)?),
            "layouts" => set(&mut self.layouts, meta, Layouts::read(meta)?),
            "parts" => set(&mut self.parts, meta, Layouts::read(meta)?),
            "branch" => set(&mut self.branches, meta, list(meta)?),
            "instance" => set(&mut self.instance, meta, list(meta)?),
            "name" => set(&mut self.name, meta, wire_name(meta)?),
            "crate" => {
                let path: LitStr = meta.value()?.parse()?;
                set(&mut self.krate, meta, path.parse()?)
            }
            _ => Err(unknown(meta, KNOWN)),
        }
    }
}

/// Reads a list in parentheses.
fn list<T: Parse>(meta: &ParseNestedMeta<'_>) -> Result<Vec<T>> {
    let list;
    parenthesized!(list in meta.input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&list)?
        .into_iter()
        .collect())
}

fn oldest(given: Option<Numbered>, version: u16) -> Result<u16> {
    let Some(Numbered { value: oldest, span }) = given else {
        return Ok(1);
    };
    if oldest < 2 {
        return Err(Error::new(
            span,
            "`oldest` is at least 2: without it, no version is forgotten",
        ));
    }
    if oldest > version {
        return Err(Error::new(
            span,
            format!("`oldest` is {oldest}, and the latest version is {version}: the latest version is never forgotten"),
        ));
    }
    Ok(oldest)
}

/// One element of `branch(4 = 2, 5 = 3)`: the parent of version 4 is version 2.
struct Branch {
    version: LitInt,
    from: LitInt,
}

impl Parse for Branch {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let version = input.parse()?;
        input.parse::<Token![=]>()?;
        let from = input.parse()?;
        Ok(Self { version, from })
    }
}

fn branches(given: &[Branch], latest: u16) -> Result<Vec<(u16, u16)>> {
    let mut branches: Vec<(u16, u16)> = Vec::new();
    for branch in given {
        let (version, from): (u16, u16) = (branch.version.base10_parse()?, branch.from.base10_parse()?);
        if version > latest || version < 2 {
            return Err(Error::new(
                branch.version.span(),
                format!("`branch` gives a parent for version {version}, and the mirror's versions are 1 to {latest}"),
            ));
        }
        if from == 0 || from >= version {
            return Err(Error::new(
                branch.from.span(),
                format!(
                    "version {from} cannot be the parent of version {version}: give an earlier version, at least 1"
                ),
            ));
        }
        if branches.iter().any(|(other, _)| *other == version) {
            return Err(Error::new(
                branch.version.span(),
                format!("`branch` names version {version} twice: a version has one parent"),
            ));
        }
        branches.push((version, from));
    }
    // What is so without the annotation is no branch.
    branches.retain(|(version, from)| version - 1 != *from);
    Ok(branches)
}

/// Refuses a version whose parent the source does not have.
fn check_parents(history: &History, span: Span) -> Result<()> {
    let first = history.oldest;
    if history.absent.contains(&first)
        && let Some(next) = history.versions().next()
    {
        return Err(Error::new(
            span,
            format!(
                "`layouts` cannot have `_` for version {first}, the oldest version of the mirror: give its \
                 fingerprint. Or forget this version: write `oldest = {next}`, and begin `layouts` with version {next}"
            ),
        ));
    }
    for version in history.versions().skip(1) {
        let parent = history.parent(version);
        if history.absent.contains(&parent) {
            return Err(Error::new(
                span,
                format!(
                    "the parent of version {version} is version {parent}, which this source does not have (`_`): give \
                     another parent, as in `branch({version} = {})`",
                    parent.saturating_sub(1).max(1)
                ),
            ));
        }
    }
    Ok(())
}

/// The way to get a fingerprint.
pub(crate) const ANY_NUMBER: &str =
    "To pin a version, write any number, such as `0x0`: the compiler then names the right one";

/// The list in `layouts(…)` or `parts(…)`, from the oldest version on.
pub(crate) struct Layouts {
    given: Vec<Layout>,
    pub(crate) span: Span,
}

/// One element of the list.
enum Layout {
    /// The fingerprint of a published version.
    Pinned(LitInt),
    /// A last version that is not published yet.
    Open,
    /// A version of another branch, whose layout this source does not have.
    Absent(Span),
}

impl Layouts {
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Self> {
        Ok(Self {
            given: list(meta)?,
            span: span_of(&meta.path),
        })
    }

    fn check(&self, word: &str, oldest: u16, version: u16) -> Result<()> {
        let count = self.given.len();
        let versions = version - oldest + 1;
        if count != usize::from(versions) {
            let from = if oldest > 1 {
                format!(" from version {oldest} on")
            } else {
                String::new()
            };
            return Err(Error::new(
                self.span,
                format!(
                    "`{word}` has {count} {}, and the mirror has {versions} {}{from}: give a fingerprint for each version, and \
                     `open` for a last version that is not published yet",
                    if count == 1 { "entry" } else { "entries" },
                    if versions == 1 { "version" } else { "versions" },
                ),
            ));
        }
        if self
            .given
            .iter()
            .rev()
            .skip(1)
            .any(|layout| matches!(layout, Layout::Open))
        {
            return Err(Error::new(
                self.span,
                format!(
                    "only the last version may be `open`: pin the earlier one before you add the next. {ANY_NUMBER}"
                ),
            ));
        }
        if let Some(Layout::Absent(span)) = self.given.last() {
            return Err(Error::new(
                *span,
                "`layouts` cannot have `_` for the latest version, which has the layout of this source: write its \
                 fingerprint, or `open`",
            ));
        }
        Ok(())
    }

    /// Returns the versions that the source does not have.
    fn absent(&self, oldest: u16) -> Vec<u16> {
        let versions = (oldest..).zip(&self.given);
        versions
            .filter(|(_, layout)| matches!(layout, Layout::Absent(_)))
            .map(|(version, _)| version)
            .collect()
    }

    /// Returns `true` if the last version may still change.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.given.last(), Some(Layout::Open))
    }

    /// Returns the pin of each version from version 1 as an `Option`.
    pub(crate) fn pins(&self, oldest: u16) -> Vec<TokenStream> {
        let none = || quote!(::core::option::Option::None);
        let forgotten = (1..oldest).map(|_| none());
        let given = self.given.iter().map(|layout| match layout {
            Layout::Pinned(literal) => quote!(::core::option::Option::Some(#literal)),
            Layout::Open | Layout::Absent(_) => none(),
        });
        forgotten.chain(given).collect()
    }
}

impl Parse for Layout {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitInt) {
            return Ok(Self::Pinned(input.parse()?));
        }
        if input.peek(Token![_]) {
            let underscore: Token![_] = input.parse()?;
            return Ok(Self::Absent(underscore.spans[0]));
        }
        let word: Ident = input.parse()?;
        if word == "open" {
            return Ok(Self::Open);
        }
        Err(Error::new(
            word.span(),
            "expected a fingerprint such as `0x0123_4567_89ab_cdef`, `open`, or `_` for a version of another branch",
        ))
    }
}
