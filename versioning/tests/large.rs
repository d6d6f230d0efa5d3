//! Sequences of megabytes: their checksum is computed while they are written, and a source can know their length.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::cell::Cell;

use devstate_versioning::checksum::{Checksum, Crc64NoTable};
use devstate_versioning::{
    Architecture, Options, ReleaseTable, SaveError, Sequence, Sink, Source, Str, Versioned, release_table,
};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xa2fd_3416_b9d5_ffff, open))]
pub struct LineSer<'a> {
    pub text: Str<'a, 300>,
    #[versioned(start = 2)]
    pub number: u32,
}

#[derive(Versioned, Clone, Debug, Default)]
#[versioned(version = 1, layouts(0xdb5b_1b91_3e3c_d3bd))]
pub struct LogSer<'a> {
    pub lines: Sequence<'a, LineSer<'a>, 100_000>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0x7e58_4fa7_f812_d3bc, V2 = 2 @ open }
    LineSer<'_> => [1, 2],
    LogSer<'_> => [1, 1],
}

const TEXT: &str = "A line of a log, of which a part is written: enough of them make megabytes, and some lengths take two bytes. \
    The rest is here so that there are such lines.";

/// Lines of all lengths, `LINES` of them.
fn lines<'a>() -> impl ExactSizeIterator<Item = LineSer<'a>> + Clone {
    (0..LINES).map(|index| LineSer {
        text: Str::new(&TEXT[..index % TEXT.len()]).unwrap(),
        number: 0,
    })
}

const LINES: usize = 30_000;

/// The lines, and what is said of their length in bytes.
struct Known {
    len: Option<usize>,
    visits: Cell<usize>,
}

impl Known {
    fn new(len: Option<usize>) -> Self {
        let visits = Cell::new(0);
        Self { len, visits }
    }
}

impl<'a> Source<LineSer<'a>> for Known {
    fn len(&self) -> usize {
        LINES
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[LineSer<'a>])) {
        self.visits.set(self.visits.get() + 1);
        Source::for_each(&lines(), visit);
    }

    fn encoded_len(&self, release: u16) -> Option<usize> {
        let numbers = if release == 1 { 0 } else { 4 * LINES };
        self.len.map(|len| len + numbers)
    }
}

fn texts_len() -> usize {
    lines()
        .map(|line| line.text.len() + 1 + usize::from(line.text.len() > 127))
        .sum()
}

#[test]
fn a_snapshot_of_megabytes_is_the_same_into_memory_and_into_a_sink() {
    struct Taken(Vec<u8>);
    impl Sink for Taken {
        fn put(&mut self, bytes: &[u8]) -> bool {
            self.0.extend_from_slice(bytes);
            true
        }
    }
    let source = Known::new(None);
    let log = LogSer {
        lines: Sequence::from_source(&source),
    };
    let options = Options::<Crc64NoTable>::new(Architecture::NATIVE);
    for release in [Release::V1, Release::V2] {
        let mut scratch = log.clone();
        let translated = release.downgrade(&log, &mut scratch).unwrap();
        let mut memory = vec![0xa5; translated.snapshot_len() + 1];
        let snapshot = translated.save(&mut memory).unwrap();
        assert!(snapshot.len() > 2 << 20, "{} bytes are not many", snapshot.len());
        let (summed, checksum) = snapshot.split_last_chunk().unwrap();
        assert_eq!(Crc64NoTable::checksum(summed), u64::from_le_bytes(*checksum));
        let mut taken = Taken(Vec::new());
        translated
            .with_options(options)
            .write_into(&mut taken, &mut [0; 64])
            .unwrap();
        assert!(taken.0 == snapshot, "release {release:?}");

        let mut loaded = LogSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        let mut expected = lines();
        loaded
            .lines
            .visit(&mut |line| assert_eq!(Some(line), expected.next().as_ref()))
            .unwrap();
        assert_eq!(expected.next(), None);
        let end = snapshot.len();
        assert_eq!(memory[end..], [0xa5]);
    }
}

#[test]
fn a_source_that_knows_its_length_is_visited_once() {
    let visits_of = |len| {
        let source = Known::new(len);
        let log = LogSer {
            lines: Sequence::from_source(&source),
        };
        let mut memory = vec![0; 4 << 20];
        let saved = Release::save(&log, &mut memory).map(<[u8]>::len);
        (saved, source.visits.get())
    };
    let (measured, visits) = visits_of(None);
    assert_eq!(visits, 2, "to measure and to write");
    assert_eq!(visits_of(Some(texts_len())), (measured, 1));
}

#[test]
fn a_source_that_is_wrong_about_its_length_fails_the_saving() {
    for wrong in [texts_len() - 1, texts_len() + 1, 0] {
        let source = Known::new(Some(wrong));
        let log = LogSer {
            lines: Sequence::from_source(&source),
        };
        for release in [Release::V1, Release::V2] {
            let error = release
                .downgrade(&log, &mut log.clone())
                .and_then(|older| older.save(&mut vec![0; 5 << 20]).map(drop))
                .unwrap_err();
            // Three bytes of the length of the sequence.
            let numbers = if release == Release::V1 { 0 } else { 4 * LINES };
            let expected = SaveError::WrongLength {
                announced: wrong + numbers + 3,
                written: texts_len() + numbers + 3,
            };
            assert_eq!(error, expected);
        }
    }
    let source = Known::new(Some(usize::MAX - 4 * LINES));
    let log = LogSer {
        lines: Sequence::from_source(&source),
    };
    let error = Release::save(&log, &mut [0; 64]).unwrap_err();
    assert!(matches!(error, SaveError::PayloadTooLong { .. }), "{error}");
}
