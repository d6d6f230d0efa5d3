//! The smallest kernel: it echoes what comes on its serial port, three characters later, by string instructions.

/// Where the kernel lies in the file: behind the boot sector and one sector of setup.
const CODE_AT: usize = 1024;

/// In 32-bit protected mode. What it has read last is in memory, at 2 MiB.
const CODE: &[u8] = &[
    0x66, 0xba, 0xfa, 0x03, 0xb0, 0x07, 0xee, // FIFO control: on, and empty
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x0b, 0xee, // modem control: DTR, RTS, OUT2
    0xc7, 0x05, 0x00, 0x00, 0x20, 0x00, b'.', b'.', b'.', 0x00, // mov dword [0x200000], "..."
    0x66, 0xba, 0xf8, 0x03, 0xb0, b'R', 0xee, // says that it is ready
    0x66, 0xba, 0xfd, 0x03, // again: mov dx, line status
    0xec, 0xa8, 0x01, 0x74, 0xfb, // until something has come
    0x66, 0xba, 0xf8, 0x03, // mov dx, the data port
    0xbe, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00, 0x00, 0x00, // mov esi, 0x200000; mov ecx, 3
    0xfc, 0xf3, 0x6e, // cld; rep outsb
    0xbf, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00, 0x00, 0x00, // mov edi, 0x200000; mov ecx, 3
    0xf3, 0x6c, // rep insb
    0xeb, 0xd8, // jmp again
];

/// Returns a `bzImage` that wants to be unpacked to `pref_address`.
pub(crate) fn bz_image(pref_address: u64) -> Vec<u8> {
    let mut image = vec![0; CODE_AT];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x1f1, &[1]); // sectors of setup
    put(0x1fe, &[0x55, 0xaa]);
    put(0x202, b"HdrS");
    put(0x206, &0x020c_u16.to_le_bytes()); // version of the protocol
    put(0x211, &[1]); // loaded high
    put(0x214, &0x10_0000_u32.to_le_bytes()); // code32_start
    put(0x238, &255_u32.to_le_bytes()); // length of the command line
    put(0x258, &pref_address.to_le_bytes());
    put(0x260, &0x10_0000_u32.to_le_bytes()); // init_size
    image.extend(CODE);
    image
}
