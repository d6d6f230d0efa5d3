//! devstate itself, with the default checksum.

use devstate_versioning::ReleaseTable;
use devstate_versioning::schema::TableData as _;

use crate::peer::{Container, Peer, Versioned};
use crate::work::Work;

/// The derived encoder.
pub struct Devstate;

impl<W: Work> Peer<W> for Devstate {
    const NAME: &'static str = "devstate";

    fn save(work: &W, buffer: &mut [u8]) -> usize {
        W::Release::latest(work).encode(buffer).map_or(0, <[u8]>::len)
    }

    fn load(bytes: &[u8], work: &mut W) {
        let _ = W::Release::decode_latest(bytes, work);
    }

    /// Every loss is looked for, which no other encoder does, and accepted.
    const VERSIONED: Option<Versioned<W>> = Some(Versioned {
        save: |work, version, scratch, buffer| {
            let Some(release) = W::Release::from_number(version) else {
                return 0;
            };
            let older = release.downgrade_lossy(work, scratch, &mut |_| true);
            older.and_then(|older| older.encode(buffer)).map_or(0, <[u8]>::len)
        },
        load: |bytes, version, work| {
            if let Some(release) = W::Release::from_number(version) {
                let _ = release.decode(bytes, work);
            }
        },
    });

    const CONTAINER: Option<Container<W>> = Some(Container {
        save: |work, buffer| W::Release::save(work, buffer).map_or(0, <[u8]>::len),
        load: |bytes, work| {
            let _ = W::Release::load(bytes, work);
        },
    });
}
