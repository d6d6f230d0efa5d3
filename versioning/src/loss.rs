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
    here: Place<'v>,
    visit: &'v mut dyn FnMut(&Loss),
}

/// A place in the walk. Its path is put together where something differs, and costs nothing where nothing does.
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
    /// A walk that starts at the root.
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

    /// Reports this place unless the values are equal here.
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

    /// This place and those that it lies in, but for the root.
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
