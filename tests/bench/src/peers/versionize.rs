//! versionize 0.2 and Firecracker's container around it: magic, the application's version, the blob, crc64.

use crate::peer::{Container, Peer, Versioned};
use crate::work::Work;

/// versionize.
pub struct Versionize;

const MAGIC: u64 = 0x0710_1984_8664_0000;

fn save<W: Work>(work: &W, version: u16, buffer: &mut [u8]) -> usize {
    let available = buffer.len();
    let mut rest = buffer;
    versionize::Versionize::serialize(work, &mut rest, W::version_map(), version).map_or(0, |()| available - rest.len())
}

fn load<W: Work>(mut bytes: &[u8], version: u16, work: &mut W) {
    if let Ok(loaded) = versionize::Versionize::deserialize(&mut bytes, W::version_map(), version) {
        *work = loaded;
    }
}

impl<W: Work> Peer<W> for Versionize {
    const NAME: &'static str = "versionize";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        save(work, 2, buffer)
    }

    fn load(payload: &[u8], work: &mut W) {
        load(payload, 2, work);
    }

    const VERSIONED: Option<Versioned<W>> = Some(Versioned {
        save: |work, version, _, buffer| save(work, version, buffer),
        load,
    });

    const CONTAINER: Option<Container<W>> = Some(Container {
        save: |work, buffer| {
            const HEADER: usize = size_of::<u64>() + size_of::<u16>();
            let Some((header, rest)) = buffer.split_first_chunk_mut::<HEADER>() else {
                return 0;
            };
            header[..8].copy_from_slice(&MAGIC.to_le_bytes());
            header[8..].copy_from_slice(&2u16.to_le_bytes());
            let end = HEADER + save(work, 2, rest);
            let checksum = crc64::crc64(0, &buffer[..end]);
            buffer[end..end + 8].copy_from_slice(&checksum.to_le_bytes());
            end + 8
        },
        load: |bytes, work| {
            let Some((summed, checksum)) = bytes.split_last_chunk::<8>() else {
                return;
            };
            let Some((header, blob)) = summed.split_first_chunk::<10>() else {
                return;
            };
            let version = u16::from_le_bytes([header[8], header[9]]);
            if crc64::crc64(0, summed) == u64::from_le_bytes(*checksum) && header[..8] == MAGIC.to_le_bytes() {
                load(blob, version, work);
            }
        },
    });
}
