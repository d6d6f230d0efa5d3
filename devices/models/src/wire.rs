//! States on their way through the bytes of their mirrors, and bytes that no device has saved.

use arbitrary::Arbitrary;
use devstate_golden::generate::{Chosen, no_foreign, payload};
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::{MirrorOf, ReleaseTable, release_table};

release_table! {
    /// The first versions of the mirrors, and the latest ones.
    pub enum Release { V1 = 1 @ 0xb91d_30db_ca67_e80a, V2 = 2 @ open }
    RtcStateSer => [1, 2],
    SerialStateSer => [1, 2],
    I8042StateSer => [_, 2],
}

/// A payload that somebody has tampered with, or made up.
#[derive(Arbitrary, Clone, Debug)]
pub enum Hostile {
    /// What the device would save, with some bytes changed: place and value.
    Changed(Vec<(u16, u8)>),
    /// One of any values that the type can say, at the first release or at the latest.
    MadeUp {
        /// At the first.
        first: bool,
        /// What decides about each value.
        choices: Vec<u8>,
    },
}

impl Hostile {
    /// The mirror that decoding makes of it, at the latest version; `None` where decoding refuses, or going there does.
    pub(super) fn decode<M>(&self, saved: &M) -> Option<M>
    where
        M: for<'de> MirrorOf<'de, Release> + Default,
    {
        let (release, bytes) = match self {
            Self::Changed(changes) => {
                let mut bytes = encode(saved);
                for (place, value) in changes {
                    let place = usize::from(*place) % bytes.len();
                    bytes[place] = *value;
                }
                (Release::LATEST, bytes)
            }
            Self::MadeUp { first, choices } => {
                let release = if *first && M::version(Release::V1) != 0 {
                    Release::V1
                } else {
                    Release::LATEST
                };
                let schema = PayloadSchema::of::<Release, M>(release);
                (release, payload(&schema, &mut Chosen(choices), &no_foreign))
            }
        };
        let mut mirror = M::default();
        release.decode(&bytes, &mut mirror).ok()?;
        Some(mirror)
    }
}

/// What comes back of a mirror that was written at the latest release and read.
pub fn through_bytes<M>(mirror: &M) -> M
where
    M: for<'de> MirrorOf<'de, Release> + Default,
{
    let bytes = encode(mirror);
    let mut back = M::default();
    Release::LATEST.decode(&bytes, &mut back).unwrap();
    back
}

fn encode<M>(mirror: &M) -> Vec<u8>
where
    M: for<'de> MirrorOf<'de, Release>,
{
    let latest = Release::latest(mirror);
    let mut bytes = vec![0xa5; latest.payload_len()];
    assert_eq!(latest.encode(&mut bytes).unwrap().len(), bytes.len());
    bytes
}
