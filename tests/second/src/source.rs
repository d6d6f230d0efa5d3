//! The source of a history: mirrors with their annotations, and a release table. Every fingerprint in it is computed by this
//! crate, so a disagreement does not compile.

use std::fmt::Write;

use crate::history::{Field, Foreign, Held, History, Mirror, Shape, Ty};

impl History {
    /// The content of a module with every mirror and the table `R`.
    pub fn source(&self) -> String {
        let mut out = String::from(
            "#[allow(unused_imports)]\nuse devstate_versioning::{ConversionError, Versioned, release_table};\n",
        );
        if let Some(inner) = &self.inner {
            let _ = writeln!(out, "pub mod inner {{\n{}}}", inner.source());
        }
        for position in 0..self.mirrors.len() {
            self.mirror_source(&mut out, position);
        }
        let name = self
            .table
            .as_ref()
            .map_or_else(String::new, |name| format!(" = {name:?}"));
        let _ = writeln!(out, "release_table! {{\n    pub enum R{name} {{");
        for (at, release) in self.releases.iter().enumerate() {
            let from = match release.parent {
                Some(parent) if parent + 1 != at => format!(" from V{}", self.releases[parent].number),
                None if at > 0 => " from _".to_owned(),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "        V{0} = {0}{from} @ {1:#x},",
                release.number,
                self.release(at)
            );
        }
        let _ = writeln!(out, "    }}");
        for (position, _) in self.roots() {
            let versions: Vec<String> = (self.releases.iter())
                .map(|release| release.versions[position].to_string())
                .collect();
            let _ = writeln!(out, "    {} => [{}],", self.name(position, "'_"), versions.join(", "));
        }
        out.push_str("}\n");
        out
    }

    /// The name of a mirror, with a lifetime if something in it is borrowed.
    pub fn name(&self, position: usize, lifetime: &str) -> String {
        let name = &self.mirrors[position].name;
        if self.borrows(&Ty::Mirror(position)) {
            format!("{name}<{lifetime}>")
        } else {
            name.clone()
        }
    }

    fn borrows(&self, ty: &Ty) -> bool {
        ty.any(&|ty| match ty {
            Ty::Seq(.., Held::Borrowed) | Ty::Str(_, Held::Borrowed) => true,
            Ty::Mirror(position) => {
                let fields = self.mirrors[*position].shape.fields();
                fields.iter().any(|field| self.borrows(&field.ty))
            }
            Ty::Inner(root, _) => self
                .inner
                .as_ref()
                .is_some_and(|inner| inner.borrows(&Ty::Mirror(*root))),
            _ => false,
        })
    }

    fn mirror_source(&self, out: &mut String, position: usize) {
        let mirror = &self.mirrors[position];
        let (oldest, latest) = (mirror.oldest(), mirror.latest());
        let mut words = vec![format!("version = {latest}")];
        if oldest > 1 {
            words.push(format!("oldest = {oldest}"));
        }
        let branches: Vec<String> = (mirror.known.iter())
            .map(|version| (*version, mirror.parents[usize::from(*version) - 1]))
            .filter(|(version, parent)| *parent > 0 && parent + 1 != *version)
            .map(|(version, parent)| format!("{version} = {parent}"))
            .collect();
        if !branches.is_empty() {
            words.push(format!("branch({})", branches.join(", ")));
        }
        let pins = |pin: &dyn Fn(u16) -> u64| -> String {
            let pins = (oldest..=latest).map(|version| {
                if mirror.known.contains(&version) {
                    format!("{:#x}", pin(version))
                } else {
                    "_".to_owned()
                }
            });
            pins.collect::<Vec<_>>().join(", ")
        };
        words.push(format!("layouts({})", pins(&|version| self.layout(mirror, version))));
        if mirror.shape.fields().iter().any(|field| !field.parts.is_empty()) {
            words.push(format!("parts({})", pins(&|version| self.parts(position, version))));
        }
        let _ = writeln!(
            out,
            "#[derive(Versioned, Clone, Debug, Default)]\n#[versioned({})]",
            words.join(", ")
        );
        let declared = self.name(position, "'a");
        let mut functions = String::new();
        match &mirror.shape {
            Shape::Struct(fields) => {
                let _ = writeln!(out, "pub struct {declared} {{");
                for field in fields {
                    self.field_source(out, &mut functions, mirror, field);
                }
                out.push_str("}\n");
            }
            Shape::Enum(variants) => {
                let _ = writeln!(out, "pub enum {declared} {{");
                let mut next = 0;
                for variant in variants {
                    let mut words = changes(&variant.start, &variant.end);
                    if variant.tag != next {
                        words.push(format!("tag = {}", variant.tag));
                    }
                    next = variant.tag + 1;
                    let function = format!("{}_{}", mirror.name.to_lowercase(), variant.name.to_lowercase());
                    if variant.stand_in && !(variant.start.is_empty() && variant.end.is_empty()) {
                        words.push(format!("default_fn = {function}"));
                        let _ = writeln!(
                            functions,
                            "fn {function}<'a>(_version: u16) -> {declared} {{ {}::V0 }}",
                            mirror.name
                        );
                    }
                    if variant.tag == 0 {
                        out.push_str("    #[default]\n");
                    }
                    annotation(out, &words);
                    if variant.fields.is_empty() {
                        let _ = writeln!(out, "    {},", variant.name);
                        continue;
                    }
                    let _ = writeln!(out, "    {} {{", variant.name);
                    for field in &variant.fields {
                        let mut words = Vec::new();
                        words_of_type(&mut words, mirror, field);
                        annotation(out, &words);
                        let _ = writeln!(out, "    {}: {},", field.name, self.ty_source(&field.ty));
                    }
                    out.push_str("    },\n");
                }
                out.push_str("}\n");
            }
        }
        out.push_str(&functions);
    }

    fn field_source(&self, out: &mut String, functions: &mut String, mirror: &Mirror, field: &Field) {
        let mut words = changes(&field.start, &field.end);
        let ty = self.ty_source(&field.ty);
        let name = format!("{}_{}", mirror.name.to_lowercase(), field.name);
        if let Some(value) = field.default {
            words.push(format!("default_fn = {name}_default"));
            let value = if field.ty == Ty::Bool {
                (value != 0).to_string()
            } else {
                value.to_string()
            };
            let _ = writeln!(functions, "fn {name}_default(_version: u16) -> {ty} {{ {value} }}");
        }
        if field.ignorable {
            words.push("ignorable".to_owned());
        }
        words_of_type(&mut words, mirror, field);
        // In the order of the functions: those of the start and the end come first.
        let mut at_steps = Vec::new();
        for (at, function) in field.functions.iter().enumerate() {
            let (up, down) = (format!("{name}_up{at}"), format!("{name}_down{at}"));
            let tied = format!("de_fn = {up}, ser_fn = {down}");
            match &function.at {
                Some(change) => at_steps.push([format!("at = {}", list(change)), tied]),
                None => words.push(tied),
            }
            let (add, limit, ty) = (function.add, function.limit, &mirror.name);
            let head = format!("(m: &mut {ty}, _version: u16) -> Result<(), ConversionError>");
            let _ = writeln!(
                functions,
                "fn {up}{head} {{ if m.base > {limit} {{ return Err(ConversionError::new(\"above\")); }} m.base = m.base * 2 + {add}; Ok(()) }}\n\
                 fn {down}{head} {{ if m.base < {add} {{ return Err(ConversionError::new(\"below\")); }} m.base = (m.base - {add}) / 2; Ok(()) }}"
            );
        }
        annotation(out, &words);
        for words in &at_steps {
            annotation(out, words);
        }
        let _ = writeln!(out, "    pub {}: {ty},", field.name);
    }

    fn ty_source(&self, ty: &Ty) -> String {
        match ty {
            Ty::Bool => "bool".to_owned(),
            Ty::Char => "char".to_owned(),
            Ty::Int(bytes, signed) => format!("{}{}", if *signed { "i" } else { "u" }, bytes * 8),
            Ty::Array(element, n) => format!("[{}; {n}]", self.ty_source(element)),
            Ty::Option(value) => format!("Option<{}>", self.ty_source(value)),
            Ty::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.ty_source(part)).collect();
                format!("({})", parts.join(", "))
            }
            Ty::Seq(element, n, Held::Borrowed) if **element == Ty::Int(1, false) => {
                format!("devstate_versioning::Bytes<'a, {n}>")
            }
            Ty::Seq(element, n, held) => match held {
                Held::Here => format!("heapless::Vec<{}, {n}>", self.ty_source(element)),
                Held::Queue => format!("heapless::Deque<{}, {n}>", self.ty_source(element)),
                Held::Borrowed => format!("devstate_versioning::Sequence<'a, {}, {n}>", self.ty_source(element)),
            },
            Ty::Str(n, Held::Borrowed) => format!("devstate_versioning::Str<'a, {n}>"),
            Ty::Str(n, _) => format!("heapless::String<{n}>"),
            Ty::Mirror(position) => self.name(*position, "'a"),
            Ty::Foreign(Foreign::Number, _) => "u32".to_owned(),
            Ty::Foreign(Foreign::Float, _) => "f32".to_owned(),
            Ty::Foreign(Foreign::Text, _) => "std::string::String".to_owned(),
            Ty::Inner(root, n) => {
                let inner = self.inner.as_ref().expect("a history within");
                format!(
                    "devstate_versioning::Inner<inner::R, inner::{}, {n}>",
                    inner.name(*root, "'a")
                )
            }
        }
    }
}

fn changes(start: &[u16], end: &[u16]) -> Vec<String> {
    let words = [("start", start), ("end", end)]
        .into_iter()
        .filter(|(_, change)| !change.is_empty());
    words
        .map(|(word, change)| format!("{word} = {}", list(change)))
        .collect()
}

/// The annotations of what is in a field.
fn words_of_type(words: &mut Vec<String>, mirror: &Mirror, field: &Field) {
    if let Ty::Foreign(foreign, n) = &field.ty {
        words.push(format!("serde, max = {n}, layout = {:?}", foreign.layout()));
    }
    let there = |version: u16| mirror.known.contains(&version) && mirror.has_item(&field.start, &field.end, version);
    if !field.parts.is_empty() {
        let parts: Vec<String> = (mirror.oldest()..=mirror.latest())
            .map(|version| {
                if there(version) {
                    field.part(version).to_string()
                } else {
                    "_".to_owned()
                }
            })
            .collect();
        let word = if field.ty.inner().is_some() { "inner" } else { "part" };
        words.push(format!("{word} = [{}]", parts.join(", ")));
    }
    // Each version whose bound is not that of the version it goes on from.
    let bounds: Vec<String> = (mirror.known.iter().copied())
        .filter(|version| {
            let parent = mirror.parents[usize::from(*version) - 1];
            there(*version) && !(there(parent) && mirror.bound(field, parent) == mirror.bound(field, *version))
        })
        .filter_map(|version| Some(format!("{version} = {}", mirror.bound(field, version)?)))
        .collect();
    if bounds.len() > 1 {
        words.push(format!("bound({})", bounds.join(", ")));
    }
}

fn list(change: &[u16]) -> String {
    match change {
        [only] => only.to_string(),
        several => format!("{several:?}"),
    }
}

fn annotation(out: &mut String, words: &[String]) {
    if !words.is_empty() {
        let _ = writeln!(out, "    #[versioned({})]", words.join(", "));
    }
}
