//! The first implementation, behind functions without types, and the comparison of both.

use crate::decode::Refused;
use crate::history::{At, History, Ty};
use crate::snapshot::{self, Check};
use crate::translate::Refusal;
use crate::value::{Encoded, Value};
use devstate_versioning::inspect::{PayloadSchema, Unreadable};
use devstate_versioning::schema::TableData;
use devstate_versioning::{ConversionError, Expected, LoadError, LoadErrorKind, MirrorOf, ReleaseTable, SaveError};
use fastrand::Rng;
use std::fmt::Debug;

/// A mirror of a generated source, with what it borrows.
pub trait Family {
    /// The release table.
    type Table: ReleaseTable;
    /// The mirror.
    type Of<'a>: MirrorOf<'a, Self::Table> + Default + Debug;
}

/// A payload at the latest release, if it can be written.
type Latest = Result<Vec<u8>, SaveError>;

/// A mirror of a generated source as a root.
#[derive(Debug)]
pub struct Root {
    decode: fn(u16, &[u8]) -> Result<Latest, LoadError>,
    walk: fn(u16, &[u8]) -> Result<usize, Unreadable>,
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
    /// Translations that a function, a variant without a stand-in, or a value that is too long refused.
    pub refused: u64,
    /// Values with an inner snapshot that is too long for its field.
    pub too_long: u64,
    /// Payloads with a changed byte or without their end.
    pub hostile: u64,
    /// Those of them that were refused.
    pub hostile_refused: u64,
}

impl Root {
    /// The mirror `M` of the table `R`.
    pub fn of<F: Family>() -> Self {
        Self {
            decode: |release, payload| {
                let mut mirror = F::Of::default();
                at::<F>(release).decode(payload, &mut mirror)?;
                let latest = F::Table::latest(&mirror);
                let mut bytes = vec![0; latest.payload_len()];
                Ok(latest.encode(&mut bytes).map(<[u8]>::to_vec))
            },
            walk: |release, payload| {
                let mut end = 0;
                PayloadSchema::of::<F::Table, F::Of<'_>>(at::<F>(release)).walk(payload, 0, &mut |item| {
                    assert_eq!(item.offset, end, "a gap before {}", item.path);
                    end += item.len;
                })?;
                Ok(end)
            },
            locate: |release, payload, error| {
                let path = PayloadSchema::of::<F::Table, F::Of<'_>>(at::<F>(release)).locate(payload, 0, error)?;
                Some(path.path().steps().to_vec())
            },
            translate: |latest, release| {
                let mut mirror = F::Of::default();
                F::Table::decode_latest(latest, &mut mirror).unwrap();
                let release = at::<F>(release);
                let mut losses = Vec::new();
                let mut scratch = F::Of::default();
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
            load: |snapshot| Ok(F::Table::load(snapshot, &mut F::Of::default())?.number()),
        }
    }
}

fn at<F: Family>(number: u16) -> F::Table {
    F::Table::from_number(number).unwrap()
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
    let here = At::new(history, from);
    let ty = Ty::Mirror(mirror);
    let value = here.random(rng, &ty);
    let mut payload = Encoded::default();
    here.encode(&ty, &value, &mut payload);
    let payload = payload.bytes;
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
    assert_eq!((root.walk)(number, &payload), Ok(payload.len()));
    let mut bytes = Encoded::default();
    At::new(history, last).encode(&ty, &latest, &mut bytes);
    let found = found.unwrap_or_else(|error| panic!("{error}: {latest:?}"));
    if bytes.too_long {
        count.too_long += 1;
        assert!(matches!(found, Err(SaveError::Value { .. })), "{found:?}");
        return;
    }
    assert_eq!(found.as_ref(), Ok(&bytes.bytes), "{latest:?}");
    for to in 0..history.releases.len() {
        count.translations += 1;
        compare_downgrade(At::new(history, to), mirror, root, &latest, &bytes.bytes, count);
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
    let mut payload = Encoded::default();
    to.encode(&ty, &written, &mut payload);
    if payload.too_long {
        count.too_long += 1;
        assert!(matches!(found, Err(SaveError::Value { .. })), "{found:?}");
        return;
    }
    let found = found.unwrap_or_else(|error| panic!("{error}: {latest:?} to release {}", release.number));
    let losses = to.differences(&ty, latest, &back);
    count.lossy += u64::from(!losses.is_empty());
    assert_eq!(found.losses, losses);
    assert_eq!(found.lossless, losses.is_empty());
    assert_eq!(found.payload_len, payload.bytes.len());
    assert_eq!(
        found.snapshot,
        snapshot::write(to, mirror, architecture(), &payload.bytes)
    );
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
    if rng.bool() {
        snapshot::reseal(&mut hostile);
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
                (Refused::Value(offset, path), LoadErrorKind::Value { expected, .. }) => {
                    assert_eq!(error.offset, Some(offset));
                    if expected == Expected::DefaultElement {
                        // An offset leads to what is first in the element.
                        let located = located(&error);
                        assert!(located.is_some_and(|steps| steps.starts_with(&path)), "{error}");
                        return;
                    }
                    assert_eq!(located(&error), Some(path), "{error}");
                }
                (Refused::Truncated(path), LoadErrorKind::Truncated { .. }) => {
                    assert_eq!(located(&error), Some(path), "{error}");
                }
                (Refused::Trailing(offset), LoadErrorKind::TrailingBytes { .. }) => {
                    assert_eq!(error.offset, Some(offset));
                    assert_eq!(located(&error), None, "{error}");
                }
                (Refused::TrailingWithin(offset, path), LoadErrorKind::TrailingBytes { .. }) => {
                    assert_eq!(error.offset, Some(offset));
                    assert_eq!(located(&error), Some(path), "{error}");
                }
                (Refused::Snapshot(check, path), kind) => {
                    assert_eq!(check_of(kind), Some(check), "{kind:?}");
                    assert_eq!(located(&error), Some(path), "{error}");
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

/// The check of a snapshot that fails with such an error, by its position in FORMAT.md.
fn check_of(kind: LoadErrorKind) -> Option<Check> {
    Some(match kind {
        LoadErrorKind::Truncated { needed: 24, .. } => 1,
        LoadErrorKind::Magic { .. } => 2,
        LoadErrorKind::Format { .. } => 3,
        LoadErrorKind::Truncated { .. } | LoadErrorKind::TrailingBytes { .. } => 5,
        LoadErrorKind::Checksum { .. } => 6,
        LoadErrorKind::UnknownRelease { .. }
        | LoadErrorKind::NewerRelease { .. }
        | LoadErrorKind::ForgottenRelease { .. } => 7,
        LoadErrorKind::Fingerprint { .. } => 8,
        _ => return None,
    })
}

/// The code of this machine.
fn architecture() -> u8 {
    match std::env::consts::ARCH {
        "x86_64" => 1,
        "aarch64" => 2,
        "arm" => 3,
        "riscv32" => 4,
        "riscv64" => 5,
        "x86" => 6,
        other => panic!("FORMAT.md has no code for {other}"),
    }
}
