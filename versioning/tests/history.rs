//! One history with everything in it: nested mirrors, removed fields, semantic functions over several versions, enums
//! with versions, borrowed and foreign fields.

#![allow(missing_docs, clippy::unwrap_used, clippy::unnecessary_wraps, reason = "a test")]

use devstate_versioning::wire::{Layout, Reader};
use devstate_versioning::{
    Bytes, ConversionError, Expected, Header, LoadErrorKind, Mirror, ReleaseTable, SaveError, Str, Versioned, buffer,
    max_snapshot_len, release_table,
};
use heapless::{Deque, String, Vec};
use serde::{Deserialize, Serialize};

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 3, layouts(0x0f57_29b2_c216_bf22, 0xb82c_f406_f2d6_efbd, open))]
pub struct QueueSer {
    pub head: u16,
    pub enabled: bool,
    /// Hard-coded to 128 before version 2.
    #[versioned(start = 2, default_fn = old_size, ser_fn = size_to_old)]
    pub size: u16,
    #[versioned(end = 3, default_fn = old_hint)]
    pub hint: u32,
    #[versioned(start = 2)]
    pub rx: Vec<u8, 16>,
    /// In ticks before version 3, in microseconds from then on.
    #[versioned(at = 3, ser_fn = to_ticks, de_fn = to_micros)]
    pub delay: u32,
    #[versioned(start = 3, ignorable)]
    pub statistics: u64,
    #[versioned(skip)]
    pub cache: u8,
}

fn old_size(_version: u16) -> u16 {
    128
}

fn old_hint(version: u16) -> u32 {
    u32::from(version) * 100
}

fn size_to_old(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
    if queue.size == 128 {
        Ok(())
    } else {
        Err(ConversionError::new("the queue had 128 entries before version 2"))
    }
}

fn to_ticks(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
    queue.delay /= 10;
    Ok(())
}

fn to_micros(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
    queue.delay = queue
        .delay
        .checked_mul(10)
        .ok_or(ConversionError::new("the delay does not fit in microseconds"))?;
    Ok(())
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 2, layouts(0x9434_ce39_4759_6213, open))]
pub enum Pending {
    #[default]
    None,
    Rate {
        old: u8,
    },
    Id(u16, bool),
    #[versioned(start = 2, default_fn = stand_in)]
    Burst(Option<u32>),
    #[versioned(start = 2)]
    Wide(Vec<u16, 3>),
}

fn stand_in(_version: u16) -> Pending {
    Pending::Rate { old: 9 }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Foreign {
    flag: Option<u16>,
    number: i64,
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 2, layouts(0x96f7_8fa2_fc31_64de, 0xe7e5_4138_f957_75cb))]
pub struct MachineSer {
    pub queues: [QueueSer; 2],
    #[versioned(start = 2)]
    pub pending: Vec<Pending, 2>,
    #[versioned(start = 2)]
    pub keys: Deque<u8, 4>,
    pub label: String<12>,
    pub letter: char,
    pub pair: (i8, Option<u128>),
    #[versioned(start = 2, serde, max = 14, layout = "foreign/1")]
    pub foreign: Foreign,
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(0x421b_69dd_716a_b585))]
pub struct ItemSer<'a> {
    pub key: Str<'a, 8>,
    pub value: Bytes<'a, 300>,
}

release_table! {
    pub enum Release { V1 = 1 @ 0xe86a_2333_2fb2_d985, V2 = 2 @ 0x7662_6d56_a4f2_7d20, V5 = 5 @ open }
    QueueSer => [1, 2, 3],
    Pending => [_, 1, 2],
    MachineSer => [1, 2, 2],
    ItemSer<'_> => [1, 1, 1],
}

fn machine() -> MachineSer {
    let mut machine = MachineSer {
        label: "console".try_into().unwrap(),
        letter: 'é',
        pair: (-3, Some(1 << 100)),
        foreign: Foreign {
            flag: Some(300),
            number: -5,
        },
        ..MachineSer::default()
    };
    machine.queues[1] = QueueSer {
        head: 0x1234,
        enabled: true,
        size: 256,
        rx: Vec::from_slice(&[1, 2, 3]).unwrap(),
        delay: 70,
        statistics: 99,
        ..QueueSer::default()
    };
    machine.queues[0].size = 128;
    machine.pending.push(Pending::Id(500, true)).unwrap();
    machine.pending.push(Pending::Burst(Some(7))).unwrap();
    machine.keys.push_back(0xe0).unwrap();
    machine.keys.push_back(0x75).unwrap();
    machine
}

/// A machine that release 1 can say.
fn old_machine() -> MachineSer {
    let mut machine = machine();
    for queue in &mut machine.queues {
        *queue = QueueSer {
            size: 128,
            rx: Vec::new(),
            statistics: 0,
            ..queue.clone()
        };
    }
    machine.pending.clear();
    machine.keys.clear();
    machine.foreign = Foreign::default();
    machine
}

fn losses(machine: &MachineSer, release: Release) -> Result<std::vec::Vec<std::string::String>, SaveError> {
    let mut losses = std::vec::Vec::new();
    release.losses(machine, &mut machine.clone(), &mut |loss| {
        let name = loss.field.display(MachineSer::SCHEMA).to_string();
        losses.push(if loss.ignorable { name + "?" } else { name });
    })?;
    Ok(losses)
}

#[test]
fn the_latest_release_comes_back_as_it_was() {
    let mut memory = buffer!(MachineSer);
    let saved = machine();
    let snapshot = Release::save(&saved, &mut memory).unwrap();
    assert_eq!(snapshot.len(), Release::latest(&saved).snapshot_len());
    let mut loaded = MachineSer {
        queues: [const { QueueSerGarbage::VALUE }; 2],
        ..MachineSer::default()
    };
    assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V5));
    assert_eq!(loaded, saved);
}

/// Scratch with something in every field that a load has to replace.
struct QueueSerGarbage;

impl QueueSerGarbage {
    const VALUE: QueueSer = QueueSer {
        head: 0xffff,
        enabled: true,
        size: 0xffff,
        hint: 0xffff_ffff,
        rx: Vec::new(),
        delay: 0xffff_ffff,
        statistics: u64::MAX,
        cache: 0xff,
    };
}

#[test]
fn a_downgrade_names_what_it_would_lose() {
    assert_eq!(
        losses(&machine(), Release::V2).unwrap(),
        ["queues[1].statistics?", "pending[1]"],
        "a variant with a stand-in is a loss, an ignorable field is one too, and says so"
    );
    let SaveError::Conversion(refused) = losses(&machine(), Release::V1).unwrap_err() else {
        panic!("not a conversion")
    };
    assert_eq!(
        (refused.mirror, refused.field, refused.version),
        ("QueueSer", "size", 1)
    );
    assert!(refused.to_string().contains("the queue had 128 entries"), "{refused}");
    let mut machine = machine();
    machine.queues[1].size = 128;
    assert_eq!(
        losses(&machine, Release::V1).unwrap(),
        ["queues[1].rx", "queues[1].statistics?", "pending", "keys", "foreign"]
    );
    // Not divisible by ten: what comes back differs, though both releases have the field.
    machine.queues[0].delay = 7;
    assert!(
        losses(&machine, Release::V2)
            .unwrap()
            .contains(&"queues[0].delay".into())
    );
}

#[test]
fn a_variant_without_a_stand_in_is_refused() {
    let mut machine = machine();
    machine.pending[1] = Pending::Wide(Vec::new());
    let SaveError::Conversion(refused) = losses(&machine, Release::V2).unwrap_err() else {
        panic!("not a conversion")
    };
    assert_eq!((refused.mirror, refused.field, refused.version), ("Pending", "Wide", 1));
}

#[test]
fn a_lossy_downgrade_is_refused_with_the_field() {
    let mut memory = [0xa5; max_snapshot_len::<MachineSer>()];
    let error = Release::V2
        .downgrade(&machine(), &mut machine())
        .and_then(|older| older.save(&mut memory))
        .unwrap_err();
    let SaveError::Lossy { field, release: 2 } = error else {
        panic!("{error}")
    };
    assert_eq!(field.display(MachineSer::SCHEMA).to_string(), "queues[1].statistics");
    assert!(memory.iter().all(|byte| *byte == 0xa5));
}

#[test]
fn a_lossless_downgrade_comes_back_equal() {
    let saved = old_machine();
    for release in [Release::V1, Release::V2] {
        let mut memory = buffer!(MachineSer);
        let snapshot = release
            .downgrade(&saved, &mut saved.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut loaded = machine();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        assert_eq!(loaded, saved);
    }
}

#[test]
fn semantic_functions_run_on_the_way_down_and_up() {
    let mut memory = buffer!(MachineSer);
    let mut saved = old_machine();
    saved.queues[0].delay = 1230;
    let snapshot = Release::V1
        .downgrade(&saved, &mut saved.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    // head, enabled, hint with its default for version 1, delay in ticks
    assert_eq!(
        snapshot[Header::LEN..Header::LEN + 11],
        [0, 0, 0, 100, 0, 0, 0, 123, 0, 0, 0]
    );
}

#[test]
fn a_lossy_downgrade_reports_and_writes() {
    let mut memory = buffer!(MachineSer);
    let mut lost = 0;
    let snapshot = Release::V2
        .downgrade_lossy(&machine(), &mut machine(), &mut |_| {
            lost += 1;
            true
        })
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    assert_eq!(lost, 2);
    let mut loaded = MachineSer::default();
    Release::load(snapshot, &mut loaded).unwrap();
    let mut expected = machine();
    expected.queues[1].statistics = 0;
    expected.pending[1] = stand_in(1);
    assert_eq!(loaded, expected);
}

#[test]
fn a_compatible_downgrade_takes_the_oldest_release_that_loses_nothing() {
    let mut memory = buffer!(MachineSer);
    let widest = |machine: &MachineSer, oldest, memory: &mut [u8]| {
        let mut scratch = machine.clone();
        let compatible = Release::downgrade_compatible(machine, oldest, &mut scratch).unwrap();
        let mut loaded = MachineSer::default();
        let release = Release::load(compatible.save(memory).unwrap(), &mut loaded).unwrap();
        assert_eq!(release, compatible.release());
        release
    };
    assert_eq!(widest(&machine(), Release::V1, &mut memory), Release::V5);
    assert_eq!(widest(&old_machine(), Release::V1, &mut memory), Release::V1);
    assert_eq!(widest(&old_machine(), Release::V2, &mut memory), Release::V2);
    let mut counted = old_machine();
    counted.queues[0].statistics = 5;
    assert_eq!(
        widest(&counted, Release::V1, &mut memory),
        Release::V1,
        "an ignorable field does not count"
    );
}

#[test]
fn borrowed_fields_stay_in_the_buffer() {
    let mut memory = buffer!(ItemSer<'_>);
    let item = ItemSer {
        key: Str::new("key").unwrap(),
        value: Bytes::new(&[7; 200]).unwrap(),
    };
    let snapshot = Release::save(&item, &mut memory).unwrap();
    let mut loaded = ItemSer::default();
    Release::load(snapshot, &mut loaded).unwrap();
    assert_eq!(loaded, item);
    assert!(snapshot.as_ptr_range().contains(&loaded.value.as_ptr()));
}

#[test]
fn every_truncation_and_every_bit_flip_is_refused() {
    let mut memory = buffer!(MachineSer);
    let snapshot = Release::save(&machine(), &mut memory).unwrap();
    let mut loaded = MachineSer::default();
    for len in 0..snapshot.len() {
        Release::load(&snapshot[..len], &mut loaded).unwrap_err();
    }
    for bit in 0..snapshot.len() * 8 {
        let mut flipped = snapshot.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        Release::load(&flipped, &mut loaded).unwrap_err();
    }
}

#[test]
fn errors_name_what_and_where() {
    fn payload_error(bytes: &[u8]) -> (LoadErrorKind, usize) {
        let error = Release::V5.decode(bytes, &mut QueueSer::default()).unwrap_err();
        (error.kind, error.offset.unwrap())
    }
    let value = |expected, found| LoadErrorKind::Value { expected, found };
    // head 2, enabled 1, size 2, rx, delay 4, statistics 8
    assert_eq!(payload_error(&[0, 0, 2]), (value(Expected::Bool, 2), 2));
    assert_eq!(
        payload_error(&[0, 0, 1, 0, 0, 17]),
        (value(Expected::LengthUpTo(16), 17), 5)
    );
    // Below 128 a length has one byte, so this one is a length of 129 whatever follows.
    assert_eq!(
        payload_error(&[0, 0, 1, 0, 0, 0x81, 0]),
        (value(Expected::LengthUpTo(16), 0x81), 5)
    );
    assert_eq!(
        payload_error(&[0, 0, 1, 0, 0, 3, 1]),
        (
            LoadErrorKind::Truncated {
                needed: 3,
                available: 1
            },
            6
        )
    );
    let mut above = Reader::new(&[0x81, 0]);
    assert!(above.length(300).is_err());
    assert_eq!(above.finish(), Err(value(Expected::ShortestLength, 1).at(0)));
    let mut whole = [0; 19];
    assert_eq!(payload_error(&whole), (LoadErrorKind::TrailingBytes { bytes: 1 }, 18));
    whole[2] = 0xff;
    assert_eq!(payload_error(&whole), (value(Expected::Bool, 0xff), 2));
}

#[test]
fn a_maximum_is_the_longest_version() {
    // head, enabled, size, hint, rx, delay in version 2; statistics in place of hint in version 3.
    assert_eq!(QueueSer::MAX_ENCODED_LEN, 2 + 1 + 2 + 17 + 4 + 8);
    assert_eq!(Pending::MAX_ENCODED_LEN, 1 + 1 + 3 * 2);
    assert_eq!(ItemSer::MAX_ENCODED_LEN, 1 + 8 + 2 + 300);
}
