//! The JSON of a schema as data.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A release table with its mirrors and their parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The name of the table, if it has one.
    #[serde(default)]
    pub table: Option<String>,
    /// The releases, by ascending number.
    pub releases: Vec<Release>,
    /// The mirrors: those with a row in the table, then their parts.
    pub mirrors: Vec<Mirror>,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The name in the source.
    pub name: String,
    /// The number in the header of a snapshot.
    pub number: u16,
    /// The number of the parent release, if the parent is not the previous release.
    #[serde(default)]
    pub from: Option<u16>,
    /// `true` if the release is pinned, so that it may not change any more.
    pub published: bool,
    /// The fingerprint of all layouts of the release, such as `0x69d4a974d871a6bc`.
    pub fingerprint: String,
}

/// A mirror in all its versions: a struct with fields, or an enum with variants.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// The wire name.
    pub name: String,
    /// The latest version.
    pub version: u16,
    /// The oldest version that is still read and written. Earlier ones are forgotten.
    #[serde(default = "one")]
    pub oldest: u16,
    /// The versions whose parent is not the version before them.
    #[serde(default)]
    pub branches: Vec<Branch>,
    /// For a mirror with branches: what changed, and the version with the change on each branch.
    #[serde(default)]
    pub changes: Vec<Step>,
    /// The maximum length in bytes, over all versions.
    pub max_len: u64,
    /// The version in each release of the table. `None` if the release does not have the mirror.
    pub releases: Vec<Option<u16>>,
    /// The fingerprints of the versions, from version 1. `None` for a version that the product does not have.
    pub layouts: Vec<Option<String>>,
    /// The fields of a struct, of all versions, in wire order. `None` for an enum.
    #[serde(default)]
    pub fields: Option<Vec<Field>>,
    /// The variants of an enum, of all versions. `None` for a struct.
    #[serde(default)]
    pub variants: Option<Vec<Variant>>,
}

/// A version whose parent is not the version before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The version.
    pub version: u16,
    /// The parent.
    pub from: u16,
}

/// A change of a mirror with branches.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The name of the field or variant.
    pub name: String,
    /// What changed.
    pub kind: StepKind,
    /// The first version with the change, for each branch that has the change.
    pub versions: Vec<u16>,
}

/// The kind of a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// The field or variant was added.
    Start,
    /// The field or variant was removed.
    End,
    /// The field has another meaning.
    Meaning,
    /// The field has another bound.
    Bound,
}

/// Versions without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first version.
    pub start: u16,
    /// The first version after the range, if there is one.
    pub end: Option<u16>,
}

const fn one() -> u16 {
    1
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The wire name.
    pub name: String,
    /// The byte on the wire.
    pub tag: u8,
    /// The first version with the variant.
    pub start: u16,
    /// The first version without it, if it was removed.
    pub end: Option<u16>,
    /// Further versions with the variant. The versions in the gaps belong to a branch without it.
    #[serde(default)]
    pub more: Vec<Span>,
    /// The fields, in wire order.
    pub fields: Vec<Field>,
}

/// A field of a mirror or of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The wire name.
    pub name: String,
    /// The first version with the field.
    pub start: u16,
    /// The first version without it, if it was removed.
    pub end: Option<u16>,
    /// Further versions with the field. The versions in the gaps belong to a branch without it.
    #[serde(default)]
    pub more: Vec<Span>,
    /// `true` if older readers may ignore the field.
    pub ignorable: bool,
    /// The type on the wire.
    #[serde(rename = "type")]
    pub ty: Type,
    /// For a part: its version in each version of the owner. Empty for another field.
    #[serde(default)]
    pub part: Vec<Option<u16>>,
    /// For an inner snapshot: the number of its release in each version of the owner. Empty for another field.
    #[serde(default)]
    pub inner: Vec<Option<u16>>,
    /// For a field whose bound changed: the bound in each version of the owner. Empty for another field.
    #[serde(default)]
    pub bounds: Vec<Option<u64>>,
    /// The unit of the number, such as `ns`.
    #[serde(default)]
    pub unit: Option<String>,
}

/// A type on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Type {
    /// One byte, 0 or 1.
    Bool,
    /// A character.
    Char,
    /// An unsigned integer.
    Uint {
        /// The width in bits.
        bits: u16,
    },
    /// A signed integer.
    Int {
        /// The width in bits.
        bits: u16,
    },
    /// An array.
    Array {
        /// The type of the elements.
        of: Box<Type>,
        /// The number of elements.
        len: u64,
    },
    /// An option.
    Option {
        /// The type of the value.
        of: Box<Type>,
    },
    /// A tuple.
    Tuple {
        /// The types of the parts.
        of: Vec<Type>,
    },
    /// A sequence.
    Seq {
        /// The type of the elements.
        of: Box<Type>,
        /// The maximum number of elements.
        max: u64,
    },
    /// Text.
    Str {
        /// The maximum number of bytes.
        max: u64,
    },
    /// Another mirror.
    Mirror {
        /// Its wire name.
        name: String,
    },
    /// A foreign serde type. The schema does not describe its bytes.
    Foreign {
        /// The name of its layout.
        layout: String,
        /// The maximum number of bytes.
        max: u64,
    },
}

impl Field {
    /// Returns `true` if a version of the owner has the field.
    pub(crate) fn is_in(&self, version: u16) -> bool {
        is_in(self.start, self.end, &self.more, version)
    }

    /// Returns the versions of the owner that have the field, as text: `2..5`.
    pub(super) fn versions(&self) -> String {
        versions(self.start, self.end, &self.more)
    }

    /// Returns the bound at a version of the owner, if it is not that of the type in every version.
    pub(crate) fn bound_at(&self, version: u16) -> Option<u64> {
        *self.bounds.get(usize::from(version).checked_sub(1)?)?
    }

    /// Returns the type at a version of the owner.
    pub(crate) fn type_at(&self, version: u16) -> Type {
        let mut ty = self.ty.clone();
        if let (Some(bound), Some(own)) = (self.bound_at(version), ty.bound_mut()) {
            *own = bound;
        }
        ty
    }

    /// Returns the version of the part in this field at a version of the owner.
    pub(crate) fn part_at(&self, version: u16) -> Option<u16> {
        *self.part.get(usize::from(version).checked_sub(1)?)?
    }
}

impl Variant {
    /// Returns `true` if a version of the enum has the variant.
    pub(crate) fn is_in(&self, version: u16) -> bool {
        is_in(self.start, self.end, &self.more, version)
    }

    /// Returns the versions of the enum that have the variant, as text: `2..5`.
    pub(super) fn versions(&self) -> String {
        versions(self.start, self.end, &self.more)
    }
}

fn versions(start: u16, end: Option<u16>, more: &[Span]) -> String {
    let text = |span: &Span| match span.end {
        Some(end) => format!("{}..{end}", span.start),
        None => format!("{}..", span.start),
    };
    let spans: Vec<String> = [Span { start, end }].iter().chain(more).map(text).collect();
    spans.join(" ")
}

fn is_in(start: u16, end: Option<u16>, more: &[Span], version: u16) -> bool {
    let contains = |span: &Span| span.start <= version && span.end.is_none_or(|end| version < end);
    contains(&Span { start, end }) || more.iter().any(contains)
}

impl Type {
    /// Returns the bound that the annotation of a field changes: that of the value, also in an option.
    fn bound_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Array { len: bound, .. }
            | Self::Seq { max: bound, .. }
            | Self::Str { max: bound }
            | Self::Foreign { max: bound, .. } => Some(bound),
            Self::Option { of } => of.bound_mut(),
            Self::Bool
            | Self::Char
            | Self::Uint { .. }
            | Self::Int { .. }
            | Self::Tuple { .. }
            | Self::Mirror { .. } => None,
        }
    }
}

/// The versions that have a field or variant, by its name: the first one, and the first one without it.
pub(super) type Ranges = BTreeMap<String, (u16, Option<u16>)>;

/// A field or variant of one version, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// For a field of a variant: the name of the variant.
    pub(super) variant: Option<String>,
    pub(super) text: String,
    pub(super) ty: Option<Type>,
}

impl Mirror {
    pub(crate) fn own_fields(&self) -> &[Field] {
        self.fields.as_deref().unwrap_or_default()
    }

    pub(crate) fn all_variants(&self) -> &[Variant] {
        self.variants.as_deref().unwrap_or_default()
    }

    /// Every field, with the name of its variant in front for one of a variant.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = (String, &Field)> {
        let own = self.own_fields().iter().map(|field| (field.name.clone(), field));
        let of_variants = self.all_variants().iter().flat_map(|variant| {
            let fields = variant.fields.iter();
            fields.map(move |field| (format!("{}.{}", variant.name, field.name), field))
        });
        own.chain(of_variants)
    }

    /// What one version has, in wire order: fields by name, those of variants behind the variant.
    pub(super) fn members(&self, version: u16) -> Vec<Member> {
        let member = |name: String, variant: Option<&Variant>, field: &Field| {
            let ty = field.type_at(version);
            let text = ty.to_string();
            Member {
                name,
                variant: variant.map(|variant| variant.name.clone()),
                text,
                ty: Some(ty),
            }
        };
        let fields = self.own_fields().iter().filter(|field| field.is_in(version));
        let mut members: Vec<Member> = fields.map(|field| member(field.name.clone(), None, field)).collect();
        for variant in self.all_variants().iter().filter(|variant| variant.is_in(version)) {
            members.push(Member {
                name: variant.name.clone(),
                variant: None,
                text: format!("variant {}", variant.tag),
                ty: None,
            });
            let fields = variant.fields.iter().filter(|field| field.is_in(version));
            members
                .extend(fields.map(|field| member(format!("{}.{}", variant.name, field.name), Some(variant), field)));
        }
        members
    }

    /// The fields that are parts or inner snapshots, with the version or the release in one version of the mirror, as text.
    pub(super) fn part_versions(&self, version: u16) -> BTreeMap<String, String> {
        let at = |numbers: &[Option<u16>]| numbers.get(usize::from(version).wrapping_sub(1)).copied().flatten();
        let text = |what: &str, number: Option<u16>| match number {
            Some(number) => format!("{what} {number}"),
            None => format!("no {what}"),
        };
        let of = |field: &Field| match (field.part.as_slice(), field.inner.as_slice()) {
            ([], []) => None,
            ([], inner) => Some(text("release", at(inner))),
            (part, _) => Some(text("version", at(part))),
        };
        self.all_fields()
            .filter_map(|(name, field)| Some((name, of(field)?)))
            .collect()
    }

    /// Every field and variant that ever was, with the versions that have it.
    pub(super) fn ranges(&self) -> Ranges {
        let fields = self.own_fields().iter();
        let fields = fields.map(|field| (field.name.clone(), (field.start, field.end)));
        let variants = self.all_variants().iter();
        let variants = variants.map(|variant| (variant.name.clone(), (variant.start, variant.end)));
        fields.chain(variants).collect()
    }

    /// Returns the versions that have a field or variant, as text. `None` if no version ever had it.
    pub(super) fn versions_of(&self, name: &str) -> Option<String> {
        let fields = self.all_fields().map(|(name, field)| (name, field.versions()));
        let variants = self
            .all_variants()
            .iter()
            .map(|variant| (variant.name.clone(), variant.versions()));
        let mut all = fields.chain(variants);
        all.find_map(|(known, versions)| (known == name).then_some(versions))
    }

    pub(super) fn layout(&self, version: u16) -> Option<&str> {
        let index = usize::from(version).checked_sub(1)?;
        self.layouts.get(index)?.as_deref()
    }

    /// Returns the parent of a version. `None` for version 1.
    pub(super) fn parent(&self, version: u16) -> Option<u16> {
        let branch = self.branches.iter().find(|branch| branch.version == version);
        branch
            .map_or_else(|| version.checked_sub(1), |branch| Some(branch.from))
            .filter(|parent| *parent > 0)
    }
}

/// Prints the type as in the text of a layout: `seq<u8,16>`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Char => f.write_str("char"),
            Self::Uint { bits } => write!(f, "u{bits}"),
            Self::Int { bits } => write!(f, "i{bits}"),
            Self::Array { of, len } => write!(f, "[{of};{len}]"),
            Self::Option { of } => write!(f, "option<{of}>"),
            Self::Tuple { of } => {
                f.write_str("(")?;
                for (position, part) in of.iter().enumerate() {
                    write!(f, "{}{part}", if position == 0 { "" } else { "," })?;
                }
                f.write_str(")")
            }
            Self::Seq { of, max } => write!(f, "seq<{of},{max}>"),
            Self::Str { max } => write!(f, "str<{max}>"),
            Self::Mirror { name } => f.write_str(name),
            Self::Foreign { layout, max } => write!(f, "foreign<{layout},{max}>"),
        }
    }
}
