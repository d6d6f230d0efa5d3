//! Whether a release has a place for what a path leads to.

use devstate_versioning::inspect::{PayloadSchema, Value};
use devstate_versioning::schema::{Field, Schema, Shape, Type, Variant};
use devstate_versioning::{FieldPath, Mirror};

/// A path to a field with what lies on it.
#[derive(Debug)]
pub struct Trail {
    path: FieldPath,
    root: &'static Schema,
    places: Vec<Place>,
    /// What it leads to, options taken off.
    end: Type,
}

/// A field of a mirror, or of an enum's variant.
#[derive(Debug)]
struct Place {
    mirror: &'static Schema,
    variant: Option<&'static Variant>,
    field: &'static Field,
}

/// A payload and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'b> {
    /// What its bytes mean.
    pub schema: PayloadSchema,
    /// Its bytes.
    pub bytes: &'b [u8],
}

impl Trail {
    /// Follows a path from the mirror `M`.
    pub fn of<M: Mirror>(path: FieldPath) -> Self {
        let mut places = Vec::new();
        let mut end = without_option(Type::Mirror(M::SCHEMA));
        for &step in path.steps() {
            let next = match end {
                Type::Array(element, _) | Type::Seq(element, _) => *element,
                Type::Tuple(parts) => *parts[usize::from(step)],
                Type::Mirror(mirror) => {
                    let place = Place::at(mirror, step);
                    let ty = *place.field.ty;
                    places.push(place);
                    ty
                }
                Type::Inner(inner) => *Place::at(inner.root, step).field.ty,
                leaf => panic!("{path} goes on behind {leaf:?}"),
            };
            end = without_option(next);
        }
        Self {
            path,
            root: M::SCHEMA,
            places,
            end,
        }
    }

    /// Whether it leads to or through one of some fields, called `Mirror.field`.
    pub fn passes(&self, fields: &[&str]) -> bool {
        let is = |place: &Place, name: &str| {
            name.split_once('.')
                .is_some_and(|(mirror, field)| mirror == place.mirror.name && field == place.field.name)
        };
        self.places
            .iter()
            .any(|place| fields.iter().any(|name| is(place, name)))
    }

    /// Whether `there`, another release, has every field on it; and the variant that it leads to in `payload`, if it leads
    /// to an enum.
    pub fn exists(&self, there: &PayloadSchema, payload: Payload<'_>) -> bool {
        let all = self.places.iter().all(|place| place.exists(there));
        all && self.fits(there, payload)
            && match self.end {
                Type::Mirror(mirror) => match mirror.shape {
                    Shape::Enum(variants) => {
                        let name = self.variant_in(payload);
                        let variant = variants.iter().find(|variant| variant.name == name);
                        variant.unwrap().versions.contain(there.version_of(mirror))
                    }
                    Shape::Struct(_) => true,
                },
                _ => true,
            }
    }

    /// Whether the last field fits the bound that `there` gives it: as a whole, or for an array the element that the path
    /// leads to.
    fn fits(&self, there: &PayloadSchema, payload: Payload<'_>) -> bool {
        let Some(last) = self.places.last() else { return true };
        let Some(bound) = last.field.bound_at(there.version_of(last.mirror)) else {
            return true;
        };
        let mut fits = true;
        let walked = payload.schema.walk(payload.bytes, 0, &mut |item| {
            let steps = item.path.path();
            let length = match item.value {
                Value::Elements(count) => count,
                Value::Bytes(bytes) => bytes.len(),
                Value::Str(text) => text.len(),
                // Of an array, each element is an item.
                _ => match steps.steps().last() {
                    Some(position) => usize::from(*position) + 1,
                    None => 0,
                },
            };
            let is_it = steps == self.path
                || matches!(item.value, Value::Bytes(_)) && self.path.steps().starts_with(steps.steps());
            if is_it && length > bound {
                fits = false;
            }
        });
        walked.unwrap();
        fits
    }

    /// The name of the variant that stands at its end.
    fn variant_in(&self, payload: Payload<'_>) -> &'static str {
        let mut found = None;
        let path = self.path.display(self.root);
        let walked = payload.schema.walk(payload.bytes, 0, &mut |item| {
            if let Value::Variant(name) = item.value
                && item.path == path
            {
                found = Some(name);
            }
        });
        walked.unwrap();
        found.unwrap_or_else(|| panic!("no variant stands at {path}"))
    }
}

impl Place {
    fn at(mirror: &'static Schema, step: u16) -> Self {
        let (variant, field) = match mirror.shape {
            Shape::Struct(fields) => (None, &fields[usize::from(step)]),
            Shape::Enum(variants) => {
                let [tag, _] = step.to_be_bytes();
                let variant = Variant::with_tag(variants, tag).unwrap();
                (Some(variant), &variant.fields[usize::from(step & 0xff)])
            }
        };
        Self { mirror, variant, field }
    }

    fn exists(&self, there: &PayloadSchema) -> bool {
        let version = there.version_of(self.mirror);
        self.field.versions.contain(version) && self.variant.is_none_or(|variant| variant.versions.contain(version))
    }
}

fn without_option(mut ty: Type) -> Type {
    while let Type::Option(value) = ty {
        ty = *value;
    }
    ty
}
