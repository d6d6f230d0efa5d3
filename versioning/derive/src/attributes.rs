//! Reads the annotations `#[versioned(…)]` and checks them.

use crate::part::Part;
use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Ident, LitInt, LitStr, Path, Result, Token, parenthesized};

/// The annotations of a mirror.
pub(crate) struct MirrorAttributes {
    pub(crate) version: u16,
    /// A fingerprint for each version, `None` for an open last one.
    pub(crate) layouts: Vec<Option<LitInt>>,
    /// The same for each version together with its parts.
    pub(crate) parts: Option<Layouts>,
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// The annotations of a field or a variant.
pub(crate) struct ItemAttributes {
    pub(crate) start: u16,
    pub(crate) end: Option<u16>,
    pub(crate) default_fn: Option<Path>,
    pub(crate) semantics: Vec<Semantic>,
    pub(crate) skip: bool,
    pub(crate) ignorable: bool,
    pub(crate) name: Option<LitStr>,
    pub(crate) foreign: Option<Foreign>,
    pub(crate) part: Option<Part>,
}

/// Semantic functions, and the versions that they belong to.
pub(crate) struct Semantic {
    pub(crate) boundaries: Vec<u16>,
    pub(crate) ser_fn: Option<Path>,
    pub(crate) de_fn: Option<Path>,
}

/// A field of a foreign serde type.
pub(crate) struct Foreign {
    pub(crate) max: Expr,
    pub(crate) layout: LitStr,
}

impl MirrorAttributes {
    pub(crate) fn read(attributes: &[Attribute], mirror: &Ident) -> Result<Self> {
        let mut version = None;
        let mut layouts = None;
        let mut parts = None;
        let mut name = None;
        let mut krate = None;
        for attribute in versioned(attributes) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("version") {
                    set(&mut version, &meta, number(&meta)?)
                } else if meta.path.is_ident("layouts") {
                    set(&mut layouts, &meta, Layouts::read(&meta)?)
                } else if meta.path.is_ident("parts") {
                    set(&mut parts, &meta, Layouts::read(&meta)?)
                } else if meta.path.is_ident("name") {
                    set(&mut name, &meta, wire_name(&meta)?)
                } else if meta.path.is_ident("crate") {
                    let path: LitStr = meta.value()?.parse()?;
                    set(&mut krate, &meta, path.parse()?)
                } else {
                    Err(unknown(&meta, "`version`, `layouts`, `parts`, `name` and `crate`"))
                }
            })?;
        }
        let Some(Numbered { value: version, span }) = version else {
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
        let Some(layouts) = layouts else {
            return Err(Error::new(
                mirror.span(),
                format!(
                    "`layouts` is missing on the mirror `{mirror}`: give a fingerprint for each version, and `open` for a \
                     last version that is not published yet, as in `layouts(open)`. {ANY_NUMBER}"
                ),
            ));
        };
        layouts.check("layouts", version)?;
        if let Some(parts) = &parts {
            parts.check("parts", version)?;
        }
        Ok(Self {
            version,
            layouts: layouts.given,
            parts,
            name,
            krate,
        })
    }
}

/// The way to get a fingerprint.
pub(crate) const ANY_NUMBER: &str =
    "To pin a version, write any number, such as `0x0`: the compiler then names the right one";

/// The list in `layouts(…)` or `parts(…)`.
pub(crate) struct Layouts {
    pub(crate) given: Vec<Option<LitInt>>,
    pub(crate) span: Span,
}

impl Layouts {
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Self> {
        let list;
        parenthesized!(list in meta.input);
        let given = Punctuated::<Layout, Token![,]>::parse_terminated(&list)?;
        Ok(Self {
            given: given.into_iter().map(|layout| layout.0).collect(),
            span: span_of(&meta.path),
        })
    }

    fn check(&self, word: &str, version: u16) -> Result<()> {
        let count = self.given.len();
        if count != usize::from(version) {
            return Err(Error::new(
                self.span,
                format!(
                    "`{word}` has {count} {}, and the mirror has {version} {}: give a fingerprint for each version, and \
                     `open` for a last version that is not published yet",
                    if count == 1 { "entry" } else { "entries" },
                    if version == 1 { "version" } else { "versions" },
                ),
            ));
        }
        if self.given.iter().rev().skip(1).any(Option::is_none) {
            return Err(Error::new(
                self.span,
                format!(
                    "only the last version may be `open`: pin the earlier one before you add the next. {ANY_NUMBER}"
                ),
            ));
        }
        Ok(())
    }
}

struct Layout(Option<LitInt>);

impl Parse for Layout {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitInt) {
            return Ok(Self(Some(input.parse()?)));
        }
        let word: Ident = input.parse()?;
        if word == "open" {
            return Ok(Self(None));
        }
        Err(Error::new(
            word.span(),
            "expected a fingerprint such as `0x0123_4567_89ab_cdef`, or `open`",
        ))
    }
}

impl ItemAttributes {
    /// Reads the annotations of the field `part` of a mirror whose latest version is `version`.
    pub(crate) fn read(attributes: &[Attribute], part: &str, at: Span, version: u16) -> Result<Self> {
        Self::read_known(attributes, part, at, version, KNOWN)
    }

    /// Reads the annotations of a variant, which can have fewer.
    pub(crate) fn read_variant(attributes: &[Attribute], part: &str, at: Span, version: u16) -> Result<Self> {
        let read = Self::read_known(attributes, part, at, version, KNOWN_OF_VARIANTS)?;
        if read.skip || read.ignorable || read.foreign.is_some() || read.part.is_some() || !read.semantics.is_empty() {
            return Err(Error::new(
                at,
                format!(
                    "`{part}` has an annotation that a variant cannot have: a variant can have {KNOWN_OF_VARIANTS}"
                ),
            ));
        }
        Ok(read)
    }

    /// Reads the annotations of a field of a variant. Its versions are those of the variant.
    pub(crate) fn read_variant_field(
        attributes: &[Attribute],
        part: &str,
        at: Span,
        variant: &Self,
        version: u16,
    ) -> Result<Self> {
        let mut read = Self {
            start: variant.start,
            end: variant.end,
            default_fn: None,
            semantics: Vec::new(),
            skip: false,
            ignorable: false,
            name: None,
            foreign: None,
            part: None,
        };
        for attribute in versioned(attributes) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("part") {
                    set(&mut read.part, &meta, Part::read(&meta)?)
                } else {
                    let word = meta.path.get_ident().map_or_else(String::new, |word| format!("`{word}` "));
                    Err(Error::new(
                        at,
                        format!(
                            "{word}cannot stand on the field of a variant, which has no versions of its own and can have `part` \
                             only: add a variant, or put the fields into a mirror"
                        ),
                    ))
                }
            })?;
        }
        if let Some(given) = &read.part {
            given.check(part, version, |version| read.has(version))?;
        }
        Ok(read)
    }

    fn read_known(attributes: &[Attribute], part: &str, at: Span, version: u16, known: &str) -> Result<Self> {
        let mut raw = Raw::default();
        let mut semantics = Vec::new();
        for attribute in versioned(attributes) {
            let mut tied = Tied::default();
            attribute.parse_nested_meta(|meta| raw.read(&meta, &mut tied, known))?;
            semantics.push((tied, span_of(attribute.path())));
        }
        raw.check(part, at, version, semantics)
    }
}

/// The annotations of a field or a variant as written.
#[derive(Default)]
struct Raw {
    start: Option<Numbered>,
    end: Option<Numbered>,
    default_fn: Option<Path>,
    skip: Option<()>,
    ignorable: Option<()>,
    name: Option<LitStr>,
    serde: Option<()>,
    max: Option<Expr>,
    layout: Option<LitStr>,
    part: Option<Part>,
}

/// The functions of one `#[versioned(…)]`, and their version.
#[derive(Default)]
struct Tied {
    at: Option<Numbered>,
    ser_fn: Option<Path>,
    de_fn: Option<Path>,
}

impl Raw {
    fn read(&mut self, meta: &ParseNestedMeta<'_>, tied: &mut Tied, known: &str) -> Result<()> {
        let Some(word) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(unknown(meta, known));
        };
        match word.as_str() {
            "start" => set(&mut self.start, meta, number(meta)?),
            "end" => set(&mut self.end, meta, number(meta)?),
            "default_fn" => set(&mut self.default_fn, meta, meta.value()?.parse()?),
            "skip" => set(&mut self.skip, meta, ()),
            "ignorable" => set(&mut self.ignorable, meta, ()),
            "name" => set(&mut self.name, meta, wire_name(meta)?),
            "serde" => set(&mut self.serde, meta, ()),
            "max" => set(&mut self.max, meta, meta.value()?.parse()?),
            "layout" => set(&mut self.layout, meta, wire_name(meta)?),
            "part" => set(&mut self.part, meta, Part::read(meta)?),
            "at" => set(&mut tied.at, meta, number(meta)?),
            "ser_fn" => set(&mut tied.ser_fn, meta, meta.value()?.parse()?),
            "de_fn" => set(&mut tied.de_fn, meta, meta.value()?.parse()?),
            _ => Err(unknown(meta, known)),
        }
    }

    fn check(self, part: &str, at: Span, version: u16, semantics: Vec<(Tied, Span)>) -> Result<ItemAttributes> {
        let start = self.start.as_ref().map_or(1, |start| start.value);
        let end = self.end.as_ref().map(|end| end.value);
        check_range(part, version, self.start.as_ref(), self.end.as_ref())?;
        let mut boundaries = Vec::new();
        if start > 1 {
            boundaries.push(start);
        }
        boundaries.extend(end);
        let foreign = match (self.serde, self.max, self.layout) {
            (Some(()), Some(max), Some(layout)) => Some(Foreign { max, layout }),
            (None, None, None) => None,
            _ => {
                return Err(Error::new(
                    at,
                    format!(
                        "`{part}` needs all three of `serde`, `max` and `layout` to carry a foreign type: \
                         `#[versioned(serde, max = 32, layout = \"name/1\")]`"
                    ),
                ));
            }
        };
        let skip = self.skip.is_some();
        let has_semantics = semantics
            .iter()
            .any(|(tied, _)| tied.ser_fn.is_some() || tied.de_fn.is_some());
        let has_more =
            self.default_fn.is_some() || self.name.is_some() || self.ignorable.is_some() || self.part.is_some();
        if skip && (!boundaries.is_empty() || has_semantics || foreign.is_some() || has_more) {
            return Err(Error::new(
                at,
                format!("`{part}` is skipped, so no version has it: delete the other annotations, or `skip`"),
            ));
        }
        if self.part.is_some() && foreign.is_some() {
            return Err(Error::new(
                at,
                format!("`{part}` carries a foreign type, which has no versions: delete `part`"),
            ));
        }
        if self.default_fn.is_some() && boundaries.is_empty() {
            return Err(Error::new(
                at,
                format!(
                    "`default_fn` of `{part}` never runs, because every version has `{part}`: delete it, or give `{part}` a `start` or an `end`"
                ),
            ));
        }
        let mut checked = Vec::new();
        for (tied, span) in semantics {
            checked.extend(tied.check(part, span, version, &boundaries)?);
        }
        let read = ItemAttributes {
            start,
            end,
            default_fn: self.default_fn,
            semantics: checked,
            skip,
            ignorable: self.ignorable.is_some(),
            name: self.name,
            foreign,
            part: self.part,
        };
        if let Some(given) = &read.part {
            given.check(part, version, |version| read.has(version))?;
        }
        Ok(read)
    }
}

/// Checks that `start` and `end` are versions of the mirror, and that `end` is above `start`.
fn check_range(part: &str, version: u16, start: Option<&Numbered>, end: Option<&Numbered>) -> Result<()> {
    let first = start.map_or(1, |start| start.value);
    if let Some(&Numbered { value: start, span }) = start {
        if start == 0 {
            return Err(Error::new(
                span,
                format!(
                    "`{part}` starts at version 0, and versions start at 1: give the first version that has it, or delete \
                     `start` if every version has it"
                ),
            ));
        }
        if start > version {
            return Err(Error::new(
                span,
                format!(
                    "`{part}` starts at version {start}, and the mirror's versions are 1 to {version}: increase \
                     `version` on the mirror, or correct `start`"
                ),
            ));
        }
    }
    if let Some(&Numbered { value: end, span }) = end {
        if end < 2 {
            return Err(Error::new(
                span,
                format!(
                    "`{part}` ends with version {end}, so no version has it: `end` is the first version without the field, at \
                     least 2. A field that no version has is marked with `skip`"
                ),
            ));
        }
        if end > version {
            return Err(Error::new(
                span,
                format!(
                    "`{part}` ends with version {end}, and the mirror's versions are 1 to {version}: increase `version` on \
                     the mirror, or correct `end`, which is the first version without `{part}`"
                ),
            ));
        }
        if end <= first {
            return Err(Error::new(
                span,
                format!(
                    "`{part}` starts at version {first} and ends with version {end}, so no version has it: `end` is the first \
                     version without it, so give a later one"
                ),
            ));
        }
    }
    Ok(())
}

impl Tied {
    fn check(self, part: &str, span: Span, version: u16, boundaries: &[u16]) -> Result<Option<Semantic>> {
        let Self { at, ser_fn, de_fn } = self;
        if ser_fn.is_none() && de_fn.is_none() {
            return match at {
                None => Ok(None),
                Some(at) => Err(Error::new(
                    at.span,
                    format!(
                        "`at` of `{part}` has no function: add a `ser_fn` or a `de_fn` to the same annotation, or delete `at`"
                    ),
                )),
            };
        }
        let boundaries = match at {
            Some(Numbered { value, span }) => {
                if value < 2 {
                    return Err(Error::new(
                        span,
                        format!(
                            "`at = {value}` of `{part}` is no step between versions: `at` is the version behind the \
                             step, at least 2"
                        ),
                    ));
                }
                if value > version {
                    return Err(Error::new(
                        span,
                        format!(
                            "`at = {value}` of `{part}` is the step from version {} to {value}, and the mirror's versions \
                             are 1 to {version}: increase `version` on the mirror, or correct `at`",
                            value - 1
                        ),
                    ));
                }
                vec![value]
            }
            None if boundaries.is_empty() => {
                return Err(Error::new(
                    span,
                    format!(
                        "the functions of `{part}` never run, because every version has `{part}`. If its meaning changed, add \
                         `at = N`, the first version with the new meaning"
                    ),
                ));
            }
            None => boundaries.to_vec(),
        };
        Ok(Some(Semantic {
            boundaries,
            ser_fn,
            de_fn,
        }))
    }
}

const KNOWN: &str = "`start`, `end`, `default_fn`, `ser_fn`, `de_fn`, `at`, `skip`, `ignorable`, `name`, `part`, and `serde` \
                     with `max` and `layout`";

const KNOWN_OF_VARIANTS: &str = "`start`, `end`, `default_fn` and `name`";

struct Numbered {
    value: u16,
    span: Span,
}

fn versioned(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("versioned"))
}

fn number(meta: &ParseNestedMeta<'_>) -> Result<Numbered> {
    let literal: LitInt = meta.value()?.parse()?;
    Ok(Numbered {
        value: literal.base10_parse()?,
        span: literal.span(),
    })
}

/// Reads a name that is unambiguous in the text of a layout and in JSON.
fn wire_name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c)) {
        return Err(Error::new(
            literal.span(),
            "a wire name consists of letters, digits, `_`, `-`, `.` and `/`, and is not empty",
        ));
    }
    Ok(literal)
}

fn set<T>(slot: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this annotation is given twice")),
    }
}

fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> Error {
    let word = meta
        .path
        .get_ident()
        .map_or_else(|| "this".to_owned(), |word| format!("`{word}`"));
    meta.error(format!("{word} is no annotation: the annotations are {known}"))
}

fn span_of(path: &Path) -> Span {
    path.segments
        .first()
        .map_or_else(Span::call_site, |segment| segment.ident.span())
}
