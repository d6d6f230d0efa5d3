//! Snapshots through streams that give and take little at a time, end early, fail, or lie.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_versioning::{
    Architecture, Header, LoadError, LoadErrorKind, Options, ReleaseTable, SaveError, StreamError, Versioned,
    release_table,
};
use embedded_io::{ErrorKind as IoKind, ErrorType, Read, Write};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xd4ca_5f6a_6c68_67a6, open))]
pub struct LogSer {
    pub number: u32,
    pub text: heapless::String<500>,
    #[versioned(start = 2)]
    pub later: u8,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xd4ca_5f6a_6c68_67a6, V2 = 2 @ open }
    LogSer => [1, 2],
}

/// Saves the latest release to a stream.
fn save(log: &LogSer, stream: &mut Trickle) -> Result<(), StreamError<SaveError, IoKind>> {
    Release::latest(log).write_to(stream, &mut [0; 64])
}

/// Loads a snapshot of any release from a stream.
fn load(stream: &mut Trickle, loaded: &mut LogSer) -> Result<Release, StreamError<LoadError, IoKind>> {
    let mut buffer = [0; 592];
    let snapshot = Options::NATIVE.read_from(stream, &mut buffer)?;
    Ok(Release::load(snapshot, loaded)?)
}

fn log() -> LogSer {
    LogSer {
        number: 7,
        text: ["log "; 100].concat().as_str().try_into().unwrap(),
        later: 0,
    }
}

/// A stream that gives and takes three bytes at a time, up to a limit.
struct Trickle {
    bytes: Vec<u8>,
    given: usize,
    limit: usize,
    at_limit: Result<usize, IoKind>,
}

impl Trickle {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            given: 0,
            limit: usize::MAX,
            at_limit: Ok(0),
        }
    }
}

impl ErrorType for Trickle {
    type Error = IoKind;
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IoKind> {
        if self.given >= self.limit {
            return self.at_limit;
        }
        let left = self.bytes.len().min(self.limit) - self.given;
        let taken = buffer.len().min(3).min(left);
        buffer[..taken].copy_from_slice(&self.bytes[self.given..][..taken]);
        self.given += taken;
        Ok(taken)
    }
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, IoKind> {
        if self.bytes.len() >= self.limit {
            return self.at_limit;
        }
        let taken = bytes.len().min(3).min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), IoKind> {
        Ok(())
    }
}

#[test]
fn a_stream_gets_and_gives_what_a_buffer_does() {
    let mut memory = [0; 600];
    let snapshot = Release::save(&log(), &mut memory).unwrap();
    let mut stream = Trickle::new(&[]);
    save(&log(), &mut stream).unwrap();
    assert_eq!(stream.bytes, snapshot);
    // What follows the snapshot stays in the stream.
    stream.bytes.push(0xa5);
    let mut loaded = LogSer::default();
    assert_eq!(load(&mut stream, &mut loaded), Ok(Release::V2));
    assert_eq!(loaded, log());
    assert_eq!(stream.given, stream.bytes.len() - 1);

    let mut older = Trickle::new(&[]);
    let mut scratch = log();
    let downgraded = Release::V1.downgrade(&log(), &mut scratch).unwrap();
    downgraded.write_to(&mut older, &mut [0; 64]).unwrap();
    assert_eq!(older.bytes, downgraded.save(&mut memory).unwrap());
    assert_eq!(Header::peek(&older.bytes).unwrap().release, 1);
}

/// The error for a stream that gives this at its limit.
fn failure<S>(at_limit: Result<usize, IoKind>) -> StreamError<S, IoKind> {
    at_limit.map_or_else(StreamError::Io, |_| StreamError::Ended)
}

#[test]
fn a_stream_that_ends_or_fails_says_so_wherever_it_does() {
    let mut whole = Trickle::new(&[]);
    save(&log(), &mut whole).unwrap();
    for at_limit in [Ok(0), Err(IoKind::BrokenPipe)] {
        for limit in 0..whole.bytes.len() {
            let limited = |bytes: &[u8]| Trickle {
                limit,
                at_limit,
                ..Trickle::new(bytes)
            };
            let mut source = limited(&whole.bytes);
            let loaded = load(&mut source, &mut LogSer::default());
            assert_eq!(loaded, Err(failure(at_limit)), "reading after {limit}");
            let mut sink = limited(&[]);
            assert_eq!(save(&log(), &mut sink), Err(failure(at_limit)), "writing after {limit}");
        }
    }
}

#[test]
fn a_header_that_announces_too_much_is_refused_before_anything_else_is_read() {
    for payload_len in [561, 1 << 20, u32::MAX - 31, u32::MAX] {
        let header = Header {
            architecture_code: Architecture::NATIVE.code(),
            release: 2,
            payload_len,
            fingerprint: 0,
        };
        let mut stream = Trickle::new(&[&header.to_bytes()[..], &[0; 1000]].concat());
        let needed = header.snapshot_len();
        let refused = load(&mut stream, &mut LogSer::default());
        let too_small = LoadErrorKind::BufferTooSmall { needed, available: 592 };
        assert_eq!(refused, Err(StreamError::Snapshot(too_small.without_offset())));
        assert_eq!(stream.given, Header::LEN);
    }
}
