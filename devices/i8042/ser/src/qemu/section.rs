//! The sections, with QEMU's names.

use devstate_qemu_section::section;

/// The three sections of a keyboard controller in QEMU's file.
///
/// ```
/// use devstate_i8042::I8042State;
/// use devstate_i8042_ser::{I8042StateSer, qemu::I8042Sections};
/// use devstate_qemu_section::Section;
///
/// let state = I8042State { config: 0x47, ..I8042State::RESET };
/// let sections = I8042Sections::from_state(&state, true, &mut |loss| loss.ignorable)?;
/// assert_eq!((sections.controller.kbd.mode, sections.keyboard.translate), (0x47, 1));
///
/// let mirror = I8042StateSer::try_from(&sections)?;
/// assert_eq!(mirror.config, 0x47);
/// # Ok::<(), devstate_qemu_section::Refused>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct I8042Sections {
    /// `pckbd`.
    pub controller: PckbdSection,
    /// `ps2kbd`.
    pub keyboard: Ps2KbdSection,
    /// `ps2mouse`.
    pub mouse: Ps2MouseSection,
}

section! {
    /// QEMU's section `pckbd`.
    pub struct PckbdSection = "pckbd", version 3 {
        /// The controller.
        pub kbd: Pckbd,
    }
}

section! {
    /// The controller in QEMU's section `pckbd`.
    pub struct Pckbd = "pckbd", version 3 {
        /// The command that waits for its data byte; 0 for none.
        pub write_cmd: u8,
        /// The status register.
        pub status: u8,
        /// The command byte.
        pub mode: u8,
        /// The sources of bytes that are in the output buffer or wait for it. With the extended state: 04 the
        /// controller's reply, 08 the controller's byte that counts as the mouse's, 10 the keyboard, 20 the mouse.
        /// Without it: 01 the keyboard, 02 the mouse.
        pub pending_tmp: u8 = "pending_tmp" | "pending",
    }
    subsections {
        /// Present if the output port does not have its default value.
        pub outport: PckbdOutport,
        /// Present from machine version 6.0 on.
        pub extended_state: PckbdExtendedState,
    }
}

section! {
    /// QEMU's subsection `pckbd_outport`.
    pub struct PckbdOutport = "pckbd_outport", version 1 {
        /// The output port.
        pub outport: u8,
    }
}

section! {
    /// QEMU's subsection `pckbd/extended_state`. Without it, the controller's replies are in the keyboard's queue.
    pub struct PckbdExtendedState = "pckbd/extended_state", version 0 {
        /// 1 while a byte of the keyboard is held back (`kbd-throttle=on`).
        pub migration_flags: u32,
        /// The source of the byte in the output buffer: 1 the keyboard, 2 the mouse, 4 the controller.
        pub obsrc: u32,
        /// The last byte that the data port returned.
        pub obdata: u8,
        /// The controller's byte.
        pub cbdata: u8,
    }
}

section! {
    /// The common part of keyboard and mouse.
    pub struct Ps2Common = "PS2 Common State", version 3 {
        /// The command that waits for its option; -1 for none.
        pub write_cmd: i32,
        /// The index of the oldest byte in `data`.
        pub rptr: i32 = "queue.rptr",
        /// The index of the next byte in `data`.
        pub wptr: i32 = "queue.wptr",
        /// The number of bytes in the ring.
        pub count: i32 = "queue.count",
        /// The ring of bytes that the guest has not read. Bytes outside the ring have no meaning.
        pub data: [u8; 256] = "queue.data",
    }
}

section! {
    /// QEMU's section `ps2kbd`.
    pub struct Ps2KbdSection = "ps2kbd", version 3 {
        /// The command and the queue.
        pub common: Ps2Common = "parent_obj" | "common",
        /// Keys are reported.
        pub scan_enabled: i32,
        /// The controller translates.
        pub translate: i32,
        /// The scan-code set: 1, 2 or 3.
        pub scancode_set: i32,
    }
    subsections {
        /// Present if a LED is on.
        pub leds: Ps2KbdLeds,
        /// Present if a break prefix was translated last.
        pub need_high_bit: Ps2KbdNeedHighBit,
        /// Present while a reply waits.
        pub replies: Ps2KbdReplies,
    }
}

section! {
    /// QEMU's subsection `ps2kbd/ledstate`.
    pub struct Ps2KbdLeds = "ps2kbd/ledstate", version 3 {
        /// The LEDs, as the guest has sent them.
        pub ledstate: i32,
    }
}

section! {
    /// QEMU's subsection `ps2kbd/need_high_bit`.
    pub struct Ps2KbdNeedHighBit = "ps2kbd/need_high_bit", version 1 {
        /// The last code that was translated was a break prefix.
        pub need_high_bit: u8,
    }
}

section! {
    /// QEMU's subsection `ps2kbd/command_reply_queue`.
    pub struct Ps2KbdReplies = "ps2kbd/command_reply_queue", version 0 {
        /// The index after the replies at the front of the queue. -1 if there are none.
        pub cwptr: i32 = "parent_obj.queue.cwptr" | "common.queue.cwptr" | "cwptr",
    }
}

section! {
    /// QEMU's section `ps2mouse`.
    pub struct Ps2MouseSection = "ps2mouse", version 2 {
        /// The command and the queue.
        pub common: Ps2Common = "parent_obj" | "common",
        /// Mode, reporting and scaling, as in the first byte of the reply to a status request.
        pub mouse_status: u8,
        /// The resolution, as the guest sent it. Any value.
        pub mouse_resolution: u8,
        /// The sample rate.
        pub mouse_sample_rate: u8,
        /// The mouse echoes what it receives.
        pub mouse_wrap: u8,
        /// The mouse's identification: 0, 3 or 4.
        pub mouse_type: u8,
        /// The number of sample rates received so far of a sequence that selects a protocol.
        pub mouse_detect_state: u8,
        /// Unreported movement to the right, in counts.
        pub mouse_dx: i32,
        /// Unreported movement upward, in counts.
        pub mouse_dy: i32,
        /// Unreported movement of the wheel, in steps.
        pub mouse_dz: i32,
        /// The buttons that are down.
        pub mouse_buttons: u8,
    }
}
