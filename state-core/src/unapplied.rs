//! Fields of a state that could not be written to hardware.

use core::fmt;

/// Lists the fields of a state that could not be written to real hardware. The firmware has to handle them.
///
/// A device's `apply` returns it. Each entry is a field's path from the device's state, such as `rx` or `mouse.packets`,
/// and a value above 0: for a queue the number of bytes that are missing, for a register the bits that are missing, for
/// a flag 1.
///
/// ```
/// use devstate_core::Unapplied;
///
/// let left = Unapplied::NONE.with("rx", 3).with("lsr_errors", 0).with("ris", 1);
/// assert!(!left.is_none());
/// assert_eq!((left.get("rx"), left.get("lsr_errors")), (3, 0));
/// assert_eq!(left.to_string(), "rx: 3, ris: 1");
/// assert_eq!(Unapplied::NONE.to_string(), "nothing");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "fields that could not be applied are lost unless the firmware handles them"]
pub struct Unapplied {
    fields: [(&'static str, u8); Self::MAX_FIELDS],
}

impl Unapplied {
    /// The empty list: the hardware has the whole state.
    pub const NONE: Self = Self {
        fields: [("", 0); Self::MAX_FIELDS],
    };

    /// The maximum number of fields in a list. Every device has fewer fields that can be missing.
    pub const MAX_FIELDS: usize = 16;

    /// Returns the list with another entry. A value of 0 adds nothing. A value has one byte, because a device's queue
    /// has at most 255 bytes.
    ///
    /// In a full list the value is added to the last entry. A sum above 255 is stored as 255. So a list with a missing
    /// field is never equal to [`NONE`](Self::NONE).
    pub const fn with(mut self, field: &'static str, value: u8) -> Self {
        let mut rest: &mut [(&'static str, u8)] = &mut self.fields;
        while let [place, others @ ..] = rest {
            if place.1 == 0 || others.is_empty() {
                if place.1 == 0 && value != 0 {
                    place.0 = field;
                }
                place.1 = place.1.saturating_add(value);
                break;
            }
            rest = others;
        }
        self
    }

    /// Returns `true` if the hardware has the whole state.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Returns the value of a field's entry, or 0 if the field has no entry.
    #[must_use]
    pub fn get(&self, field: &str) -> u8 {
        self.iter().find(|entry| entry.0 == field).map_or(0, |entry| entry.1)
    }

    /// Iterates over the entries: field and value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u8)> {
        self.fields.into_iter().take_while(|entry| entry.1 != 0)
    }
}

impl fmt::Display for Unapplied {
    /// Writes the entries as `rx: 3, ris: 1`, or `nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("nothing");
        }
        for (index, (field, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{field}: {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_list_still_says_that_something_is_missing() {
        let fields = [
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q",
        ];
        let left = fields.iter().fold(Unapplied::NONE, |left, field| left.with(field, 200));
        assert_eq!(left.iter().count(), Unapplied::MAX_FIELDS);
        assert_eq!((left.get("a"), left.get("p"), left.get("q")), (200, 255, 0));
        assert_eq!(left.with("i", 0), left);
    }
}
