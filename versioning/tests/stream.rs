//! Snapshots through streams that give and take little at a time, end early, fail, or lie.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_versioning::{
    Architecture, Container, ErrorKind, HEADER_LEN, Header, StreamError, Versioned, release_table, save,
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

const CONTAINER: Container = Container::NATIVE;

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
    let snapshot = save::<Release, _>(&log(), &mut memory).unwrap();
    let mut stream = Trickle::new(&[]);
    CONTAINER
        .save_to::<Release, _, _>(&log(), &mut [0; 64], &mut stream)
        .unwrap();
    assert_eq!(stream.bytes, snapshot.as_bytes());
    // What follows the snapshot stays in the stream.
    stream.bytes.push(0xa5);
    let mut loaded = LogSer::default();
    let release = CONTAINER.load_from::<Release, _, _>(&mut stream, &mut [0; 600], &mut loaded);
    assert_eq!(release, Ok(Release::V2));
    assert_eq!(loaded, log());
    assert_eq!(stream.given, stream.bytes.len() - 1);

    let mut older = Trickle::new(&[]);
    CONTAINER
        .save_as_to(&log(), Release::V1, &mut [0; 64], &mut older)
        .unwrap();
    assert_eq!(Header::peek(&older.bytes).unwrap().release, 1);
    let lossy = LogSer { later: 1, ..log() };
    let mut nothing = Trickle::new(&[]);
    let refused = CONTAINER.save_as_to(&lossy, Release::V1, &mut [0; 64], &mut nothing);
    assert!(
        matches!(refused, Err(StreamError::Snapshot(error)) if matches!(error.kind, ErrorKind::Lossy { release: 1, .. }))
    );
    assert!(nothing.bytes.is_empty());
}

#[test]
fn a_stream_that_ends_or_fails_says_so_wherever_it_does() {
    let mut whole = Trickle::new(&[]);
    CONTAINER
        .save_to::<Release, _, _>(&log(), &mut [0; 64], &mut whole)
        .unwrap();
    for (at_limit, expected) in [
        (Ok(0), StreamError::Ended),
        (Err(IoKind::BrokenPipe), StreamError::Io(IoKind::BrokenPipe)),
    ] {
        for limit in 0..whole.bytes.len() {
            let limited = |bytes: &[u8]| Trickle {
                limit,
                at_limit,
                ..Trickle::new(bytes)
            };
            let mut source = limited(&whole.bytes);
            let loaded = CONTAINER.load_from::<Release, _, _>(&mut source, &mut [0; 600], &mut LogSer::default());
            assert_eq!(loaded, Err(expected), "reading after {limit}");
            let mut sink = limited(&[]);
            let saved = CONTAINER.save_to::<Release, _, _>(&log(), &mut [0; 64], &mut sink);
            assert_eq!(saved, Err(expected), "writing after {limit}");
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
        let refused = CONTAINER.load_from::<Release, _, _>(&mut stream, &mut [0; 592], &mut LogSer::default());
        let too_small = ErrorKind::BufferTooSmall { needed, available: 592 };
        assert_eq!(refused, Err(StreamError::Snapshot(too_small.at(0))));
        assert_eq!(stream.given, HEADER_LEN);
    }
}
