//! Ports, commands, bits and reset values, with the manual's sections. No behaviour.
//!
//! Sections are those of IBM's *PS/2 Hardware Interface Technical Reference*: "Keyboard and Auxiliary Device Controller"
//! (October 1990) for the controller, "101/102-Key Keyboard" for the keyboard. The mouse follows A. Chapweske's *The PS/2
//! Mouse Interface* (2003) and Microsoft's `IntelliMouse` extensions.

/// The offset of the data port, 60h: input and output buffer.
pub const DATA: u16 = 0;
/// The offset of port 64h from port 60h: status port (read) and command port (write).
pub const COMMAND: u16 = 4;
/// The value of a read at any other offset, where nothing drives the bus.
pub const OUT_OF_RANGE: u8 = 0xff;

/// Bits of the status register ("Controller Status Register", Figure 1).
pub mod status {
    /// The output buffer holds a byte for the system.
    pub const OUTPUT_FULL: u8 = 1 << 0;
    /// The input buffer holds a byte for the controller. Always 0: the controller takes the byte within the access.
    pub const INPUT_FULL: u8 = 1 << 1;
    /// The system flag: set by the self-test, and by bit 2 of the command byte when that is written.
    pub const SYSTEM_FLAG: u8 = 1 << 2;
    /// The last write went to the command port (1) or to the data port (0).
    pub const COMMAND: u8 = 1 << 3;
    /// The keyboard is not locked: 0 while a password inhibits it.
    pub const UNLOCKED: u8 = 1 << 4;
    /// The byte in the output buffer comes from the auxiliary device.
    pub const FROM_MOUSE: u8 = 1 << 5;
    /// General time-out. Always 0: the devices respond.
    pub const TIME_OUT: u8 = 1 << 6;
    /// Parity error. Always 0: no byte is damaged.
    pub const PARITY_ERROR: u8 = 1 << 7;
}

/// Bits of the controller command byte, also called configuration byte ("Controller Command Byte", Figure 4).
pub mod config {
    /// IRQ 1 while a byte from the keyboard or the controller is in the output buffer.
    pub const KEYBOARD_INTERRUPT: u8 = 1 << 0;
    /// IRQ 12 while a byte from the mouse is in the output buffer.
    pub const MOUSE_INTERRUPT: u8 = 1 << 1;
    /// Copied to the status register's system flag when written.
    pub const SYSTEM_FLAG: u8 = 1 << 2;
    /// The clock line of the keyboard is held: it cannot send.
    pub const KEYBOARD_DISABLED: u8 = 1 << 4;
    /// The clock line of the mouse is held: it cannot send.
    pub const MOUSE_DISABLED: u8 = 1 << 5;
    /// Scan codes are translated to set 1.
    pub const TRANSLATE: u8 = 1 << 6;
    /// After a reset: both interrupts and both ports on, no translation. IBM leaves it to the firmware; this is what the
    /// recorded guests' firmware finds.
    pub const RESET: u8 = KEYBOARD_INTERRUPT | MOUSE_INTERRUPT;
}

/// Bits of the output port ("Input and Output Ports", Figure 3).
pub mod output_port {
    /// 0 resets the processor.
    pub const NOT_RESET: u8 = 1 << 0;
    /// Gate A20.
    pub const A20: u8 = 1 << 1;
    /// IRQ 1: the output buffer is full.
    pub const KEYBOARD_FULL: u8 = 1 << 4;
    /// IRQ 12: the output buffer is full, with a byte from the mouse.
    pub const MOUSE_FULL: u8 = 1 << 5;
    /// After a reset: no reset, A20 open, the other lines high, nothing in the output buffer.
    pub const RESET: u8 = 0xcf;
}

/// Bits of the input port ("Input and Output Ports", Figure 2).
pub mod input_port {
    /// The value that reads return: the keyboard lock is open (bit 7).
    pub const VALUE: u8 = 0x80;
}

/// Commands to the controller, written to port 64h ("Controller Commands").
pub mod controller {
    /// The first of 32 commands that read a byte of the controller's RAM. Byte 0 is the command byte.
    pub const READ_RAM: u8 = 0x20;
    /// The last of the 32 commands that read the RAM.
    pub const READ_RAM_LAST: u8 = 0x3f;
    /// The first of 32 commands that write their data byte to the controller's RAM.
    pub const WRITE_RAM: u8 = 0x60;
    /// The last of the 32 commands that write the RAM.
    pub const WRITE_RAM_LAST: u8 = 0x7f;
    /// Test whether a password is installed.
    pub const TEST_PASSWORD: u8 = 0xa4;
    /// Load a password: the data bytes up to a null, in scan codes of set 1.
    pub const LOAD_PASSWORD: u8 = 0xa5;
    /// Lock the keyboard until the password is typed.
    pub const ENABLE_PASSWORD: u8 = 0xa6;
    /// Disable the auxiliary port.
    pub const DISABLE_MOUSE: u8 = 0xa7;
    /// Enable the auxiliary port.
    pub const ENABLE_MOUSE: u8 = 0xa8;
    /// Test the auxiliary port's lines.
    pub const TEST_MOUSE_PORT: u8 = 0xa9;
    /// Test the controller.
    pub const SELF_TEST: u8 = 0xaa;
    /// Test the keyboard port's lines.
    pub const TEST_KEYBOARD_PORT: u8 = 0xab;
    /// Disable the keyboard port.
    pub const DISABLE_KEYBOARD: u8 = 0xad;
    /// Enable the keyboard port.
    pub const ENABLE_KEYBOARD: u8 = 0xae;
    /// Read the input port.
    pub const READ_INPUT_PORT: u8 = 0xc0;
    /// Show the lower half of the input port in the upper half of the status register.
    pub const POLL_INPUT_PORT_LOW: u8 = 0xc1;
    /// Show the upper half of the input port in the upper half of the status register.
    pub const POLL_INPUT_PORT_HIGH: u8 = 0xc2;
    /// Read the output port.
    pub const READ_OUTPUT_PORT: u8 = 0xd0;
    /// The data byte goes to the output port.
    pub const WRITE_OUTPUT_PORT: u8 = 0xd1;
    /// The data byte goes into the output buffer as if the keyboard had sent it.
    pub const WRITE_KEYBOARD_BUFFER: u8 = 0xd2;
    /// The data byte goes into the output buffer as if the mouse had sent it.
    pub const WRITE_MOUSE_BUFFER: u8 = 0xd3;
    /// The data byte goes to the mouse.
    pub const WRITE_MOUSE: u8 = 0xd4;
    /// Close gate A20 (an extension that every chipset has).
    pub const DISABLE_A20: u8 = 0xdd;
    /// Open gate A20.
    pub const ENABLE_A20: u8 = 0xdf;
    /// Read the test inputs: the clock lines of keyboard (bit 0) and mouse (bit 1).
    pub const READ_TEST_INPUTS: u8 = 0xe0;
    /// The first of 16 commands that pulse bits of the output port. A bit that is 0 in the command is pulsed; bit 0 is
    /// the reset.
    pub const PULSE: u8 = 0xf0;

    /// Reply: a password is installed.
    pub const PASSWORD_INSTALLED: u8 = 0xfa;
    /// Reply: no password is installed.
    pub const NO_PASSWORD: u8 = 0xf1;
    /// Reply: the self-test found no error.
    pub const SELF_TEST_PASSED: u8 = 0x55;
    /// Reply: no line is stuck.
    pub const PORT_TEST_PASSED: u8 = 0;
}

/// Bytes of the controller's RAM with a meaning ("Keyboard Password").
pub mod ram {
    /// The number of bytes without the command byte.
    pub const LEN: usize = 31;
    /// If this byte is not 0, the controller puts it into the output buffer when the password is enabled.
    pub const SECURITY_ON: u8 = 0x13;
    /// If this byte is not 0, the controller puts it into the output buffer when the password has been typed.
    pub const SECURITY_OFF: u8 = 0x14;
    /// A make code that the comparison with the password ignores.
    pub const IGNORED_1: u8 = 0x16;
    /// Another make code that the comparison ignores.
    pub const IGNORED_2: u8 = 0x17;
}

/// Commands to the keyboard, its replies and defaults ("Commands from the System", "Commands to the System").
pub mod keyboard {
    /// Not a command, but acknowledged.
    pub const NULL: u8 = 0x00;
    /// Set the LEDs: scroll lock, num lock, caps lock from bit 0.
    pub const SET_LEDS: u8 = 0xed;
    /// Echo.
    pub const ECHO: u8 = 0xee;
    /// Select (1 to 3) or read (0) the scan-code set.
    pub const SCAN_CODE_SET: u8 = 0xf0;
    /// Read the keyboard's identification.
    pub const IDENTIFY: u8 = 0xf2;
    /// Set typematic rate and delay.
    pub const SET_TYPEMATIC: u8 = 0xf3;
    /// Start scanning.
    pub const ENABLE: u8 = 0xf4;
    /// Load the defaults and stop scanning.
    pub const DEFAULT_DISABLE: u8 = 0xf5;
    /// Load the defaults.
    pub const SET_DEFAULT: u8 = 0xf6;
    /// In set 3: all keys repeat and have no break code.
    pub const ALL_TYPEMATIC: u8 = 0xf7;
    /// In set 3: all keys have a break code and do not repeat.
    pub const ALL_MAKE_BREAK: u8 = 0xf8;
    /// In set 3: no key has a break code or repeats.
    pub const ALL_MAKE: u8 = 0xf9;
    /// In set 3: all keys repeat and have a break code.
    pub const ALL_TYPEMATIC_MAKE_BREAK: u8 = 0xfa;
    /// In set 3: the keys that follow repeat and have no break code.
    pub const KEY_TYPEMATIC: u8 = 0xfb;
    /// In set 3: the keys that follow have a break code and do not repeat.
    pub const KEY_MAKE_BREAK: u8 = 0xfc;
    /// In set 3: the keys that follow have no break code and do not repeat.
    pub const KEY_MAKE: u8 = 0xfd;
    /// Send the last byte again.
    pub const RESEND: u8 = 0xfe;
    /// Reset and test.
    pub const RESET: u8 = 0xff;
    /// The first command. Bytes from this value on are commands, even if the keyboard expects an option.
    pub const FIRST_COMMAND: u8 = SET_LEDS;

    /// Reply: acknowledged.
    pub const ACK: u8 = 0xfa;
    /// Reply: resend. The byte was not understood.
    pub const NAK: u8 = 0xfe;
    /// Basic assurance test passed.
    pub const TEST_PASSED: u8 = 0xaa;
    /// The identification, untranslated.
    pub const ID: [u8; 2] = [0xab, 0x83];
    /// The capacity for scan codes, in bytes ("Keyboard Buffer").
    pub const BUFFER: u8 = 16;
    /// The overrun code in sets 2 and 3.
    pub const OVERRUN: u8 = 0x00;
    /// The overrun code in set 1.
    pub const OVERRUN_SET_1: u8 = 0xff;
    /// Bits of the LEDs.
    pub const LEDS: u8 = 0x07;
    /// Bits of the typematic setting: delay in bits 5 and 6, rate below.
    pub const TYPEMATIC: u8 = 0x7f;
    /// 10.9 characters per second after 500 ms.
    pub const TYPEMATIC_DEFAULT: u8 = 0x2b;
}

/// Commands to the mouse, its replies and defaults.
pub mod mouse {
    /// Scaling 1:1.
    pub const SCALING_1_1: u8 = 0xe6;
    /// Scaling 2:1.
    pub const SCALING_2_1: u8 = 0xe7;
    /// Set the resolution: 1, 2, 4, 8 counts per millimetre for 0 to 3.
    pub const SET_RESOLUTION: u8 = 0xe8;
    /// Status request.
    pub const STATUS: u8 = 0xe9;
    /// Stream mode.
    pub const STREAM: u8 = 0xea;
    /// Read data.
    pub const READ_DATA: u8 = 0xeb;
    /// Leave wrap mode.
    pub const RESET_WRAP: u8 = 0xec;
    /// Wrap mode: echo everything.
    pub const WRAP: u8 = 0xee;
    /// Remote mode: data on request only.
    pub const REMOTE: u8 = 0xf0;
    /// Read the device's identification.
    pub const IDENTIFY: u8 = 0xf2;
    /// Set the sample rate, in reports per second.
    pub const SET_SAMPLE_RATE: u8 = 0xf3;
    /// Enable data reporting.
    pub const ENABLE: u8 = 0xf4;
    /// Disable data reporting.
    pub const DISABLE: u8 = 0xf5;
    /// Load the defaults.
    pub const SET_DEFAULTS: u8 = 0xf6;
    /// Send the last reply or packet again.
    pub const RESEND: u8 = 0xfe;
    /// Reset and test.
    pub const RESET: u8 = 0xff;

    /// The first command. Bytes from this value on are commands, even if the mouse expects an argument.
    pub const FIRST_COMMAND: u8 = SCALING_1_1;

    /// Reply: acknowledged.
    pub const ACK: u8 = 0xfa;
    /// Reply: the argument is not valid for the command.
    pub const NAK: u8 = 0xfe;
    /// Reply of real mice: a second argument is not valid either, after a [`NAK`].
    pub const ERROR: u8 = 0xfc;
    /// Basic assurance test passed.
    pub const TEST_PASSED: u8 = 0xaa;

    /// Bits of the first byte of a status reply.
    pub mod status {
        /// The right button is down.
        pub const RIGHT: u8 = 1 << 0;
        /// The middle button is down.
        pub const MIDDLE: u8 = 1 << 1;
        /// The left button is down.
        pub const LEFT: u8 = 1 << 2;
        /// Scaling is 2:1.
        pub const SCALING_2_1: u8 = 1 << 4;
        /// Data reporting is enabled.
        pub const ENABLED: u8 = 1 << 5;
        /// Remote mode.
        pub const REMOTE: u8 = 1 << 6;
    }

    /// Bits of the first byte of a packet.
    pub mod packet {
        /// The buttons left, right and middle, from bit 0.
        pub const BUTTONS: u8 = 0x07;
        /// Always 1.
        pub const ALWAYS: u8 = 1 << 3;
        /// The X movement is negative.
        pub const X_SIGN: u8 = 1 << 4;
        /// The Y movement is negative.
        pub const Y_SIGN: u8 = 1 << 5;
        /// In the fourth byte of an Explorer packet: the byte is a movement of the horizontal wheel.
        pub const HORIZONTAL: u8 = 1 << 6;
    }

    /// The capacity for packets, in bytes. Replies have room beyond it.
    pub const BUFFER: u8 = 16;
    /// The maximum number of counts of one packet in one direction.
    pub const MAX_COUNTS: i16 = 127;
    /// The maximum number of wheel steps in one packet. The field has four bits (-8 to 7); some drivers drop 7 and
    /// more.
    pub const MAX_WHEEL_STEPS: i16 = 6;
    /// The maximum number of horizontal wheel steps in one packet.
    pub const MAX_HORIZONTAL_STEPS: i16 = 31;
    /// Samples per second after a reset.
    pub const SAMPLE_RATE_DEFAULT: u8 = 100;
    /// 4 counts per millimetre.
    pub const RESOLUTION_DEFAULT: u8 = 2;
    /// 8 counts per millimetre.
    pub const RESOLUTION_MAX: u8 = 3;
}
