//! A table as `cargo xtask schema --json` prints it.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dump {
    /// The name of the table, if it has one.
    pub(crate) table: Option<String>,
    pub(crate) releases: Vec<Release>,
    pub(crate) mirrors: Vec<Mirror>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) number: u16,
    pub(crate) published: bool,
    pub(crate) fingerprint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mirror {
    pub(crate) name: String,
    pub(crate) version: u16,
    pub(crate) max_len: usize,
    /// Its version in each release of the dump.
    pub(crate) releases: Vec<Option<u16>>,
    pub(crate) layouts: Vec<String>,
    #[serde(default)]
    pub(crate) fields: Vec<Field>,
    #[serde(default)]
    pub(crate) variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) tag: u8,
    pub(crate) start: u16,
    pub(crate) end: Option<u16>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) start: u16,
    pub(crate) end: Option<u16>,
    pub(crate) ignorable: bool,
    #[serde(rename = "type")]
    pub(crate) ty: Type,
    /// For a part: its version in each version of the owner. Empty for another field, and in older dumps.
    #[serde(default)]
    pub(crate) part: Vec<Option<u16>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Type {
    Bool,
    Char,
    Uint { bits: u16 },
    Int { bits: u16 },
    Array { of: Box<Type>, len: usize },
    Option { of: Box<Type> },
    Tuple { of: Vec<Type> },
    Seq { of: Box<Type>, max: usize },
    Str { max: usize },
    Mirror { name: String },
    Foreign { layout: String, max: usize },
}

impl Dump {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no dump of a schema", file.display()))
    }

    pub(crate) fn mirror(&self, name: &str) -> Option<&Mirror> {
        self.mirrors.iter().find(|mirror| mirror.name == name)
    }

    pub(crate) fn release(&self, number: u16) -> Option<&Release> {
        self.releases.iter().find(|release| release.number == number)
    }

    /// The version of a mirror in the release with that number.
    pub(crate) fn version_in(&self, mirror: &Mirror, number: u16) -> Option<u16> {
        let position = self.releases.iter().position(|release| release.number == number)?;
        *mirror.releases.get(position)?
    }

    /// Whether some published release has that version of the mirror.
    pub(crate) fn is_published(&self, mirror: &Mirror, version: u16) -> bool {
        let mut columns = self.releases.iter().zip(&mirror.releases);
        columns.any(|(release, at)| release.published && *at == Some(version))
    }
}

impl Mirror {
    /// What one version has, in wire order: fields by name, those of variants behind the variant's.
    pub(crate) fn parts(&self, version: u16) -> Vec<Part> {
        let has = |start: u16, end: Option<u16>| version >= start && end.is_none_or(|end| version < end);
        let fields = self.fields.iter().filter(|field| has(field.start, field.end));
        let mut parts: Vec<Part> = fields
            .map(|field| Part::new(field.name.clone(), field.ty.to_string(), Some(field)))
            .collect();
        for variant in self.variants.iter().filter(|variant| has(variant.start, variant.end)) {
            parts.push(Part::new(
                variant.name.clone(),
                format!("variant {}", variant.tag),
                None,
            ));
            for field in &variant.fields {
                let name = format!("{}.{}", variant.name, field.name);
                parts.push(Part::new(name, field.ty.to_string(), Some(field)));
            }
        }
        parts
    }

    /// The fields that are parts, with the part's version in one version of the mirror.
    pub(crate) fn part_versions(&self, version: u16) -> BTreeMap<String, Option<u16>> {
        let own = self.fields.iter().map(|field| (field.name.clone(), field));
        let of_variants = self.variants.iter().flat_map(|variant| {
            let fields = variant.fields.iter();
            fields.map(move |field| (format!("{}.{}", variant.name, field.name), field))
        });
        own.chain(of_variants)
            .filter(|(_, field)| !field.part.is_empty())
            .map(|(name, field)| {
                let at = usize::from(version).checked_sub(1);
                (name, at.and_then(|at| *field.part.get(at)?))
            })
            .collect()
    }

    /// Every field and variant that ever was, with the versions that have it.
    pub(crate) fn ranges(&self) -> BTreeMap<String, (u16, Option<u16>)> {
        let fields = self
            .fields
            .iter()
            .map(|field| (field.name.clone(), (field.start, field.end)));
        let variants = self
            .variants
            .iter()
            .map(|variant| (variant.name.clone(), (variant.start, variant.end)));
        fields.chain(variants).collect()
    }

    pub(crate) fn layout(&self, version: u16) -> Option<&str> {
        let index = usize::from(version).checked_sub(1)?;
        self.layouts.get(index).map(String::as_str)
    }
}

/// A field or variant of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) ty: Option<Type>,
}

impl Part {
    fn new(name: String, text: String, field: Option<&Field>) -> Self {
        let ty = field.map(|field| field.ty.clone());
        Self { name, text, ty }
    }
}

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
                let parts: Vec<_> = of.iter().map(ToString::to_string).collect();
                write!(f, "({})", parts.join(","))
            }
            Self::Seq { of, max } => write!(f, "seq<{of},{max}>"),
            Self::Str { max } => write!(f, "str<{max}>"),
            Self::Mirror { name } => f.write_str(name),
            Self::Foreign { layout, max } => write!(f, "foreign<{layout},{max}>"),
        }
    }
}
