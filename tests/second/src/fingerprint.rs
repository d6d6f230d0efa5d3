//! FORMAT.md, "Fingerprints".

use std::collections::BTreeSet;

use crate::history::{At, Field, History, Mirror, Shape, Ty};

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl History {
    /// The layout of one version of a mirror.
    pub fn layout(&self, mirror: &Mirror, version: u16) -> u64 {
        fnv(START, self.layout_text(mirror, version).as_bytes())
    }

    fn layout_text(&self, mirror: &Mirror, version: u16) -> String {
        let content = match &mirror.shape {
            Shape::Struct(fields) => self.fields_text(mirror, fields, version),
            Shape::Enum(variants) => {
                let there = variants
                    .iter()
                    .filter(|variant| mirror.has_item(&variant.start, &variant.end, version));
                let texts: Vec<String> = there
                    .map(|variant| {
                        let fields = match variant.fields.as_slice() {
                            [] => String::new(),
                            fields => self.fields_text(mirror, fields, version),
                        };
                        format!("{}={}{fields}", variant.tag, variant.name)
                    })
                    .collect();
                format!("<{}>", texts.join(","))
            }
        };
        format!("{}@{version}{content}", mirror.name)
    }

    fn fields_text(&self, mirror: &Mirror, fields: &[Field], version: u16) -> String {
        let there = fields
            .iter()
            .filter(|field| mirror.has_item(&field.start, &field.end, version));
        let texts: Vec<String> = there
            .map(|field| {
                let ty = field.ty.bounded(mirror.bound(field, version));
                format!("{}:{}", field.name, self.ty_text(&ty))
            })
            .collect();
        format!("{{{}}}", texts.join(","))
    }

    fn ty_text(&self, ty: &Ty) -> String {
        match ty {
            Ty::Bool => "bool".to_owned(),
            Ty::Char => "char".to_owned(),
            Ty::Int(bytes, signed) => format!("{}{}", if *signed { "i" } else { "u" }, bytes * 8),
            Ty::Array(element, n) => format!("[{};{n}]", self.ty_text(element)),
            Ty::Option(value) => format!("option<{}>", self.ty_text(value)),
            Ty::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.ty_text(part)).collect();
                format!("({})", parts.join(","))
            }
            Ty::Seq(element, n, _) => format!("seq<{},{n}>", self.ty_text(element)),
            Ty::Str(n, _) => format!("str<{n}>"),
            Ty::Mirror(position) => self.mirrors[*position].name.clone(),
            Ty::Foreign(foreign, n) => format!("foreign<{},{n}>", foreign.layout()),
            Ty::Inner(_, n) => format!("seq<u8,{n}>"),
        }
    }

    /// The fingerprint of a release.
    pub fn release(&self, release: usize) -> u64 {
        let mut layouts = BTreeSet::new();
        for (position, _) in self.roots() {
            At::new(self, release).reach(position, true, &mut |mirror, version| {
                layouts.insert((mirror, version));
            });
        }
        let name = self.table.iter().map(|name| fnv(START, name.as_bytes()));
        let layouts = layouts
            .into_iter()
            .map(|(mirror, version)| self.layout(&self.mirrors[mirror], version));
        name.chain(layouts).fold(0, u64::wrapping_add)
    }

    /// The fingerprint of a snapshot whose root is that mirror.
    pub fn root(&self, release: usize, root: usize) -> u64 {
        let hash = self.deep(At::new(self, release), root, true);
        match &self.table {
            Some(name) => fnv(hash, name.as_bytes()),
            None => hash,
        }
    }

    /// The fingerprint of a version of a mirror with its parts and inner snapshots.
    pub fn parts(&self, mirror: usize, version: u16) -> u64 {
        let at = At {
            part: version,
            ..At::new(self, 0)
        };
        let mut hash = self.deep(at, mirror, false);
        let owner = &self.mirrors[mirror];
        for field in owner.shape.fields() {
            // Only some fields of this version have one.
            if let (Some(root), true) = (field.ty.inner(), owner.has_item(&field.start, &field.end, version)) {
                let inner = at.of(field, version).inner();
                hash = fnv(hash, &inner.history.root(inner.release, root).to_le_bytes());
            }
        }
        hash
    }

    fn deep(&self, at: At<'_>, root: usize, rows: bool) -> u64 {
        let mut hash = START;
        at.reach(root, rows, &mut |mirror, version| {
            hash = fnv(hash, &self.layout(&self.mirrors[mirror], version).to_le_bytes());
        });
        hash
    }
}

impl At<'_> {
    /// Calls `visit` with a mirror and those below it, each with its version: parts, and mirrors with rows if `rows` is `true`.
    fn reach(self, position: usize, rows: bool, visit: &mut dyn FnMut(usize, u16)) {
        let (mirror, version) = (&self.history.mirrors[position], self.version(position));
        visit(position, version);
        let there = |start: &[u16], end: &[u16]| mirror.has_item(start, end, version);
        for field in (mirror.shape.fields().into_iter()).filter(|field| there(&field.start, &field.end)) {
            if rows || !field.parts.is_empty() {
                self.of(field, version).reach_ty(&field.ty, rows, visit);
            }
        }
    }

    fn reach_ty(self, ty: &Ty, rows: bool, visit: &mut dyn FnMut(usize, u16)) {
        match ty {
            Ty::Mirror(position) => self.reach(*position, rows, visit),
            Ty::Array(inner, _) | Ty::Option(inner) | Ty::Seq(inner, ..) => self.reach_ty(inner, rows, visit),
            Ty::Tuple(parts) => parts.iter().for_each(|part| self.reach_ty(part, rows, visit)),
            _ => {}
        }
    }
}
