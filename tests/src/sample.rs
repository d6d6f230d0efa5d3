//! A history with everything in it: nested mirrors, removed and moved fields, changed meanings over several versions, enums
//! with versions, foreign fields, a mirror that came later, a release that was taken out.

use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::wire::RowOf;
use devstate_versioning::{Bytes, ConversionError, Mirror, ReleaseTable, Str, Versioned, buffer, release_table};
use heapless::{Deque, String, Vec};
use serde::{Deserialize, Serialize};

use crate::generate::Choice;
use crate::matrix::{Outcome, Root, reencode};

release_table! {
    /// What the sample machine has shipped. Release 4 is no longer supported.
    pub enum Release {
        R1 = 1 @ 0x99d0_56ec_3cd5_92c5,
        R2 = 2 @ 0xb1b2_7c8c_0f0a_6f2d,
        R3 = 3 @ 0xe127_30c5_f5f3_508b,
        R5 = 5 @ 0xb071_5315_8813_ca48,
        R6 = 6 @ open,
    }
    QueueSer    => [1, 2, 2, 3, 4],
    LinkSer     => [_, 1, 2, 2, 2],
    PairSer     => [1, 1, 1, 1, 1],
    MachineSer  => [1, 2, 2, 3, 3],
    ItemSer<'_> => [1, 1, 1, 1, 1],
}

/// A queue: a field with a default of its own, one with a changed meaning, one that was removed, one that is ignorable.
#[derive(Versioned, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[versioned(
    version = 4,
    layouts(0x0f57_29b2_c216_bf22, 0xb82c_f406_f2d6_efbd, 0x55da_6799_90fc_7a8f, open)
)]
pub struct QueueSer {
    /// Always there.
    pub head: u16,
    /// Always there.
    pub enabled: bool,
    /// Hard-coded to 128 before version 2.
    #[versioned(start = 2, default_fn = queue::old_size, ser_fn = queue::only_the_old_size)]
    pub size: u16,
    /// In version 1 and 2; a hundred times the version where an old reader wants one.
    #[versioned(end = 3, default_fn = queue::old_hint)]
    pub hint: u32,
    /// Received bytes.
    #[versioned(start = 2)]
    pub rx: Vec<u8, 16>,
    /// In ticks in version 1, in tens of microseconds in 2, in microseconds from 3 on.
    #[versioned(at = 2, ser_fn = queue::to_ticks, de_fn = queue::from_ticks)]
    #[versioned(at = 3, ser_fn = queue::to_tens, de_fn = queue::from_tens)]
    pub delay: u32,
    /// What an older reader does without.
    #[versioned(start = 3, ignorable)]
    pub statistics: u64,
    /// From version 4 on; before, the sign of this stood nowhere.
    #[versioned(start = 4)]
    pub balance: i16,
    /// Never written.
    #[versioned(skip)]
    pub cache: u8,
}

mod queue {
    use super::{ConversionError, QueueSer};

    pub(super) fn old_size(_version: u16) -> u16 {
        128
    }

    pub(super) fn old_hint(version: u16) -> u32 {
        u32::from(version) * 100
    }

    pub(super) fn spare(version: u16) -> QueueSer {
        QueueSer {
            size: old_size(version),
            ..QueueSer::default()
        }
    }

    pub(super) fn only_the_old_size(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
        if queue.size == 128 {
            Ok(())
        } else {
            Err(ConversionError::new("the queue had 128 entries before version 2"))
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
    pub(super) fn to_ticks(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
        queue.delay /= 3;
        Ok(())
    }

    pub(super) fn from_ticks(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
        queue.delay = queue
            .delay
            .checked_mul(3)
            .ok_or(ConversionError::new("too many ticks"))?;
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of a semantic function")]
    pub(super) fn to_tens(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
        queue.delay /= 10;
        Ok(())
    }

    pub(super) fn from_tens(queue: &mut QueueSer, _version: u16) -> Result<(), ConversionError> {
        queue.delay = queue
            .delay
            .checked_mul(10)
            .ok_or(ConversionError::new("too long for microseconds"))?;
        Ok(())
    }
}

/// A link: variants of every form, one with a stand-in for older releases, one without, one that was removed.
#[derive(Versioned, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[versioned(version = 2, layouts(0xee95_2ece_6156_893a, 0x1e09_e308_483f_6a98))]
pub enum LinkSer {
    /// Nothing there.
    #[default]
    Down,
    /// Named fields.
    Rate {
        /// The rate.
        old: u8,
        /// An optional one.
        new: Option<u64>,
    },
    /// Unnamed fields.
    Id(u16, bool),
    /// Gone since version 2, which has nothing for it.
    #[versioned(end = 2)]
    Half(u8),
    /// Gone since version 2, which has `Down` for it.
    #[versioned(end = 2, default_fn = down)]
    Quarter(u8),
    /// Version 1 has `Rate` for it.
    #[versioned(start = 2, default_fn = rate_for_burst)]
    Burst(Option<u32>),
    /// Version 1 has nothing for it.
    #[versioned(start = 2)]
    Wide(Vec<PairSer, 3>),
}

fn down(_version: u16) -> LinkSer {
    LinkSer::Down
}

fn rate_for_burst(_version: u16) -> LinkSer {
    LinkSer::Rate { old: 9, new: None }
}

/// A pair without names.
#[derive(Versioned, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(0x5b0b_b927_1937_de1a))]
pub struct PairSer(pub i8, pub char);

/// A foreign type, carried as what postcard writes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Foreign {
    /// A foreign field.
    pub flag: Option<u16>,
    /// Another one.
    pub number: i64,
}

/// The root.
#[derive(Versioned, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[versioned(
    version = 3,
    layouts(0xed52_0a34_f01c_4004, 0x6dc9_36b2_303a_6297, 0x9f65_e56f_2435_5182)
)]
pub struct MachineSer {
    /// Several of one kind.
    pub queues: [QueueSer; 2],
    /// A mirror that came with version 2.
    #[versioned(start = 2)]
    pub links: Vec<LinkSer, 3>,
    /// A ring.
    #[versioned(start = 2)]
    pub keys: Deque<u8, 4>,
    /// Text.
    pub label: String<12>,
    /// Nested in three ways.
    pub pairs: Option<(PairSer, [i128; 2], Vec<PairSer, 2>)>,
    /// Foreign.
    #[versioned(start = 2, serde, max = 14, layout = "foreign/1")]
    pub foreign: Foreign,
    /// Gone since version 3. What stands in for it has to be a queue that version 1 can say, or nothing goes there.
    #[versioned(end = 3, default_fn = queue::spare)]
    pub spare: QueueSer,
}

/// Borrowed text and bytes.
#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(0x421b_69dd_716a_b585))]
pub struct ItemSer<'a> {
    /// Up to eight bytes of it.
    pub key: Str<'a, 8>,
    /// Up to three hundred.
    pub value: Bytes<'a, 300>,
}

/// Values of [`Foreign`].
pub fn foreign(layout: &str, choice: &mut dyn Choice) -> std::vec::Vec<u8> {
    assert_eq!(layout, "foreign/1");
    let [mut flag, mut number] = [[0; 8]; 2];
    choice.integer(&mut flag[..2], false);
    choice.integer(&mut number, true);
    let value = Foreign {
        flag: (choice.number(1) == 1).then_some(u16::from_le_bytes([flag[0], flag[1]])),
        number: i64::from_le_bytes(number),
    };
    postcard::to_slice(&value, &mut [0; 14]).unwrap().to_vec()
}

/// Every mirror of the table that owns what it holds.
pub fn roots() -> [Root<Release>; 4] {
    [
        Root::of::<QueueSer>(),
        Root::of::<LinkSer>(),
        Root::of::<PairSer>(),
        Root::of::<MachineSer>(),
    ]
}

/// The mirror that borrows what it holds from the bytes.
pub fn borrowed_root() -> Root<Release> {
    Root {
        schema: ItemSer::SCHEMA,
        version: |release| <ItemSer<'_> as RowOf<Release>>::version(release),
        payload_schema: PayloadSchema::of::<Release, ItemSer<'_>>,
        reencode: |release, bytes| reencode::<Release, ItemSer<'_>>(release, bytes),
        load: |snapshot| Release::load(snapshot, &mut ItemSer::default()),
        default: |_release| Ok(vec![0; 2]),
        check: check_borrowed,
        fingerprint: |release| release.fingerprint::<ItemSer<'_>>().unwrap_or(0),
    }
}

/// It has one version, so it goes everywhere.
fn check_borrowed(from: Release, bytes: &[u8]) -> Outcome {
    assert_eq!(reencode::<Release, ItemSer<'_>>(from, bytes).unwrap(), bytes);
    let mut item = ItemSer::default();
    from.decode(bytes, &mut item).unwrap();
    for &to in Release::ALL {
        to.losses(&item, &mut item.clone(), &mut |loss| {
            panic!("{to:?} loses {loss:?} of {item:?}")
        })
        .unwrap();
        let mut memory = buffer!(ItemSer<'_>);
        let snapshot = to
            .downgrade(&item, &mut item.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut loaded = ItemSer::default();
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(to));
        assert_eq!(loaded, item);
    }
    Outcome {
        lossless: Release::ALL.len(),
        ..Outcome::default()
    }
}
