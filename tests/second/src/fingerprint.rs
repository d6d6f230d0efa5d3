//! FORMAT.md, "Fingerprints".

use crate::history::{Field, History, Mirror, Shape, Ty};

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
            Ty::Seq(element, n) => format!("seq<{},{n}>", self.ty_text(element)),
            Ty::Str(n) => format!("str<{n}>"),
            Ty::Mirror(position) => self.mirrors[*position].name.clone(),
        }
    }

    /// The fingerprint of a release.
    pub fn release(&self, release: usize) -> u64 {
        let rows = self.mirrors.iter().zip(&self.releases[release].versions);
        let sum = rows.fold(0_u64, |sum, (mirror, version)| match version {
            Some(version) => sum.wrapping_add(self.layout(mirror, *version)),
            None => sum,
        });
        match &self.table {
            Some(name) => sum.wrapping_add(fnv(START, name.as_bytes())),
            None => sum,
        }
    }

    /// The fingerprint of a snapshot whose root is that mirror.
    pub fn root(&self, release: usize, root: usize) -> u64 {
        let hash = self.reach(START, release, root);
        match &self.table {
            Some(name) => fnv(hash, name.as_bytes()),
            None => hash,
        }
    }

    fn reach(&self, hash: u64, release: usize, position: usize) -> u64 {
        let mirror = &self.mirrors[position];
        let Some(version) = self.releases[release].versions[position] else {
            return hash;
        };
        let mut hash = fnv(hash, &self.layout(mirror, version).to_le_bytes());
        match &mirror.shape {
            Shape::Struct(fields) => {
                for field in fields
                    .iter()
                    .filter(|field| mirror.has_item(&field.start, &field.end, version))
                {
                    hash = self.reach_ty(hash, release, &field.ty);
                }
            }
            Shape::Enum(variants) => {
                for variant in variants
                    .iter()
                    .filter(|variant| mirror.has_item(&variant.start, &variant.end, version))
                {
                    for field in &variant.fields {
                        hash = self.reach_ty(hash, release, &field.ty);
                    }
                }
            }
        }
        hash
    }

    fn reach_ty(&self, hash: u64, release: usize, ty: &Ty) -> u64 {
        match ty {
            Ty::Mirror(position) => self.reach(hash, release, *position),
            Ty::Array(inner, _) | Ty::Option(inner) | Ty::Seq(inner, _) => self.reach_ty(hash, release, inner),
            Ty::Tuple(parts) => parts.iter().fold(hash, |hash, part| self.reach_ty(hash, release, part)),
            _ => hash,
        }
    }
}
