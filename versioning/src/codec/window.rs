//! Windows: neighbouring fields of fixed length share one bounds check.

#![allow(
    clippy::inline_always,
    reason = "these are lines of the generated code, which is as fast as written in place"
)]

use core::ops::Range;

use super::{Fixed, Wire};
use crate::at::Versions;
use crate::error::{Expected, SaveError};
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

/// A field for [`places`]: its length, if it is fixed; `true` if the macro knows the type by its name, and the number of its run.
type Slot = (Option<usize>, bool, u16);

/// Returns the places of neighbouring fields, twice: where the fields of a run are neighbours, for every version, and where the
/// first `latest` fields are, for the latest version. Fields whose types the macro knows share a window of any length.
#[must_use]
pub const fn places<const N: usize>(fields: [Slot; N], latest: usize) -> [[Place; N]; 2] {
    [places_of(&fields, None), places_of(&fields, Some(latest))]
}

#[expect(clippy::indexing_slicing, reason = "each position is below the length")]
const fn places_of<const N: usize>(fields: &[Slot; N], latest: Option<usize>) -> [Place; N] {
    let mut places = [Place {
        is_fixed: false,
        window: 0,
        start: 0,
        end: 0,
    }; N];
    let mut first = 0;
    while first < N {
        let (behind, all_short) = neighbours(fields, latest, first);
        let mut at = first;
        // Where the current window starts.
        let mut window = first;
        while at < behind {
            if let (Some(len), known, _) = fields[at]
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

/// Returns the end of the stretch of neighbours from `first` on that are all of fixed length, or are all not. Returns also
/// whether those of fixed length share one window.
#[expect(clippy::indexing_slicing, reason = "each position is below the length")]
const fn neighbours<const N: usize>(fields: &[Slot; N], latest: Option<usize>, first: usize) -> (usize, bool) {
    let fixed = fields[first].0.is_some();
    let mut sum: usize = 0;
    let mut all_known = true;
    let mut at = first;
    while at < N && fields[at].0.is_some() == fixed {
        let together = match latest {
            Some(latest) => at < latest || at == first,
            None => fields[at].2 == fields[first].2,
        };
        if !together {
            break;
        }
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
        value.encode(at, &mut WriteWindow(place));
    }
}

/// A window that was read.
#[derive(Clone, Copy, Debug)]
pub struct ReadWindow<'de> {
    bytes: &'de [u8],
    offset: usize,
}

impl ReadWindow<'_> {
    /// No window yet.
    pub const EMPTY: Self = Self { bytes: &[], offset: 0 };
}

/// Reads the window that starts with the field at `place`, if one does.
///
/// # Errors
///
/// [`Malformed`] if there are not as many bytes.
#[inline(always)]
pub fn open<'de>(window: &mut ReadWindow<'de>, place: Place, reader: &mut Reader<'de>) -> Result<(), Malformed> {
    if place.window != 0 {
        *window = ReadWindow {
            offset: reader.offset(),
            bytes: reader.bytes(place.window)?,
        };
    }
    Ok(())
}

/// Reads a field of a known type from its place in a window.
///
/// # Errors
///
/// [`Malformed`] for a byte that the encoder never writes.
#[inline(always)]
pub fn load<T: Fixed>(
    value: &mut T,
    window: &ReadWindow<'_>,
    place: Place,
    reader: &mut Reader<'_>,
) -> Result<(), Malformed> {
    if let Some(bytes) = window.bytes.get(place.start..place.end)
        && let Err(bad) = value.load(bytes)
    {
        let offset = window.offset + place.start + bad.position;
        return Err(reader.refuse_at(offset, Expected::Bool, bad.found.into()));
    }
    Ok(())
}

/// Reads a value of fixed length from its place in a window.
///
/// # Errors
///
/// [`Malformed`] for bytes that the encoder never writes.
#[inline]
pub fn load_value<'de, V: Versions, T: Wire<'de, V>>(
    value: &mut T,
    at: V,
    window: &ReadWindow<'de>,
    place: Place,
    reader: &mut Reader<'de>,
) -> Result<(), Malformed> {
    if let Some(bytes) = window.bytes.get(place.start..place.end) {
        let mut within = Reader::within(bytes, window.offset + place.start);
        if value.decode_into(at, &mut within).is_err() {
            return Err(reader.adopt(&within));
        }
    }
    Ok(())
}

/// Writes into the place of a value of fixed length, which has the length of the value.
struct WriteWindow<'w>(&'w mut [u8]);

impl Writer for WriteWindow<'_> {
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
