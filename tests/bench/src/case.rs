//! One thing that is measured.

use std::hint::black_box;

use crate::peer::{Container, Peer};
use crate::peers::Minicbor;
use crate::peers::devstate::Devstate;
use crate::peers::hand::Hand;
use crate::peers::serde::{Bincode, Json, Postcard};
use crate::peers::versionize::Versionize;
use crate::work::Work;

/// Something that can be run again and again, and costs the same each time.
pub struct Case {
    /// The table that it stands in.
    pub group: &'static str,
    /// Its row: who does it.
    pub row: &'static str,
    /// Its column: what is done.
    pub column: String,
    /// Bytes written or read, where that says something.
    pub bytes: Option<usize>,
    /// Bytes that went through, where the interesting number is a rate.
    pub content: Option<usize>,
    /// Too long for valgrind.
    pub only_timed: bool,
    pub run: Box<dyn FnMut()>,
}

impl Case {
    pub fn new(group: &'static str, row: &'static str, column: impl Into<String>, run: impl FnMut() + 'static) -> Self {
        Self {
            group,
            row,
            column: column.into(),
            bytes: None,
            content: None,
            only_timed: false,
            run: Box::new(run),
        }
    }

    pub fn with_bytes(self, bytes: usize) -> Self {
        Self {
            bytes: Some(bytes),
            ..self
        }
    }

    pub fn with_content(self, content: usize) -> Self {
        Self {
            content: Some(content),
            ..self
        }
    }

    pub fn only_timed(self) -> Self {
        Self {
            only_timed: true,
            ..self
        }
    }

    /// Whether it measures this project's code: then its count may not grow unseen, and it may not allocate.
    pub fn is_ours(&self) -> bool {
        self.row.starts_with("devstate") || self.group == "around the wire"
    }

    /// `group/row/column`: the name on the command line and in the table of counts.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.group, self.row, self.column)
    }
}

/// Adds a case.
pub fn add(
    cases: &mut Vec<Case>,
    group: &'static str,
    row: &'static str,
    column: impl Into<String>,
    run: impl FnMut() + 'static,
) {
    cases.push(Case::new(group, row, column, run));
}

/// Adds writing into memory and reading back what was written, once before anything is measured.
pub fn pair(
    cases: &mut Vec<Case>,
    group: &'static str,
    row: &'static str,
    [saves, loads]: [impl Into<String>; 2],
    mut save: impl FnMut(&mut [u8]) -> usize + 'static,
    mut load: impl FnMut(&[u8]) + 'static,
) {
    let mut memory = vec![0; 4_096];
    let len = save(&mut memory);
    let bytes = memory[..len].to_vec();
    load(&bytes);
    let save = Case::new(group, row, saves, move || {
        black_box(save(black_box(&mut memory)));
    });
    cases.push(save.with_bytes(len));
    add(cases, group, row, loads, move || load(black_box(&bytes)));
}

/// What the encoders do with one state, each round trip checked before anything is measured.
pub fn of_work<W: Work>(cases: &mut Vec<Case>) {
    of_peer::<W, Hand>(cases);
    of_peer::<W, Devstate>(cases);
    of_peer::<W, Postcard>(cases);
    of_peer::<W, Bincode>(cases);
    of_peer::<W, Minicbor>(cases);
    of_peer::<W, Versionize>(cases);
    of_peer::<W, Json>(cases);
}

fn of_peer<W: Work, P: Peer<W> + 'static>(cases: &mut Vec<Case>) {
    let [payload, at_version, container] = W::TABLES;
    let row = P::NAME;
    pair_of::<W>(cases, payload, row, ["save", "load"], &W::sample(), P::save, P::load);
    if let Some(versioned) = P::VERSIONED {
        let mut buffer = [0; 1024];
        let len = (versioned.save)(&W::sample(), 1, &mut W::default(), &mut buffer);
        // Saved at version 1 without a loss, and with losses that the caller accepts.
        let mut old = W::default();
        (versioned.load)(&buffer[..len], 1, &mut old);
        assert_ne!(old, W::sample(), "{} loses nothing", P::NAME);
        for (version, work, names) in [
            (1, &old, ["save v1, nothing lost", "load v1"]),
            (2, &W::sample(), ["save v2", "load v2"]),
        ] {
            let mut scratch = W::default();
            let save = move |work: &W, buffer: &mut [u8]| {
                (versioned.save)(work, black_box(version), black_box(&mut scratch), buffer)
            };
            let load = move |bytes: &[u8], work: &mut W| (versioned.load)(bytes, black_box(version), work);
            pair_of(cases, at_version, row, names, work, save, load);
        }
        let (work, mut scratch) = (W::sample(), W::default());
        add(cases, at_version, row, "save v1, with losses", move || {
            let scratch = black_box(&mut scratch);
            black_box((versioned.save)(
                black_box(&work),
                black_box(1),
                scratch,
                black_box(&mut buffer),
            ));
        });
    }
    if let Some(Container { save, load }) = P::CONTAINER {
        pair_of(cases, container, row, ["save", "load"], &W::sample(), save, load);
    }
}

/// Writes a state and reads the same.
fn pair_of<W: Work>(
    cases: &mut Vec<Case>,
    group: &'static str,
    row: &'static str,
    names: [&str; 2],
    work: &W,
    mut save: impl FnMut(&W, &mut [u8]) -> usize + 'static,
    mut load: impl FnMut(&[u8], &mut W) + 'static,
) {
    let (mut buffer, mut loaded) = (vec![0; 4_096], W::default());
    let len = save(work, &mut buffer);
    load(&buffer[..len], &mut loaded);
    assert_eq!(&loaded, work, "{row} does not give back what it was given");
    let work = work.clone();
    let save = move |buffer: &mut [u8]| save(black_box(&work), buffer);
    pair(cases, group, row, names, save, move |bytes| load(bytes, &mut loaded));
}
