//! Losses: fields that an older release cannot express.

use crate::path::FieldPath;

/// A field that a downgrade would lose. [`ReleaseTable::losses`](crate::ReleaseTable::losses) reports each one. If an
/// older build loads the downgraded value and saves it again, the value of this field differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loss {
    /// The path of the field. [`FieldPath::display`] gives its name.
    pub field: FieldPath,
    /// `true` if the field, or a field that contains it, is marked as `ignorable`: older readers may ignore it.
    pub ignorable: bool,
}

/// Finds the fields in which two values differ, so that a downgrade can report its losses. [`Wire::differ`] of a
/// hand-written codec passes each field to it.
///
/// [`Wire::differ`]: crate::wire::Wire::differ
pub struct Differ<'v> {
    here: Place<'v>,
    visit: &'v mut dyn FnMut(&Loss),
}

/// A place in the walk. Its path is built only where the values differ.
struct Place<'p> {
    above: Option<&'p Place<'p>>,
    step: u16,
    ignorable: bool,
}

impl core::fmt::Debug for Differ<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Differ")
            .field("here", &self.here.loss())
            .finish_non_exhaustive()
    }
}

impl<'v> Differ<'v> {
    /// Creates a walk that starts at the root.
    pub fn new(visit: &'v mut dyn FnMut(&Loss)) -> Self {
        Self {
            here: Place {
                above: None,
                step: 0,
                ignorable: false,
            },
            visit,
        }
    }

    /// Reports the current field if `equal` is `false`. Use it for a value without fields of its own.
    #[inline]
    pub fn leaf(&mut self, equal: bool) {
        if !equal {
            self.differs();
        }
    }

    #[cold]
    #[inline(never)]
    fn differs(&mut self) {
        (self.visit)(&self.here.loss());
    }

    /// Enters the field at position `step`. `walk` compares its two values.
    #[inline]
    pub fn field(&mut self, step: u16, walk: impl FnOnce(&mut Differ<'_>)) {
        self.below(step, self.here.ignorable, walk);
    }

    /// Enters the field at position `step`. The field is marked as `ignorable`.
    #[inline]
    pub fn ignorable_field(&mut self, step: u16, walk: impl FnOnce(&mut Differ<'_>)) {
        self.below(step, true, walk);
    }

    /// Enters each element of a sequence. `walk` compares its two values.
    #[inline]
    pub fn elements<I: IntoIterator>(&mut self, items: I, mut walk: impl FnMut(I::Item, &mut Differ<'_>)) {
        for (step, item) in items.into_iter().enumerate() {
            self.field(u16::try_from(step).unwrap_or(u16::MAX), |differ| walk(item, differ));
        }
    }

    /// Reports a loss whose path starts at the current field.
    pub fn report(&mut self, below: &Loss) {
        let here = self.here.loss();
        let steps = below.field.steps().iter();
        (self.visit)(&Loss {
            field: steps.fold(here.field, |field, step| field.join(*step)),
            ignorable: here.ignorable || below.ignorable,
        });
    }

    #[inline]
    fn below(&mut self, step: u16, ignorable: bool, walk: impl FnOnce(&mut Differ<'_>)) {
        let here = Place {
            above: Some(&self.here),
            step,
            ignorable,
        };
        walk(&mut Differ {
            here,
            visit: self.visit,
        });
    }
}

impl Place<'_> {
    fn loss(&self) -> Loss {
        let depth = self.upwards().count();
        // From the root down, and without recursion: firmware has little stack.
        let steps = (0..depth).rev().filter_map(|height| self.upwards().nth(height));
        Loss {
            field: steps.fold(FieldPath::ROOT, |field, place| field.join(place.step)),
            ignorable: self.ignorable,
        }
    }

    /// Returns this place and those that contain it, without the root.
    fn upwards(&self) -> impl Iterator<Item = &Self> {
        core::iter::successors(Some(self), |place| place.above).filter(|place| place.above.is_some())
    }
}

impl core::fmt::Display for Loss {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "field {}", self.field)?;
        f.write_str(if self.ignorable { " (ignorable)" } else { "" })
    }
}
