//! Turns bus accesses of any width into register accesses.

/// Turns bus accesses of any width into accesses of byte-wide registers. It stores the distance between the registers.
///
/// On I/O ports, the registers are next to each other. A memory-mapped UART often has one register every four bytes
/// (`reg-shift = <2>` in a device tree). A wide access reaches each register that it covers, lowest first, as on the
/// ISA bus. Bytes between registers read as zero, and ignore writes.
///
/// ```
/// use devstate_core::ByteRegisters;
///
/// let registers = ByteRegisters::with_shift(2);
/// let mut data = [0xff; 4];
/// registers.read(0x14, &mut data, |offset| {
///     assert_eq!(offset, 5);
///     0x60
/// });
/// assert_eq!(data, [0x60, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByteRegisters {
    shift: u32,
}

impl ByteRegisters {
    /// Registers without gaps, as on I/O ports.
    pub const PACKED: Self = Self::with_shift(0);

    /// Creates a layout with registers `1 << shift` bytes apart. A shift above 15 counts as 15, since offsets have 16 bits.
    #[must_use]
    pub const fn with_shift(shift: u32) -> Self {
        Self {
            shift: if shift > 15 { 15 } else { shift },
        }
    }

    /// Performs a bus read at `address` into `data`. The address counts bytes from the device's base.
    pub fn read(self, address: u64, data: &mut [u8], mut register: impl FnMut(u16) -> u8) {
        for (lane, byte) in (0u64..).zip(data) {
            *byte = self.register_at(address, lane).map_or(0, &mut register);
        }
    }

    /// Performs a bus write at `address`: writes each byte to the register at its address. The address counts bytes
    /// from the device's base.
    pub fn write(self, address: u64, data: &[u8], mut register: impl FnMut(u16, u8)) {
        for (lane, byte) in (0u64..).zip(data) {
            if let Some(offset) = self.register_at(address, lane) {
                register(offset, *byte);
            }
        }
    }

    fn register_at(self, address: u64, lane: u64) -> Option<u16> {
        let address = address.checked_add(lane)?;
        let offset = address >> self.shift;
        if offset << self.shift == address {
            u16::try_from(offset).ok()
        } else {
            None
        }
    }
}

/// Splits a repeated access to one address, such as `rep insb` or `rep outsb` on a PC, into its single accesses.
///
/// A hypervisor passes all items at once: KVM passes `count × size` bytes for *one* port. They are not the bytes of
/// neighbouring registers. This type splits them into the accesses that the guest made.
///
/// ```
/// use devstate_core::{ByteRegisters, RepeatedAccess};
///
/// // `rep insb` with a count of 3, from the first port of a UART.
/// let mut received = b"abc".iter();
/// let mut data = [0; 3];
/// RepeatedAccess::of_size(1).read(&mut data, |access| {
///     ByteRegisters::PACKED.read(0, access, |offset| {
///         assert_eq!(offset, 0);
///         *received.next().unwrap()
///     });
/// });
/// assert_eq!(&data, b"abc");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RepeatedAccess {
    size: u8,
}

impl RepeatedAccess {
    /// Creates accesses of `size` bytes each. A size of 0 counts as 1.
    #[must_use]
    pub const fn of_size(size: u8) -> Self {
        Self {
            size: if size == 0 { 1 } else { size },
        }
    }

    /// Calls `access` for the bytes of each read, in order, to fill them. If `data` does not end with a whole read, the
    /// last one is shorter.
    pub fn read(self, data: &mut [u8], access: impl FnMut(&mut [u8])) {
        data.chunks_mut(self.size.into()).for_each(access);
    }

    /// Calls `access` with the bytes of each write, in order. If `data` does not end with a whole write, the last one is
    /// shorter.
    pub fn write(self, data: &[u8], access: impl FnMut(&[u8])) {
        data.chunks(self.size.into()).for_each(access);
    }
}

/// Turns bus accesses of any width into accesses of word-wide registers (32 bits).
///
/// A narrow read returns some bytes of the register's word. A write must be a whole aligned word, since the bus of
/// these devices (AMBA APB) has no byte strobes. Any other write reaches no register and returns `false`.
///
/// ```
/// use devstate_core::WordRegisters;
///
/// let mut data = [0; 2];
/// WordRegisters.read(0x0a, &mut data, |offset| {
///     assert_eq!(offset, 8);
///     0x1234_5678
/// });
/// assert_eq!(data, [0x34, 0x12]);
/// assert!(WordRegisters.write(8, &[1, 0, 0, 0], |offset, value| assert_eq!((offset, value), (8, 1))));
/// assert!(!WordRegisters.write(8, &[1], |_, _| unreachable!()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WordRegisters;

impl WordRegisters {
    /// Performs a bus read at `address` into `data`. The address counts bytes from the device's base.
    ///
    /// Each register that the access touches is read once, lowest first. Addresses above 64 KiB read as zero.
    pub fn read(self, address: u64, data: &mut [u8], mut register: impl FnMut(u16) -> u32) {
        let mut word = None;
        for (lane, byte) in (0u64..).zip(data) {
            let at = address.saturating_add(lane);
            let aligned = at & !3;
            let bytes = match word {
                Some((start, bytes)) if start == aligned => bytes,
                _ => u16::try_from(aligned).map_or([0; 4], |offset| register(offset).to_le_bytes()),
            };
            word = Some((aligned, bytes));
            *byte = bytes.get((at % 4) as usize).copied().unwrap_or(0);
        }
    }

    /// Writes the register at `address` and returns `true` if `data` is one aligned word.
    #[must_use = "a write that is not an aligned word reached no register"]
    pub fn write(self, address: u64, data: &[u8], mut register: impl FnMut(u16, u32)) -> bool {
        let (Ok(offset), Ok(bytes)) = (u16::try_from(address), <[u8; 4]>::try_from(data)) else {
            return false;
        };
        let aligned = offset % 4 == 0;
        if aligned {
            register(offset, u32::from_le_bytes(bytes));
        }
        aligned
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_wide_port_access_reaches_each_register_once_lowest_first() {
        let mut seen = Vec::new();
        let mut data = [0; 4];
        ByteRegisters::PACKED.read(2, &mut data, |offset| {
            seen.push(offset);
            offset as u8 + 0x10
        });
        assert_eq!(
            (seen.as_slice(), data),
            ([2, 3, 4, 5].as_slice(), [0x12, 0x13, 0x14, 0x15])
        );
    }

    #[test]
    fn bytes_between_registers_are_lost() {
        let mut seen = Vec::new();
        ByteRegisters::with_shift(1).write(1, &[1, 2, 3, 4], |offset, value| seen.push((offset, value)));
        assert_eq!(seen, [(1, 2), (2, 4)]);
    }

    #[test]
    fn addresses_beyond_an_offset_reach_nothing() {
        let mut data = [0xff; 2];
        ByteRegisters::with_shift(40).read(u64::MAX, &mut data, |_| unreachable!());
        ByteRegisters::PACKED.read(0x1_0000, &mut data, |_| unreachable!());
        assert_eq!(data, [0, 0]);
    }

    #[test]
    fn a_repeated_access_reaches_one_register_each_time() {
        let mut seen = Vec::new();
        RepeatedAccess::of_size(2).read(&mut [0; 6], |access| {
            ByteRegisters::PACKED.read(4, access, |offset| {
                seen.push(offset);
                0
            });
        });
        assert_eq!(seen, [4, 5, 4, 5, 4, 5]);
        let mut written = Vec::new();
        RepeatedAccess::of_size(1).write(b"ab", |access| {
            ByteRegisters::PACKED.write(0, access, |offset, value| written.push((offset, value)));
        });
        assert_eq!(written, [(0, b'a'), (0, b'b')]);
    }

    #[test]
    fn a_repeated_access_of_any_size_covers_all_bytes() {
        for (size, lengths) in [(0, [1, 1, 1].as_slice()), (2, &[2, 1]), (4, &[3])] {
            let mut seen = Vec::new();
            RepeatedAccess::of_size(size).write(&[0; 3], |access| seen.push(access.len()));
            assert_eq!(seen, lengths);
        }
        RepeatedAccess::of_size(1).read(&mut [], |_| unreachable!());
    }

    #[test]
    fn an_unaligned_word_read_takes_two_registers() {
        let mut seen = Vec::new();
        let mut data = [0; 4];
        WordRegisters.read(6, &mut data, |offset| {
            seen.push(offset);
            u32::from(offset) * 0x0101_0101
        });
        assert_eq!((seen.as_slice(), data), ([4, 8].as_slice(), [4, 4, 8, 8]));
    }

    #[test]
    fn only_whole_aligned_words_are_written() {
        for (address, data) in [(2, [0; 4].as_slice()), (0, &[0; 3]), (0, &[0; 8]), (0x1_0000, &[0; 4])] {
            assert!(
                !WordRegisters.write(address, data, |_, _| unreachable!()),
                "{address:#x} {data:?}"
            );
        }
    }
}
