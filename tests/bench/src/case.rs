//! One thing that is measured.

use std::hint::black_box;

use crate::peer::Peer;
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

/// What an encoder does, each round trip checked before anything is measured.
pub fn of_peer<P: Peer + 'static>(cases: &mut Vec<Case>)
where
    P::State: 'static,
{
    let work = Work::sample();
    let fresh = || P::State::from(&work);
    let mut buffer = vec![0; 4096];

    let len = P::save(&fresh(), &mut buffer);
    let mut loaded = P::State::default();
    P::load(&buffer[..len], &mut loaded);
    assert_eq!(loaded.into(), work, "{} does not give back what it was given", P::NAME);
    let payload = buffer[..len].to_vec();
    let mut memory = buffer.clone();
    let state = fresh();
    cases.push(
        Case::new("payload", P::NAME, "save", move || {
            black_box(P::save(black_box(&state), black_box(&mut memory)));
        })
        .with_bytes(len),
    );
    let mut state = P::State::default();
    cases.push(Case::new("payload", P::NAME, "load", move || {
        P::load(black_box(&payload), black_box(&mut state));
    }));

    if let Some(versioned) = P::VERSIONED {
        for version in [1, 2] {
            let save = (versioned.save)(fresh(), version);
            let len = save(&mut buffer);
            let mut loaded = P::State::default();
            (versioned.load)(&buffer[..len], version, &mut loaded);
            let loaded: Work = loaded.into();
            assert_eq!(loaded.rtc.lr, work.rtc.lr, "{}", P::NAME);
            assert_eq!(loaded.rtc.counter == work.rtc.counter, version == 2, "{}", P::NAME);
            let payload = buffer[..len].to_vec();
            let mut memory = buffer.clone();
            cases.push(
                Case::new("version at run time", P::NAME, format!("save v{version}"), move || {
                    black_box(save(black_box(&mut memory)));
                })
                .with_bytes(len),
            );
            let mut state = P::State::default();
            let load = versioned.load;
            cases.push(Case::new(
                "version at run time",
                P::NAME,
                format!("load v{version}"),
                move || {
                    load(black_box(&payload), black_box(version), black_box(&mut state));
                },
            ));
        }
    }

    if let Some(container) = P::CONTAINER {
        let len = (container.save)(&fresh(), &mut buffer);
        let mut loaded = P::State::default();
        (container.load)(&buffer[..len], &mut loaded);
        assert_eq!(loaded.into(), work, "{} does not give back what it was given", P::NAME);
        let snapshot = buffer[..len].to_vec();
        let mut memory = buffer.clone();
        let state = fresh();
        cases.push(
            Case::new("with header and checksum", P::NAME, "save", move || {
                black_box((container.save)(black_box(&state), black_box(&mut memory)));
            })
            .with_bytes(len),
        );
        let mut state = P::State::default();
        cases.push(Case::new("with header and checksum", P::NAME, "load", move || {
            (container.load)(black_box(&snapshot), black_box(&mut state));
        }));
    }
}
