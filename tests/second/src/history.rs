//! A history as data: mirrors whose versions are a tree, and releases.

/// A type on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// `bool`.
    Bool,
    /// `char`.
    Char,
    /// An integer with its bytes, and `true` if it is signed.
    Int(usize, bool),
    /// An array.
    Array(Box<Ty>, usize),
    /// An option.
    Option(Box<Ty>),
    /// A tuple.
    Tuple(Vec<Ty>),
    /// A sequence with its bound.
    Seq(Box<Ty>, usize),
    /// Text with its bound.
    Str(usize),
    /// A mirror, by its position.
    Mirror(usize),
}

/// The first versions with a change, one on each branch that has it.
pub type Change = Vec<u16>;

/// A semantic function of a field. Both directions change the first field of the mirror, which is a `u32` in every version:
/// up by `add`, and refused above `limit`; down by the same, and refused below it.
#[derive(Clone, Debug)]
pub struct Function {
    /// The change of meaning that it belongs to. `None` for the start and the end of the field.
    pub at: Option<Change>,
    /// The factor and the summand of the upgrade.
    pub add: u32,
    /// The highest number that is upgraded.
    pub limit: u32,
}

/// A field of a mirror or of a variant.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The type, with the bound of the latest version.
    pub ty: Ty,
    /// The versions that bring it. Empty if it was always there.
    pub start: Change,
    /// The versions that remove it.
    pub end: Change,
    /// The bound from each of these versions on. Empty if it never changed.
    pub bounds: Vec<(u16, usize)>,
    /// What a `default_fn` returns.
    pub default: Option<u8>,
    /// Its semantic functions.
    pub functions: Vec<Function>,
    /// Older readers may ignore it.
    pub ignorable: bool,
}

/// A variant of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The name.
    pub name: String,
    /// The tag.
    pub tag: u8,
    /// The fields.
    pub fields: Vec<Field>,
    /// The versions that bring it.
    pub start: Change,
    /// The versions that remove it.
    pub end: Change,
    /// The first variant stands in for it.
    pub stand_in: bool,
}

/// What a mirror is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A struct.
    Struct(Vec<Field>),
    /// An enum. The first variant has no fields and is in every version.
    Enum(Vec<Variant>),
}

/// A mirror.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The name.
    pub name: String,
    /// The version that each version goes on from, from version 1. Zero for the first.
    pub parents: Vec<u16>,
    /// The versions that the source has.
    pub known: Vec<u16>,
    /// What it is.
    pub shape: Shape,
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The number.
    pub number: u16,
    /// The position of the release that it goes on from.
    pub parent: Option<usize>,
    /// The version of each mirror.
    pub versions: Vec<Option<u16>>,
}

/// A history, or what one source of it knows.
#[derive(Clone, Debug)]
pub struct History {
    /// The name of the release table.
    pub table: Option<String>,
    /// The mirrors. A mirror holds only those before it.
    pub mirrors: Vec<Mirror>,
    /// The releases.
    pub releases: Vec<Release>,
}

impl Mirror {
    /// The latest version.
    pub fn latest(&self) -> u16 {
        self.known.last().copied().unwrap_or(0)
    }

    /// Whether `later` is `earlier` or goes on from it.
    pub fn leads(&self, earlier: u16, later: u16) -> bool {
        let mut at = later;
        while at > earlier {
            at = self.parents[usize::from(at) - 1];
        }
        at == earlier
    }

    /// Whether a version has a change.
    pub fn has(&self, change: &[u16], version: u16) -> bool {
        change.iter().any(|first| self.leads(*first, version))
    }

    /// Whether a version has what comes with one change and goes with another.
    pub fn has_item(&self, start: &[u16], end: &[u16], version: u16) -> bool {
        (start.is_empty() || self.has(start, version)) && !self.has(end, version)
    }

    /// The oldest version that the source has.
    pub fn oldest(&self) -> u16 {
        self.known.first().copied().unwrap_or(1)
    }

    /// The bound of a field at a version, if it ever changed.
    pub fn bound(&self, field: &Field, version: u16) -> Option<usize> {
        let mut at = version;
        while at > 0 {
            if let Some((_, bound)) = field.bounds.iter().find(|(from, _)| *from == at) {
                return Some(*bound);
            }
            at = self.parents[usize::from(at) - 1];
        }
        None
    }
}

impl Ty {
    /// The longest path below a value of the type.
    pub fn depth(&self, mirrors: &[Mirror]) -> usize {
        match self {
            Self::Bool | Self::Char | Self::Int(..) | Self::Str(_) => 0,
            Self::Array(element, _) | Self::Seq(element, _) => 1 + element.depth(mirrors),
            Self::Option(value) => value.depth(mirrors),
            Self::Tuple(parts) => 1 + parts.iter().map(|part| part.depth(mirrors)).max().unwrap_or(0),
            Self::Mirror(position) => {
                let fields: Vec<&Field> = match &mirrors[*position].shape {
                    Shape::Struct(fields) => fields.iter().collect(),
                    Shape::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
                };
                1 + fields.iter().map(|field| field.ty.depth(mirrors)).max().unwrap_or(0)
            }
        }
    }

    /// The type with another bound.
    pub fn bounded(&self, bound: Option<usize>) -> Self {
        match (self, bound) {
            (ty, None) => ty.clone(),
            (Self::Array(element, _), Some(n)) => Self::Array(element.clone(), n),
            (Self::Seq(element, _), Some(n)) => Self::Seq(element.clone(), n),
            (Self::Str(_), Some(n)) => Self::Str(n),
            (Self::Option(value), bound) => Self::Option(Box::new(value.bounded(bound))),
            (ty, Some(_)) => ty.clone(),
        }
    }
}
