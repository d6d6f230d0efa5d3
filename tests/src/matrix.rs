//! What must hold of every mirror between any two releases of its table.

use std::fmt::Debug;

use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::Schema;
use devstate_versioning::wire;
use devstate_versioning::{
    Architecture, FieldPath, Header, LoadError, LoadErrorKind, MirrorOf, ReleaseTable, SaveError, max_snapshot_len,
};

/// One mirror of the table `R` as a root, its type hidden.
pub struct Root<R: ReleaseTable> {
    /// The mirror.
    pub schema: &'static Schema,
    /// Its version in a release, 0 for none.
    pub version: fn(R) -> u16,
    /// What a payload of it means at a release.
    pub payload_schema: fn(R) -> PayloadSchema,
    /// Decodes and encodes again.
    pub reencode: fn(R, &[u8]) -> Result<Vec<u8>, LoadError>,
    /// Loads a snapshot.
    pub load: fn(&[u8]) -> Result<R, LoadError>,
    /// The default, written at a release.
    pub default: fn(R) -> Result<Vec<u8>, SaveError>,
    /// What [`Root::check`] does.
    pub(crate) check: fn(R, &[u8]) -> Outcome,
    /// The fingerprint of a snapshot.
    pub fingerprint: fn(R) -> u64,
}

/// What became of a payload that was taken to every release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A semantic function refused to take it to the latest version.
    pub refused_to_upgrade: bool,
    /// Releases to which it went without loss.
    pub lossless: usize,
    /// Releases that lose something.
    pub lossy: usize,
    /// Releases for which a semantic function refused it.
    pub refused: usize,
}

impl Outcome {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            refused_to_upgrade: self.refused_to_upgrade || other.refused_to_upgrade,
            lossless: self.lossless + other.lossless,
            lossy: self.lossy + other.lossy,
            refused: self.refused + other.refused,
        }
    }
}

impl<R: ReleaseTable> Root<R> {
    /// The mirror `M`.
    pub fn of<M>() -> Self
    where
        M: for<'de> MirrorOf<'de, R> + Default + PartialEq + Debug,
    {
        Self {
            schema: M::SCHEMA,
            version: M::version,
            payload_schema: PayloadSchema::of::<R, M>,
            reencode: |release, bytes| reencode::<R, M>(release, bytes),
            load: |snapshot| R::load(snapshot, &mut M::default()),
            default: |release| downgraded(&M::default(), release),
            check: check::<R, M>,
            fingerprint: |release| release.fingerprint::<M>().unwrap_or(0),
        }
    }

    /// A snapshot with a payload that may be anything.
    pub fn snapshot(&self, architecture: Architecture, release: R, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            architecture_code: architecture.code(),
            release: release.number(),
            payload_len: payload.len() as u32,
            fingerprint: (self.fingerprint)(release),
        };
        let mut snapshot = [&header.to_bytes()[..], payload].concat();
        snapshot.extend(Crc64::checksum(&snapshot).to_le_bytes());
        snapshot
    }

    /// Loads a payload of a release and [takes it](check) to every release.
    pub fn check(&self, from: R, bytes: &[u8]) -> Outcome {
        (self.check)(from, bytes)
    }
}

impl<R: ReleaseTable> Debug for Root<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.schema.name)
    }
}

/// The payload of `mirror` at a release, whatever that loses.
fn downgraded<'de, R: ReleaseTable, M: MirrorOf<'de, R>>(mirror: &M, release: R) -> Result<Vec<u8>, SaveError> {
    let mut scratch = mirror.clone();
    let translated = release.downgrade_lossy(mirror, &mut scratch, &mut |_| true)?;
    let mut bytes = vec![0xa5; translated.payload_len()];
    assert_eq!(translated.encode(&mut bytes)?.len(), bytes.len());
    assert!(
        bytes.len() <= M::MAX_ENCODED_LEN,
        "{} bytes are above the maximum",
        bytes.len()
    );
    Ok(bytes)
}

/// Decodes a payload and encodes it again, without any translation.
///
/// # Errors
///
/// What decoding refuses.
pub fn reencode<'de, R, M>(release: R, bytes: &'de [u8]) -> Result<Vec<u8>, LoadError>
where
    R: ReleaseTable,
    M: MirrorOf<'de, R> + Default,
{
    let mut buffer = vec![0xa5; M::MAX_ENCODED_LEN];
    let encoded = wire::reencode(release, bytes, &mut M::default(), &mut buffer)?;
    Ok(encoded.unwrap_or_else(|error| panic!("{release:?}: {error}")).to_vec())
}

/// Takes a payload of the release `from`, which must be a valid one, to the latest version and from there to every
/// release that has the mirror, and checks what is promised of that.
pub fn check<R, M>(from: R, bytes: &[u8]) -> Outcome
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default + PartialEq + Debug,
{
    let mut outcome = Outcome::default();
    let mut mirror = M::default();
    let again = reencode::<R, M>(from, bytes).unwrap_or_else(|error| panic!("{from:?}: {error}"));
    assert_eq!(again, bytes, "accepted bytes are what the encoder writes");
    match from.decode(bytes, &mut mirror).map_err(|error| error.kind) {
        Ok(()) => {}
        Err(LoadErrorKind::Conversion(refused)) => {
            assert_named(refused);
            outcome.refused_to_upgrade = true;
            return outcome;
        }
        Err(kind) => panic!("{from:?}: {kind}"),
    }
    for &to in R::ALL.iter().filter(|release| M::version(**release) != 0) {
        match downgrade(&mirror, to) {
            Downgrade::Lossless => outcome.lossless += 1,
            Downgrade::Lossy => outcome.lossy += 1,
            Downgrade::Refused => outcome.refused += 1,
        }
    }
    check_widest::<R, M>(&mirror);
    outcome
}

enum Downgrade {
    Lossless,
    Lossy,
    Refused,
}

fn downgrade<R, M>(mirror: &M, to: R) -> Downgrade
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default + PartialEq + Debug,
{
    let mut memory = vec![0xa5; max_snapshot_len::<M>()];
    let mut losses = Vec::new();
    let planned = to.losses(mirror, &mut mirror.clone(), &mut |loss| losses.push(loss.field));
    let saved = to
        .downgrade(mirror, &mut mirror.clone())
        .and_then(|older| older.save(&mut memory))
        .map(<[u8]>::len);
    if let Err(error) = planned {
        let SaveError::Conversion(refused) = error else {
            panic!("{error}")
        };
        assert_named(refused);
        assert_eq!(saved, Err(error));
        let mut scratch = mirror.clone();
        let lossy = to.downgrade_lossy(mirror, &mut scratch, &mut |_| true);
        assert_eq!(lossy.err(), Some(error));
        assert!(memory.iter().all(|byte| *byte == 0xa5), "nothing is written");
        return Downgrade::Refused;
    }
    let Some(&first) = losses.first() else {
        let len = saved.unwrap_or_else(|error| panic!("{to:?}: nothing is lost, and {error}"));
        assert_eq!(
            &loaded::<R, M>(&memory[..len], to),
            mirror,
            "lossless is: what comes back is equal"
        );
        return Downgrade::Lossless;
    };
    let lossy = SaveError::Lossy {
        field: first,
        release: to.number(),
    };
    assert_eq!(saved, Err(lossy));
    assert!(memory.iter().all(|byte| *byte == 0xa5), "nothing is written");
    let mut reported = Vec::new();
    let len = to
        .downgrade_lossy(mirror, &mut mirror.clone(), &mut |loss| {
            reported.push(loss.field);
            true
        })
        .and_then(|older| older.save(&mut memory))
        .unwrap()
        .len();
    assert_eq!(reported, losses);
    let back = loaded::<R, M>(&memory[..len], to);
    assert_eq!(
        differences::<R, M>(mirror, &back),
        losses,
        "what differs is what was said to"
    );
    Downgrade::Lossy
}

/// Loads into a mirror in which something else stands.
fn loaded<R, M>(snapshot: &[u8], release: R) -> M
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default,
{
    let mut mirror = M::default();
    assert_eq!(R::load(snapshot, &mut mirror), Ok(release));
    mirror
}

fn differences<R: ReleaseTable, M: for<'de> MirrorOf<'de, R>>(one: &M, other: &M) -> Vec<FieldPath> {
    let mut found = Vec::new();
    R::differences(one, other, &mut |loss| found.push(loss.field));
    found
}

/// The oldest release without a loss that matters, whatever the oldest is that may be used.
fn check_widest<R, M>(mirror: &M)
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R>,
{
    let suits = |release: R| {
        let mut suits = M::version(release) != 0;
        let planned = release.losses(mirror, &mut mirror.clone(), &mut |loss| suits &= loss.ignorable);
        planned.is_ok() && suits
    };
    let mut memory = vec![0; max_snapshot_len::<M>()];
    for (position, &oldest) in R::ALL.iter().enumerate() {
        let expected = R::ALL[position..].iter().copied().find(|release| suits(*release));
        let mut scratch = mirror.clone();
        let found = R::downgrade_compatible(mirror, oldest, &mut scratch).unwrap();
        let found = R::load(found.save(&mut memory).unwrap(), &mut mirror.clone());
        assert_eq!(found.ok(), Some(expected.unwrap_or(R::LATEST)));
    }
}

fn assert_named(refused: devstate_versioning::ConversionError) {
    assert!(
        !refused.reason.is_empty() && !refused.mirror.is_empty() && !refused.field.is_empty(),
        "{refused}"
    );
}
