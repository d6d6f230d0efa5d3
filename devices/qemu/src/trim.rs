//! A migration file with only the sections that are read here.

use serde_json::Value;

use crate::description::footer_len;
use crate::error::QemuError;
use crate::export::with_length;
use crate::import::name;
use crate::migration::Migration;

/// The sections that are read here.
const READ: &[&str] = &[
    "timer",
    name::SERIAL,
    name::CONTROLLER,
    name::KEYBOARD,
    name::MOUSE,
    name::RTC,
];

impl Migration<'_> {
    /// Returns the file without the machine's memory, and with only the sections that this crate reads. Use it in a bug
    /// report or in a test. The result has a few kilobytes, and [`import`](Self::import) reads the same devices from
    /// it. QEMU cannot load it.
    ///
    /// # Errors
    ///
    /// The description cannot be written.
    pub fn trimmed(&self) -> Result<Vec<u8>, QemuError> {
        let part = |range: std::ops::Range<usize>| self.bytes.get(range).unwrap_or_default();
        let mut description = self.description()?;
        let described = description.get_mut("devices").and_then(Value::as_array_mut);
        let mut described = described.map(std::mem::take).unwrap_or_default().into_iter();
        let mut kept = Vec::new();
        let mut out = part(0..self.sections_at).to_vec();
        for section in &self.sections {
            let description = described.next().unwrap_or_default();
            if READ.contains(&section.name()) {
                let start = section.body.start - section.device.header_len();
                out.extend_from_slice(part(start..section.body.end + footer_len(self.with_footers)));
                kept.push(description);
            }
        }
        if let Some(devices) = description.get_mut("devices") {
            *devices = Value::Array(kept);
        }
        out.extend_from_slice(part(self.description_at - 1..self.description_at + 1));
        out.extend(with_length(&description)?);
        Ok(out)
    }
}
