//! Random histories, and what the source of each of their releases knows.

use crate::history::{Change, Field, Function, History, Mirror, Release, Shape, Ty, Variant};
use fastrand::Rng;

/// Makes a history: of two to four mirrors, with three to seven releases, one of which may be on a branch of its own.
pub fn history(rng: &mut Rng) -> History {
    let releases = rng.usize(3..8);
    // The branch: a release that goes on from one before its predecessor.
    let fork = (releases > 3 && rng.bool()).then(|| rng.usize(2..releases - 1));
    let parents: Vec<Option<usize>> = (0..releases)
        .map(|at| match (at, fork) {
            (0, _) => None,
            // The fork leaves out at least one release, and the release behind it goes on from that one.
            (at, Some(fork)) if at == fork => Some(rng.usize(0..fork - 1)),
            (at, Some(fork)) if at == fork + 1 => Some(fork - 1),
            (at, _) => Some(at - 1),
        })
        .collect();
    let mut number = 0;
    let mut table: Vec<Release> = parents
        .into_iter()
        .map(|parent| {
            number += rng.u16(1..4);
            Release {
                number,
                parent,
                versions: Vec::new(),
            }
        })
        .collect();
    let mut mirrors = Vec::new();
    for position in 0..rng.usize(2..5) {
        let mirror = mirror(rng, position, &mirrors, &mut table);
        mirrors.push(mirror);
    }
    History {
        table: rng.bool().then(|| format!("table-{}", rng.u8(..))),
        mirrors,
        releases: table,
    }
}

/// Makes a mirror, and adds its version to each release. Each release has a new version or that of its parent.
fn mirror(rng: &mut Rng, position: usize, inner: &[Mirror], table: &mut [Release]) -> Mirror {
    let mut parents = Vec::new();
    for at in 0..table.len() {
        let before = table[at]
            .parent
            .map(|parent| table[parent].versions[position].unwrap_or(0));
        // Numbers are those of all branches, so a version of the fork takes one.
        let version = match before {
            Some(before) if at + 1 < table.len() && rng.bool() => before,
            before => {
                parents.push(before.unwrap_or(0));
                parents.len() as u16
            }
        };
        table[at].versions.push(Some(version));
    }
    let mut mirror = Mirror {
        name: format!("M{position}Ser"),
        known: (1..=parents.len() as u16).collect(),
        parents,
        shape: Shape::Struct(Vec::new()),
    };
    mirror.shape = if position > 0 && rng.u8(..4) == 0 {
        Shape::Enum(variants(rng, &mirror, inner))
    } else {
        Shape::Struct(fields(rng, &mirror, inner))
    };
    mirror
}

/// Makes a change after `after`: one version, and with some luck a second one on another branch.
fn change(rng: &mut Rng, mirror: &Mirror, after: &[u16]) -> Change {
    let free = |change: &[u16], version: u16| {
        let parent = mirror.parents[usize::from(version) - 1];
        let apart = |other: &u16| !mirror.leads(*other, version) && !mirror.leads(version, *other);
        let there = parent > 0 && (after.is_empty() || mirror.has(after, parent));
        there && change.iter().all(apart)
    };
    let mut change = Vec::new();
    for _ in 0..2 {
        let candidates: Vec<u16> = mirror
            .known
            .iter()
            .copied()
            .filter(|version| free(&change, *version))
            .collect();
        if let Some(version) = rng.choice(candidates) {
            change.push(version);
        }
    }
    change.sort_unstable();
    if rng.bool() {
        change.truncate(1);
    }
    change
}

fn fields(rng: &mut Rng, mirror: &Mirror, inner: &[Mirror]) -> Vec<Field> {
    let mut fields = vec![plain("base", Ty::Int(4, false))];
    for position in 0..rng.usize(2..8) {
        let ty = ty(rng, inner, 2);
        let mut field = plain(&format!("f{position}"), ty);
        if rng.bool() {
            field.start = change(rng, mirror, &[]);
        }
        if rng.u8(..3) == 0 {
            field.end = change(rng, mirror, &field.start);
        }
        if !field.start.is_empty() || !field.end.is_empty() {
            field.default = (matches!(field.ty, Ty::Int(..) | Ty::Bool) && rng.bool()).then(|| rng.u8(..2));
            if rng.bool() {
                field.functions.push(function(rng, None));
            }
        }
        if rng.u8(..3) == 0 {
            let at = change(rng, mirror, &[]);
            // A function between versions that all agree would never run.
            if !at.is_empty() {
                field.functions.push(function(rng, Some(at)));
            }
        }
        bounds(rng, mirror, &mut field);
        field.ignorable = rng.u8(..5) == 0;
        fields.push(field);
    }
    fields
}

fn plain(name: &str, ty: Ty) -> Field {
    Field {
        name: name.to_owned(),
        ty,
        start: Vec::new(),
        end: Vec::new(),
        bounds: Vec::new(),
        default: None,
        functions: Vec::new(),
        ignorable: false,
    }
}

fn function(rng: &mut Rng, at: Option<Change>) -> Function {
    Function {
        at,
        add: rng.u32(1..9),
        limit: if rng.u8(..3) == 0 {
            rng.u32(1..99)
        } else {
            u32::MAX / 16
        },
    }
}

/// Changes the bound of some fields that have one.
fn bounds(rng: &mut Rng, mirror: &Mirror, field: &mut Field) {
    let bounded = |ty: &Ty| matches!(ty, Ty::Array(..) | Ty::Seq(..) | Ty::Str(_));
    let has_bound = match &field.ty {
        Ty::Option(value) => bounded(value),
        ty => bounded(ty),
    };
    if !has_bound || rng.bool() {
        return;
    }
    let there: Vec<u16> = (mirror.known.iter().copied())
        .filter(|version| mirror.has_item(&field.start, &field.end, *version))
        .collect();
    // The first version on each branch that has the field, and some later ones.
    let mut given: Vec<(u16, usize)> = Vec::new();
    for version in &there {
        let parent = mirror.parents[usize::from(*version) - 1];
        if !there.contains(&parent) || rng.bool() {
            given.push((*version, rng.usize(1..5)));
        }
    }
    if given.len() < 2 {
        return;
    }
    field.bounds = given;
    if let Some(last) = there.last() {
        let bound = mirror.bound(field, *last);
        field.ty = field.ty.bounded(bound);
    }
}

fn variants(rng: &mut Rng, mirror: &Mirror, inner: &[Mirror]) -> Vec<Variant> {
    let mut variants = vec![Variant {
        name: "V0".to_owned(),
        tag: 0,
        fields: Vec::new(),
        start: Vec::new(),
        end: Vec::new(),
        stand_in: false,
    }];
    for position in 1..rng.u8(2..5) {
        let fields = (0..rng.usize(0..3))
            .map(|at| plain(&format!("v{at}"), ty(rng, inner, 1)))
            .collect();
        let start = if rng.bool() {
            change(rng, mirror, &[])
        } else {
            Vec::new()
        };
        let end = if rng.u8(..3) == 0 {
            change(rng, mirror, &start)
        } else {
            Vec::new()
        };
        variants.push(Variant {
            name: format!("V{position}"),
            tag: position,
            fields,
            start,
            end,
            stand_in: rng.bool(),
        });
    }
    // A new variant stands behind those that were there before it.
    variants.sort_by_key(|variant| variant.start.first().copied());
    for (tag, variant) in (0..).zip(&mut variants) {
        variant.tag = tag;
        variant.name = format!("V{tag}");
    }
    variants
}

fn ty(rng: &mut Rng, inner: &[Mirror], depth: usize) -> Ty {
    let below = |rng: &mut Rng| Box::new(ty(rng, inner, depth - 1));
    match rng.u8(..if depth == 0 { 5 } else { 11 }) {
        0 => Ty::Bool,
        1 => Ty::Char,
        2 => Ty::Int([1, 2, 4, 8, 16][rng.usize(..5)], true),
        3 => Ty::Int([1, 2, 4, 8, 16][rng.usize(..5)], false),
        4 => Ty::Str(rng.usize(0..9)),
        5 => Ty::Array(below(rng), rng.usize(1..4)),
        6 => Ty::Option(below(rng)),
        7 => Ty::Tuple(vec![*below(rng), *below(rng)]),
        8 => Ty::Seq(below(rng), rng.usize(1..5)),
        _ => {
            // A path has at most eight steps.
            let shallow = (0..inner.len())
                .map(Ty::Mirror)
                .filter(|mirror| mirror.depth(inner) <= 4);
            rng.choice(shallow.collect::<Vec<_>>()).unwrap_or(Ty::Bool)
        }
    }
}

impl History {
    /// What the source of a release on its branch knows: the releases that lead to it, and their versions.
    #[must_use]
    pub fn source_of(&self, release: usize) -> Self {
        let mut line = vec![release];
        while let Some(parent) = line.last().and_then(|last| self.releases[*last].parent) {
            line.push(parent);
        }
        line.reverse();
        let releases: Vec<Release> = line
            .iter()
            .enumerate()
            .map(|(at, release)| Release {
                parent: at.checked_sub(1),
                ..self.releases[*release].clone()
            })
            .collect();
        let mirrors = self.mirrors.iter().enumerate();
        Self {
            table: self.table.clone(),
            mirrors: mirrors
                .map(|(position, mirror)| {
                    let versions = releases.iter().filter_map(|release| release.versions[position]);
                    mirror.with_versions(versions.collect())
                })
                .collect(),
            releases,
        }
    }

    /// The same source after it has forgotten its first releases.
    #[must_use]
    pub fn without_the_first(&self, count: usize) -> Self {
        let mut releases: Vec<Release> = self.releases.iter().skip(count).cloned().collect();
        for release in &mut releases {
            release.parent = release.parent.and_then(|parent| parent.checked_sub(count));
        }
        let mirrors = self.mirrors.iter().enumerate();
        Self {
            table: self.table.clone(),
            mirrors: mirrors
                .map(|(position, mirror)| {
                    let lowest = releases.iter().filter_map(|release| release.versions[position]).min();
                    let versions = mirror.known.iter().filter(|version| Some(**version) >= lowest);
                    mirror.with_versions(versions.copied().collect())
                })
                .collect(),
            releases,
        }
    }
}

impl Mirror {
    /// The mirror in a source that has these versions only: changes and fields of the others are not in it.
    fn with_versions(&self, mut known: Vec<u16>) -> Self {
        known.sort_unstable();
        known.dedup();
        let latest = known.last().copied().unwrap_or(0);
        let mut mirror = Self {
            parents: self.parents[..usize::from(latest)].to_vec(),
            known,
            ..self.clone()
        };
        let there = |start: &[u16], end: &[u16]| mirror.known.iter().any(|version| self.has_item(start, end, *version));
        // A change that all versions have, or none, is not written down.
        let kept = |change: &[u16]| -> Change {
            let mut has = mirror.known.iter().map(|version| self.has(change, *version));
            let first = has.next();
            if has.all(|other| Some(other) == first) {
                return Vec::new();
            }
            let leads = |version: &u16| mirror.known.iter().any(|known| self.leads(*version, *known));
            change.iter().copied().filter(leads).collect()
        };
        let field = |field: &Field| {
            let mut field = field.clone();
            (field.start, field.end) = (kept(&field.start), kept(&field.end));
            for function in &mut field.functions {
                function.at = function.at.as_deref().map(kept);
            }
            field.functions.retain(|function| match &function.at {
                Some(at) => !at.is_empty(),
                None => !field.start.is_empty() || !field.end.is_empty(),
            });
            if field.start.is_empty() && field.end.is_empty() {
                field.default = None;
            }
            let last = mirror
                .known
                .iter()
                .rev()
                .find(|version| self.has_item(&field.start, &field.end, **version));
            let bound = last.and_then(|last| self.bound(&field, *last));
            field.ty = field.ty.bounded(bound);
            field
        };
        mirror.shape = match &self.shape {
            Shape::Struct(fields) => {
                let fields = fields.iter().filter(|field| there(&field.start, &field.end));
                Shape::Struct(fields.map(field).collect())
            }
            Shape::Enum(variants) => Shape::Enum(
                (variants.iter().filter(|variant| there(&variant.start, &variant.end)))
                    .map(|variant| Variant {
                        start: kept(&variant.start),
                        end: kept(&variant.end),
                        ..variant.clone()
                    })
                    .collect(),
            ),
        };
        mirror
    }
}
