//! Registers, bits and reset values of the PL031, with the sections of its manual, ARM DDI 0224, revision C (r1p3).
//! No behaviour.

/// Data: the clock's value in seconds. Read only. Section 3.3.1.
pub const RTCDR: u16 = 0x000;
/// Match: the value at which the alarm goes off. Section 3.3.2.
pub const RTCMR: u16 = 0x004;
/// Load: sets the clock; reads give the last value written. Section 3.3.3.
pub const RTCLR: u16 = 0x008;
/// Control: [`RTCCR_START`]. Section 3.3.4.
pub const RTCCR: u16 = 0x00c;
/// Interrupt mask: [`INTERRUPT`], 1 lets the alarm through to the line. Section 3.3.5.
pub const RTCIMSC: u16 = 0x010;
/// Raw interrupt status: [`INTERRUPT`], before the mask. Read only. Section 3.3.6.
pub const RTCRIS: u16 = 0x014;
/// Masked interrupt status: [`INTERRUPT`], the level of the line. Read only. Section 3.3.7.
pub const RTCMIS: u16 = 0x018;
/// Interrupt clear: 1 in [`INTERRUPT`] clears the alarm, 0 does nothing. Write only. Section 3.3.8.
pub const RTCICR: u16 = 0x01c;
/// The first of the identification registers: [`ID`] has their values. Sections 3.4 and 3.5.
pub const RTCPERIPHID0: u16 = 0xfe0;
/// The last of the identification registers.
pub const RTCPCELLID3: u16 = 0xffc;

/// The length of the register block in bytes: 4 KiB. Section 3.2.
pub const BLOCK_LEN: u16 = 0x1000;

/// Bit 0 of [`RTCCR`]: writing 1 starts the clock; a read returns 1 while it runs. Section 3.3.4.
pub const RTCCR_START: u32 = 1;
/// Bit 0 of [`RTCIMSC`], [`RTCRIS`], [`RTCMIS`] and [`RTCICR`]: the only interrupt. Sections 3.3.5 to 3.3.8.
pub const INTERRUPT: u32 = 1;

/// The eight identification registers from [`RTCPERIPHID0`] on, four bytes apart: part 031, designer 41 (ARM),
/// revision 0 (what r1p3 reports), configuration 0; then the PrimeCell id B105F00D. Sections 3.4 and 3.5.
pub const ID: [u8; 8] = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The value of a read at an offset that cannot be read: a reserved address, [`RTCICR`], or beyond the block.
pub const OUT_OF_RANGE: u32 = 0;

/// Nanoseconds between two ticks of the clock that counts, CLK1HZ. Section 2.3.2.
pub const TICK_NS: u64 = 1_000_000_000;
