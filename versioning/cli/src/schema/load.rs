//! Reads a schema, and refuses a schema that no release table can have. An accepted schema needs no further checks.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt;

use super::document::{Document, Field, Mirror, Release, Type};
use crate::failure::{is_printable, printable};

/// The maximum length of a file in bytes.
pub const MAX_FILE_LEN: u64 = 16 << 20;

/// The maximum length of a name in bytes.
pub const MAX_NAME_LEN: usize = 200;

/// The maximum number of steps from a mirror to a field: fields, elements and parts of tuples. The library has the same limit.
pub const MAX_STEPS: usize = devstate_versioning::schema::MAX_DEPTH;

/// The maximum number of options directly in each other.
const MAX_OPTIONS: usize = 16;

/// The maximum number of fields, variants and types in all versions of all mirrors together.
const MAX_MEMBERS: usize = 1_000_000;

/// The maximum number of them in all releases together.
const MAX_IN_RELEASES: usize = 50_000_000;

/// A valid schema: every name is known, every version exists, and nothing contains itself.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(crate) document: Document,
    /// The position of each mirror, and the type that names it.
    positions: HashMap<String, (usize, Type)>,
    /// The position of each release, by its number.
    numbers: HashMap<u16, usize>,
}

/// Why a text is not a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The place in the schema, such as `PortSer.rx`. Empty if the error belongs to the whole schema.
    pub place: String,
    /// What is wrong: one clause without a full stop.
    pub what: String,
}

impl Schema {
    /// Reads the JSON that `devstate_versioning::schema::Json` prints.
    ///
    /// ```
    /// use devstate_cli::schema::Schema;
    ///
    /// let schema = Schema::from_json(br#"{"releases": [], "mirrors": []}"#)?;
    /// assert!(schema.document().mirrors.is_empty());
    /// assert!(Schema::from_json(b"{}").is_err());
    /// # Ok::<(), devstate_cli::schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaError`] if the text is not JSON, or if no release table can have this schema.
    pub fn from_json(json: &[u8]) -> Result<Self, SchemaError> {
        if json.len() as u64 > MAX_FILE_LEN {
            return refuse("", format!("longer than {MAX_FILE_LEN} bytes"));
        }
        let document: Document = serde_json::from_slice(json).map_err(|error| SchemaError {
            place: String::new(),
            what: printable(&error.to_string()),
        })?;
        let mut positions = HashMap::new();
        for (position, mirror) in document.mirrors.iter().enumerate() {
            let name = mirror.name.clone();
            if positions
                .insert(name.clone(), (position, Type::Mirror { name }))
                .is_some()
            {
                return refuse(&mirror.name, "two mirrors have this name");
            }
        }
        let releases = document.releases.iter().enumerate();
        let numbers = releases.map(|(position, release)| (release.number, position)).collect();
        let schema = Self {
            document,
            positions,
            numbers,
        };
        schema.check()?;
        Ok(schema)
    }

    /// Returns the data of the schema.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the mirror with that name.
    #[must_use]
    pub fn mirror(&self, name: &str) -> Option<&Mirror> {
        let (position, _) = self.positions.get(name)?;
        self.document.mirrors.get(*position)
    }

    /// Returns the type that names a mirror.
    pub(crate) fn type_of(&self, mirror: &Mirror) -> Option<&Type> {
        self.positions.get(&mirror.name).map(|(_, ty)| ty)
    }

    /// Returns the mirrors that are no parts of others.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Mirror> {
        let all = self.document.mirrors.iter();
        let fields = all.flat_map(|mirror| {
            let of_variants = mirror.all_variants().iter().flat_map(|variant| &variant.fields);
            mirror.own_fields().iter().chain(of_variants)
        });
        let mut parts = BTreeSet::new();
        for field in fields.filter(|field| !field.part.is_empty()) {
            super::fingerprint::each_mirror(&field.ty, &mut |name| {
                parts.insert(name);
            });
        }
        let rows = self.document.mirrors.iter();
        rows.filter(move |mirror| !parts.contains(mirror.name.as_str()))
    }

    pub(crate) fn release(&self, number: u16) -> Option<&Release> {
        self.document.releases.get(self.position_of(number)?)
    }

    /// Returns the position of the release with that number.
    pub(crate) fn position_of(&self, number: u16) -> Option<usize> {
        self.numbers.get(&number).copied()
    }

    /// Returns the version of a mirror in the release with that number.
    pub(crate) fn version_in(&self, mirror: &Mirror, number: u16) -> Option<u16> {
        *mirror.releases.get(self.position_of(number)?)?
    }

    /// Returns the published releases that have a mirror, each with its version.
    pub(crate) fn published<'s>(&'s self, mirror: &'s Mirror) -> impl Iterator<Item = (&'s Release, u16)> {
        let columns = self.document.releases.iter().zip(&mirror.releases);
        let published = columns.filter(|(release, _)| release.published);
        published.filter_map(|(release, version)| version.map(|version| (release, version)))
    }

    fn check(&self) -> Result<(), SchemaError> {
        let Document {
            table,
            releases,
            mirrors,
        } = &self.document;
        if let Some(table) = table {
            check_name("table", table)?;
        }
        let mut last = 0;
        for release in releases {
            check_name("releases", &release.name)?;
            if release.number <= last {
                return refuse(&release.name, "its number is not above the one of the release before");
            }
            last = release.number;
            check_fingerprint(&release.name, &release.fingerprint)?;
        }
        let mut depths = HashMap::new();
        let mut size = 0;
        for mirror in mirrors {
            size += usize::from(mirror.version) * members(mirror);
            if size > MAX_MEMBERS {
                return refuse(
                    &mirror.name,
                    format!("more than {MAX_MEMBERS} fields in all versions together"),
                );
            }
            self.check_mirror(mirror)?;
            self.depth(mirror, 0, &mut depths)?;
        }
        if size.saturating_mul(releases.len()) > MAX_IN_RELEASES {
            return refuse(
                "",
                format!("more than {MAX_IN_RELEASES} fields in all releases together"),
            );
        }
        Ok(())
    }

    fn check_mirror(&self, mirror: &Mirror) -> Result<(), SchemaError> {
        let name = &mirror.name;
        check_name("mirrors", name)?;
        if mirror.version == 0 || mirror.layouts.len() != usize::from(mirror.version) {
            let what = format!("version {}, and {} layouts", mirror.version, mirror.layouts.len());
            return refuse(name, what);
        }
        for layout in mirror.layouts.iter().flatten() {
            check_fingerprint(name, layout)?;
        }
        if mirror.releases.len() != self.document.releases.len() {
            let what = format!(
                "versions for {} releases, and there are {}",
                mirror.releases.len(),
                self.document.releases.len()
            );
            return refuse(name, what);
        }
        for version in mirror.releases.iter().flatten() {
            check_version(name, *version, mirror.version)?;
        }
        for branch in &mirror.branches {
            check_version(name, branch.version, mirror.version)?;
            if branch.from == 0 || branch.from >= branch.version {
                return refuse(
                    name,
                    format!(
                        "version {} has parent {}, which is not an earlier version",
                        branch.version, branch.from
                    ),
                );
            }
        }
        for step in &mirror.changes {
            check_name(name, &step.name)?;
        }
        match (&mirror.fields, &mirror.variants) {
            (Some(fields), None) => self.check_fields(name, mirror, fields),
            (None, Some(variants)) => {
                let mut last = None;
                for variant in variants {
                    let place = format!("{name}.{}", variant.name);
                    check_name(name, &variant.name)?;
                    check_range(&place, variant.start, variant.end)?;
                    if variant.tag >= 128 || last.is_some_and(|last| variant.tag <= last) {
                        return refuse(&place, format!("tag {}: tags ascend from 0 to 127", variant.tag));
                    }
                    last = Some(variant.tag);
                    self.check_fields(&place, mirror, &variant.fields)?;
                }
                Ok(())
            }
            _ => refuse(name, "either `fields` or `variants` is needed"),
        }
    }

    fn check_fields(&self, place: &str, mirror: &Mirror, fields: &[Field]) -> Result<(), SchemaError> {
        for field in fields {
            check_name(place, &field.name)?;
            let place = format!("{place}.{}", field.name);
            check_range(&place, field.start, field.end)?;
            if let Some(unit) = &field.unit {
                check_name(&place, unit)?;
            }
            if !field.bounds.is_empty() && field.bounds.len() != usize::from(mirror.version) {
                return refuse(&place, "`bounds` has another number of versions than the mirror");
            }
            if !field.part.is_empty() && field.part.len() != usize::from(mirror.version) {
                return refuse(&place, "`part` has another number of versions than the mirror");
            }
            self.check_type(&place, field, &field.ty)?;
        }
        Ok(())
    }

    /// The parser has limited the nesting.
    fn check_type(&self, place: &str, field: &Field, ty: &Type) -> Result<(), SchemaError> {
        match ty {
            Type::Uint { bits } | Type::Int { bits } => match bits {
                8 | 16 | 32 | 64 | 128 => Ok(()),
                _ => refuse(place, format!("an integer of {bits} bits")),
            },
            Type::Array { of, .. } | Type::Seq { of, .. } | Type::Option { of } => self.check_type(place, field, of),
            Type::Tuple { of } => of.iter().try_for_each(|part| self.check_type(place, field, part)),
            Type::Mirror { name } => {
                let Some(mirror) = self.mirror(name) else {
                    return refuse(place, format!("there is no mirror `{}`", name.escape_debug()));
                };
                let mut versions = field.part.iter().flatten();
                versions.try_for_each(|version| check_version(place, *version, mirror.version))
            }
            Type::Foreign { layout, .. } => check_name(place, layout),
            Type::Bool | Type::Char | Type::Str { .. } => Ok(()),
        }
    }

    /// Returns the number of steps to the deepest field of a mirror that lies `above` steps deep itself.
    ///
    /// A mirror that contains itself is too deep, so this ends.
    fn depth<'s>(
        &'s self,
        mirror: &'s Mirror,
        above: usize,
        known: &mut HashMap<&'s str, usize>,
    ) -> Result<usize, SchemaError> {
        let depth = match known.get(mirror.name.as_str()) {
            Some(depth) => *depth,
            None => {
                let mut deepest = 0;
                let of_variants = mirror.all_variants().iter().flat_map(|variant| &variant.fields);
                for field in mirror.own_fields().iter().chain(of_variants) {
                    let depth = 1 + self
                        .type_depth(&field.ty, above + 1, 0, known)
                        .map_err(|error| SchemaError {
                            place: format!("{}.{}", mirror.name, field.name),
                            ..error
                        })?;
                    deepest = deepest.max(depth);
                }
                known.insert(&mirror.name, deepest);
                deepest
            }
        };
        if above + depth > MAX_STEPS {
            return refuse(
                &mirror.name,
                format!("nested in more than {MAX_STEPS} levels, or contains itself"),
            );
        }
        Ok(depth)
    }

    fn type_depth<'s>(
        &'s self,
        ty: &'s Type,
        above: usize,
        options: usize,
        known: &mut HashMap<&'s str, usize>,
    ) -> Result<usize, SchemaError> {
        if above > MAX_STEPS || options > MAX_OPTIONS {
            return refuse(
                "",
                format!("nested in more than {MAX_STEPS} levels, or contains itself"),
            );
        }
        match ty {
            Type::Array { of, .. } | Type::Seq { of, .. } => Ok(1 + self.type_depth(of, above + 1, 0, known)?),
            Type::Tuple { of } => of.iter().try_fold(0, |deepest: usize, part| {
                Ok(deepest.max(1 + self.type_depth(part, above + 1, 0, known)?))
            }),
            Type::Option { of } => self.type_depth(of, above, options + 1, known),
            Type::Mirror { name } => match self.mirror(name) {
                Some(mirror) => self.depth(mirror, above, known),
                None => refuse("", format!("there is no mirror `{}`", name.escape_debug())),
            },
            Type::Bool
            | Type::Char
            | Type::Uint { .. }
            | Type::Int { .. }
            | Type::Str { .. }
            | Type::Foreign { .. } => Ok(0),
        }
    }
}

/// Returns what a version of a mirror can have at most: itself, and each field, variant and type.
fn members(mirror: &Mirror) -> usize {
    let types = |fields: &[Field]| -> usize { fields.iter().map(|field| 1 + types_in(&field.ty)).sum() };
    let variants = mirror.all_variants().iter();
    1 + types(mirror.own_fields()) + variants.map(|variant| 1 + types(&variant.fields)).sum::<usize>()
}

fn types_in(ty: &Type) -> usize {
    match ty {
        Type::Array { of, .. } | Type::Seq { of, .. } | Type::Option { of } => 1 + types_in(of),
        Type::Tuple { of } => 1 + of.iter().map(types_in).sum::<usize>(),
        _ => 1,
    }
}

fn refuse<T>(place: &str, what: impl Into<String>) -> Result<T, SchemaError> {
    let (place, what) = (place.into(), what.into());
    Err(SchemaError { place, what })
}

/// A name is printed on terminals.
fn check_name(place: &str, name: &str) -> Result<(), SchemaError> {
    if name.len() > MAX_NAME_LEN {
        return refuse(
            place,
            format!("a name of {} bytes, at most {MAX_NAME_LEN} are allowed", name.len()),
        );
    }
    if name.is_empty() || !is_printable(name) {
        return refuse(place, format!("the name \"{}\" cannot be printed", name.escape_debug()));
    }
    Ok(())
}

fn check_version(place: &str, version: u16, latest: u16) -> Result<(), SchemaError> {
    if version == 0 || version > latest {
        return refuse(place, format!("version {version}, and the latest is {latest}"));
    }
    Ok(())
}

fn check_range(place: &str, start: u16, end: Option<u16>) -> Result<(), SchemaError> {
    if start == 0 || end.is_some_and(|end| end <= start) {
        return refuse(place, "its versions are empty or start at 0");
    }
    Ok(())
}

fn check_fingerprint(place: &str, text: &str) -> Result<(), SchemaError> {
    let number = text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
    if number.is_some_and(|number| number.is_ok()) {
        return Ok(());
    }
    let text: String = text.chars().take(30).collect();
    refuse(place, format!("\"{}\" is no fingerprint", text.escape_debug()))
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)
    }
}

impl Error for SchemaError {}
