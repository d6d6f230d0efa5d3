//! A section with new values in it: its bytes, and its description.

use devstate_qemu_section::Layout;
use serde_json::{Value, json};

use crate::description::subsection_header;

/// New bytes of a section in the place of the old bytes. Unknown fields do not change.
///
/// The old section has been read before, so it is as its description says.
pub(crate) struct Merge<'m> {
    /// The known fields, with their new values.
    new: &'m [u8],
    old: &'m [u8],
    out: Vec<u8>,
}

impl<'m> Merge<'m> {
    /// Returns the section's bytes, and puts the description of them in the place of the old one.
    pub(crate) fn section(layout: &Layout, new: &'m [u8], old: &'m [u8], description: &mut Value) -> Vec<u8> {
        let mut merge = Self {
            new,
            old,
            out: Vec::new(),
        };
        merge.part(layout, description);
        merge.out
    }

    fn part(&mut self, layout: &Layout, description: &mut Value) {
        let no_fields = &mut Vec::new();
        for field in description["fields"].as_array_mut().unwrap_or(no_fields) {
            let known = layout
                .fields
                .iter()
                .find(|known| known.names.iter().any(|name| field["name"] == **name));
            let size = size_of(field);
            match known.map(|known| known.inner) {
                None => self.keep(size),
                Some(None) => {
                    self.take(size);
                    skip(&mut self.old, size);
                }
                Some(Some(inner)) => {
                    let before = self.out.len();
                    self.part(inner, &mut field["struct"]);
                    field["size"] = json!(self.out.len() - before);
                }
            }
        }
        let old = description["subsections"].take();
        let merged = self.subsections(layout, old.as_array().map_or(&[][..], Vec::as_slice));
        match (merged.is_empty(), description.as_object_mut()) {
            (true, Some(object)) => drop(object.remove("subsections")),
            _ => description["subsections"] = Value::Array(merged),
        }
    }

    /// The subsections that have new values, then the unknown subsections.
    fn subsections(&mut self, layout: &Layout, old: &[Value]) -> Vec<Value> {
        let mut unknown = Vec::new();
        let mut known = Vec::new();
        for description in old {
            let name = description["vmsd_name"].as_str().unwrap_or_default();
            let len = subsection_header(name) + part_len(description);
            let bytes = skip(&mut self.old, len);
            if layout.subsections.iter().any(|known| known.name == name) {
                known.push((description, bytes.get(subsection_header(name)..).unwrap_or_default()));
            } else {
                unknown.push((description, bytes));
            }
        }
        let behind = self.old;
        let mut merged = Vec::new();
        for layout in layout.subsections {
            if !begins_with_subsection(self.new, layout.name) {
                continue;
            }
            self.take(subsection_header(layout.name));
            let before = known
                .iter()
                .find(|(description, _)| description["vmsd_name"] == layout.name);
            let mut description = before.map_or_else(|| fresh(layout), |(description, _)| (*description).clone());
            self.old = before.map_or(&[][..], |(_, bytes)| bytes);
            self.part(layout, &mut description);
            merged.push(description);
        }
        for (description, bytes) in unknown {
            self.out.extend_from_slice(bytes);
            merged.push(description.clone());
        }
        self.old = behind;
        merged
    }

    fn take(&mut self, size: usize) {
        let bytes = skip(&mut self.new, size);
        self.out.extend_from_slice(bytes);
    }

    fn keep(&mut self, size: usize) {
        let bytes = skip(&mut self.old, size);
        self.out.extend_from_slice(bytes);
    }
}

fn skip<'b>(bytes: &mut &'b [u8], size: usize) -> &'b [u8] {
    let (first, rest) = bytes.split_at_checked(size).unwrap_or((bytes, &[]));
    *bytes = rest;
    first
}

fn begins_with_subsection(bytes: &[u8], name: &str) -> bool {
    matches!(bytes, [5, len, rest @ ..] if usize::from(*len) == name.len() && rest.starts_with(name.as_bytes()))
}

fn size_of(field: &Value) -> usize {
    let number = |name: &str| field[name].as_u64().and_then(|number| usize::try_from(number).ok());
    number("size").unwrap_or(0) * number("array_len").unwrap_or(1)
}

fn part_len(part: &Value) -> usize {
    let each = |name: &str| part[name].as_array().into_iter().flatten();
    let fields: usize = each("fields").map(size_of).sum();
    let subsection = |part: &Value| subsection_header(part["vmsd_name"].as_str().unwrap_or_default()) + part_len(part);
    fields + each("subsections").map(subsection).sum::<usize>()
}

/// The description of a part that the old section does not have.
fn fresh(layout: &Layout) -> Value {
    let field = |field: &devstate_qemu_section::Field| {
        let name = field.names.first();
        match field.inner {
            None => json!({"name": name, "type": "buffer", "size": field.size}),
            Some(inner) => json!({"name": name, "type": "struct", "struct": fresh(inner), "size": field.size}),
        }
    };
    let fields: Vec<_> = layout.fields.iter().map(field).collect();
    json!({"vmsd_name": layout.name, "version": layout.version, "fields": fields})
}
