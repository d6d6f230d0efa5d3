//! The sample history, with every shape that a mirror can have, through other people's encoders: plain postcard reads
//! every payload at every release, and JSON and CBOR carry every mirror.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_tests::generate::{Chosen, Maximum, Minimum, payload};
use devstate_tests::sample::{Foreign, LinkSer, MachineSer, PairSer, QueueSer, Release, foreign};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::wire::reencode;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Structs of any serde user, written from the page on the format: only integers above eight bits need a newtype.
mod plain {
    use serde::{Deserialize, Serialize};

    macro_rules! fixed {
        ($($Name:ident: $int:ty),+) => {$(
            #[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
            pub(super) struct $Name(#[serde(with = "postcard::fixint::le")] pub(super) $int);
        )+};
    }

    fixed!(U16: u16, U32: u32, U64: u64, I16: i16, I128: i128);

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Queue1 {
        pub(super) head: U16,
        pub(super) enabled: bool,
        pub(super) hint: U32,
        pub(super) delay: U32,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Queue4 {
        pub(super) head: U16,
        pub(super) enabled: bool,
        pub(super) size: U16,
        pub(super) rx: Vec<u8>,
        pub(super) delay: U32,
        pub(super) statistics: U64,
        pub(super) balance: I16,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Pair(pub(super) i8, pub(super) char);

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) enum Link2 {
        Down,
        Rate { old: u8, new: Option<U64> },
        Id(U16, bool),
        Half(u8),
        Quarter(u8),
        Burst(Option<U32>),
        Wide(Vec<Pair>),
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Machine1 {
        pub(super) queues: [Queue1; 2],
        pub(super) label: String,
        pub(super) pairs: Option<(Pair, [I128; 2], Vec<Pair>)>,
        pub(super) spare: Queue1,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Machine3 {
        pub(super) queues: [Queue4; 2],
        pub(super) links: Vec<Link2>,
        pub(super) keys: Vec<u8>,
        pub(super) label: String,
        pub(super) pairs: Option<(Pair, [I128; 2], Vec<Pair>)>,
        /// As many bytes as postcard needs for the foreign value.
        pub(super) foreign: Vec<u8>,
    }
}

use plain::{I16, I128, Link2, Machine1, Machine3, Pair, Queue1, Queue4, U16, U32, U64};

impl From<&QueueSer> for Queue1 {
    fn from(queue: &QueueSer) -> Self {
        Self {
            head: U16(queue.head),
            enabled: queue.enabled,
            hint: U32(queue.hint),
            delay: U32(queue.delay),
        }
    }
}

impl From<&QueueSer> for Queue4 {
    fn from(queue: &QueueSer) -> Self {
        Self {
            head: U16(queue.head),
            enabled: queue.enabled,
            size: U16(queue.size),
            rx: queue.rx.to_vec(),
            delay: U32(queue.delay),
            statistics: U64(queue.statistics),
            balance: I16(queue.balance),
        }
    }
}

impl From<&PairSer> for Pair {
    fn from(pair: &PairSer) -> Self {
        Self(pair.0, pair.1)
    }
}

impl From<&LinkSer> for Link2 {
    fn from(link: &LinkSer) -> Self {
        match link {
            LinkSer::Down => Self::Down,
            LinkSer::Rate { old, new } => Self::Rate {
                old: *old,
                new: new.map(U64),
            },
            LinkSer::Id(id, set) => Self::Id(U16(*id), *set),
            LinkSer::Half(half) => Self::Half(*half),
            LinkSer::Quarter(quarter) => Self::Quarter(*quarter),
            LinkSer::Burst(burst) => Self::Burst(burst.map(U32)),
            LinkSer::Wide(pairs) => Self::Wide(pairs.iter().map(Pair::from).collect()),
        }
    }
}

fn pairs(mirror: &MachineSer) -> Option<(Pair, [I128; 2], Vec<Pair>)> {
    let (first, numbers, rest) = mirror.pairs.as_ref()?;
    Some((first.into(), numbers.map(I128), rest.iter().map(Pair::from).collect()))
}

impl From<&MachineSer> for Machine1 {
    fn from(mirror: &MachineSer) -> Self {
        Self {
            queues: [Queue1::from(&mirror.queues[0]), Queue1::from(&mirror.queues[1])],
            label: mirror.label.as_str().to_owned(),
            pairs: pairs(mirror),
            spare: Queue1::from(&mirror.spare),
        }
    }
}

impl From<&MachineSer> for Machine3 {
    fn from(mirror: &MachineSer) -> Self {
        Self {
            queues: [Queue4::from(&mirror.queues[0]), Queue4::from(&mirror.queues[1])],
            links: mirror.links.iter().map(Link2::from).collect(),
            keys: mirror.keys.iter().copied().collect(),
            label: mirror.label.as_str().to_owned(),
            pairs: pairs(mirror),
            foreign: postcard::to_slice(&mirror.foreign, &mut [0; 14]).unwrap().to_vec(),
        }
    }
}

/// Decodes what a release wrote, here and with plain postcard.
fn read_by_both<P: Serialize + DeserializeOwned>(payload: &[u8], release: Release) -> (MachineSer, P) {
    let mut mirror = MachineSer::default();
    let mut buffer = [0; 1000];
    reencode(release, payload, &mut mirror, &mut buffer).unwrap().unwrap();
    let (plain, rest) = postcard::take_from_bytes::<P>(payload).unwrap();
    assert!(rest.is_empty());
    assert_eq!(postcard::to_slice(&plain, &mut [0; 1000]).unwrap(), payload);
    (mirror, plain)
}

fn reads_as_it_is(choose: impl Fn(Release) -> Vec<u8>) {
    let (mirror, plain) = read_by_both::<Machine1>(&choose(Release::R1), Release::R1);
    assert_eq!(plain, Machine1::from(&mirror));
    let (mirror, plain) = read_by_both::<Machine3>(&choose(Release::LATEST), Release::LATEST);
    assert_eq!(plain, Machine3::from(&mirror));
    assert_eq!(postcard::from_bytes::<Foreign>(&plain.foreign).unwrap(), mirror.foreign);
    comes_back_equal(&mirror);
}

fn comes_back_equal<M: Serialize + DeserializeOwned + PartialEq + Debug>(mirror: &M) {
    let json = serde_json::to_string(mirror).unwrap();
    assert_eq!(serde_json::from_str::<M>(&json).unwrap(), *mirror);
    let mut cbor = Vec::new();
    ciborium::into_writer(mirror, &mut cbor).unwrap();
    assert_eq!(ciborium::from_reader::<M, _>(&cbor[..]).unwrap(), *mirror);
}

#[test]
fn the_smallest_and_the_largest() {
    let schema = PayloadSchema::of::<Release, MachineSer>;
    reads_as_it_is(|release| payload(&schema(release), &mut Minimum, &foreign));
    reads_as_it_is(|release| payload(&schema(release), &mut Maximum, &foreign));
}

proptest! {
    #[test]
    fn any_value(choices in proptest::collection::vec(any::<u8>(), 0..300)) {
        let schema = PayloadSchema::of::<Release, MachineSer>;
        reads_as_it_is(|release| payload(&schema(release), &mut Chosen(&choices), &foreign));
    }
}
