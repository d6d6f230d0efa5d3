//! What must hold of every mirror between any two releases of its table.

use std::fmt::Debug;

use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::Schema;
use devstate_versioning::{
    Architecture, Checksum, Crc64, Differ, Error, ErrorKind, FieldPath, Header, Layout, Mirror, ReleaseTable,
    VersionOf, Wire, load, max_snapshot_len, payload, plan, save_as, save_lossy, save_widest,
};

use crate::survival::{Payload, Trail};

/// One mirror of the table `R` as a root, its type hidden.
pub struct Root<R: ReleaseTable> {
    /// The mirror.
    pub schema: &'static Schema,
    /// Its version in a release, 0 for none.
    pub version: fn(R) -> u16,
    /// What a payload of it means at a release.
    pub payload_schema: fn(R) -> PayloadSchema,
    /// Decodes and encodes again.
    pub reencode: fn(R, &[u8]) -> Result<Vec<u8>, Error>,
    /// Loads a snapshot.
    pub load: fn(&[u8]) -> Result<R, Error>,
    /// The default, written at a release.
    pub default: fn(R) -> Result<Vec<u8>, Error>,
    /// What [`Root::check`] does.
    pub(crate) check: fn(R, &[u8], &MayChange) -> Outcome,
    /// The fingerprint of a snapshot.
    pub fingerprint: fn(R) -> u64,
    /// What its history changes on purpose.
    pub may_change: MayChange,
}

/// Fields that may come back other than they were, though both versions have them: a semantic function says less of them
/// than the latest version does. By the names of their mirrors, as `QueueSer.delay`. Every other one has to survive.
#[derive(Clone, Copy, Debug, Default)]
pub struct MayChange {
    /// On the way from the latest version to an older one and back.
    pub down: &'static [&'static str],
    /// On the way from an older version to the latest and back.
    pub up: &'static [&'static str],
}

/// What became of a payload that was taken to every release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A semantic function refused to take it to the latest version.
    pub refused_to_raise: bool,
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
            refused_to_raise: self.refused_to_raise || other.refused_to_raise,
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
        R: VersionOf<M>,
        M: for<'de> Wire<'de, R> + Mirror + Default + Clone + PartialEq + Debug,
    {
        Self {
            schema: M::SCHEMA,
            version: <R as VersionOf<M>>::version,
            payload_schema: PayloadSchema::of::<R, M>,
            reencode: |release, bytes| reencode::<R, M>(release, bytes),
            load: |snapshot| load::<R, M>(snapshot, &mut M::default()),
            default: |release| {
                let mut mirror = M::default();
                mirror.lower(release)?;
                encode(&mirror, release)
            },
            check: check::<R, M>,
            fingerprint: <R as VersionOf<M>>::fingerprint,
            may_change: MayChange::default(),
        }
    }

    /// The same, with what its history changes on purpose.
    #[must_use]
    pub fn that_may_change(self, may_change: MayChange) -> Self {
        Self { may_change, ..self }
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
        (self.check)(from, bytes, &self.may_change)
    }
}

impl<R: ReleaseTable> Debug for Root<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.schema.name)
    }
}

fn encode<'de, R: VersionOf<M>, M: Wire<'de, R> + Layout>(mirror: &M, release: R) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0xa5; mirror.encoded_len(release)];
    let len = payload::encode(mirror, release, &mut bytes)?;
    assert_eq!(len, bytes.len());
    assert!(len <= M::MAX_ENCODED_LEN, "{len} bytes are above the maximum");
    Ok(bytes)
}

/// Decodes a payload and encodes it again, without any translation.
///
/// # Errors
///
/// What decoding refuses.
pub fn reencode<'de, R, M>(release: R, bytes: &'de [u8]) -> Result<Vec<u8>, Error>
where
    R: VersionOf<M>,
    M: Wire<'de, R> + Default,
{
    let mut mirror = M::default();
    payload::decode(bytes, release, &mut mirror)?;
    encode(&mirror, release)
}

/// Takes a payload of the release `from`, which must be a valid one, to the latest version and from there to every
/// release that has the mirror, and checks what is promised of that.
pub fn check<R, M>(from: R, bytes: &[u8], may_change: &MayChange) -> Outcome
where
    R: VersionOf<M>,
    M: for<'de> Wire<'de, R> + Mirror + Default + Clone + PartialEq + Debug,
{
    let mut outcome = Outcome::default();
    let mut mirror = M::default();
    payload::decode(bytes, from, &mut mirror).unwrap_or_else(|error| panic!("{from:?}: {error}"));
    assert_eq!(
        encode(&mirror, from).unwrap(),
        bytes,
        "what was accepted is what would be written"
    );
    let read = mirror.clone();
    if let Err(refused) = mirror.raise(from) {
        assert_named(refused);
        outcome.refused_to_raise = true;
        return outcome;
    }
    comes_back(&read, bytes, &mirror, from, may_change.up);
    for &to in R::ALL.iter().filter(|release| release.version() != 0) {
        match downgrade(&mirror, to, may_change.down) {
            Downgrade::Lossless => outcome.lossless += 1,
            Downgrade::Lossy => outcome.lossy += 1,
            Downgrade::Refused => outcome.refused += 1,
        }
    }
    check_widest::<R, M>(&mirror);
    outcome
}

/// What was `read` at an older release and raised to `mirror` goes back there as it was: nothing refuses it, and what both
/// versions have is what it was.
fn comes_back<R, M>(read: &M, bytes: &[u8], mirror: &M, from: R, may_change: &[&str])
where
    R: VersionOf<M>,
    M: for<'de> Wire<'de, R> + Mirror + Default + Clone + PartialEq + Debug,
{
    let planned = plan(mirror, from, &mut |loss| {
        assert!(
            Trail::of::<M>(loss.field).passes(may_change),
            "{} is lost on the way back to {from:?}, from where it came",
            loss.field.display(M::SCHEMA)
        );
    });
    assert_eq!(planned, Ok(()), "{mirror:?} back to {from:?}");

    let mut lowered = mirror.clone();
    lowered.lower(from).unwrap();
    let mut again = M::default();
    payload::decode(&encode(&lowered, from).unwrap(), from, &mut again).unwrap();
    let payload = Payload {
        schema: PayloadSchema::of::<R, M>(from),
        bytes,
    };
    assert_explained::<R, M>(&differences::<R, M>(read, &again), R::LATEST, payload, may_change);
}

enum Downgrade {
    Lossless,
    Lossy,
    Refused,
}

fn downgrade<R, M>(mirror: &M, to: R, may_change: &[&str]) -> Downgrade
where
    R: VersionOf<M>,
    M: for<'de> Wire<'de, R> + Mirror + Default + Clone + PartialEq + Debug,
{
    let mut memory = vec![0xa5; max_snapshot_len::<M>()];
    let mut losses = Vec::new();
    let planned = plan(mirror, to, &mut |loss| losses.push(loss.field));
    let saved = save_as(mirror, to, &mut memory).map(|snapshot| snapshot.len());
    if let Err(refused) = planned {
        assert_named(refused);
        assert_eq!(saved, Err(ErrorKind::Refused(refused).at(0)));
        let lossy = save_lossy(mirror, to, &mut memory, &mut |_| ());
        assert_eq!(lossy.err(), Some(ErrorKind::Refused(refused).at(0)));
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
    let lossy = ErrorKind::Lossy {
        field: first,
        release: to.number(),
    };
    assert_eq!(saved, Err(lossy.at(0)));
    let payload = Payload {
        schema: PayloadSchema::of::<R, M>(R::LATEST),
        bytes: &encode(mirror, R::LATEST).unwrap(),
    };
    assert_explained::<R, M>(&losses, to, payload, may_change);
    assert!(memory.iter().all(|byte| *byte == 0xa5), "nothing is written");
    let mut told = Vec::new();
    let len = save_lossy(mirror, to, &mut memory, &mut |loss| told.push(loss.field))
        .unwrap()
        .len();
    assert_eq!(told, losses);
    let back = loaded::<R, M>(&memory[..len], to);
    assert_eq!(
        differences::<R, M>(mirror, &back),
        losses,
        "what differs is what was said to"
    );
    Downgrade::Lossy
}

/// Each field that came back other than it was is one that the release `through` which it went does not have, or one that
/// may change.
fn assert_explained<R, M>(changed: &[FieldPath], through: R, payload: Payload<'_>, may_change: &[&str])
where
    R: VersionOf<M>,
    M: Mirror,
{
    let there = PayloadSchema::of::<R, M>(through);
    for field in changed {
        let trail = Trail::of::<M>(*field);
        assert!(
            trail.passes(may_change) || !trail.exists(&there, payload),
            "{} does not survive {through:?}, which has it: {:02x?}",
            field.display(M::SCHEMA),
            payload.bytes
        );
    }
}

/// Loads into a mirror in which something else stands.
fn loaded<R, M>(snapshot: &[u8], release: R) -> M
where
    R: VersionOf<M>,
    M: for<'de> Wire<'de, R> + Mirror + Default,
{
    let mut mirror = M::default();
    assert_eq!(load::<R, M>(snapshot, &mut mirror), Ok(release));
    mirror
}

fn differences<R: VersionOf<M>, M: for<'de> Wire<'de, R>>(one: &M, other: &M) -> Vec<FieldPath> {
    let mut found = Vec::new();
    one.differ(other, &mut Differ::new(&mut |loss| found.push(loss.field)));
    found
}

/// The oldest release without a loss that matters, whatever the oldest is that may be used.
fn check_widest<R, M>(mirror: &M)
where
    R: VersionOf<M>,
    M: for<'de> Wire<'de, R> + Mirror + Clone,
{
    let suits = |release: R| {
        let mut suits = release.version() != 0;
        let planned = plan(mirror, release, &mut |loss| suits &= loss.ignorable);
        planned.is_ok() && suits
    };
    let mut memory = vec![0; max_snapshot_len::<M>()];
    for (position, &oldest) in R::ALL.iter().enumerate() {
        let expected = R::ALL[position..].iter().copied().find(|release| suits(*release));
        let found = save_widest(mirror, oldest, &mut memory);
        assert_eq!(
            found.map(|(release, _)| release).ok(),
            Some(expected.unwrap_or(R::LATEST))
        );
    }
}

fn assert_named(refused: devstate_versioning::Refused) {
    assert!(
        !refused.reason.is_empty() && !refused.mirror.is_empty() && !refused.field.is_empty(),
        "{refused}"
    );
}
