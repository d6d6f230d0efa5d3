//! The output of a UART.

use embedded_io::{ErrorType, Write, WriteReady};

/// The output of a UART: any writer of [embedded-io](https://docs.rs/embedded-io/0.7) that can report whether it is
/// ready.
///
/// Every type with `Write` and `WriteReady` implements it. [`AlwaysReady`] adds it to a writer that has only `Write`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an output for a UART",
    label = "the output needs `embedded_io::Write` and `embedded_io::WriteReady`",
    note = "for a writer that never blocks: pass `AlwaysReady(writer)`",
    note = "for a writer of `std::io`: pass `AlwaysReady(embedded_io_adapters::std::FromStd::new(writer))`"
)]
pub trait Output: Write + WriteReady {}

#[diagnostic::do_not_recommend]
impl<W: Write + WriteReady + ?Sized> Output for W {}

/// Turns a writer without `WriteReady` into an [`Output`] that is always ready. The writer may be a slice or a vector.
/// Through `embedded_io_adapters::std::FromStd` it may also be a file or the standard output.
///
/// Each character is flushed, so that a prompt without a newline is visible. While the writer blocks, the guest's
/// register access blocks too.
///
/// ```
/// use devstate_core::{Instant, NoInterrupt};
/// use devstate_serial_16550::{AlwaysReady, Serial};
///
/// let mut screen = [b' '; 4];
/// let mut serial = Serial::new(NoInterrupt, AlwaysReady(&mut screen[..]));
/// for character in *b"ok" {
///     serial.write(0, character, Instant::EPOCH);
/// }
/// assert_eq!(&screen, b"ok  ");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlwaysReady<W>(pub W);

impl<W: ErrorType> ErrorType for AlwaysReady<W> {
    type Error = W::Error;
}

impl<W: Write> Write for AlwaysReady<W> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
        // What could not be flushed before is still in the writer: then this is not taken.
        self.0.flush()?;
        let taken = self.0.write(buf)?;
        let _ = self.0.flush();
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush()
    }
}

impl<W: Write> WriteReady for AlwaysReady<W> {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}
