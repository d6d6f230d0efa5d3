//! No error of the family says its cause twice.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use devstate_core::InvalidState;
use devstate_file::directory::Layout;
use devstate_file::load_file;
use devstate_host::Signals;
use devstate_host::image::ImageError;
use devstate_i8042::ApplyError;
use devstate_memfd::{FillError, SealedError};
use devstate_socket::migration::{CallError, TakeError};
use devstate_socket::packets::PacketError;
use devstate_socket::request::{RequestError, ask};
use devstate_socket::{DirectoryError, ListenReason, Listener, PeerError};
use devstate_versioning::{SaveError, StreamError};

/// The error of the system or of a user's own code.
#[derive(Debug)]
struct Cause(Option<Box<Cause>>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "the cause"
        } else {
            "what is behind it"
        })
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|behind| behind as _)
    }
}

fn cause() -> Cause {
    Cause(Some(Box::new(Cause(None))))
}

fn failed() -> io::Error {
    io::Error::other(cause())
}

/// As reports print it that name every source.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut next = Some(error);
    let each = std::iter::from_fn(|| {
        let error = next?;
        next = error.source();
        Some(error.to_string())
    });
    each.collect()
}

#[test]
fn no_error_says_its_cause_twice() {
    let with_cause: [&dyn Error; 21] = [
        &PeerError::Unknown(failed()),
        &RequestError::HungUp(failed()),
        &RequestError::Peer(PeerError::Unknown(failed())),
        &RequestError::Connect {
            path: "control".into(),
            source: failed(),
        },
        &CallError::Connect {
            path: "move".into(),
            source: failed(),
        },
        &CallError::Machine(cause().into()),
        &CallError::NoAnswer(failed()),
        &CallError::GaveUp(failed()),
        &CallError::Peer(PeerError::Unknown(failed())),
        &TakeError::NoMachine(failed()),
        &TakeError::Machine(cause().into()),
        &TakeError::Kept(failed()),
        &PacketError::Connect {
            path: "socket".into(),
            source: failed(),
        },
        &PacketError::Peer(PeerError::Unknown(failed())),
        &PacketError::System(failed()),
        &DirectoryError::Missing {
            directory: "run".into(),
            source: failed(),
        },
        &FillError::System(failed()),
        &SealedError::System(failed()),
        &ImageError::<Cause>::Io(failed()),
        &ImageError::Memory(cause()),
        &StreamError::<SaveError, _>::Io(cause()),
    ];
    for error in with_cause {
        let texts = chain(error);
        assert!(texts[0].ends_with("the cause"), "{error:?}: {texts:?}");
        assert_eq!(texts[1..], ["what is behind it"], "{error:?}");
    }
}

const LAYOUT: Layout = Layout::new("state", "image-", 8, |_| None);

/// These have no cause that a caller could choose, or say what another error says.
#[test]
fn an_error_that_has_no_more_to_say_has_no_source() {
    let missing = Path::new("/nonexistent/vm");
    let invalid = InvalidState::new("divisor", 0, "at least 1");
    let without: [&dyn Error; 8] = [
        &load_file(missing, 8).unwrap_err(),
        &LAYOUT.open(missing).unwrap_err(),
        &ask::<_, u32>(missing, &1).unwrap_err(),
        &Listener::stream(missing).unwrap_err(),
        &Signals::catch([9]).unwrap_err(),
        &ApplyError::InvalidState(invalid),
        &StreamError::<_, io::Error>::Snapshot(SaveError::BufferTooSmall {
            needed: 2,
            available: 1,
        }),
        &RequestError::Json(serde_json::from_str::<u32>("x").unwrap_err()),
    ];
    for error in without {
        assert_eq!(chain(error).len(), 1, "{:?}", chain(error));
    }
    let listening = Listener::stream(missing).unwrap_err();
    assert!(matches!(listening.reason, ListenReason::System(_)));
}
