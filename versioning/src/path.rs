//! Paths to fields: as numbers, and as names if a schema is available.

use core::fmt;

use crate::schema_data::{Field, InnerSchema, MAX_DEPTH, Schema, Shape, Type, Variant};

/// The path from a mirror to one of its fields, as positions. A [`Loss`](crate::Loss) and an error of a lossy save have
/// it. It is small and has no names, so it costs little flash.
///
/// A step is one of these:
///
/// - the position of a field in its mirror;
/// - the position of an element in its tuple or its sequence; in a sequence, 65,535 also stands for all later
///   positions;
/// - for a field of a variant, the tag of the variant in the high byte and the position of the field in the low byte.
///
/// It prints as numbers (`1.4`). [`display`](Self::display) prints names (`serial[1].rx`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FieldPath {
    steps: [u16; MAX_DEPTH],
    len: u8,
}

impl FieldPath {
    /// The mirror itself.
    pub const ROOT: Self = Self {
        steps: [0; MAX_DEPTH],
        len: 0,
    };

    /// Returns the path with one more step. A path of [`MAX_DEPTH`] steps stays unchanged. No derived mirror needs more
    /// steps.
    #[must_use]
    #[inline]
    pub fn join(mut self, step: u16) -> Self {
        if let Some(slot) = self.steps.get_mut(usize::from(self.len)) {
            *slot = step;
            self.len += 1;
        }
        self
    }

    /// Returns the steps from the mirror to the field.
    #[must_use]
    pub fn steps(&self) -> &[u16] {
        self.steps.get(..usize::from(self.len)).unwrap_or(&self.steps)
    }

    /// Returns the path with names. `root` is the schema of the mirror at which the path starts.
    #[must_use]
    pub const fn display(self, root: &'static Schema) -> NamedPath {
        NamedPath { path: self, root }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps().iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        Ok(())
    }
}

/// A [`FieldPath`] that prints the names of its fields, such as `serial[1].rx`. Use it in messages for people.
///
/// [`FieldPath::display`] and [`locate`](crate::locate) return it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedPath {
    path: FieldPath,
    root: &'static Schema,
}

impl NamedPath {
    /// Returns the path without names.
    #[must_use]
    pub const fn path(&self) -> FieldPath {
        self.path
    }
}

impl fmt::Display for NamedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ty = &Type::Mirror(self.root);
        let mut dot = "";
        for step in self.path.steps() {
            while let Type::Option(value) = ty {
                ty = value;
            }
            let position = usize::from(*step);
            ty = match ty {
                Type::Array(element, _) | Type::Seq(element, _) => {
                    write!(f, "[{step}]")?;
                    element
                }
                Type::Tuple(parts) => {
                    write!(f, "{dot}{step}")?;
                    let Some(part) = parts.get(position) else { return Ok(()) };
                    part
                }
                Type::Mirror(schema) | Type::Inner(InnerSchema { root: schema, .. }) => {
                    let Some((prefix, field)) = field_at(schema, *step) else {
                        return write!(f, "{dot}{step}");
                    };
                    write!(
                        f,
                        "{dot}{prefix}{}{}",
                        if prefix.is_empty() { "" } else { "." },
                        field.name
                    )?;
                    field.ty
                }
                _ => return write!(f, "{dot}{step}"),
            };
            dot = ".";
        }
        Ok(())
    }
}

/// Returns the field at a step below `schema`, and the name of its variant.
fn field_at(schema: &'static Schema, step: u16) -> Option<(&'static str, &'static Field)> {
    match schema.shape {
        Shape::Struct(fields) => Some(("", fields.get(usize::from(step))?)),
        Shape::Enum(variants) => {
            let [tag, _] = step.to_be_bytes();
            let variant = Variant::with_tag(variants, tag)?;
            Some((variant.name, variant.fields.get(usize::from(step & 0xff))?))
        }
    }
}
