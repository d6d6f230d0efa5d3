//! The sections, with QEMU's names.

use devstate_qemu_section::section;

section! {
    /// QEMU's section `serial`: a UART on an ISA bus, or a memory-mapped UART.
    pub struct UartSection = "serial", version 3 {
        /// The UART. The second name is used for a memory-mapped UART.
        pub state: SerialSection = "state" | "serial",
    }
}

section! {
    /// The UART's part of QEMU's section `serial`.
    ///
    /// ```
    /// use devstate_core::Instant;
    /// use devstate_qemu_section::Section;
    /// use devstate_serial_16550::SerialState;
    /// use devstate_serial_16550_ser::{SerialStateSer, qemu::SerialSection};
    ///
    /// // Cut out of a migration file: a machine that has just started.
    /// let bytes = [0, 12, 0, 0, 0x01, 0, 0x08, 0x60, 0xb0, 0, 0];
    /// let section = SerialSection::parse(&bytes)?;
    /// let mirror = SerialStateSer::try_from((&section, Instant::EPOCH))?;
    /// let state = SerialState::try_from(&mirror)?;
    /// assert_eq!(state, SerialState { mcr: 0x08, ..SerialState::RESET });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub struct SerialSection = "serial", version 3 {
        /// The divisor latch.
        pub divider: u16,
        /// The receiver buffer of 16450 mode.
        pub rbr: u8,
        /// The interrupt enable register.
        pub ier: u8,
        /// The interrupt identification register.
        pub iir: u8,
        /// The line control register.
        pub lcr: u8,
        /// The modem control register.
        pub mcr: u8,
        /// The line status register.
        pub lsr: u8,
        /// The modem status register.
        pub msr: u8,
        /// The scratchpad register.
        pub scr: u8,
        /// The FIFO control register.
        pub fcr_vmstate: u8,
    }
    subsections {
        /// Present if `iir` does not show it.
        pub thr_ipending: SerialThrPending,
        /// Present while the output is stalled.
        pub tsr: SerialTsr,
        /// Present if the receive FIFO is not empty.
        pub recv_fifo: SerialReceiveFifo,
        /// Present if the transmit FIFO is not empty.
        pub xmit_fifo: SerialTransmitFifo,
        /// Present while the receive time-out runs.
        pub fifo_timeout_timer: SerialFifoTimeoutTimer,
        /// Present while the time-out interrupt is pending.
        pub timeout_ipending: SerialTimeoutPending,
        /// Present while a real port is polled.
        pub poll: SerialPoll,
    }
}

section! {
    /// QEMU's subsection `serial/thr_ipending`.
    pub struct SerialThrPending = "serial/thr_ipending", version 1 {
        /// The THR-empty interrupt is pending.
        pub thr_ipending: i32,
    }
}

section! {
    /// QEMU's subsection `serial/tsr`.
    pub struct SerialTsr = "serial/tsr", version 1 {
        /// The number of attempts to write the character to the output.
        pub tsr_retry: u32,
        /// The holding register.
        pub thr: u8,
        /// The shift register.
        pub tsr: u8,
    }
}

section! {
    /// A FIFO: QEMU's struct `Fifo8`.
    pub struct SerialFifo = "Fifo8", version 1 {
        /// The ring of characters. Characters outside the ring have no meaning.
        pub data: [u8; 16],
        /// The index of the oldest character in `data`.
        pub head: u32,
        /// The number of characters in the ring.
        pub num: u32,
    }
}

section! {
    /// QEMU's subsection `serial/recv_fifo`.
    pub struct SerialReceiveFifo = "serial/recv_fifo", version 1 {
        /// Characters received and not yet read.
        pub recv_fifo: SerialFifo,
    }
}

section! {
    /// QEMU's subsection `serial/xmit_fifo`.
    pub struct SerialTransmitFifo = "serial/xmit_fifo", version 1 {
        /// Characters that wait for the shift register.
        pub xmit_fifo: SerialFifo,
    }
}

section! {
    /// QEMU's subsection `serial/fifo_timeout_timer`.
    pub struct SerialFifoTimeoutTimer = "serial/fifo_timeout_timer", version 1 {
        /// The time at which the receive time-out becomes due, in nanoseconds of the virtual time. -1 for never.
        pub fifo_timeout_timer: i64,
    }
}

section! {
    /// QEMU's subsection `serial/timeout_ipending`.
    pub struct SerialTimeoutPending = "serial/timeout_ipending", version 1 {
        /// The receive time-out has become due.
        pub timeout_ipending: i32,
    }
}

section! {
    /// QEMU's subsection `serial/poll`.
    pub struct SerialPoll = "serial/poll", version 1 {
        /// The modem inputs of a real port are polled.
        pub poll_msl: i32,
        /// The time of the next poll, in nanoseconds of the virtual time.
        pub modem_status_poll: i64,
    }
}
