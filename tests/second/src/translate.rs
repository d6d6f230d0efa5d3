//! FORMAT.md, "Versions": what a downgrade and an upgrade do to a value, and what a downgrade loses.

use std::cmp::Reverse;

use crate::history::{At, Field, Function, Held, Mirror, Shape, Ty};
use crate::value::Value;

/// A refusal: the mirror, the field or variant, and the version on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The name of the mirror.
    pub mirror: String,
    /// The name of the field or variant.
    pub field: String,
    /// The version on the wire.
    pub version: u16,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Down,
    Up,
}

/// A value that a version cannot have.
struct TooLong;

impl At<'_> {
    /// Translates a latest value to the release.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub fn downgrade(&self, ty: &Ty, value: &mut Value) -> Result<(), Refusal> {
        self.translate(Direction::Down, ty, value)
    }

    /// Translates what was read at the release to a latest value.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub fn upgrade(&self, ty: &Ty, value: &mut Value) -> Result<(), Refusal> {
        self.translate(Direction::Up, ty, value)
    }

    fn translate(&self, direction: Direction, ty: &Ty, value: &mut Value) -> Result<(), Refusal> {
        match (ty, value) {
            (Ty::Seq(element, _, held), Value::List(items)) => {
                // The items of a sequence are not in the mirror. Each goes there and back before the next one.
                if *held == Held::Borrowed && direction == Direction::Down && !self.is_latest() {
                    for item in items.iter() {
                        let mut item = item.clone();
                        self.downgrade(element, &mut item)?;
                        self.upgrade(element, &mut item)?;
                    }
                }
                (items.iter_mut()).try_for_each(|item| self.translate(direction, element, item))
            }
            (Ty::Array(element, _), Value::List(items)) => {
                (items.iter_mut()).try_for_each(|item| self.translate(direction, element, item))
            }
            (Ty::Tuple(parts), Value::List(items)) => {
                let mut items = parts.iter().zip(items);
                items.try_for_each(|(part, item)| self.translate(direction, part, item))
            }
            (Ty::Option(ty), Value::Option(Some(value))) => self.translate(direction, ty, value),
            (Ty::Mirror(position), value) => self.mirror(direction, *position, value),
            (Ty::Inner(root, _), Value::Inner(release, value)) => {
                let there = match direction {
                    Direction::Down => self.inner(),
                    Direction::Up => self.within(*release),
                };
                *release = match direction {
                    Direction::Down => there.release,
                    Direction::Up => there.history.releases.len() - 1,
                };
                there.translate(direction, &Ty::Mirror(*root), value)
            }
            _ => Ok(()),
        }
    }

    fn mirror(&self, direction: Direction, position: usize, value: &mut Value) -> Result<(), Refusal> {
        let mirror = &self.history.mirrors[position];
        let version = self.version(position);
        match (&mirror.shape, value) {
            (Shape::Struct(fields), Value::List(items)) => match direction {
                Direction::Down => {
                    for (field, item) in fields.iter().zip(&mut *items) {
                        if !is_latest(mirror, field) && has(mirror, field, version) {
                            *item = self.missing(field);
                        }
                    }
                    for (function, name) in steps(mirror, fields, version).into_iter().rev() {
                        down(function, &mut items[0]).ok_or_else(|| refusal(mirror, name, version))?;
                    }
                    self.translate_fields(direction, mirror, fields, items, version)
                }
                Direction::Up => {
                    self.translate_fields(direction, mirror, fields, items, version)?;
                    for (field, item) in fields.iter().zip(&mut *items) {
                        if !has(mirror, field, version) {
                            *item = self.missing(field);
                        }
                    }
                    for (function, name) in steps(mirror, fields, version) {
                        up(function, &mut items[0]).ok_or_else(|| refusal(mirror, name, version))?;
                    }
                    for (field, item) in fields.iter().zip(&mut *items) {
                        if !is_latest(mirror, field) {
                            *item = self.history.default(&field.ty);
                        }
                    }
                    Ok(())
                }
            },
            (Shape::Enum(variants), value) => {
                if direction == Direction::Up {
                    self.variant(direction, position, value)?;
                }
                let target = if direction == Direction::Down {
                    version
                } else {
                    mirror.latest()
                };
                if let Value::Variant(at, _) = value {
                    let variant = &variants[*at];
                    if !mirror.has_item(&variant.start, &variant.end, target) {
                        if !variant.stand_in {
                            return Err(refusal(mirror, &variant.name, version));
                        }
                        *value = Value::Variant(0, Vec::new());
                    }
                }
                if direction == Direction::Down {
                    self.variant(direction, position, value)?;
                }
                Ok(())
            }
            (_, value) => panic!("{value:?} is no value of {}", mirror.name),
        }
    }

    /// The fields of a variant.
    fn variant(&self, direction: Direction, position: usize, value: &mut Value) -> Result<(), Refusal> {
        let mirror = &self.history.mirrors[position];
        if let (Shape::Enum(variants), Value::Variant(at, items)) = (&mirror.shape, value) {
            return self.translate_fields(direction, mirror, &variants[*at].fields, items, self.version(position));
        }
        Ok(())
    }

    /// The fields that the version has: cut to their bounds, and what is in them translated.
    fn translate_fields(
        &self,
        direction: Direction,
        mirror: &Mirror,
        fields: &[Field],
        items: &mut [Value],
        version: u16,
    ) -> Result<(), Refusal> {
        for (field, item) in fields.iter().zip(items) {
            if has(mirror, field, version) {
                let bound = mirror.bound(field, version);
                if let Some(bound) = bound {
                    let cut = self.cut(direction, &field.ty, item, bound);
                    cut.map_err(|TooLong| refusal(mirror, &field.name, version))?;
                }
                self.of(field, version).present(direction, &field.ty, item, bound)?;
            }
        }
        Ok(())
    }

    /// Translates a value. In an array, only the elements that the version has.
    fn present(&self, direction: Direction, ty: &Ty, value: &mut Value, bound: Option<usize>) -> Result<(), Refusal> {
        match (ty, value, bound) {
            (Ty::Array(element, _), Value::List(items), Some(bound)) => {
                let missing = bound > items.len() && direction == Direction::Down;
                let mut there = items.iter_mut().take(bound);
                there.try_for_each(|item| self.translate(direction, element, item))?;
                if missing {
                    self.translate(direction, element, &mut self.history.default(element))?;
                }
                Ok(())
            }
            (Ty::Option(ty), Value::Option(Some(value)), bound) => self.present(direction, ty, value, bound),
            (ty, value, _) => self.translate(direction, ty, value),
        }
    }

    fn cut(&self, direction: Direction, ty: &Ty, value: &mut Value, bound: usize) -> Result<(), TooLong> {
        match (ty, value) {
            (Ty::Array(element, _), Value::List(items)) => {
                items
                    .iter_mut()
                    .skip(bound)
                    .for_each(|item| *item = self.history.default(element));
            }
            // Nobody shortens what is not in the mirror. Bytes are.
            (Ty::Seq(element, _, Held::Borrowed), Value::List(items))
                if direction == Direction::Down && **element != Ty::Int(1, false) && items.len() > bound =>
            {
                return Err(TooLong);
            }
            (Ty::Foreign(foreign, _), value) if direction == Direction::Down && foreign.encode(value).len() > bound => {
                return Err(TooLong);
            }
            (Ty::Seq(..), Value::List(items)) if direction == Direction::Down => items.truncate(bound),
            (Ty::Str(..), Value::Text(text)) if direction == Direction::Down => {
                while text.len() > bound {
                    text.pop();
                }
            }
            (Ty::Option(ty), Value::Option(Some(value))) => return self.cut(direction, ty, value, bound),
            _ => {}
        }
        Ok(())
    }

    /// The value of a field in a version without it.
    fn missing(&self, field: &Field) -> Value {
        match (field.default, &field.ty) {
            (Some(value), Ty::Bool) => Value::Number(i128::from(value != 0)),
            (Some(value), _) => Value::Number(i128::from(value)),
            (None, ty) => self.history.default(ty),
        }
    }

    /// The paths at which two latest values differ, and whether each is ignorable.
    pub fn differences(&self, ty: &Ty, one: &Value, other: &Value) -> Vec<(Vec<u16>, bool)> {
        let mut found = Vec::new();
        self.differ(ty, one, other, &mut Vec::new(), false, &mut found);
        found
    }

    fn differ(
        &self,
        ty: &Ty,
        one: &Value,
        other: &Value,
        path: &mut Vec<u16>,
        ignorable: bool,
        found: &mut Vec<(Vec<u16>, bool)>,
    ) {
        let mut below = |step: u16, ty: &Ty, one: &Value, other: &Value, ignorable: bool| {
            path.push(step);
            self.differ(ty, one, other, path, ignorable, found);
            path.pop();
        };
        match (ty, one, other) {
            (Ty::Array(element, _) | Ty::Seq(element, ..), Value::List(ones), Value::List(others))
                if ones.len() == others.len() =>
            {
                for (step, (one, other)) in (0..).zip(ones.iter().zip(others)) {
                    below(step, element, one, other, ignorable);
                }
            }
            (Ty::Tuple(parts), Value::List(ones), Value::List(others)) => {
                for (step, (part, (one, other))) in (0..).zip(parts.iter().zip(ones.iter().zip(others))) {
                    below(step, part, one, other, ignorable);
                }
            }
            (Ty::Option(ty), Value::Option(Some(one)), Value::Option(Some(other))) => {
                self.differ(ty, one, other, path, ignorable, found);
            }
            (Ty::Inner(root, _), Value::Inner(_, one), Value::Inner(_, other)) => {
                self.within(0)
                    .differ(&Ty::Mirror(*root), one, other, path, ignorable, found);
            }
            (Ty::Mirror(position), one, other) => {
                let mirror = &self.history.mirrors[*position];
                match (&mirror.shape, one, other) {
                    (Shape::Struct(fields), Value::List(ones), Value::List(others)) => {
                        for (step, (field, (one, other))) in (0..).zip(fields.iter().zip(ones.iter().zip(others))) {
                            if is_latest(mirror, field) {
                                below(step, &field.ty, one, other, ignorable || field.ignorable);
                            }
                        }
                    }
                    (Shape::Enum(variants), Value::Variant(at, ones), Value::Variant(same, others)) if at == same => {
                        let variant = &variants[*at];
                        let first = u16::from(variant.tag) << 8;
                        for (step, (field, (one, other))) in
                            (first..).zip(variant.fields.iter().zip(ones.iter().zip(others)))
                        {
                            below(step, &field.ty, one, other, ignorable);
                        }
                    }
                    _ => found.push((path.clone(), ignorable)),
                }
            }
            (_, one, other) if one == other => {}
            _ => found.push((path.clone(), ignorable)),
        }
    }
}

fn has(mirror: &Mirror, field: &Field, version: u16) -> bool {
    mirror.has_item(&field.start, &field.end, version)
}

fn is_latest(mirror: &Mirror, field: &Field) -> bool {
    has(mirror, field, mirror.latest())
}

fn refusal(mirror: &Mirror, field: &str, version: u16) -> Refusal {
    Refusal {
        mirror: mirror.name.clone(),
        field: field.to_owned(),
        version,
    }
}

fn number(value: &mut Value) -> &mut i128 {
    match value {
        Value::Number(number) => number,
        value => panic!("{value:?} is no number"),
    }
}

fn up(function: &Function, base: &mut Value) -> Option<()> {
    let base = number(base);
    if *base > i128::from(function.limit) {
        return None;
    }
    *base = *base * 2 + i128::from(function.add);
    Some(())
}

fn down(function: &Function, base: &mut Value) -> Option<()> {
    let base = number(base);
    if *base < i128::from(function.add) {
        return None;
    }
    *base = (*base - i128::from(function.add)) / 2;
    Some(())
}

/// The functions between a version and the latest one, in the order of an upgrade.
fn steps<'m>(mirror: &Mirror, fields: &'m [Field], version: u16) -> Vec<(&'m Function, &'m str)> {
    let latest = mirror.latest();
    let mut steps = Vec::new();
    for field in fields {
        for function in &field.functions {
            let own = [&field.start, &field.end];
            let changes = match &function.at {
                Some(at) => vec![at],
                None => own.into_iter().filter(|change| !change.is_empty()).collect(),
            };
            for change in changes {
                let (there, here) = (mirror.has(change, version), mirror.has(change, latest));
                let made = |on: u16| change.iter().copied().find(|first| mirror.leads(*first, on));
                // What only the version has comes first, the latest step first.
                let order = match (there, here) {
                    (true, false) => made(version).map(|step| (0, Reverse(step), 0)),
                    (false, true) => made(latest).map(|step| (1, Reverse(0), step)),
                    _ => None,
                };
                steps.extend(order.map(|order| (order, function, field.name.as_str())));
            }
        }
    }
    steps.sort_by_key(|(order, ..)| *order);
    steps.into_iter().map(|(_, function, name)| (function, name)).collect()
}
