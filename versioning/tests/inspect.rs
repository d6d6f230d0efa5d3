//! Payloads read by their schema alone, and schemas as text.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use devstate_versioning::inspect::{PayloadSchema, Value};
use devstate_versioning::schema::{Json, Table, Type};
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, Versions, Wire, Writer, length_len};
use devstate_versioning::{
    Expected, Header, LoadError, LoadErrorKind, Mirror, ReleaseTable, SaveError, Str, Versioned, buffer, locate,
    release_table,
};
use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 2, layouts(0x294a_ce7d_e2cd_93ba, open))]
pub struct PortSer {
    pub divisor: u16,
    pub enabled: bool,
    #[versioned(end = 2)]
    pub hint: i16,
    pub rx: Vec<u8, 16>,
    #[versioned(start = 2, ignorable)]
    pub pending: Pending,
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(open))]
pub enum Pending {
    #[default]
    Nothing,
    Rate {
        old: Option<u8>,
        new: i64,
    },
    Pairs(Vec<(u8, char), 3>),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Foreign(Option<u16>);

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(0x7110_6ed0_9365_92fa))]
pub struct MachineSer {
    pub ports: [PortSer; 2],
    pub mac: [u8; 6],
    pub label: String<12>,
    #[versioned(serde, max = 4, layout = "foreign/1")]
    pub foreign: Foreign,
    pub nothing: [Empty; 3],
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(0x4b42_5910_77b4_7d69))]
pub struct Empty {}

release_table! {
    pub enum Release { V1 = 1 @ 0xe59d_965e_ede7_a41d, V2 = 2 @ open }
    PortSer => [1, 2],
    Pending => [_, 1],
    MachineSer => [1, 1],
    Empty => [1, 1],
}

fn machine() -> MachineSer {
    let mut machine = MachineSer {
        mac: [1, 2, 3, 4, 5, 6],
        label: "com".try_into().unwrap(),
        foreign: Foreign(Some(7)),
        ..MachineSer::default()
    };
    machine.ports[0].pending = Pending::Rate { old: None, new: -2 };
    machine.ports[1] = PortSer {
        divisor: 12,
        enabled: true,
        hint: 0,
        rx: Vec::from_slice(b"hi").unwrap(),
        pending: Pending::Pairs(Vec::from_slice(&[(9, 'é')]).unwrap()),
    };
    machine
}

fn encoded(machine: &MachineSer, release: Release) -> std::vec::Vec<u8> {
    let mut scratch = machine.clone();
    let translated = release.downgrade_lossy(machine, &mut scratch, &mut |_| true).unwrap();
    let mut buffer = [0; MachineSer::MAX_ENCODED_LEN];
    translated.encode(&mut buffer).unwrap().to_vec()
}

#[test]
fn every_byte_belongs_to_an_item_with_a_name() {
    let payload = encoded(&machine(), Release::V2);
    let schema = PayloadSchema::of::<Release, MachineSer>(Release::V2);
    let mut lines = std::vec::Vec::new();
    let mut end = 24;
    schema
        .walk(&payload, 24, &mut |item| {
            assert_eq!(item.offset, end);
            end += item.len;
            lines.push(format!("{} {}: {} = {}", item.offset, item.path, item.ty, item.value));
        })
        .unwrap();
    assert_eq!(end, 24 + payload.len());
    assert_eq!(
        lines,
        [
            "24 ports[0].divisor: u16 = 0",
            "26 ports[0].enabled: bool = false",
            "27 ports[0].rx: seq<u8,16> = []",
            "28 ports[0].pending: Pending = Rate",
            "29 ports[0].pending.Rate.old: option<u8> = none",
            "30 ports[0].pending.Rate.new: i64 = -2",
            "38 ports[1].divisor: u16 = 12",
            "40 ports[1].enabled: bool = true",
            "41 ports[1].rx: seq<u8,16> = [68 69]",
            "44 ports[1].pending: Pending = Pairs",
            "45 ports[1].pending.Pairs.0: seq<(u8,char),3> = 1 element",
            "46 ports[1].pending.Pairs.0[0].0: u8 = 9",
            "47 ports[1].pending.Pairs.0[0].1: char = 'é'",
            "50 mac: [u8;6] = [01 02 03 04 05 06]",
            "56 label: str<12> = \"com\"",
            "60 foreign: foreign<foreign/1,4> = [01 07]",
        ]
    );
}

#[test]
fn an_older_release_is_read_with_its_own_fields() {
    let mut paths = std::vec::Vec::new();
    let payload = encoded(&machine(), Release::V1);
    let schema = PayloadSchema::of::<Release, PortSer>(Release::V1);
    let error = schema
        .walk(&payload, 0, &mut |item| paths.push(item.path.to_string()))
        .unwrap_err();
    assert_eq!(paths, ["divisor", "enabled", "hint", "rx"]);
    assert!(
        matches!(error.error.kind, LoadErrorKind::TrailingBytes { .. }),
        "{error}"
    );
}

/// Where the decoder stops, and where the walk does.
fn both(
    bytes: &[u8],
    release: Release,
) -> (
    Result<(), LoadError>,
    Result<(), LoadError>,
    Option<std::string::String>,
) {
    let decoded = release.decode(bytes, &mut MachineSer::default());
    let schema = PayloadSchema::of::<Release, MachineSer>(release);
    let walked = schema
        .walk(bytes, 0, &mut |_| ())
        .map_err(|unreadable| unreadable.error);
    let path = decoded.err().and_then(|error| schema.locate(bytes, 0, &error));
    (decoded, walked, path.map(|path| path.to_string()))
}

#[test]
fn a_walk_stops_where_decoding_does_and_names_the_field() {
    for release in [Release::V1, Release::V2] {
        let whole = encoded(&machine(), release);
        for len in 0..whole.len() {
            let (decoded, walked, path) = both(&whole[..len], release);
            assert!(decoded.is_err() && walked.is_err() && path.is_some(), "{len}");
        }
        for (position, value) in (0..whole.len()).flat_map(|position| (0..=255).map(move |value| (position, value))) {
            let mut bytes = whole.clone();
            bytes[position] = value;
            let (decoded, walked, path) = both(&bytes, release);
            match (decoded, walked) {
                (Ok(()), walked) => walked.unwrap(),
                // A walk does not look into foreign values.
                (
                    Err(LoadError {
                        kind:
                            LoadErrorKind::Value {
                                expected: Expected::Foreign,
                                ..
                            },
                        ..
                    }),
                    _,
                ) => assert_eq!(path.as_deref(), Some("foreign")),
                (Err(decoded), Err(walked)) => {
                    if !matches!(decoded.kind, LoadErrorKind::Truncated { .. }) {
                        assert_eq!(decoded, walked);
                    }
                    let beyond = matches!(decoded.kind, LoadErrorKind::TrailingBytes { .. });
                    assert_eq!(path.is_none(), beyond, "{decoded}");
                }
                (Err(decoded), Ok(())) => panic!("only decoding refuses: {decoded}"),
            }
        }
    }
}

#[test]
fn a_cut_in_a_run_of_fields_is_laid_at_the_one_that_it_cuts() {
    // The decoder takes `divisor` and `enabled` in one step and reports where they start.
    let (decoded, _, path) = both(&[0, 0], Release::V2);
    assert_eq!(decoded.unwrap_err().offset, Some(0));
    assert_eq!(path.as_deref(), Some("ports[0].enabled"));
}

#[test]
fn an_error_of_a_snapshot_leads_to_a_field() {
    let mut memory = buffer!(MachineSer);
    let refused = Release::V1.downgrade(&machine(), &mut machine()).unwrap_err();
    let SaveError::Lossy { field, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(field.display(MachineSer::SCHEMA).to_string(), "ports[0].pending");

    let snapshot = Release::save(&machine(), &mut memory).unwrap();
    let flipped = LoadErrorKind::Checksum { expected: 0, found: 1 }.at(Header::LEN);
    assert_eq!(locate::<Release, MachineSer>(snapshot, &flipped), None);
    for offset in [0, Header::LEN - 1, usize::MAX] {
        let kind = LoadErrorKind::Truncated {
            needed: 1,
            available: usize::MAX,
        };
        assert_eq!(locate::<Release, MachineSer>(snapshot, &kind.at(offset)), None);
    }
}

#[test]
fn the_root_of_a_snapshot_is_known_by_its_header() {
    let mut memory = buffer!(MachineSer);
    let snapshot = Release::save(&machine(), &mut memory).unwrap();
    let header = Header::peek(snapshot).unwrap();
    assert_eq!(
        PayloadSchema::identify::<Release>(&header).unwrap().root(),
        MachineSer::SCHEMA
    );
    let mut other = header;
    other.fingerprint = 0;
    assert!(PayloadSchema::identify::<Release>(&other).is_none());
    other = header;
    other.release = 9;
    assert!(PayloadSchema::identify::<Release>(&other).is_none());
}

#[derive(Versioned, Clone, Debug, PartialEq, Default)]
#[versioned(version = 1, layouts(open))]
pub struct ManySer<'a> {
    pub none: Unmade,
    pub text: Str<'a, 5>,
}

/// A hand-written field whose elements take no bytes, of which a length can announce four billion.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Unmade(u32);

impl Layout for Unmade {
    const TYPE: &'static Type = &Type::Seq(&Type::Tuple(&[]), u32::MAX as usize);
}

impl<'de, V: Versions> Wire<'de, V> for Unmade {
    fn encoded_len(&self, _at: V) -> usize {
        length_len::<{ usize::MAX }>(self.0 as usize)
    }

    fn encode<W: Writer>(&self, _at: V, writer: &mut W) {
        writer.length::<{ usize::MAX }>(self.0 as usize);
    }

    fn decode_into(&mut self, _at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.0 = reader.length(u32::MAX as usize)? as u32;
        Ok(())
    }

    fn differ(&self, other: &Self, _at: V, differ: &mut Differ<'_>) {
        differ.leaf(self == other);
    }
}

release_table! {
    pub enum ManyRelease { V1 = 1 @ open }
    ManySer<'_> => [1],
}

#[test]
fn time_is_in_proportion_to_the_payload() {
    let schema = PayloadSchema::of::<ManyRelease, ManySer<'_>>(ManyRelease::V1);
    let mut items = 0;
    // Five bytes that announce four billion items of no bytes.
    let walked = schema.walk(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0], 0, &mut |item| {
        items += 1;
        assert_eq!(item.value, Value::Elements(u32::MAX as usize));
    });
    assert_eq!(items, 1);
    let expected = Expected::LengthUpTo(127);
    let kind = LoadErrorKind::Value {
        expected,
        found: u32::MAX.into(),
    };
    assert_eq!(walked.map_err(|unreadable| unreadable.error.kind), Err(kind));
}

#[test]
fn a_table_prints_as_json() {
    let json = Json::<Release>::new().to_string();
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(parsed["releases"][0]["name"], "V1");
    assert_eq!(parsed["releases"][0]["published"], true);
    assert_eq!(parsed["releases"][1]["published"], false);
    let port = &parsed["mirrors"][0];
    assert_eq!(port["name"], "PortSer");
    assert_eq!(port["releases"][1], 2);
    assert_eq!(port["layouts"][0], "0x294ace7de2cd93ba");
    assert_eq!(port["fields"][2]["end"], 2);
    assert_eq!(port["fields"][2]["type"]["kind"], "int");
    assert_eq!(port["fields"][3]["type"]["of"]["bits"], 8);
    assert_eq!(parsed["mirrors"][1]["releases"][0], serde_json::Value::Null);
    assert_eq!(parsed["mirrors"][1]["variants"][1]["fields"][0]["name"], "old");
}

#[test]
fn a_table_prints_for_people() {
    let table = Table::<Release>::new().to_string();
    let expected = "\
release                            V1       V2
number                              1        2
                                          open
PortSer                             1        2
Pending                             -        1
MachineSer                          1        1
Empty                               1        1

PortSer, latest version 2, at most 40 bytes
  divisor                       u16                  1..
  enabled                       bool                 1..
  hint                          i16                  1..2
  rx                            seq<u8,16>           1..
  pending                       Pending              2.., ignorable

Pending, latest version 1, at most 20 bytes
  0 Nothing                                          1..
  1 Rate                                             1..
      old                       option<u8>           1..
      new                       i64                  1..
  2 Pairs                                            1..
      0                         seq<(u8,char),3>     1..

MachineSer, latest version 1, at most 104 bytes
  ports                         [PortSer;2]          1..
  mac                           [u8;6]               1..
  label                         str<12>              1..
  foreign                       foreign<foreign/1,4> 1..
  nothing                       [Empty;3]            1..

Empty, latest version 1, at most 0 bytes
";
    assert_eq!(table, expected);
}
