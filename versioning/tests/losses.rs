//! Every public function that writes bytes at an older release, with a value that the release cannot express: each
//! refuses, reports the loss, or returns it.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

use devstate_versioning::wire::reencode;
use devstate_versioning::{FieldPath, Loss, Mirror, ReleaseTable, SaveError, Sink, Versioned, buffer, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
    TimerSer => [1, 2],
}

const TIMER: TimerSer = TimerSer { count: 7, prescaler: 3 };

fn prescaler() -> FieldPath {
    FieldPath::ROOT.join(1)
}

struct Collected(Vec<u8>);

impl Sink for Collected {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        true
    }
}

/// The snapshots of the four functions that write, of a value that was translated to release 1.
fn written_at_release_1(accept: &mut dyn FnMut(&Loss) -> bool) -> Result<Vec<Vec<u8>>, SaveError> {
    let mut scratch = TimerSer::default();
    let older = Release::V1_0.downgrade_lossy(&TIMER, &mut scratch, accept)?;
    let mut memory = buffer!(TimerSer);
    let mut gather = [0; 64];
    let mut sink = Collected(Vec::new());
    older.write_into(&mut sink, &mut gather)?;
    let mut stream = Vec::new();
    older.write_to(&mut &mut memory[..], &mut gather).unwrap();
    stream.extend_from_slice(memory.get(..older.snapshot_len()).unwrap());
    let saved = older.save(&mut memory)?.to_vec();
    let payload = older.encode(&mut memory)?.to_vec();
    Ok(vec![saved, sink.0, stream, payload])
}

#[test]
fn a_downgrade_refuses_a_loss_before_anything_is_written() {
    let lossy = SaveError::Lossy {
        field: prescaler(),
        release: 1,
    };
    let mut scratch = TimerSer::default();
    assert_eq!(Release::V1_0.downgrade(&TIMER, &mut scratch).unwrap_err(), lossy);
    assert_eq!(written_at_release_1(&mut |_| false), Err(lossy));
    assert_eq!(prescaler().display(TimerSer::SCHEMA).to_string(), "prescaler");
}

#[test]
fn an_accepted_loss_was_reported_and_is_what_is_lost() {
    let mut reported = Vec::new();
    let written = written_at_release_1(&mut |loss| {
        reported.push(*loss);
        true
    });
    let loss = Loss {
        field: prescaler(),
        ignorable: false,
    };
    assert_eq!(reported, [loss]);
    assert_eq!(loss.to_string(), "field 1");
    let written = written.unwrap();
    let [saved, into_a_sink, into_a_stream, payload] = &written[..] else {
        unreachable!("four functions write")
    };
    assert_eq!((into_a_sink, into_a_stream), (saved, saved));
    let expected = TimerSer { count: 7, prescaler: 0 };
    let mut loaded = TIMER;
    assert_eq!(Release::load(saved, &mut loaded), Ok(Release::V1_0));
    assert_eq!(loaded, expected);
    let mut decoded = TIMER;
    Release::V1_0.decode(payload, &mut decoded).unwrap();
    assert_eq!(decoded, expected);
    // The differences are exactly the reported losses.
    let mut differences = Vec::new();
    Release::differences(&TIMER, &loaded, &mut |difference| differences.push(*difference));
    assert_eq!(differences, reported);
}

#[test]
fn a_compatible_downgrade_takes_a_newer_release_instead_of_a_loss() {
    let mut scratch = TimerSer::default();
    let compatible = Release::downgrade_compatible(&TIMER, Release::V1_0, &mut scratch).unwrap();
    assert_eq!(compatible.release(), Release::V1_1);
    let mut memory = buffer!(TimerSer);
    let mut loaded = TimerSer::default();
    Release::load(compatible.save(&mut memory).unwrap(), &mut loaded).unwrap();
    assert_eq!(loaded, TIMER);
}

#[test]
fn the_latest_release_loses_nothing() {
    let mut memory = buffer!(TimerSer);
    let mut loaded = TimerSer::default();
    Release::load(Release::save(&TIMER, &mut memory).unwrap(), &mut loaded).unwrap();
    assert_eq!(loaded, TIMER);
    let mut sink = Collected(Vec::new());
    let latest = Release::latest(&TIMER);
    latest.write_into(&mut sink, &mut [0; 64]).unwrap();
    assert_eq!(sink.0, latest.save(&mut memory).unwrap());
    let mut decoded = TimerSer::default();
    Release::decode_latest(latest.encode(&mut memory).unwrap(), &mut decoded).unwrap();
    assert_eq!(decoded, TIMER);
    let mut scratch = TimerSer::default();
    let translated = Release::V1_1.downgrade(&TIMER, &mut scratch).unwrap();
    Release::load(translated.save(&mut memory).unwrap(), &mut loaded).unwrap();
    assert_eq!(loaded, TIMER);
}

/// `reencode` writes at an older release only what it has just read at that release.
#[test]
fn reencoding_writes_what_was_read() {
    let payload = [7, 0, 0, 0];
    let mut mirror = TIMER;
    let mut memory = [0; 16];
    let again = reencode(Release::V1_0, &payload, &mut mirror, &mut memory).unwrap();
    assert_eq!(again, Ok(&payload[..]));
}

/// A helper that is generic over the mirror has one bound.
#[test]
fn a_generic_helper_saves_and_loads_with_one_bound() {
    fn there_and_back<M: for<'de> devstate_versioning::MirrorOf<'de, Release>>(mirror: &M) -> M {
        let mut memory = [0; 100];
        let mut loaded = mirror.clone();
        Release::load(Release::save(mirror, &mut memory).unwrap(), &mut loaded).unwrap();
        let mut scratch = mirror.clone();
        let older = Release::V1_0
            .downgrade_lossy(mirror, &mut scratch, &mut |_| true)
            .unwrap();
        Release::load(older.save(&mut memory).unwrap(), &mut loaded.clone()).unwrap();
        loaded
    }
    assert_eq!(there_and_back(&TIMER), TIMER);
}

/// A release whose timer has one field less.
mod board {
    use super::TimerSer;
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0x4f04_e6f9_cd8e_1a4c))]
    pub struct BoardSer {
        #[versioned(ignorable)]
        pub spare: TimerSer,
        pub timer: TimerSer,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0x0e1b_2137_a51f_5a0a, V2 = 2 @ open }
        TimerSer => [1, 2],
        BoardSer => [1, 1],
    }
}

#[test]
fn a_loss_below_an_ignorable_field_is_ignorable() {
    let board = board::BoardSer {
        spare: TIMER,
        timer: TIMER,
    };
    let mut lost = Vec::new();
    let mut scratch = board.clone();
    let losses = board::Release::V1.losses(&board, &mut scratch, &mut |loss| {
        lost.push((loss.field, loss.ignorable));
    });
    assert_eq!(losses, Ok(()));
    let below = |step| FieldPath::ROOT.join(step).join(1);
    assert_eq!(lost, [(below(0), true), (below(1), false)]);
}
