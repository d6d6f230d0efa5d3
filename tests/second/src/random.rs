//! Random histories, and what the source of each of their releases knows.

use crate::history::{Change, Field, Foreign, Function, Held, History, Mirror, Release, Shape, Ty, Variant};
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
                inner: 0,
            }
        })
        .collect();
    let inner = rng.bool().then(|| Box::new(inner(rng, &mut table)));
    let mut history = History {
        table: None,
        mirrors: Vec::new(),
        releases: table,
        inner,
    };
    mirrors(rng, &mut history);
    history
}

/// Makes the history of an inner snapshot: some releases have one of their own, and the others that of the release before.
fn inner(rng: &mut Rng, table: &mut [Release]) -> History {
    let mut releases: Vec<Release> = Vec::new();
    for at in 0..table.len() {
        let before = table[at].parent.map(|parent| table[parent].inner);
        table[at].inner = match before {
            Some(before) if at + 1 < table.len() && rng.bool() => before,
            before => {
                let number = 10 + 10 * releases.len() as u16;
                let parent = releases.iter().position(|release| Some(release.number) == before);
                releases.push(Release {
                    number,
                    parent,
                    versions: Vec::new(),
                    inner: 0,
                });
                number
            }
        };
    }
    let mut history = History {
        table: None,
        mirrors: Vec::new(),
        releases,
        inner: None,
    };
    mirrors(rng, &mut history);
    history
}

fn mirrors(rng: &mut Rng, history: &mut History) {
    history.table = rng.bool().then(|| format!("table-{}", rng.u8(..)));
    let count = rng.usize(2..5);
    for position in 0..count {
        let mut mirror = mirror(rng, history);
        // The last one is a root.
        mirror.row = position + 1 == count || rng.u8(..3) > 0;
        history.mirrors.push(mirror);
    }
}

/// What a field may hold.
#[derive(Clone, Debug)]
enum Holds {
    /// Mirrors with rows.
    Rows(Vec<usize>),
    /// A part, and its version in each release.
    Part(usize, Vec<u16>),
    /// An inner snapshot, and its release in each release.
    Inner(usize, Vec<u16>),
}

/// Makes a mirror, and adds its version to each release. Each release has a new version or that of its parent.
fn mirror(rng: &mut Rng, history: &mut History) -> Mirror {
    let position = history.mirrors.len();
    let holds = holds(rng, history);
    let table = &mut history.releases;
    let mut parents = Vec::new();
    for at in 0..table.len() {
        let parent = table[at].parent;
        let before = parent.map(|parent| table[parent].versions[position]);
        // A part with another version, or another inner release, is a new version of the owner.
        let same = |holds: &Holds| match holds {
            Holds::Rows(_) => true,
            Holds::Part(_, there) | Holds::Inner(_, there) => parent.is_some_and(|parent| there[parent] == there[at]),
        };
        // Numbers are those of all branches, so a version of the fork takes one.
        let version = match before {
            Some(before) if at + 1 < table.len() && holds.iter().all(same) && rng.bool() => before,
            before => {
                parents.push(before.unwrap_or(0));
                parents.len() as u16
            }
        };
        table[at].versions.push(version);
    }
    let mut mirror = Mirror {
        name: format!("M{position}Ser"),
        known: (1..=parents.len() as u16).collect(),
        parents,
        shape: Shape::Struct(Vec::new()),
        row: true,
    };
    mirror.shape = if position > 0 && rng.u8(..4) == 0 {
        Shape::Enum(variants(rng, &mirror, history, &holds))
    } else {
        Shape::Struct(fields(rng, &mirror, history, &holds))
    };
    mirror
}

/// What the fields of the next mirror may hold: mirrors with rows and without limit, up to two parts, and inner snapshots.
fn holds(rng: &mut Rng, history: &History) -> Vec<Holds> {
    let mut holds = Vec::new();
    if rng.u8(..3) > 0 {
        holds.push(Holds::Rows(history.roots().map(|(position, _)| position).collect()));
    }
    // Everything in a part is a part.
    let rowless = |field: &&Field| !field.parts.is_empty() || !field.ty.any(&|ty| matches!(ty, Ty::Mirror(_)));
    for _ in 0..2 {
        let parts =
            (0..history.mirrors.len()).filter(|position| history.mirrors[*position].shape.fields().iter().all(rowless));
        if let Some(part) = rng.choice(parts.collect::<Vec<_>>()) {
            let versions = history.releases.iter().map(|release| release.versions[part]);
            holds.push(Holds::Part(part, versions.collect()));
        }
    }
    if let Some(inner) = &history.inner {
        let numbers = history.releases.iter().map(|release| release.inner);
        let root = rng
            .choice(inner.roots().collect::<Vec<_>>())
            .map_or(0, |(position, _)| position);
        holds.push(Holds::Inner(root, numbers.collect()));
    }
    holds
}

/// Makes a type of a field, and what the field says of the mirrors in it.
fn holding(rng: &mut Rng, mirror: &Mirror, history: &History, holds: &[Holds], depth: usize, field: &mut Field) {
    let none = Holds::Rows(Vec::new());
    let holds = rng.choice(holds).unwrap_or(&none);
    // A path has at most eight steps.
    let shallow = |ty: &Ty| ty.depth(history) <= 4;
    let held: Vec<Ty> = match holds {
        Holds::Rows(rows) => rows.iter().copied().map(Ty::Mirror).filter(shallow).collect(),
        Holds::Part(part, _) => Some(Ty::Mirror(*part)).into_iter().filter(shallow).collect(),
        Holds::Inner(root, _) => Some(Ty::Inner(*root, rng.usize(36..90)))
            .into_iter()
            .filter(shallow)
            .collect(),
    };
    field.ty = match (holds, held.as_slice()) {
        // No tuple can hold one.
        (Holds::Inner(..), [inner]) => {
            let inner = Box::new(inner.clone());
            match rng.u8(..5) {
                0 => Ty::Option(inner),
                1 => Ty::Array(inner, rng.usize(1..3)),
                2 => Ty::Seq(inner, rng.usize(1..3), place(rng)),
                _ => *inner,
            }
        }
        (Holds::Inner(..), _) => Ty::Bool,
        (_, held) => ty(rng, held, depth),
    };
    let (Holds::Part(_, there) | Holds::Inner(_, there)) = holds else {
        return;
    };
    if field.ty.any(&|ty| matches!(ty, Ty::Mirror(_) | Ty::Inner(..))) {
        let releases = || history.releases.iter().zip(there);
        let of = |version: &u16| releases().find(|(release, _)| release.versions.last() == Some(version));
        field.parts = (mirror.known.iter())
            .map(|version| of(version).map_or(0, |(_, part)| *part))
            .collect();
    }
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

fn fields(rng: &mut Rng, mirror: &Mirror, history: &History, holds: &[Holds]) -> Vec<Field> {
    let mut fields = vec![plain("base", Ty::Int(4, false))];
    for position in 0..rng.usize(2..8) {
        let mut field = plain(&format!("f{position}"), Ty::Bool);
        if rng.u8(..8) == 0 {
            let foreign = [Foreign::Number, Foreign::Float, Foreign::Text][rng.usize(..3)];
            field.ty = Ty::Foreign(foreign, 3 + rng.usize(1..5));
        } else {
            holding(rng, mirror, history, holds, 2, &mut field);
        }
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
        parts: Vec::new(),
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
    let bounded = |ty: &Ty| matches!(ty, Ty::Array(..) | Ty::Seq(..) | Ty::Str(..) | Ty::Foreign(..));
    let has_bound = match &field.ty {
        Ty::Option(value) => bounded(value),
        ty => bounded(ty),
    };
    if !has_bound || field.ty.inner().is_some() || rng.bool() {
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
            // The default of a foreign type takes up to four bytes.
            let least = if matches!(field.ty, Ty::Foreign(..)) { 3 } else { 0 };
            given.push((*version, least + rng.usize(1..5)));
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

fn variants(rng: &mut Rng, mirror: &Mirror, history: &History, holds: &[Holds]) -> Vec<Variant> {
    let mut variants = vec![Variant {
        name: "V0".to_owned(),
        tag: 0,
        fields: Vec::new(),
        start: Vec::new(),
        end: Vec::new(),
        stand_in: false,
    }];
    for position in 1..rng.u8(2..5) {
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
        let fields = (0..rng.usize(0..3)).map(|at| {
            let mut field = plain(&format!("v{at}"), Ty::Bool);
            (field.start, field.end) = (start.clone(), end.clone());
            holding(rng, mirror, history, holds, 1, &mut field);
            bounds(rng, mirror, &mut field);
            field
        });
        let fields = fields.collect();
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

fn place(rng: &mut Rng) -> Held {
    [Held::Here, Held::Queue, Held::Borrowed][rng.usize(..3)]
}

fn ty(rng: &mut Rng, held: &[Ty], depth: usize) -> Ty {
    let below = |rng: &mut Rng| Box::new(ty(rng, held, depth - 1));
    match rng.u8(..if depth == 0 { 5 } else { 11 }) {
        0 => Ty::Bool,
        1 => Ty::Char,
        2 => Ty::Int([1, 2, 4, 8, 16][rng.usize(..5)], true),
        3 => Ty::Int([1, 2, 4, 8, 16][rng.usize(..5)], false),
        4 => Ty::Str(rng.usize(0..9), place(rng)),
        5 => Ty::Array(below(rng), rng.usize(1..4)),
        6 => Ty::Option(below(rng)),
        7 => Ty::Tuple(vec![*below(rng), *below(rng)]),
        8 => Ty::Seq(below(rng), rng.usize(1..5), place(rng)),
        _ => rng.choice(held).cloned().unwrap_or(Ty::Bool),
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
        let of_inner = |inner: &Self| inner.position(self.releases[release].inner).unwrap_or(0);
        Self {
            table: self.table.clone(),
            inner: self
                .inner
                .as_ref()
                .map(|inner| Box::new(inner.source_of(of_inner(inner)))),
            mirrors: mirrors
                .map(|(position, mirror)| {
                    let versions = releases.iter().map(|release| release.versions[position]);
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
            inner: self.inner.clone(),
            mirrors: mirrors
                .map(|(position, mirror)| {
                    let lowest = releases.iter().map(|release| release.versions[position]).min();
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
                        fields: variant.fields.iter().map(field).collect(),
                        ..variant.clone()
                    })
                    .collect(),
            ),
        };
        mirror
    }
}
