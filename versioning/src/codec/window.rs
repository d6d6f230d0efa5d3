//! Windows: neighbouring fields of fixed length share one bounds check.

use core::ops::Range;

use super::Wire;
use crate::at::Versions;
use crate::error::SaveError;
use crate::reader::{Malformed, Reader};
use crate::writer::Writer;

/// The longest window that fields share whose types the macro does not know. A gathering buffer has at least that many bytes.
pub(crate) const MAX_SHARED: usize = 64;

/// The place of a field in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// `true` if the field has a fixed length, and is in a window.
    pub is_fixed: bool,
    /// The length of the window that starts with this field. Zero if none does.
    pub window: usize,
    /// Where the field starts in its window.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// Returns the sum of the lengths, if all are fixed.
#[must_use]
pub const fn fixed_len(lengths: &[Option<usize>]) -> Option<usize> {
    let mut sum: usize = 0;
    let mut rest = lengths;
    while let [length, tail @ ..] = rest {
        let Some(length) = *length else { return None };
        match sum.checked_add(length) {
            Some(longer) => sum = longer,
            None => return None,
        }
        rest = tail;
    }
    Some(sum)
}

/// Returns the places of neighbouring fields. Each has its length, if it is fixed, and `true` if the macro knows the type by
/// its name: those share a window of any length.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "each position is below the length")]
pub const fn places<const N: usize>(fields: [(Option<usize>, bool); N]) -> [Place; N] {
    let mut places = [Place {
        is_fixed: false,
        window: 0,
        start: 0,
        end: 0,
    }; N];
    let mut first = 0;
    while first < N {
        let (behind, all_short) = neighbours(&fields, first);
        let mut at = first;
        // Where the current window starts.
        let mut window = first;
        while at < behind {
            if let (Some(len), known) = fields[at]
                && (all_short || known)
            {
                if at == first || !all_short && !fields[at - 1].1 {
                    window = at;
                }
                let start = if at == window { 0 } else { places[at - 1].end };
                places[at].is_fixed = true;
                places[at].start = start;
                places[at].end = start + len;
                places[window].window = start + len;
            }
            at += 1;
        }
        first = behind;
    }
    places
}

/// Returns the end of the stretch of fields from `first` on that are all of fixed length, or are all not. Returns also
/// whether those of fixed length share one window.
#[expect(clippy::indexing_slicing, reason = "each position is below the length")]
const fn neighbours<const N: usize>(fields: &[(Option<usize>, bool); N], first: usize) -> (usize, bool) {
    let fixed = fields[first].0.is_some();
    let mut sum: usize = 0;
    let mut all_known = true;
    let mut at = first;
    while at < N && fields[at].0.is_some() == fixed {
        if let Some(len) = fields[at].0 {
            sum = sum.saturating_add(len);
        }
        all_known = all_known && fields[at].1;
        at += 1;
    }
    (at, all_known || sum <= MAX_SHARED)
}

/// Writes a value of fixed length to its place in a window.
#[inline]
pub fn store_value<'de, V: Versions, T: Wire<'de, V>>(value: &T, at: V, window: &mut [u8], within: Range<usize>) {
    if let Some(place) = window.get_mut(within) {
        value.encode(at, &mut Window(place));
    }
}

/// Reads a value of fixed length from its place in a window. `offset` is that of the window.
///
/// # Errors
///
/// [`Malformed`] for bytes that the encoder never writes.
#[inline]
pub fn load_value<'de, V: Versions, T: Wire<'de, V>>(
    value: &mut T,
    at: V,
    window: &'de [u8],
    within: Range<usize>,
    offset: usize,
    reader: &mut Reader<'de>,
) -> Result<(), Malformed> {
    if let Some(place) = window.get(within.clone()) {
        let mut within = Reader::within(place, offset + within.start);
        if value.decode_into(at, &mut within).is_err() {
            return Err(reader.adopt(&within));
        }
    }
    Ok(())
}

/// Writes into the place of a value of fixed length, which has the length of the value.
struct Window<'w>(&'w mut [u8]);

impl Writer for Window<'_> {
    #[inline]
    fn window<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        let (window, rest) = core::mem::take(&mut self.0).split_first_chunk_mut::<N>()?;
        self.0 = rest;
        Some(window)
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((window, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            crate::writer::copy(bytes, window);
            self.0 = rest;
        }
    }

    /// No value of a fixed length fails.
    #[inline]
    fn fail(&mut self, _kind: SaveError) {}
}
