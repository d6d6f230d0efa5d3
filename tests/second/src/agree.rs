//! The first implementation, behind functions without types, and the comparison of both.

use crate::decode::Refused;
use crate::history::{History, Ty};
use crate::translate::Refusal;
use crate::value::{At, Value};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::{ConversionError, LoadError, LoadErrorKind, MirrorOf, ReleaseTable, SaveError};
use fastrand::Rng;
use std::fmt::Debug;

/// A mirror of a generated source as a root.
#[derive(Debug)]
pub struct Root {
    decode: fn(u16, &[u8]) -> Result<Vec<u8>, LoadError>,
    locate: fn(u16, &[u8], &LoadError) -> Option<Vec<u16>>,
    translate: fn(&[u8], u16) -> Result<Translated, SaveError>,
    load: fn(&[u8]) -> Result<u16, LoadError>,
}

/// What became of a latest value at a release.
#[derive(Debug)]
struct Translated {
    losses: Vec<(Vec<u16>, bool)>,
    lossless: bool,
    payload_len: usize,
    snapshot: Vec<u8>,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Translations: of a payload to the latest release, or of a latest value to a release.
    pub translations: u64,
    /// Translations that lost something.
    pub lossy: u64,
    /// Translations that a function, or a variant without a stand-in, refused.
    pub refused: u64,
    /// Payloads with a changed byte or without their end.
    pub hostile: u64,
    /// Those of them that were refused.
    pub hostile_refused: u64,
}

impl Root {
    /// The mirror `M` of the table `R`.
    pub fn of<R, M>() -> Self
    where
        R: ReleaseTable,
        M: for<'de> MirrorOf<'de, R> + Default + Debug,
    {
        Self {
            decode: |release, payload| {
                let mut mirror = M::default();
                at::<R>(release).decode(payload, &mut mirror)?;
                let latest = R::latest(&mirror);
                let mut bytes = vec![0; latest.payload_len()];
                Ok(latest.encode(&mut bytes).unwrap().to_vec())
            },
            locate: |release, payload, error| {
                let path = PayloadSchema::of::<R, M>(at::<R>(release)).locate(payload, 0, error)?;
                Some(path.path().steps().to_vec())
            },
            translate: |latest, release| {
                let mut mirror = M::default();
                R::decode_latest(latest, &mut mirror).unwrap();
                let release = at::<R>(release);
                let mut losses = Vec::new();
                let mut scratch = M::default();
                release.losses(&mirror, &mut scratch, &mut |loss| {
                    losses.push((loss.field.steps().to_vec(), loss.ignorable));
                })?;
                let lossless = release.downgrade(&mirror, &mut scratch).is_ok();
                let translated = release.downgrade_lossy(&mirror, &mut scratch, &mut |_| true)?;
                let mut bytes = vec![0; translated.snapshot_len()];
                Ok(Translated {
                    losses,
                    lossless,
                    payload_len: translated.payload_len(),
                    snapshot: translated.save(&mut bytes)?.to_vec(),
                })
            },
            load: |snapshot| Ok(R::load(snapshot, &mut M::default())?.number()),
        }
    }
}

fn at<R: ReleaseTable>(number: u16) -> R {
    R::from_number(number).unwrap()
}

fn refusal(error: ConversionError) -> Refusal {
    Refusal {
        mirror: error.mirror.to_owned(),
        field: error.field.to_owned(),
        version: error.version,
    }
}

/// Compares both implementations on a random value of a mirror at a random release.
pub fn compare(rng: &mut Rng, history: &History, mirror: usize, root: &Root, count: &mut Count) {
    // Latest values lose most, so every second one is.
    let last = history.releases.len() - 1;
    let from = if rng.bool() { last } else { rng.usize(..=last) };
    let here = At { history, release: from };
    let ty = Ty::Mirror(mirror);
    let value = here.random(rng, &ty);
    let mut payload = Vec::new();
    here.encode(&ty, &value, &mut payload);
    let number = history.releases[from].number;
    compare_hostile(rng, here, mirror, root, &payload, count);

    // A random value has everything that the version can express, and an array that is too long now may not fit.
    let read = here.decode(mirror, &payload);
    let found = (root.decode)(number, &payload);
    count.translations += 1;
    let latest = match read {
        Ok(mut value) => match here.upgrade(&ty, &mut value) {
            Ok(()) => value,
            Err(refused) => {
                count.refused += 1;
                let Err(LoadErrorKind::Conversion(error)) = found.map_err(|error| error.kind) else {
                    panic!("the second implementation refuses {refused:?}")
                };
                assert_eq!(refusal(error), refused);
                return;
            }
        },
        Err(refused) => {
            assert!(
                found.is_err(),
                "the second implementation refuses {refused:?}, and the first does not"
            );
            return;
        }
    };
    let newest = At { history, release: last };
    let mut bytes = Vec::new();
    newest.encode(&ty, &latest, &mut bytes);
    assert_eq!(found.as_deref(), Ok(&bytes[..]), "{latest:?}");
    for to in 0..history.releases.len() {
        count.translations += 1;
        compare_downgrade(At { history, release: to }, mirror, root, &latest, &bytes, count);
    }
}

fn compare_downgrade(to: At<'_>, mirror: usize, root: &Root, latest: &Value, bytes: &[u8], count: &mut Count) {
    let ty = Ty::Mirror(mirror);
    let release = &to.history.releases[to.release];
    let found = (root.translate)(bytes, release.number);
    let mut written = latest.clone();
    let mut back = latest.clone();
    let expected = to.downgrade(&ty, &mut written).and_then(|()| {
        back = written.clone();
        to.upgrade(&ty, &mut back)
    });
    if let Err(refused) = expected {
        count.refused += 1;
        let Err(SaveError::Conversion(error)) = found else {
            panic!("the second implementation refuses {refused:?}, the first says {found:?}")
        };
        assert_eq!(refusal(error), refused);
        return;
    }
    let found = found.unwrap_or_else(|error| panic!("{error}: {latest:?} to release {}", release.number));
    let losses = to.differences(&ty, latest, &back);
    count.lossy += u64::from(!losses.is_empty());
    assert_eq!(found.losses, losses);
    assert_eq!(found.lossless, losses.is_empty());
    let mut payload = Vec::new();
    to.encode(&ty, &written, &mut payload);
    assert_eq!(found.payload_len, payload.len());
    assert_eq!(found.snapshot, snapshot(to, mirror, &payload));
    assert_eq!((root.load)(&found.snapshot), Ok(release.number));
}

/// Changes a byte, or cuts off the end.
fn compare_hostile(rng: &mut Rng, here: At<'_>, mirror: usize, root: &Root, payload: &[u8], count: &mut Count) {
    let mut hostile = payload.to_vec();
    if rng.u8(..4) == 0 {
        hostile.truncate(rng.usize(..=payload.len()));
    } else if let Some(byte) = rng.choice(hostile.iter_mut()) {
        *byte = rng.u8(..);
    }
    count.hostile += 1;
    let number = here.history.releases[here.release].number;
    let found = (root.decode)(number, &hostile);
    let located = |error: &LoadError| (root.locate)(number, &hostile, error);
    let value = match here.decode(mirror, &hostile) {
        Ok(value) => value,
        Err(refused) => {
            count.hostile_refused += 1;
            let error = found.expect_err("the second implementation refuses it");
            match (refused, error.kind) {
                (Refused::Value(offset, path), LoadErrorKind::Value { .. }) => {
                    assert_eq!(error.offset, Some(offset));
                    assert_eq!(located(&error), Some(path), "{error}");
                }
                (Refused::Truncated(path), LoadErrorKind::Truncated { .. }) => {
                    assert_eq!(located(&error), Some(path), "{error}");
                }
                (Refused::Trailing(offset), LoadErrorKind::TrailingBytes { .. }) => {
                    assert_eq!(error.offset, Some(offset));
                }
                // Neighbouring fields of fixed length share one check of their length.
                (Refused::Value(..), LoadErrorKind::Truncated { .. }) => {}
                (refused, kind) => panic!("{refused:?} is {kind:?}"),
            }
            return;
        }
    };
    let ty = Ty::Mirror(mirror);
    let mut latest = value;
    match here.upgrade(&ty, &mut latest) {
        Ok(()) => assert!(found.is_ok(), "{found:?}"),
        Err(refused) => {
            let Err(LoadErrorKind::Conversion(error)) = found.map_err(|error| error.kind) else {
                panic!("the second implementation refuses {refused:?}")
            };
            assert_eq!(refusal(error), refused);
        }
    }
}

/// FORMAT.md, "Snapshot".
fn snapshot(at: At<'_>, mirror: usize, payload: &[u8]) -> Vec<u8> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => 1,
        "aarch64" => 2,
        "arm" => 3,
        "riscv32" => 4,
        "riscv64" => 5,
        "x86" => 6,
        other => panic!("FORMAT.md has no code for {other}"),
    };
    let mut out = b"DEVSTAT".to_vec();
    out.push(architecture);
    out.extend(1_u16.to_le_bytes());
    out.extend(at.history.releases[at.release].number.to_le_bytes());
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(at.history.root(at.release, mirror).to_le_bytes());
    out.extend(payload);
    let checksum = crc64(&out);
    out.extend(checksum.to_le_bytes());
    out
}

/// CRC-64/XZ, bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    let reflected = 0x42f0_e1eb_a9ea_3693_u64.reverse_bits();
    let step = |crc: u64| if crc & 1 == 1 { crc >> 1 ^ reflected } else { crc >> 1 };
    !bytes.iter().fold(u64::MAX, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| step(crc))
    })
}
