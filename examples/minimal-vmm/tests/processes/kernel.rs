//! The smallest kernels. (`cargo xtask faults` and `cargo xtask vmm --measure` use this file as well.)

/// Where the kernel lies in the file: behind the boot sector and one sector of setup.
const CODE_AT: usize = 1024;

/// Returns a `bzImage` with `code`, in 32-bit protected mode, that wants to be unpacked to `pref_address`.
pub(crate) fn bz_image(code: &[u8], pref_address: u64) -> Vec<u8> {
    let mut image = vec![0; CODE_AT];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in image.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0x1f1, &[1]); // sectors of setup
    put(0x1fe, &[0x55, 0xaa]);
    put(0x202, b"HdrS");
    put(0x206, &0x020c_u16.to_le_bytes()); // version of the protocol
    put(0x211, &[1]); // loaded high
    put(0x214, &0x10_0000_u32.to_le_bytes()); // code32_start
    put(0x238, &255_u32.to_le_bytes()); // length of the command line
    put(0x258, &pref_address.to_le_bytes());
    put(0x260, &0x10_0000_u32.to_le_bytes()); // init_size
    image.extend(code);
    image
}
