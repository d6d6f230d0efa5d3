//! Memory whose type shows the allowed accesses.

use core::fmt;
use core::ops::Deref;

/// The rights to the memory of a [`Region`]: [`Empty`] or [`Sealed`].
pub trait Rights: private::Sealed {
    /// The reference to the region's memory.
    type Access<'a>: AsRef<[u8]>;
}

/// Marks a [`Region`] whose memory can be read, resized and written: `Region<'_, Empty>`. It has no values.
#[derive(Clone, Copy, Debug)]
pub enum Empty {}

/// Marks a [`Region`] whose memory can only be read, for as long as the region exists: `Region<'_, Sealed>`. It has no values.
#[derive(Clone, Copy, Debug)]
pub enum Sealed {}

impl Rights for Empty {
    type Access<'a> = &'a mut [u8];
}

impl Rights for Sealed {
    type Access<'a> = &'a [u8];
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Empty {}
    impl Sealed for super::Sealed {}
}

/// A region of the caller's memory, with the rights to it.
///
/// The client owns the memory. The server gets it as a `Region<Empty>`, fills it, and returns it as a `Region<Sealed>`.
/// A sealed region can only be read.
///
/// ```
/// use devstate_core::{Empty, Region};
///
/// let mut memory = [0; 64];
/// let mut region: Region<'_, Empty> = Region::from(&mut memory[..]);
/// region.resize(5)?;
/// region.as_mut_bytes().copy_from_slice(b"hello");
/// let sealed = region.seal();
/// assert_eq!(&*sealed, b"hello");
/// # Ok::<(), devstate_core::ResizeError>(())
/// ```
///
/// An access that the rights do not allow does not compile:
///
/// ```compile_fail,E0599
/// # use devstate_core::Region;
/// let mut memory = [0; 64];
/// let mut sealed = Region::from(&mut memory[..]).seal();
/// sealed.as_mut_bytes();
/// ```
pub struct Region<'a, R: Rights> {
    bytes: R::Access<'a>,
    len: usize,
}

impl<'a> Region<'a, Empty> {
    /// Returns the size of the memory in bytes. This is the maximum size of the region.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Sets the region's size in bytes. The contents do not change.
    ///
    /// # Errors
    ///
    /// The memory is smaller than `len`. The size of the region is unchanged.
    pub fn resize(&mut self, len: usize) -> Result<(), ResizeError> {
        if len > self.capacity() {
            return Err(ResizeError {
                needed: len,
                available: self.capacity(),
            });
        }
        self.len = len;
        Ok(())
    }

    /// Returns the region's bytes for writing.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    /// Gives up the rights to write and to resize.
    #[must_use]
    pub fn seal(self) -> Region<'a, Sealed> {
        Region {
            bytes: self.bytes,
            len: self.len,
        }
    }
}

impl<'a> Region<'a, Sealed> {
    /// Returns the region's bytes for the lifetime of the memory.
    #[must_use]
    pub fn into_bytes(self) -> &'a [u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<R: Rights> Region<'_, R> {
    /// Returns the region's size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if the region's size is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the region's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref().get(..self.len).unwrap_or_default()
    }
}

impl<'a> From<&'a mut [u8]> for Region<'a, Empty> {
    /// Creates a region of all `bytes`.
    fn from(bytes: &'a mut [u8]) -> Self {
        Self {
            len: bytes.len(),
            bytes,
        }
    }
}

#[expect(
    clippy::expl_impl_clone_on_copy,
    reason = "a derive would ask for `Access: Clone` of both rights"
)]
impl Clone for Region<'_, Sealed> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Region<'_, Sealed> {}

impl Deref for Region<'_, Sealed> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<R: Rights> AsRef<[u8]> for Region<'_, R> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<R: Rights> fmt::Debug for Region<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region").field("len", &self.len).finish_non_exhaustive()
    }
}

/// The error of [`Region::resize`]: the requested size of a region is larger than its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResizeError {
    /// The requested size in bytes.
    pub needed: usize,
    /// The size of the memory in bytes.
    pub available: usize,
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes do not fit into a region of {}",
            self.needed, self.available
        )
    }
}

impl core::error::Error for ResizeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_grows_up_to_its_memory_and_no_further() {
        let mut memory = [7; 8];
        let mut region = Region::from(&mut memory[..]);
        assert_eq!((region.len(), region.capacity()), (8, 8));
        region.resize(0).unwrap();
        assert!(region.is_empty());
        region.resize(8).unwrap();
        assert_eq!(
            region.resize(9),
            Err(ResizeError {
                needed: 9,
                available: 8
            })
        );
        assert_eq!(region.len(), 8);
        assert_eq!(region.seal().into_bytes(), [7; 8]);
    }
}
