//! Access to the registers of a real device.

/// Accesses the registers of a real device: through I/O ports, through memory, or in a test through an emulated device.
/// Firmware implements it.
///
/// `W` is the width of a register: `u8` for the 16550A and the i8042, `u32` for the PL031. Offsets are those of the
/// manual. The implementation adds the base address, and knows the distance between the registers on its bus.
///
/// ```
/// use devstate_core::RegisterIo;
///
/// struct Scratch([u8; 8]);
/// impl RegisterIo<u8> for Scratch {
///     fn read(&mut self, offset: u16) -> u8 {
///         self.0[usize::from(offset)]
///     }
///     fn write(&mut self, offset: u16, value: u8) {
///         self.0[usize::from(offset)] = value;
///     }
/// }
///
/// let mut registers = Scratch([0; 8]);
/// registers.write(7, 0x5a);
/// assert_eq!(registers.read(7), 0x5a);
/// ```
pub trait RegisterIo<W> {
    /// Reads the register at `offset`, with the side effects of the read.
    fn read(&mut self, offset: u16) -> W;

    /// Writes the register at `offset`.
    fn write(&mut self, offset: u16, value: W);
}

impl<W, T: RegisterIo<W> + ?Sized> RegisterIo<W> for &mut T {
    fn read(&mut self, offset: u16) -> W {
        (**self).read(offset)
    }

    fn write(&mut self, offset: u16, value: W) {
        (**self).write(offset, value);
    }
}
