//! Registers, bits and reset values of the PC16550D, with the sections of its manual (June 1995). No behaviour.

/// Receiver buffer: the oldest received character. Read, with [`lcr::DLAB`] clear. Section 8.0.
pub const RBR: u16 = 0;
/// Transmitter holding register: the next character to send. Write, with [`lcr::DLAB`] clear. Section 8.0.
pub const THR: u16 = 0;
/// Divisor latch, low byte, with [`lcr::DLAB`] set. Section 8.3.
pub const DLL: u16 = 0;
/// Divisor latch, high byte, with [`lcr::DLAB`] set. Section 8.3.
pub const DLM: u16 = 1;
/// Interrupt enable, with [`lcr::DLAB`] clear. Section 8.7.
pub const IER: u16 = 1;
/// Interrupt identification. Read. Section 8.6.
pub const IIR: u16 = 2;
/// FIFO control. Write. Section 8.5.
pub const FCR: u16 = 2;
/// Line control. Section 8.1.
pub const LCR: u16 = 3;
/// Modem control. Section 8.8.
pub const MCR: u16 = 4;
/// Line status. Read. Section 8.4.
pub const LSR: u16 = 5;
/// Modem status. Read. Section 8.9.
pub const MSR: u16 = 6;
/// Scratchpad. Section 8.10.
pub const SCR: u16 = 7;

/// The number of registers in the block, at offsets 0 to 7.
pub const REGISTERS: u16 = 8;

/// The value of a read outside the block: the bus floats high.
pub const OUT_OF_RANGE: u8 = 0xff;

/// The crystal on a PC's board, in hertz: 115,200 baud at divisor 1.
pub const INPUT_CLOCK_HZ: u32 = 1_843_200;

/// Characters in each FIFO. Section 8.5.
pub const FIFO_LEN: usize = 16;

/// Interrupt enable bits. Section 8.7.
pub mod ier {
    /// Received data available, and the time-out in FIFO mode.
    pub const RECEIVED_DATA: u8 = 0x01;
    /// Transmitter holding register empty.
    pub const THR_EMPTY: u8 = 0x02;
    /// Receiver line status: overrun, parity, framing, break.
    pub const LINE_STATUS: u8 = 0x04;
    /// Modem status.
    pub const MODEM_STATUS: u8 = 0x08;
    /// The bits that exist; the others are always 0.
    pub const MASK: u8 = 0x0f;
    /// After a reset. Table I.
    pub const RESET: u8 = 0;
}

/// Interrupt identification: the id of the pending interrupt with the highest priority, together with
/// [`iir::FIFO_ENABLED`]. Section 8.6.
pub mod iir {
    /// Fourth priority: CTS, DSR, RI or DCD changed. Served by reading MSR.
    pub const MODEM_STATUS: u8 = 0x00;
    /// Nothing is pending.
    pub const NONE: u8 = 0x01;
    /// Third priority: the transmitter takes more. Served by reading IIR while IIR shows this id, or by writing THR.
    pub const THR_EMPTY: u8 = 0x02;
    /// Second priority: the receive FIFO reached its trigger level, or in 16450 mode a character arrived.
    pub const RECEIVED_DATA: u8 = 0x04;
    /// First priority: overrun, parity, framing, break. Served by reading LSR.
    pub const LINE_STATUS: u8 = 0x06;
    /// Second priority: characters were in the receive FIFO for four character times. Served by reading RBR.
    pub const TIMEOUT: u8 = 0x0c;
    /// Both bits are set while the FIFOs are on.
    pub const FIFO_ENABLED: u8 = 0xc0;
}

/// FIFO control bits. Section 8.5.
pub mod fcr {
    /// Turns both FIFOs on. The other bits are programmed only together with this one.
    pub const ENABLE: u8 = 0x01;
    /// Clears the receive FIFO. Clears itself.
    pub const CLEAR_RECEIVER: u8 = 0x02;
    /// Clears the transmit FIFO, not the shift register. Clears itself.
    pub const CLEAR_TRANSMITTER: u8 = 0x04;
    /// RXRDY and TXRDY in mode 1. The emulated pins are not connected.
    pub const DMA_MODE: u8 = 0x08;
    /// Receive trigger level: 1, 4, 8 or 14 characters.
    pub const TRIGGER: u8 = 0xc0;
    /// The bits that keep their values.
    pub const MASK: u8 = ENABLE | DMA_MODE | TRIGGER;
    /// After a reset. Table I.
    pub const RESET: u8 = 0;
}

/// Line control bits. Section 8.1.
pub mod lcr {
    /// Word length: 5 to 8 bits.
    pub const WORD_LENGTH: u8 = 0x03;
    /// More than one stop bit: 1½ with words of 5 bits, else 2.
    pub const STOP_BITS: u8 = 0x04;
    /// A parity bit is sent and checked.
    pub const PARITY_ENABLE: u8 = 0x08;
    /// Even parity.
    pub const EVEN_PARITY: u8 = 0x10;
    /// The parity bit is fixed.
    pub const STICK_PARITY: u8 = 0x20;
    /// The output is held at space.
    pub const BREAK: u8 = 0x40;
    /// Divisor latch access: offsets 0 and 1 are the divisor.
    pub const DLAB: u8 = 0x80;
    /// After a reset. Table I.
    pub const RESET: u8 = 0;
}

/// Modem control bits. Section 8.8.
pub mod mcr {
    /// Data terminal ready.
    pub const DTR: u8 = 0x01;
    /// Request to send.
    pub const RTS: u8 = 0x02;
    /// Auxiliary output 1.
    pub const OUT1: u8 = 0x04;
    /// Auxiliary output 2. PCs gate the interrupt with it, outside the chip.
    pub const OUT2: u8 = 0x08;
    /// Loopback.
    pub const LOOP: u8 = 0x10;
    /// The bits that exist; the others are always 0.
    pub const MASK: u8 = 0x1f;
    /// After a reset. Table I.
    pub const RESET: u8 = 0;
}

/// Line status bits. Section 8.4.
pub mod lsr {
    /// A character can be read.
    pub const DATA_READY: u8 = 0x01;
    /// A character was lost.
    pub const OVERRUN: u8 = 0x02;
    /// The character at the top of the FIFO came with wrong parity.
    pub const PARITY: u8 = 0x04;
    /// The character at the top of the FIFO had no stop bit.
    pub const FRAMING: u8 = 0x08;
    /// A break: the line was held at space for a whole character.
    pub const BREAK: u8 = 0x10;
    /// The holding register, or the transmit FIFO, is empty.
    pub const THR_EMPTY: u8 = 0x20;
    /// The shift register is empty, too.
    pub const TRANSMITTER_EMPTY: u8 = 0x40;
    /// FIFO mode: some character in the receive FIFO has an error.
    pub const FIFO_ERROR: u8 = 0x80;
    /// The errors that belong to a character.
    pub const CHARACTER_ERRORS: u8 = PARITY | FRAMING | BREAK;
    /// The bits that raise the line status interrupt. Reading LSR clears them.
    pub const ERRORS: u8 = OVERRUN | CHARACTER_ERRORS;
    /// After a reset. Table I.
    pub const RESET: u8 = THR_EMPTY | TRANSMITTER_EMPTY;
}

/// Modem status bits. Section 8.9.
pub mod msr {
    /// CTS changed since MSR was last read.
    pub const DELTA_CTS: u8 = 0x01;
    /// DSR changed.
    pub const DELTA_DSR: u8 = 0x02;
    /// RI went from on to off: the end of a ring.
    pub const TRAILING_EDGE_RI: u8 = 0x04;
    /// DCD changed.
    pub const DELTA_DCD: u8 = 0x08;
    /// Clear to send.
    pub const CTS: u8 = 0x10;
    /// Data set ready.
    pub const DSR: u8 = 0x20;
    /// Ring indicator.
    pub const RI: u8 = 0x40;
    /// Data carrier detect.
    pub const DCD: u8 = 0x80;
    /// The bits that raise the modem status interrupt. Reading MSR clears them.
    pub const DELTAS: u8 = 0x0f;
    /// The inputs.
    pub const LINES: u8 = 0xf0;
    /// The deltas after a reset. The inputs show the connected peer. Table I.
    pub const RESET_DELTAS: u8 = 0;
}

/// The divisor that a new device starts with: 9,600 baud. The manual leaves the latch undefined until it is written,
/// and a reset does not change it (Table I does not list it). Firmware finds this value on QEMU.
pub const INITIAL_DIVISOR: u16 = 12;
