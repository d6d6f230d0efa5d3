//! What errors say, and values when they are looked at.

use bare_machine::{MachineSer, Release};
use core::fmt::{Display, Result, Write};
use core::hint::black_box;
use devstate_core::{InvalidState, ResizeError};
use devstate_i8042::{ApplyError, Device, Key, NoResponse};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Json, Table};
use devstate_versioning::{
    Architecture, ConversionError, Error, FieldPath, LoadError, LoadErrorKind, Loss, Mirror, SaveError, StreamError,
};

pub fn prove(bytes: &[u8]) {
    prove_devices();
    prove_errors();
    prove_inspection(bytes);
}

fn prove_devices() {
    show(InvalidState::new("field", 0, "reason"));
    show(ResizeError {
        needed: 0,
        available: 0,
    });
    let no_response = NoResponse {
        device: Device::Mouse,
        sent: 0,
    };
    show(no_response);
    show(ApplyError::NoResponse(no_response));
    show(Key::A);
    if let Err(unknown) = black_box("no key").parse::<Key>() {
        show(unknown);
    }
}

fn prove_errors() {
    show(ConversionError::new("reason"));
    show(Architecture::Any);
    show(FieldPath::ROOT);
    show(FieldPath::ROOT.display(MachineSer::SCHEMA));
    let load = black_box(LoadErrorKind::NotInRelease { release: 0 }).at(0);
    show(load.kind);
    show(load);
    let save = black_box(SaveError::NotInRelease { release: 0 });
    show(save);
    show(Error::Save(save));
    show(StreamError::<LoadError, SaveError>::Snapshot(load));
    show(Loss {
        field: FieldPath::ROOT,
        ignorable: false,
    });
}

fn prove_inspection(bytes: &[u8]) {
    let schema = PayloadSchema::of::<_, MachineSer>(black_box(Release::LATEST));
    let walked = schema.walk(bytes, 0, &mut |item| {
        show(item.path);
        show(item.ty);
    });
    if let Err(unreadable) = walked {
        show(unreadable);
    }
    show(Json::<Release>::new());
    show(Table::<Release>::new());
}

fn show(text: impl Display) {
    black_box(write!(Anywhere, "{}", black_box(text)).is_ok());
}

/// A console that may fail.
struct Anywhere;

impl Write for Anywhere {
    fn write_str(&mut self, text: &str) -> Result {
        black_box(text);
        black_box(Ok(()))
    }
}
