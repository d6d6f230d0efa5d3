//! Reads the annotations `#[versioned(…)]` of a field or a variant, and checks them.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, LitStr, Path, Result};

use crate::bound::Bound;
use crate::history::{Boundary, History, Set};
use crate::part::Part;
use crate::words::{Numbered, boundary, function, number, set, span_of, unit, unknown, versioned, wire_name};

/// The annotations of a field or a variant.
pub(crate) struct ItemAttributes {
    /// The versions that have it.
    pub(crate) versions: Set,
    /// What changed, and the versions that changed it.
    pub(crate) changes: Vec<(Kind, Boundary)>,
    pub(crate) default_fn: Option<Path>,
    pub(crate) semantics: Vec<Semantic>,
    pub(crate) skip: bool,
    pub(crate) ignorable: bool,
    pub(crate) name: Option<LitStr>,
    pub(crate) foreign: Option<Foreign>,
    pub(crate) part: Option<Part>,
    /// The releases of an inner snapshot.
    pub(crate) inner: Option<Part>,
    pub(crate) bound: Option<Bound>,
    /// The unit of the number.
    pub(crate) unit: Option<LitStr>,
    /// The tag of a variant.
    pub(crate) tag: Option<Numbered>,
}

/// What a change is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Start,
    End,
    Meaning,
    Bound,
}

/// Semantic functions, and the changes that they belong to.
pub(crate) struct Semantic {
    pub(crate) boundaries: Vec<Boundary>,
    pub(crate) ser_fn: Option<Path>,
    pub(crate) de_fn: Option<Path>,
}

/// A field of a foreign serde type.
pub(crate) struct Foreign {
    pub(crate) max: Expr,
    pub(crate) layout: LitStr,
}

impl ItemAttributes {
    /// Reads the annotations of the field `part` of a mirror with that history.
    pub(crate) fn read(attributes: &[Attribute], part: &str, at: Span, history: &History) -> Result<Self> {
        let read = Self::read_known(attributes, part, at, history, KNOWN)?;
        if let Some(tag) = read.tag {
            return Err(Error::new(
                tag.span,
                format!("`{part}` is not a variant, so it has no tag: delete `tag`"),
            ));
        }
        Ok(read)
    }

    /// Reads the annotations of a variant, which can have fewer.
    pub(crate) fn read_variant(attributes: &[Attribute], part: &str, at: Span, history: &History) -> Result<Self> {
        let read = Self::read_known(attributes, part, at, history, KNOWN_OF_VARIANTS)?;
        if read.skip
            || read.ignorable
            || read.foreign.is_some()
            || read.part.is_some()
            || read.inner.is_some()
            || read.bound.is_some()
            || read.unit.is_some()
            || !read.semantics.is_empty()
        {
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
        history: &History,
    ) -> Result<Self> {
        let mut read = Self {
            versions: variant.versions.clone(),
            changes: Vec::new(),
            default_fn: None,
            semantics: Vec::new(),
            skip: false,
            ignorable: false,
            name: None,
            foreign: None,
            part: None,
            inner: None,
            bound: None,
            unit: None,
            tag: None,
        };
        for attribute in versioned(attributes) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("part") {
                    set(&mut read.part, &meta, Part::read(&meta, "part")?)
                } else if meta.path.is_ident("inner") {
                    set(&mut read.inner, &meta, Part::read(&meta, "inner")?)
                } else if meta.path.is_ident("bound") {
                    set(&mut read.bound, &meta, Bound::read(&meta)?)
                } else if meta.path.is_ident("unit") {
                    set(&mut read.unit, &meta, unit(&meta)?)
                } else {
                    let word = meta
                        .path
                        .get_ident()
                        .map_or_else(String::new, |word| format!("`{word}` "));
                    Err(Error::new(
                        at,
                        format!(
                            "{word}cannot be on a field of a variant. Such a field has no versions of its own, and \
                             can have `part`, `inner`, `bound` and `unit` only: add a variant, or put the fields into \
                             a mirror"
                        ),
                    ))
                }
            })?;
        }
        read.resolve(part, history)?;
        Ok(read)
    }

    /// Finds the versions of the part and the bounds, and checks them.
    fn resolve(&mut self, part: &str, history: &History) -> Result<()> {
        for given in [&mut self.part, &mut self.inner].into_iter().flatten() {
            given.resolve(part, history, &self.versions)?;
        }
        if let Some(bound) = &mut self.bound {
            bound.resolve(part, history, &self.versions)?;
            for change in &bound.changes {
                history.check_boundary(&format!("`bound` of `{part}` changes"), change)?;
                self.changes.push((Kind::Bound, change.clone()));
            }
        }
        Ok(())
    }

    fn read_known(attributes: &[Attribute], part: &str, at: Span, history: &History, known: &str) -> Result<Self> {
        let mut raw = Raw::default();
        let mut semantics = Vec::new();
        for attribute in versioned(attributes) {
            let mut tied = Tied::default();
            attribute.parse_nested_meta(|meta| raw.read(&meta, &mut tied, known))?;
            semantics.push((tied, span_of(attribute.path())));
        }
        raw.check(part, at, history, semantics)
    }
}

/// The annotations of a field or a variant as written.
#[derive(Default)]
struct Raw {
    start: Option<Boundary>,
    end: Option<Boundary>,
    default_fn: Option<Path>,
    skip: Option<()>,
    ignorable: Option<()>,
    name: Option<LitStr>,
    serde: Option<()>,
    max: Option<Expr>,
    layout: Option<LitStr>,
    part: Option<Part>,
    inner: Option<Part>,
    bound: Option<Bound>,
    unit: Option<LitStr>,
    tag: Option<Numbered>,
}

/// The functions of one `#[versioned(…)]`, and their version.
#[derive(Default)]
struct Tied {
    at: Option<Boundary>,
    ser_fn: Option<Path>,
    de_fn: Option<Path>,
}

impl Raw {
    fn read(&mut self, meta: &ParseNestedMeta<'_>, tied: &mut Tied, known: &str) -> Result<()> {
        let Some(word) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(unknown(meta, known));
        };
        match word.as_str() {
            "start" => set(&mut self.start, meta, boundary(meta)?),
            "end" => set(&mut self.end, meta, boundary(meta)?),
            "default_fn" => set(&mut self.default_fn, meta, function(meta)?),
            "skip" => set(&mut self.skip, meta, ()),
            "ignorable" => set(&mut self.ignorable, meta, ()),
            "name" => set(&mut self.name, meta, wire_name(meta)?),
            "serde" => set(&mut self.serde, meta, ()),
            "max" => set(&mut self.max, meta, meta.value()?.parse()?),
            "layout" => set(&mut self.layout, meta, wire_name(meta)?),
            "part" => set(&mut self.part, meta, Part::read(meta, "part")?),
            "inner" => set(&mut self.inner, meta, Part::read(meta, "inner")?),
            "bound" => set(&mut self.bound, meta, Bound::read(meta)?),
            "unit" => set(&mut self.unit, meta, unit(meta)?),
            "tag" => set(&mut self.tag, meta, number(meta)?),
            "at" => set(&mut tied.at, meta, boundary(meta)?),
            "ser_fn" => set(&mut tied.ser_fn, meta, function(meta)?),
            "de_fn" => set(&mut tied.de_fn, meta, function(meta)?),
            _ => Err(unknown(meta, known)),
        }
    }

    fn check(self, part: &str, at: Span, history: &History, semantics: Vec<(Tied, Span)>) -> Result<ItemAttributes> {
        check_range(part, history, self.start.as_ref(), self.end.as_ref())?;
        let start = self.start.filter(|start| start.versions != [1]);
        let versions = history.set(|version| {
            let has = |change: &Option<Boundary>| change.as_ref().map(|change| history.has_change(change, version));
            has(&start).unwrap_or(true) && !has(&self.end).unwrap_or(false)
        });
        check_forgotten(part, history, &versions, start.as_ref(), self.end.as_ref())?;
        let mut changes = Vec::new();
        changes.extend(start.map(|start| (Kind::Start, start)));
        changes.extend(self.end.map(|end| (Kind::End, end)));
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
        let has_more = self.default_fn.is_some()
            || self.name.is_some()
            || self.ignorable.is_some()
            || self.part.is_some()
            || self.inner.is_some()
            || self.bound.is_some()
            || self.unit.is_some();
        if skip && (!changes.is_empty() || has_semantics || foreign.is_some() || has_more) {
            return Err(Error::new(
                at,
                format!("`{part}` is skipped, so no version has it: delete the other annotations, or `skip`"),
            ));
        }
        if self.inner.is_some() && (self.part.is_some() || foreign.is_some() || self.bound.is_some()) {
            return Err(Error::new(
                at,
                format!(
                    "`{part}` is an inner snapshot, so it can have no `part`, `serde` or `bound`: delete one of them"
                ),
            ));
        }
        if self.part.is_some() && foreign.is_some() {
            return Err(Error::new(
                at,
                format!("`{part}` carries a foreign type, which has no versions: delete `part`"),
            ));
        }
        if self.default_fn.is_some() && changes.is_empty() {
            return Err(Error::new(
                at,
                format!(
                    "`default_fn` of `{part}` never runs, because every version has `{part}`: delete it, or give `{part}` a `start` or an `end`"
                ),
            ));
        }
        let own: Vec<Boundary> = changes.iter().map(|(_, change)| change.clone()).collect();
        let mut checked = Vec::new();
        for (tied, span) in semantics {
            if tied.ser_fn.is_some() || tied.de_fn.is_some() {
                changes.extend(tied.at.iter().map(|change| (Kind::Meaning, change.clone())));
            }
            checked.extend(tied.check(part, span, history, &own)?);
        }
        let mut read = ItemAttributes {
            versions,
            changes,
            default_fn: self.default_fn,
            semantics: checked,
            skip,
            ignorable: self.ignorable.is_some(),
            name: self.name,
            foreign,
            part: self.part,
            inner: self.inner,
            bound: self.bound,
            unit: self.unit,
            tag: self.tag,
        };
        read.resolve(part, history)?;
        Ok(read)
    }
}

/// Checks that `start` and `end` are versions of the mirror, and that a version before `end` has the field.
fn check_range(part: &str, history: &History, start: Option<&Boundary>, end: Option<&Boundary>) -> Result<()> {
    let version = history.version;
    for &first in start.iter().flat_map(|start| &start.versions) {
        let refuse = |sentence: String| {
            Err(Error::new(
                start.map_or_else(Span::call_site, |start| start.span),
                sentence,
            ))
        };
        if first == 0 {
            return refuse(format!(
                "`{part}` starts at version 0, and versions start at 1: give the first version that has it, or delete \
                 `start` if every version has it"
            ));
        }
        if first > version {
            return refuse(format!(
                "`{part}` starts at version {first}, and the mirror's versions are 1 to {version}: increase \
                 `version` on the mirror, or correct `start`"
            ));
        }
    }
    for &last in end.iter().flat_map(|end| &end.versions) {
        let refuse = |sentence: String| Err(Error::new(end.map_or_else(Span::call_site, |end| end.span), sentence));
        if last < 2 {
            return refuse(format!(
                "`{part}` ends with version {last}, so no version has it: `end` is the first version without the field, at \
                 least 2. A field that no version has is marked with `skip`"
            ));
        }
        if last > version {
            return refuse(format!(
                "`{part}` ends with version {last}, and the mirror's versions are 1 to {version}: increase `version` on \
                 the mirror, or correct `end`, which is the first version without `{part}`"
            ));
        }
        let parent = history.parent(last);
        if start.is_none_or(|start| history.has_change(start, parent)) {
            continue;
        }
        match start.map(|start| start.versions.as_slice()) {
            Some([first]) if history.is_line() => {
                return refuse(format!(
                    "`{part}` starts at version {first} and ends with version {last}, so no version has it: `end` is the first \
                     version without it, so give a later one"
                ));
            }
            _ => {
                return refuse(format!(
                    "`{part}` ends with version {last}, but its parent, version {parent}, does not have `{part}`: \
                     give the first version without `{part}`, on each branch that had it"
                ));
            }
        }
    }
    for (what, change) in [("starts", start), ("ends", end)] {
        if let Some(change) = change {
            history.check_boundary(&format!("`{part}` {what}"), change)?;
        }
    }
    Ok(())
}

/// Refuses what only forgotten versions need.
fn check_forgotten(
    part: &str,
    history: &History,
    versions: &Set,
    start: Option<&Boundary>,
    end: Option<&Boundary>,
) -> Result<()> {
    let oldest = history.oldest;
    if let Some(end) = end
        && versions.is_empty()
    {
        return Err(Error::new(
            end.span,
            format!(
                "version {oldest} is the oldest version that is left, and it does not have `{part}`: delete `{part}` \
                 and its functions. If you delete a variant, give the next variant its present tag, `tag = N`"
            ),
        ));
    }
    let is_constant = |change: &Boundary| {
        let mut has = history.versions().map(|version| history.has_change(change, version));
        has.next().is_none_or(|first| has.all(|other| other == first))
    };
    if history.oldest == 1 {
        return Ok(());
    }
    for (word, change) in [("start", start), ("end", end)] {
        if let Some(change) = change
            && is_constant(change)
        {
            return Err(Error::new(
                change.span,
                format!(
                    "`{word}` of `{part}` makes no difference: version {oldest} is the oldest version that is left. \
                     Delete `{word}` and its functions"
                ),
            ));
        }
    }
    Ok(())
}

impl Tied {
    fn check(self, part: &str, span: Span, history: &History, own: &[Boundary]) -> Result<Option<Semantic>> {
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
            Some(at) => {
                check_step(part, history, &at)?;
                vec![at]
            }
            None if own.is_empty() => {
                return Err(Error::new(
                    span,
                    format!(
                        "the functions of `{part}` never run, because every version has `{part}`. If its meaning changed, add \
                         `at = N`, the first version with the new meaning"
                    ),
                ));
            }
            None => own.to_vec(),
        };
        Ok(Some(Semantic {
            boundaries,
            ser_fn,
            de_fn,
        }))
    }
}

/// Checks that `at` names steps between versions that the source has.
fn check_step(part: &str, history: &History, at: &Boundary) -> Result<()> {
    let version = history.version;
    for &value in &at.versions {
        if value < 2 {
            return Err(Error::new(
                at.span,
                format!(
                    "`at = {value}` of `{part}` is not a step between versions: `at` is the version after the step, \
                     at least 2"
                ),
            ));
        }
        if value > version {
            return Err(Error::new(
                at.span,
                format!(
                    "`at = {value}` of `{part}` is the step from version {} to {value}, and the mirror's versions \
                     are 1 to {version}: increase `version` on the mirror, or correct `at`",
                    value - 1
                ),
            ));
        }
    }
    history.check_boundary(&format!("the meaning of `{part}` changes"), at)?;
    let latest = history.has_change(at, version);
    if history
        .versions()
        .all(|version| history.has_change(at, version) == latest)
    {
        return Err(Error::new(
            at.span,
            format!(
                "`at` of `{part}` makes no difference: version {} is the oldest version that is left. Delete the \
                 annotation and its functions",
                history.oldest
            ),
        ));
    }
    Ok(())
}

const KNOWN: &str = "`start`, `end`, `default_fn`, `ser_fn`, `de_fn`, `at`, `skip`, `ignorable`, `name`, `part`, \
                     `inner`, `bound`, `unit`, and `serde` with `max` and `layout`";

const KNOWN_OF_VARIANTS: &str = "`start`, `end`, `default_fn`, `name` and `tag`";
