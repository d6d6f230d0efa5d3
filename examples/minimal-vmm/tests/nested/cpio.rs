//! Initial RAM disks: the `newc` format of cpio archives, as the kernel unpacks it.

use std::fmt::Write as _;

/// An archive that grows.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    files: u32,
}

impl Archive {
    pub(crate) fn directory(&mut self, name: &str) {
        self.entry(name, 0o040_755, &[]);
    }

    pub(crate) fn file(&mut self, name: &str, executable: bool, contents: &[u8]) {
        self.entry(name, if executable { 0o100_755 } else { 0o100_644 }, contents);
    }

    /// `/dev/console`, which `init` is started on.
    pub(crate) fn console(&mut self) {
        self.entry_of_device("dev/console", 0o020_600, &[], (5, 1));
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, contents: &[u8]) {
        self.entry_of_device(name, mode, contents, (0, 0));
    }

    fn entry_of_device(&mut self, name: &str, mode: u32, contents: &[u8], device: (u32, u32)) {
        self.files += 1;
        let mut header = String::from("070701");
        let fields = [
            self.files,
            mode,
            0, // user
            0, // group
            1, // links
            0, // time
            contents.len() as u32,
            0,
            0,
            device.0,
            device.1,
            name.len() as u32 + 1,
            0,
        ];
        for field in fields {
            let _ = write!(header, "{field:08x}");
        }
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
