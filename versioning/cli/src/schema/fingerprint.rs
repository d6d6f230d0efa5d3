//! Computes fingerprints from the layouts in the schema. It does not use the fingerprints in the schema. FORMAT.md
//! defines them.

use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;

use devstate_versioning::wire::fnv1a;

use super::document::{Field, Mirror, Type};
use super::load::Schema;

/// The maximum number of mirrors that are hashed for all roots together. The compiler gives up at about 20,000 for one root.
const MAX_MIRRORS: usize = 2_000_000;

const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Mirror {
    /// Returns the text that the fingerprint of one version hashes.
    #[must_use]
    pub fn layout_text(&self, version: u16) -> String {
        let mut text = format!("{}@{version}", self.name);
        let Some(variants) = &self.variants else {
            push_fields(&mut text, self.own_fields(), version);
            return text;
        };
        text.push('<');
        let there = variants.iter().filter(|variant| variant.is_in(version));
        for (position, variant) in there.enumerate() {
            let comma = if position == 0 { "" } else { "," };
            // Writing to a `String` does not fail.
            let _ = write!(text, "{comma}{}={}", variant.tag, variant.name);
            if !variant.fields.is_empty() {
                push_fields(&mut text, &variant.fields, version);
            }
        }
        text.push('>');
        text
    }

    /// Returns the fingerprint of one version.
    #[must_use]
    pub fn layout_fingerprint(&self, version: u16) -> u64 {
        fnv1a(self.layout_text(version).as_bytes())
    }
}

fn push_fields(text: &mut String, fields: &[Field], version: u16) {
    text.push('{');
    let there = fields.iter().filter(|field| field.is_in(version));
    for (position, field) in there.enumerate() {
        let comma = if position == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}:{}", field.name, field.type_at(version));
    }
    text.push('}');
}

impl Schema {
    /// Returns the mirrors whose snapshots at a release have this fingerprint in their header.
    ///
    /// `None` if the mirrors contain more mirrors than a compiler accepts.
    #[must_use]
    pub fn roots(&self, number: u16, fingerprint: u64) -> Option<Vec<&Mirror>> {
        let Some(release) = self.position_of(number) else {
            return Some(Vec::new());
        };
        let mut reach = Reach::new(self, release);
        let mut found = Vec::new();
        for mirror in &self.document.mirrors {
            if reach.root(mirror)? == Some(fingerprint) {
                found.push(mirror);
            }
        }
        Some(found)
    }

    /// Returns the fingerprint of the release at a position.
    #[must_use]
    pub fn release_fingerprint(&self, release: usize) -> u64 {
        let mut open: Vec<(&Mirror, u16)> = Vec::new();
        for mirror in &self.document.mirrors {
            open.extend(
                mirror
                    .releases
                    .get(release)
                    .copied()
                    .flatten()
                    .map(|version| (mirror, version)),
            );
        }
        let mut layouts: HashMap<(&str, u16), u64> = HashMap::new();
        while let Some((mirror, version)) = open.pop() {
            if layouts.contains_key(&(mirror.name.as_str(), version)) {
                continue;
            }
            layouts.insert((&mirror.name, version), mirror.layout_fingerprint(version));
            for field in fields_of(mirror, version) {
                if let Some(part) = field.part_at(version) {
                    each_mirror(&field.ty, &mut |name| {
                        open.extend(self.mirror(name).map(|mirror| (mirror, part)));
                    });
                }
            }
        }
        let sum = layouts.values().fold(0_u64, |sum, layout| sum.wrapping_add(*layout));
        match self.document.table.as_deref() {
            None | Some("") => sum,
            Some(table) => sum.wrapping_add(fnv1a(table.as_bytes())),
        }
    }
}

/// Hashes the layouts of roots and of all mirrors below them, at one release.
struct Reach<'s> {
    schema: &'s Schema,
    release: usize,
    /// What was found out about the versions of mirrors.
    nodes: HashMap<Version<'s>, Rc<Node<'s>>>,
    left: usize,
}

/// A version of the mirror with that name.
type Version<'s> = (&'s str, u16);

struct Node<'s> {
    layout: u64,
    /// The mirrors in its fields, in wire order.
    below: Vec<Version<'s>>,
}

impl<'s> Reach<'s> {
    fn new(schema: &'s Schema, release: usize) -> Self {
        Self {
            schema,
            release,
            nodes: HashMap::new(),
            left: MAX_MIRRORS,
        }
    }

    /// Returns the fingerprint of a root, if the release has it. `None` if the limit was reached.
    #[expect(clippy::option_option, reason = "one is for the limit")]
    fn root(&mut self, root: &'s Mirror) -> Option<Option<u64>> {
        let Some(version) = root.releases.get(self.release).copied().flatten() else {
            return Some(None);
        };
        let hash = self.hash(fnv1a(&[]), (&root.name, version))?;
        let table = self.schema.document.table.as_deref().unwrap_or_default();
        Some(Some(onto(hash, table.as_bytes())))
    }

    fn hash(&mut self, hash: u64, at: Version<'s>) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let node = match self.nodes.get(&at) {
            Some(node) => Rc::clone(node),
            None => {
                let node = Rc::new(self.node(at)?);
                self.nodes.insert(at, Rc::clone(&node));
                node
            }
        };
        let hash = onto(hash, &node.layout.to_le_bytes());
        node.below.iter().try_fold(hash, |hash, below| self.hash(hash, *below))
    }

    fn node(&self, (name, version): Version<'s>) -> Option<Node<'s>> {
        let mirror = self.schema.mirror(name)?;
        let mut below = Vec::new();
        for field in fields_of(mirror, version) {
            each_mirror(&field.ty, &mut |name| {
                let version = if field.part.is_empty() {
                    let mirror = self.schema.mirror(name);
                    mirror.and_then(|mirror| mirror.releases.get(self.release).copied().flatten())
                } else {
                    field.part_at(version)
                };
                below.extend(version.map(|version| (name, version)));
            });
        }
        let layout = mirror.layout_fingerprint(version);
        Some(Node { layout, below })
    }
}

/// The fields that a version has, of all its variants for an enum.
fn fields_of(mirror: &Mirror, version: u16) -> impl Iterator<Item = &Field> {
    let variants = mirror
        .all_variants()
        .iter()
        .filter(move |variant| variant.is_in(version));
    let fields = mirror
        .own_fields()
        .iter()
        .chain(variants.flat_map(|variant| &variant.fields));
    fields.filter(move |field| field.is_in(version))
}

/// Calls `visit` with the name of each mirror in a type, in wire order.
pub(super) fn each_mirror<'t>(ty: &'t Type, visit: &mut dyn FnMut(&'t str)) {
    match ty {
        Type::Mirror { name } => visit(name),
        Type::Array { of, .. } | Type::Seq { of, .. } | Type::Option { of } => each_mirror(of, visit),
        Type::Tuple { of } => of.iter().for_each(|part| each_mirror(part, visit)),
        Type::Bool | Type::Char | Type::Uint { .. } | Type::Int { .. } | Type::Str { .. } | Type::Foreign { .. } => {}
    }
}

/// Continues an FNV-1a hash.
fn onto(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}
