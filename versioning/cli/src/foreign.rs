//! Recognizes other kinds of files by their first bytes.

/// An offset, the bytes there, and what has them there.
const MARKS: &[(usize, &[u8], &str)] = &[
    (0, b"QEVM", "a migration stream or a saved state of QEMU"),
    // Little-endian numbers, which start with a version in two bytes.
    (2, b"\x64\x86\x84\x19\x10\x07", "a snapshot of Firecracker for x86_64"),
    (2, b"\xaa\xaa\x84\x19\x10\x07", "a snapshot of Firecracker for aarch64"),
    (0, b"QFI\xfb", "a disk image of QEMU (qcow2)"),
    (0, b"\x7fELF", "an ELF file: a program, a kernel or a core dump"),
    (0, b"\x1f\x8b", "compressed with gzip"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"\xfd7zXZ\0", "compressed with xz"),
    (0, b"{", "JSON text, perhaps a schema"),
];

/// Returns the kind of file that starts with these bytes.
#[must_use]
pub fn name_of(start: &[u8]) -> Option<&'static str> {
    if start.is_empty() {
        return Some("empty");
    }
    if start.iter().all(|byte| *byte == 0) {
        return Some("zeros: memory that was never written, or a file with a hole");
    }
    if start.iter().all(|byte| *byte == 0xff) {
        return Some("erased flash");
    }
    let has = |offset: usize, bytes: &[u8]| start.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    let mark = MARKS.iter().find(|(offset, bytes, _)| has(*offset, bytes));
    mark.map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn the_first_bytes_name_a_foreign_file() {
        assert_eq!(
            name_of(b"QEVM\0\0\0\x03"),
            Some("a migration stream or a saved state of QEMU")
        );
        assert_eq!(name_of(&[0xff; 24]), Some("erased flash"));
        assert_eq!(name_of(b"anything"), None);
    }
}
