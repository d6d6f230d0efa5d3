//! Tables with a name, and rows of some targets.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_versioning::schema::{Json, Table};
use devstate_versioning::{LoadErrorKind, ReleaseTable, Versioned, buffer, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0xbf16_3a3d_d791_3fbe))]
pub struct TimerSer {
    pub count: u32,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x97b1_6448_8657_4ca8))]
pub struct FanSer {
    pub speed: u16,
}

release_table! {
    pub enum Unnamed { V1 = 1 @ 0xbf16_3a3d_d791_3fbe }
    TimerSer => [1],
}

release_table! {
    pub enum Lamp = "acme-lamp" { V1 = 1 @ 0x95fb_f002_ec78_bc2e }
    TimerSer => [1],
}

release_table! {
    pub enum Heater = "acme-heater" { V1 = 1 @ open }
    TimerSer => [1],
}

release_table! {
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub enum Raw { r#type = 1 @ open }
    TimerSer => [1],
}

#[test]
fn a_release_with_a_raw_identifier_has_a_plain_name() {
    let json = Json::<Raw>::new().to_string();
    assert!(json.contains(r#"{"name": "type", "number": 1"#), "{json}");
}

fn saved<R>() -> Vec<u8>
where
    R: ReleaseTable,
    TimerSer: for<'de> devstate_versioning::MirrorOf<'de, R>,
{
    let mut memory = buffer!(TimerSer);
    R::save(&TimerSer { count: 7 }, &mut memory).unwrap().to_vec()
}

fn loaded<R>(snapshot: &[u8]) -> Result<TimerSer, LoadErrorKind>
where
    R: ReleaseTable,
    TimerSer: for<'de> devstate_versioning::MirrorOf<'de, R>,
{
    let mut timer = TimerSer::default();
    match R::load(snapshot, &mut timer) {
        Ok(_) => Ok(timer),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn a_table_with_a_name_and_every_other_table_refuse_each_other() {
    let (unnamed, lamp, heater) = (saved::<Unnamed>(), saved::<Lamp>(), saved::<Heater>());
    let read = |snapshot: &[u8]| {
        [
            loaded::<Unnamed>(snapshot),
            loaded::<Lamp>(snapshot),
            loaded::<Heater>(snapshot),
        ]
    };
    for (index, snapshot) in [unnamed, lamp, heater].iter().enumerate() {
        for (reader, result) in read(snapshot).into_iter().enumerate() {
            if reader == index {
                assert_eq!(result, Ok(TimerSer { count: 7 }));
            } else {
                assert!(
                    matches!(result, Err(LoadErrorKind::Fingerprint { .. })),
                    "{index} {reader}: {result:?}"
                );
            }
        }
    }
}

#[test]
fn a_table_without_a_name_has_the_fingerprints_of_before() {
    // FNV-1a over the layout of the only mirror, as FORMAT.md says.
    let layout = 0xbf16_3a3d_d791_3fbe_u64;
    let fnv = |bytes: &[u8], start: u64| {
        bytes.iter().fold(start, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let root = fnv(&layout.to_le_bytes(), 0xcbf2_9ce4_8422_2325);
    assert_eq!(Unnamed::V1.fingerprint::<TimerSer>(), Some(root));
    assert_eq!(Lamp::V1.fingerprint::<TimerSer>(), Some(fnv(b"acme-lamp", root)));
}

#[test]
fn the_name_stands_in_the_schema() {
    assert!(
        Json::<Lamp>::new()
            .to_string()
            .starts_with("{\n  \"table\": \"acme-lamp\",\n  \"releases\"")
    );
    assert!(Json::<Unnamed>::new().to_string().starts_with("{\n  \"releases\""));
    assert!(
        Table::<Lamp>::new()
            .to_string()
            .starts_with("table                        \"acme-lamp\"\nrelease  ")
    );
    assert!(Table::<Unnamed>::new().to_string().starts_with("release  "));
}

// The condition of a target that has the fan, and of one that has not.
release_table! {
    pub enum WithFan {
        V1 = 1 @ { #[cfg(all())] 0x56c7_9e86_5de8_8c66, #[cfg(any())] 0xbf16_3a3d_d791_3fbe },
        V2 = 2 @ open,
    }
    TimerSer => [1, 1],
    #[cfg(all())]
    FanSer => [1, 1],
}

release_table! {
    pub enum WithoutFan {
        V1 = 1 @ { #[cfg(any())] 2, #[cfg(all())] 0xbf16_3a3d_d791_3fbe },
        V2 = 2 @ { #[cfg(any())] 2, #[cfg(all())] open },
    }
    TimerSer => [1, 1],
    #[cfg(any())]
    FanSer => [1, 1],
}

#[test]
fn a_row_is_there_where_its_condition_holds() {
    use devstate_versioning::schema::TableData;
    assert_eq!((WithFan::ROWS.len(), WithFan::ROOTS.len()), (2, 2));
    assert_eq!((WithoutFan::ROWS.len(), WithoutFan::ROOTS.len()), (1, 1));
    // A mirror that both targets have is read by both.
    assert_eq!(loaded::<WithoutFan>(&saved::<WithFan>()), Ok(TimerSer { count: 7 }));
    assert_eq!(loaded::<WithFan>(&saved::<WithoutFan>()), Ok(TimerSer { count: 7 }));

    let mut memory = buffer!(FanSer);
    let snapshot = WithFan::save(&FanSer { speed: 900 }, &mut memory).unwrap();
    let mut fan = FanSer::default();
    assert_eq!(WithFan::load(snapshot, &mut fan), Ok(WithFan::V2));
    assert_eq!(fan.speed, 900);
}

// Everything that a table may have and most tables do not.
release_table! {
    /// Has a comment.
    #[derive(Default)]
    pub(crate) enum Unusual = "an \"odd\" \\ näme\n" {
        /// The first.
        #[default]
        V1 = 0x01 @ {
            #[cfg(any())] 0x1234_5678_9abc_def0,
            #[cfg(all())] open,
        },
    }
    /// Has a comment
    /// of two lines.
    TimerSer => [1,],
    /// Has a comment and a condition.
    #[cfg(all())]
    #[cfg(not(any()))]
    FanSer => [1,],
}

#[test]
fn a_table_can_have_comments_conditions_and_any_name() {
    assert_eq!(loaded::<Unusual>(&saved::<Unusual>()), Ok(TimerSer { count: 7 }));
    assert_eq!(Unusual::default(), Unusual::V1);
    let json = Json::<Unusual>::new().to_string();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["table"], "an \"odd\" \\ näme\n");
    let table = Table::<Unusual>::new().to_string();
    assert_eq!(
        table.lines().next().unwrap().trim_start_matches("table").trim(),
        r#""an \"odd\" \\ näme\u000a""#
    );
}
