//! The source of a history: mirrors with their annotations, and a release table. Every fingerprint in it is computed by this
//! crate, so a disagreement does not compile.

use std::fmt::Write;

use crate::history::{Field, History, Mirror, Shape, Ty};

impl History {
    /// The content of a module with every mirror and the table `R`.
    pub fn source(&self) -> String {
        let mut out = String::from(
            "#[allow(unused_imports)]\nuse devstate_versioning::{ConversionError, Versioned, release_table};\n",
        );
        for mirror in &self.mirrors {
            self.mirror_source(&mut out, mirror);
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
        for (position, mirror) in self.mirrors.iter().enumerate() {
            let versions: Vec<String> = (self.releases.iter())
                .map(|release| release.versions[position].map_or_else(|| "_".to_owned(), |version| version.to_string()))
                .collect();
            let _ = writeln!(out, "    {} => [{}],", mirror.name, versions.join(", "));
        }
        out.push_str("}\n");
        out
    }

    fn mirror_source(&self, out: &mut String, mirror: &Mirror) {
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
        let layouts: Vec<String> = (oldest..=latest)
            .map(|version| {
                if mirror.known.contains(&version) {
                    format!("{:#x}", self.layout(mirror, version))
                } else {
                    "_".to_owned()
                }
            })
            .collect();
        words.push(format!("layouts({})", layouts.join(", ")));
        let _ = writeln!(
            out,
            "#[derive(Versioned, Clone, Debug, Default, PartialEq)]\n#[versioned({})]",
            words.join(", ")
        );
        let mut functions = String::new();
        match &mirror.shape {
            Shape::Struct(fields) => {
                let _ = writeln!(out, "pub struct {} {{", mirror.name);
                for field in fields {
                    self.field_source(out, &mut functions, mirror, field);
                }
                out.push_str("}\n");
            }
            Shape::Enum(variants) => {
                let _ = writeln!(out, "pub enum {} {{", mirror.name);
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
                            "fn {function}(_version: u16) -> {0} {{ {0}::V0 }}",
                            mirror.name
                        );
                    }
                    if variant.tag == 0 {
                        out.push_str("    #[default]\n");
                    }
                    annotation(out, &words);
                    let fields: Vec<String> = (variant.fields.iter())
                        .map(|field| format!("{}: {}", field.name, self.ty_source(&field.ty)))
                        .collect();
                    let _ = match fields.as_slice() {
                        [] => writeln!(out, "    {},", variant.name),
                        fields => writeln!(out, "    {} {{ {} }},", variant.name, fields.join(", ")),
                    };
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
        // Each version whose bound is not that of the version it goes on from.
        let there =
            |version: u16| mirror.known.contains(&version) && mirror.has_item(&field.start, &field.end, version);
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
            Ty::Seq(element, n) => format!("heapless::Vec<{}, {n}>", self.ty_source(element)),
            Ty::Str(n) => format!("heapless::String<{n}>"),
            Ty::Mirror(position) => self.mirrors[*position].name.clone(),
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
