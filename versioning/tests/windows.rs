//! Neighbouring fields of fixed length share a window, also where only their types know the length.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_versioning::schema::Type;
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, Versions, Wire, Writer};
use devstate_versioning::{LoadError, LoadErrorKind, MirrorOf, ReleaseTable, Sink, Versioned, release_table};
use heapless::Vec;

#[derive(Versioned, Clone, Copy, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0xeccc_4436_7deb_bfee))]
pub enum Parity {
    #[default]
    None,
    Odd,
    Even,
}

/// A variant that version 1 does not have: its value cannot always be written, so it has a window of its own.
#[derive(Versioned, Clone, Copy, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xb220_040f_0e1a_2d26, open))]
pub enum Mode {
    #[default]
    Stream,
    #[versioned(start = 2)]
    Remote,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x17af_b031_a1f8_e623))]
pub struct Frame {
    pub parity: Parity,
    pub bits: (u8, bool),
    pub two_stop_bits: bool,
}

/// A type of a program's own, about whose length nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Celsius(pub i16);

impl Layout for Celsius {
    const TYPE: &'static Type = i16::TYPE;
}

impl<'de, V: Versions> Wire<'de, V> for Celsius {
    fn encoded_len(&self, at: V) -> usize {
        self.0.encoded_len(at)
    }
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        self.0.encode(at, writer);
    }
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.0.decode_into(at, reader)
    }
    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        self.0.differ(&other.0, at, differ);
    }
}

/// Each kind of neighbour.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x6d1b_62f3_83ce_40c5, open))]
pub struct Port {
    pub frame: Frame,
    pub divisor: u16,
    pub frames: [Frame; 3],
    pub celsius: Celsius,
    pub ready: bool,
    pub parity: Parity,
    #[versioned(start = 2)]
    pub mode: Mode,
    #[versioned(start = 2)]
    pub late: Parity,
    pub queue: Vec<u8, 8>,
    pub last: Parity,
    pub short: [u16; 2],
    pub option: Option<Frame>,
}

/// Fields of both versions side by side, around some that version 2 does not have.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x77a0_d237_bcac_95b4, open))]
pub struct Grown {
    pub first: u32,
    #[versioned(end = 2)]
    pub removed: u16,
    #[versioned(end = 2)]
    pub removed_too: u8,
    pub second: u8,
    #[versioned(start = 2)]
    pub ready: bool,
    #[versioned(skip)]
    pub cache: u64,
    #[versioned(start = 2)]
    pub parity: Parity,
    pub third: [u16; 2],
    #[versioned(start = 2)]
    pub frames: [Frame; 2],
    #[versioned(end = 2)]
    pub old_option: Option<u8>,
    pub enabled: bool,
    #[versioned(start = 2)]
    pub option: Option<Frame>,
    #[versioned(start = 2)]
    pub last: u16,
    pub end: u8,
}

/// More than 64 bytes of fields whose types know their lengths.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x23aa_2b4a_4a35_9de4))]
pub struct Long {
    pub first: u32,
    pub frames: [Frame; 8],
    pub second: u32,
    pub third: u8,
    pub more: [Frame; 8],
    pub fourth: u64,
}

/// Neighbours with a length that only an instance knows.
#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 1, layouts(0x1730_bd46_8a50_283a), instance(3))]
pub struct Ring<const N: usize> {
    pub before: Parity,
    pub bytes: [Frame; N],
    pub after: Parity,
    pub last: Frame,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self {
            before: Parity::default(),
            bytes: core::array::from_fn(|_| Frame::default()),
            after: Parity::default(),
            last: Frame::default(),
        }
    }
}

release_table! {
    pub enum Release { V1 = 1 @ 0xd633_1633_42ff_6fce, V2 = 2 @ open }
    Parity => [1, 1],
    Mode => [1, 2],
    Frame => [1, 1],
    Port => [1, 2],
    Long => [1, 1],
    Ring<3> => [1, 1],
    Grown => [1, 2],
}

release_table! {
    /// A table that has one release reads it with the latest version of each mirror.
    pub enum OnlyRelease { V1 = 1 @ open }
    Parity => [1],
    Frame => [1],
    Grown => [2],
}

fn frame(seed: u8) -> Frame {
    Frame {
        parity: [Parity::None, Parity::Odd, Parity::Even][usize::from(seed % 3)],
        bits: (seed, seed % 2 == 1),
        two_stop_bits: seed % 4 < 2,
    }
}

fn bytes_of(frame: &Frame) -> [u8; 4] {
    [
        frame.parity as u8,
        frame.bits.0,
        frame.bits.1.into(),
        frame.two_stop_bits.into(),
    ]
}

fn port() -> Port {
    Port {
        frame: frame(1),
        divisor: 0x1234,
        frames: [frame(2), frame(3), frame(4)],
        celsius: Celsius(-2),
        ready: true,
        parity: Parity::Even,
        mode: Mode::Remote,
        late: Parity::Odd,
        queue: Vec::from_slice(&[7, 8, 9]).unwrap(),
        last: Parity::Odd,
        short: [0x0102, 0x0304],
        option: Some(frame(5)),
    }
}

fn bytes_of_port(port: &Port, version: u16) -> std::vec::Vec<u8> {
    let mut bytes = std::vec::Vec::new();
    bytes.extend(bytes_of(&port.frame));
    bytes.extend(port.divisor.to_le_bytes());
    bytes.extend(port.frames.iter().flat_map(bytes_of));
    bytes.extend(port.celsius.0.to_le_bytes());
    bytes.extend([u8::from(port.ready), port.parity as u8]);
    if version == 2 {
        bytes.extend([port.mode as u8, port.late as u8]);
    }
    bytes.push(port.queue.len() as u8);
    bytes.extend(&port.queue);
    bytes.push(port.last as u8);
    bytes.extend(port.short.iter().flat_map(|short| short.to_le_bytes()));
    match &port.option {
        None => bytes.push(0),
        Some(frame) => {
            bytes.push(1);
            bytes.extend(bytes_of(frame));
        }
    }
    bytes
}

fn grown() -> Grown {
    Grown {
        first: 0x0102_0304,
        second: 5,
        ready: true,
        parity: Parity::Even,
        third: [0x0607, 0x0809],
        frames: [frame(10), frame(11)],
        enabled: true,
        option: Some(frame(12)),
        last: 0x0a0b,
        end: 12,
        ..Grown::default()
    }
}

fn bytes_of_grown(grown: &Grown, version: u16) -> std::vec::Vec<u8> {
    let third = grown.third.iter().flat_map(|third| third.to_le_bytes());
    let mut bytes = std::vec::Vec::from(grown.first.to_le_bytes());
    if version == 1 {
        bytes.extend(grown.removed.to_le_bytes());
        bytes.extend([grown.removed_too, grown.second]);
        bytes.extend(third);
        bytes.extend([0, grown.enabled.into(), grown.end]);
        return bytes;
    }
    bytes.extend([grown.second, grown.ready.into(), grown.parity as u8]);
    bytes.extend(third);
    bytes.extend(grown.frames.iter().flat_map(bytes_of));
    bytes.extend([grown.enabled.into(), 1]);
    bytes.extend(grown.option.iter().flat_map(bytes_of));
    bytes.extend(grown.last.to_le_bytes());
    bytes.push(grown.end);
    bytes
}

fn long() -> Long {
    Long {
        first: 0x0102_0304,
        frames: core::array::from_fn(|index| frame(index as u8)),
        second: 0x0506_0708,
        third: 9,
        more: core::array::from_fn(|index| frame(index as u8 + 8)),
        fourth: 0x0a0b_0c0d_0e0f_1011,
    }
}

fn bytes_of_long(long: &Long) -> std::vec::Vec<u8> {
    let frames = |frames: &[Frame; 8]| frames.iter().flat_map(bytes_of).collect::<std::vec::Vec<u8>>();
    [
        &long.first.to_le_bytes()[..],
        &frames(&long.frames),
        &long.second.to_le_bytes(),
        &[long.third],
        &frames(&long.more),
        &long.fourth.to_le_bytes(),
    ]
    .concat()
}

fn ring() -> Ring<3> {
    Ring {
        before: Parity::Even,
        bytes: [frame(6), frame(7), frame(8)],
        after: Parity::Odd,
        last: frame(9),
    }
}

fn bytes_of_ring(ring: &Ring<3>) -> std::vec::Vec<u8> {
    let mut bytes = vec![ring.before as u8];
    bytes.extend(ring.bytes.iter().flat_map(bytes_of));
    bytes.push(ring.after as u8);
    bytes.extend(bytes_of(&ring.last));
    bytes
}

/// Checks the bytes of a value, and what becomes of each shorter and each changed input. `lengths` are the positions of
/// lengths and tags of options.
fn check<M>(mirror: &M, release: Release, expected: &[u8], lengths: &[usize])
where
    M: for<'de> MirrorOf<'de, Release> + Default + PartialEq + std::fmt::Debug,
{
    check_reading(mirror, release, expected, lengths, |payload, loaded| {
        release.decode(payload, loaded)
    });
    if release == Release::LATEST {
        check_reading(mirror, release, expected, lengths, |payload, loaded| {
            Release::decode_latest(payload, loaded)
        });
    }
}

/// Checks the bytes of a value, and what `read` makes of them.
fn check_reading<M, R>(
    mirror: &M,
    release: R,
    expected: &[u8],
    lengths: &[usize],
    read: impl Fn(&[u8], &mut M) -> Result<(), LoadError>,
) where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default + PartialEq + std::fmt::Debug,
{
    let (mut scratch, mut memory) = (M::default(), [0xa5; 256]);
    let written = release.downgrade_lossy(mirror, &mut scratch, &mut |_| true).unwrap();
    let bytes = written.encode(&mut memory).unwrap();
    assert_eq!(bytes, expected);
    assert_eq!(written.payload_len(), expected.len());

    for len in 0..expected.len() {
        let mut memory = vec![0xa5; len];
        written.encode(&mut memory).unwrap_err();
        assert!(
            memory.iter().all(|byte| *byte == 0xa5),
            "{len} bytes are too few, and were written"
        );
        let error = read(&expected[..len], &mut M::default()).unwrap_err();
        assert!(
            matches!(error.kind, LoadErrorKind::Truncated { needed, available }
            if needed > available && error.offset == Some(len - available)),
            "{len} bytes: {error:?}"
        );
    }
    let error = read(&[expected, &[0]].concat(), &mut M::default()).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::TrailingBytes { bytes: 1 });

    let mut refused = 0;
    for position in 0..expected.len() {
        for byte in 0..=u8::MAX {
            let mut changed = expected.to_vec();
            changed[position] = byte;
            let mut loaded = M::default();
            match read(&changed, &mut loaded) {
                // What is accepted is what the same value is written as.
                Ok(()) => {
                    let again = release.downgrade_lossy(&loaded, &mut scratch, &mut |_| true).unwrap();
                    assert_eq!(again.encode(&mut memory).unwrap(), changed, "{byte} at {position}");
                }
                Err(error) => {
                    refused += 1;
                    // A changed length moves what is behind it.
                    let is_length = lengths.contains(&position);
                    if let LoadErrorKind::Value { found, .. } = error.kind
                        && !is_length
                    {
                        assert_eq!((error.offset, found), (Some(position), byte.into()));
                    } else {
                        assert!(is_length, "{byte} at {position}: {error:?}");
                    }
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn neighbours_are_written_and_read_byte_for_byte() {
    check(&port(), Release::V2, &bytes_of_port(&port(), 2), &[24, 33]);
    check(&long(), Release::V2, &bytes_of_long(&long()), &[]);
    check(&ring(), Release::V2, &bytes_of_ring(&ring()), &[]);
    check(&grown(), Release::V2, &bytes_of_grown(&grown(), 2), &[20]);
}

#[test]
fn neighbours_are_written_and_read_at_an_older_release() {
    check(&port(), Release::V1, &bytes_of_port(&port(), 1), &[22, 31]);

    // What version 2 does not have is gone in the value that was read.
    let bytes = bytes_of_grown(&grown(), 1);
    let mut loaded = grown();
    Release::V1.decode(&bytes, &mut loaded).unwrap();
    let kept = Grown {
        ready: false,
        parity: Parity::None,
        frames: Default::default(),
        option: None,
        last: 0,
        ..grown()
    };
    assert_eq!(loaded, kept);
    for len in 0..bytes.len() {
        Release::V1.decode(&bytes[..len], &mut loaded).unwrap_err();
    }
}

#[test]
fn fields_of_different_versions_share_a_window_where_the_latest_one_is_read() {
    let only = |payload: &[u8], loaded: &mut Grown| OnlyRelease::V1.decode(payload, loaded);
    check_reading(&grown(), OnlyRelease::V1, &bytes_of_grown(&grown(), 2), &[20], only);

    let too_short = &bytes_of_grown(&grown(), 2)[..6];
    let together = LoadErrorKind::Truncated {
        needed: 20,
        available: 6,
    }
    .at(0);
    assert_eq!(only(too_short, &mut Grown::default()), Err(together));
    assert_eq!(Release::decode_latest(too_short, &mut Grown::default()), Err(together));
    let apart = LoadErrorKind::Truncated {
        needed: 2,
        available: 1,
    }
    .at(5);
    assert_eq!(Release::V2.decode(too_short, &mut Grown::default()), Err(apart));
}

#[test]
fn each_position_of_a_bad_byte_in_a_window_is_named() {
    let bytes = bytes_of_port(&port(), 2);
    // The parity, two bools, and the parity of the second element of an array.
    for position in [0, 2, 3, 10] {
        let mut changed = bytes.clone();
        changed[position] = 9;
        let error = Release::V2.decode(&changed, &mut Port::default()).unwrap_err();
        assert_eq!(error.offset, Some(position), "{error:?}");
        assert!(matches!(error.kind, LoadErrorKind::Value { found: 9, .. }), "{error:?}");
    }
}

/// Takes the pieces that it is given.
struct Pieces(std::vec::Vec<u8>);

impl Sink for Pieces {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        true
    }
}

#[test]
fn a_gathering_buffer_of_64_bytes_is_enough_for_neighbours_of_unknown_types() {
    let mut memory = [0; 256];
    let mut pieces = Pieces(std::vec::Vec::new());
    let long = long();
    let latest = Release::latest(&long);
    latest.write_into(&mut pieces, &mut [0; 64]).unwrap();
    assert_eq!(pieces.0, latest.save(&mut memory).unwrap());
}

#[test]
fn a_type_knows_the_length_that_its_values_have() {
    assert_eq!(<Frame as Layout>::FIXED_LEN, Some(4));
    assert_eq!(<[Frame; 3] as Layout>::FIXED_LEN, Some(12));
    assert_eq!(<(u8, Parity, u64) as Layout>::FIXED_LEN, Some(10));
    assert_eq!(<Long as Layout>::FIXED_LEN, Some(81));
    // A value of another kind does not have one length, or cannot always be written.
    assert_eq!(<Mode as Layout>::FIXED_LEN, None);
    assert_eq!(<Port as Layout>::FIXED_LEN, None);
    assert_eq!(<Option<u8> as Layout>::FIXED_LEN, None);
    assert_eq!(<char as Layout>::FIXED_LEN, None);
    assert_eq!(<Celsius as Layout>::FIXED_LEN, None);
}
