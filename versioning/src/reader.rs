//! Reads a payload and keeps the first error.

use crate::error::{Expected, LoadError, LoadErrorKind};

/// The error of decoding, without details. The [`Reader`] keeps the details, and [`Reader::finish`] returns them.
///
/// Return it with `?`. Only a reader creates it: a hand-written codec calls [`Reader::refuse_at`] to refuse a value. So
/// every failure has a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(());

/// Reads a payload front to back, and keeps the first error. [`Wire::decode_into`](crate::wire::Wire::decode_into) of a
/// hand-written codec reads its fields from it.
///
/// ```
/// use devstate_versioning::LoadErrorKind;
/// use devstate_versioning::wire::Reader;
///
/// let mut reader = Reader::new(&[1, 2, 3]);
/// assert_eq!(reader.array::<2>(), Ok(&[1, 2]));
/// assert!(reader.array::<2>().is_err());
/// assert_eq!(reader.finish(), Err(LoadErrorKind::Truncated { needed: 2, available: 1 }.at(2)));
/// ```
#[derive(Debug)]
pub struct Reader<'de> {
    /// An iterator, of which only the front moves. The length of a slice would change with every step as well.
    rest: core::slice::Iter<'de, u8>,
    /// The offset of the first byte behind `rest`.
    end: usize,
    error: Option<LoadError>,
}

impl<'de> Reader<'de> {
    /// Creates a reader whose offsets count from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'de [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// Creates a reader whose first byte has the offset `start`.
    #[must_use]
    pub fn at(bytes: &'de [u8], start: usize) -> Self {
        Self {
            rest: bytes.iter(),
            end: start.saturating_add(bytes.len()),
            error: None,
        }
    }

    /// Creates a reader of bytes at an offset in a payload: the sum of the two is the offset of a byte as well.
    #[inline]
    pub(crate) fn within(bytes: &'de [u8], start: usize) -> Self {
        Self {
            rest: bytes.iter(),
            end: start + bytes.len(),
            error: None,
        }
    }

    /// Returns the offset of the next byte.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Returns a reader of the same bytes from here on.
    pub(crate) fn fork(&self) -> Self {
        Self {
            rest: self.rest.clone(),
            end: self.end,
            error: self.error,
        }
    }

    /// Returns the bytes that were not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.rest.as_slice()
    }

    /// Reads the next `N` bytes.
    ///
    /// # Errors
    ///
    /// `Malformed`. Then [`finish`](Self::finish) returns `Truncated`.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'de [u8; N], Malformed> {
        match self.rest.as_slice().first_chunk::<N>() {
            Some(array) => {
                self.skip(N);
                Ok(array)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// Reads the next `n` bytes.
    ///
    /// # Errors
    ///
    /// `Malformed`. Then [`finish`](Self::finish) returns `Truncated`.
    #[inline]
    pub fn bytes(&mut self, n: usize) -> Result<&'de [u8], Malformed> {
        match self.rest.as_slice().get(..n) {
            Some(bytes) => {
                self.skip(n);
                Ok(bytes)
            }
            None => Err(self.truncated(n)),
        }
    }

    /// Goes on behind the next `n` bytes, which there are.
    #[inline]
    pub(crate) fn skip(&mut self, n: usize) {
        if let Some(last) = n.checked_sub(1) {
            let _ = self.rest.nth(last);
        }
    }

    /// Reads the next byte.
    ///
    /// # Errors
    ///
    /// `Malformed`. Then [`finish`](Self::finish) returns `Truncated`.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| *byte)
    }

    /// Reads the length of a sequence of at most `bound` elements.
    ///
    /// # Errors
    ///
    /// `Malformed`. Then [`finish`](Self::finish) returns `Truncated`, or `Value` for a length that is above the bound
    /// or not in its shortest form.
    #[inline]
    pub fn length(&mut self, bound: usize) -> Result<usize, Malformed> {
        // With a bound below 128 no length has a second byte, and firmware does not link code for one.
        if bound < 0x80 {
            self.length_up_to::<false>(bound)
        } else {
            self.length_up_to::<true>(bound)
        }
    }

    /// Reads the length of a sequence, of a second byte only if it may be `LONG`.
    #[inline]
    pub(crate) fn length_up_to<const LONG: bool>(&mut self, bound: usize) -> Result<usize, Malformed> {
        let start = self.offset();
        let first = self.byte()?;
        let length = if first < 0x80 || !LONG {
            usize::from(first)
        } else {
            self.long_length(start, first)?
        };
        if length > bound {
            return Err(self.refuse_at(start, Expected::LengthUpTo(bound), length as u64));
        }
        Ok(length)
    }

    /// Reads the length of a sequence of at most `bound` elements at the version on the wire, for a type of that capacity.
    pub(crate) fn length_within(&mut self, bound: usize, capacity: usize) -> Result<usize, Malformed> {
        let start = self.offset();
        let length = self.length(bound)?;
        if length > capacity {
            return Err(self.refuse_at(start, Expected::LengthUpTo(capacity), length as u64));
        }
        Ok(length)
    }

    #[cold]
    #[inline(never)]
    fn long_length(&mut self, start: usize, first: u8) -> Result<usize, Malformed> {
        let mut length = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte == 0 {
                return Err(self.refuse_at(start, Expected::ShortestLength, length));
            }
            if byte < 0x80 {
                return match usize::try_from(length) {
                    Ok(length) => Ok(length),
                    Err(_) => Err(self.refuse_at(start, Expected::LengthUpTo(usize::MAX), length)),
                };
            }
        }
        Err(self.refuse_at(start, Expected::ShortestLength, length))
    }

    /// Refuses the value at `offset`. Return the result, to stop the decoding.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), cold, inline(never))]
    pub fn refuse_at(&mut self, offset: usize, expected: Expected, found: u64) -> Malformed {
        self.fail(LoadErrorKind::Value { expected, found }.at(offset))
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), cold, inline(never))]
    fn truncated(&mut self, needed: usize) -> Malformed {
        self.fail(
            LoadErrorKind::Truncated {
                needed,
                available: self.rest.len(),
            }
            .at(self.offset()),
        )
    }

    pub(crate) fn fail(&mut self, error: LoadError) -> Malformed {
        self.error.get_or_insert(error);
        Malformed(())
    }

    /// Fails as `other` has failed, a reader of some of the same bytes.
    #[cold]
    #[inline]
    pub(crate) fn adopt(&mut self, other: &Self) -> Malformed {
        match other.error {
            Some(error) => self.fail(error),
            None => Malformed(()),
        }
    }

    /// Ends the decoding.
    ///
    /// # Errors
    ///
    /// The first error, even if decoding continued after it. `TrailingBytes` if not all bytes were read.
    pub fn finish(self) -> Result<(), LoadError> {
        match self.error {
            Some(error) => Err(error),
            None if self.rest().is_empty() => Ok(()),
            None => Err(LoadErrorKind::TrailingBytes { bytes: self.rest.len() }.at(self.offset())),
        }
    }

    /// Returns the error behind a [`Malformed`] of this reader.
    #[cold]
    #[inline(never)]
    pub(crate) fn error(&self, _malformed: Malformed) -> LoadError {
        let nothing_noted = LoadErrorKind::Truncated {
            needed: 0,
            available: 0,
        };
        self.error.unwrap_or(nothing_noted.at(self.end))
    }
}
