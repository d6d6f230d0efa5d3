//! What an older release cannot say.

use crate::path::FieldPath;

/// One field that would not come back from an older release as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loss {
    /// Which; [`FieldPath::display`] has its name.
    pub field: FieldPath,
    /// The field, or one that it lies in, is marked as one that an older reader does without unharmed.
    pub ignorable: bool,
}

/// Walks two values of one type side by side and reports where they differ.
pub struct Differ<'v> {
    here: Loss,
    visit: &'v mut dyn FnMut(&Loss),
}

impl core::fmt::Debug for Differ<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Differ")
            .field("here", &self.here)
            .finish_non_exhaustive()
    }
}

impl<'v> Differ<'v> {
    /// A walk that starts at the root.
    pub fn new(visit: &'v mut dyn FnMut(&Loss)) -> Self {
        Self {
            here: Loss {
                field: FieldPath::ROOT,
                ignorable: false,
            },
            visit,
        }
    }

    /// Reports this place unless the values are equal here.
    #[inline]
    pub fn leaf(&mut self, equal: bool) {
        if !equal {
            (self.visit)(&self.here);
        }
    }

    /// Walks the field at position `step`.
    #[inline]
    pub fn field(&mut self, step: u16, walk: impl FnOnce(&mut Differ<'_>)) {
        self.below(step, self.here.ignorable, walk);
    }

    /// Walks a field that an older reader does without unharmed.
    #[inline]
    pub fn ignorable_field(&mut self, step: u16, walk: impl FnOnce(&mut Differ<'_>)) {
        self.below(step, true, walk);
    }

    /// Walks the elements of a sequence.
    #[inline]
    pub fn elements<I: IntoIterator>(&mut self, items: I, mut walk: impl FnMut(I::Item, &mut Differ<'_>)) {
        for (step, item) in items.into_iter().enumerate() {
            self.field(u16::try_from(step).unwrap_or(u16::MAX), |differ| walk(item, differ));
        }
    }

    /// Reports a loss that was found below this place.
    pub fn report(&mut self, below: &Loss) {
        let field = below
            .field
            .steps()
            .iter()
            .fold(self.here.field, |field, step| field.join(*step));
        (self.visit)(&Loss {
            field,
            ignorable: self.here.ignorable || below.ignorable,
        });
    }

    fn below(&mut self, step: u16, ignorable: bool, walk: impl FnOnce(&mut Differ<'_>)) {
        let here = Loss {
            field: self.here.field.join(step),
            ignorable,
        };
        walk(&mut Differ {
            here,
            visit: self.visit,
        });
    }
}
