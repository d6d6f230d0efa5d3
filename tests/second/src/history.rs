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
    Seq(Box<Ty>, usize, Held),
    /// Text with its bound.
    Str(usize, Held),
    /// A mirror, by its position.
    Mirror(usize),
    /// A foreign type with its bound.
    Foreign(Foreign, usize),
    /// A snapshot of the inner history, with the position of its root and its bound.
    Inner(usize, usize),
}

/// Where a sequence or text is after loading. The bytes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// In the mirror: `heapless::Vec` or `String`.
    Here,
    /// In the mirror: `heapless::Deque` or `String`.
    Queue,
    /// In the buffer that was loaded: `Bytes`, `Sequence` or `Str`.
    Borrowed,
}

/// A foreign type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// `u32`, which postcard writes as a number in base 128.
    Number,
    /// `f32`, which postcard writes as its bits.
    Float,
    /// `String`, which postcard writes as its length and UTF-8.
    Text,
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
    /// The versions that bring it. Empty if it was always there. A field of a variant has those of the variant.
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
    /// For each version of the mirror: the version of the mirror in the field, or the number of the inner release. Zero for a
    /// version without the field. Empty if the release says it.
    pub parts: Vec<u16>,
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
    /// It has a row in the release table. Otherwise it is a part only.
    pub row: bool,
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The number.
    pub number: u16,
    /// The position of the release that it goes on from.
    pub parent: Option<usize>,
    /// The version of each mirror.
    pub versions: Vec<u16>,
    /// The number of the release of the inner history.
    pub inner: u16,
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
    /// A history of other releases, whose snapshots are in fields.
    pub inner: Option<Box<History>>,
}

impl History {
    /// The position of the release with that number.
    pub fn position(&self, number: u16) -> Option<usize> {
        self.releases.iter().position(|release| release.number == number)
    }

    /// The mirrors that can be roots, and their positions.
    pub fn roots(&self) -> impl Iterator<Item = (usize, &Mirror)> {
        self.mirrors.iter().enumerate().filter(|(_, mirror)| mirror.row)
    }
}

impl Foreign {
    /// The name of its layout.
    pub fn layout(self) -> &'static str {
        match self {
            Self::Number => "number/1",
            Self::Float => "float/1",
            Self::Text => "text/1",
        }
    }
}

impl Shape {
    /// All fields.
    pub fn fields(&self) -> Vec<&Field> {
        match self {
            Self::Struct(fields) => fields.iter().collect(),
            Self::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
        }
    }
}

impl Field {
    /// The version of its part, or the number of its inner release, at a version of the owner.
    pub fn part(&self, version: u16) -> u16 {
        let at = usize::from(version).checked_sub(1);
        at.and_then(|at| self.parts.get(at)).copied().unwrap_or(0)
    }
}

/// A release of a history, and the version of the mirrors in a field.
#[derive(Clone, Copy, Debug)]
pub struct At<'h> {
    /// The history.
    pub history: &'h History,
    /// The position of the release.
    pub release: usize,
    /// The version of the mirrors, or the number of the inner release, if the owner says it. Zero otherwise.
    pub part: u16,
}

impl<'h> At<'h> {
    /// A release, by its position.
    pub fn new(history: &'h History, release: usize) -> Self {
        Self {
            history,
            release,
            part: 0,
        }
    }

    /// The version of a mirror.
    pub fn version(&self, mirror: usize) -> u16 {
        match self.part {
            0 => self.history.releases[self.release].versions[mirror],
            part => part,
        }
    }

    /// Whether it is the latest release.
    pub fn is_latest(&self) -> bool {
        self.part == 0 && self.release + 1 == self.history.releases.len()
    }

    /// The same release, for the mirrors in a field of an owner of that version.
    pub fn of(&self, field: &Field, version: u16) -> Self {
        Self {
            part: field.part(version),
            ..*self
        }
    }

    /// A release of the inner history, by its position.
    pub fn within(&self, release: usize) -> Self {
        Self::new(self.history.inner.as_ref().expect("a history within"), release)
    }

    /// The release of the inner history that belongs to the version of the owner.
    pub fn inner(&self) -> Self {
        let inner = self.within(0);
        Self::new(
            inner.history,
            inner
                .history
                .position(self.part)
                .expect("a release of the inner history"),
        )
    }
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
    pub fn depth(&self, history: &History) -> usize {
        match self {
            Self::Bool | Self::Char | Self::Int(..) | Self::Str(..) | Self::Foreign(..) => 0,
            Self::Array(element, _) | Self::Seq(element, ..) => 1 + element.depth(history),
            Self::Option(value) => value.depth(history),
            Self::Tuple(parts) => 1 + parts.iter().map(|part| part.depth(history)).max().unwrap_or(0),
            Self::Mirror(position) => {
                let fields = history.mirrors[*position].shape.fields();
                1 + fields.iter().map(|field| field.ty.depth(history)).max().unwrap_or(0)
            }
            Self::Inner(root, _) => history
                .inner
                .as_ref()
                .map_or(0, |inner| Self::Mirror(*root).depth(inner)),
        }
    }

    /// The root of the inner snapshot in a type.
    pub fn inner(&self) -> Option<usize> {
        match self {
            Self::Inner(root, _) => Some(*root),
            Self::Array(inner, _) | Self::Option(inner) | Self::Seq(inner, ..) => inner.inner(),
            _ => None,
        }
    }

    /// Returns `true` for a type of which the test says so, or a type that it is made of.
    pub fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::Array(inner, _) | Self::Option(inner) | Self::Seq(inner, ..) => inner.any(test),
                Self::Tuple(parts) => parts.iter().any(|part| part.any(test)),
                _ => false,
            }
    }

    /// The type with another bound.
    pub fn bounded(&self, bound: Option<usize>) -> Self {
        match (self, bound) {
            (ty, None) => ty.clone(),
            (Self::Array(element, _), Some(n)) => Self::Array(element.clone(), n),
            (Self::Seq(element, _, held), Some(n)) => Self::Seq(element.clone(), n, *held),
            (Self::Str(_, held), Some(n)) => Self::Str(n, *held),
            (Self::Foreign(foreign, _), Some(n)) => Self::Foreign(*foreign, n),
            (Self::Option(value), bound) => Self::Option(Box::new(value.bounded(bound))),
            (ty, Some(_)) => ty.clone(),
        }
    }
}
