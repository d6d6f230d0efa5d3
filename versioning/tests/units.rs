//! Units of fields: in the schema as data, as JSON and as text, and beside the values of a payload.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test")]

use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Json, Table};
use devstate_versioning::{Mirror, ReleaseTable};

/// The same product with and without units.
macro_rules! product {
    ($name:ident: $($unit:ident)?) => {
        mod $name {
            use devstate_versioning::{Versioned, release_table};
            use heapless::Vec;

            #[derive(Versioned, Clone, Debug, Default, PartialEq)]
            #[versioned(version = 2, layouts(0x59fc_f76b_61e0_d38e, open))]
            pub struct MotorSer {
                $(#[versioned($unit = "1/min")])?
                pub speed: u16,
                $(#[versioned($unit = "°C")])?
                pub heat: [i16; 2],
                $(#[versioned($unit = "%")])?
                pub duty: Vec<u8, 4>,
                pub modes: (ModeSer, u8),
                $(#[versioned($unit = "ns")])?
                #[versioned(start = 2)]
                pub next: Option<u64>,
                $(#[versioned($unit = "mV")])?
                #[versioned(start = 2)]
                pub taps: Vec<(u8, i32), 2>,
            }

            #[derive(Versioned, Clone, Debug, Default, PartialEq)]
            #[versioned(version = 1, layouts(open))]
            pub enum ModeSer {
                #[default]
                Off,
                Timer($(#[versioned($unit = "s")])? u64),
            }

            release_table! {
                pub enum Release { V1 = 1 @ open }
                MotorSer => [2],
                ModeSer => [1],
            }
        }
    };
}

product!(plain:);
product!(with_units: unit);

#[test]
fn no_fingerprint_depends_on_a_unit() {
    assert_eq!(plain::MotorSer::LAYOUTS, with_units::MotorSer::LAYOUTS);
    assert_eq!(plain::ModeSer::LAYOUTS, with_units::ModeSer::LAYOUTS);
    let header = |bytes: &[u8]| devstate_versioning::Header::peek(bytes).unwrap().fingerprint;
    let (mut one, mut other) = ([0; 128], [0; 128]);
    let one = plain::Release::latest(&plain::MotorSer::default())
        .save(&mut one)
        .unwrap();
    let other = with_units::Release::latest(&with_units::MotorSer::default())
        .save(&mut other)
        .unwrap();
    assert_eq!(header(one), header(other));
    assert_eq!(one, other);
}

#[test]
fn the_json_has_the_unit_of_each_field_that_has_one() {
    let json: serde_json::Value = serde_json::from_str(&Json::<with_units::Release>::new().to_string()).unwrap();
    let motor = &json["mirrors"][0]["fields"];
    assert_eq!(motor[0]["unit"], "1/min");
    assert_eq!(motor[1]["unit"], "°C");
    assert_eq!(motor[3].get("unit"), None);
    assert_eq!(motor[4]["unit"], "ns");
    assert_eq!(json["mirrors"][1]["variants"][1]["fields"][0]["unit"], "s");
    // Otherwise nothing differs.
    let plain = Json::<plain::Release>::new().to_string();
    let mut without = Json::<with_units::Release>::new().to_string();
    for unit in ["1/min", "°C", "%", "ns", "mV", "s"] {
        without = without.replace(&format!(", \"unit\": \"{unit}\""), "");
    }
    assert_eq!(without, plain);
}

#[test]
fn the_table_has_the_units() {
    let table = Table::<with_units::Release>::new().to_string();
    for line in [
        "  speed                         u16                  1.., in 1/min\n",
        "  modes                         (ModeSer,u8)         1..\n",
        "  next                          option<u64>          2.., in ns\n",
        "      0                         u64                  1.., in s\n",
    ] {
        assert!(table.contains(line), "{line}{table}");
    }
}

#[test]
fn each_number_of_a_payload_has_the_unit_of_its_field() {
    let motor = with_units::MotorSer {
        speed: 1500,
        heat: [-3, 40],
        duty: heapless::Vec::from_slice(&[100, 7]).unwrap(),
        modes: (with_units::ModeSer::Timer(60), 9),
        next: Some(5),
        taps: heapless::Vec::from_slice(&[(1, -2)]).unwrap(),
    };
    let mut buffer = [0; 128];
    let payload = with_units::Release::latest(&motor).encode(&mut buffer).unwrap();
    let schema = PayloadSchema::of::<with_units::Release, with_units::MotorSer>(with_units::Release::V1);
    let mut lines = Vec::new();
    schema
        .walk(payload, 0, &mut |item| {
            lines.push(format!("{} = {} {}", item.path, item.value, item.unit.unwrap_or("-")));
        })
        .unwrap();
    assert_eq!(
        lines,
        [
            "speed = 1500 1/min",
            "heat[0] = -3 °C",
            "heat[1] = 40 °C",
            "duty = [64 07] %",
            "modes.0 = Timer -",
            "modes.0.Timer.0 = 60 s",
            // Not the unit of the number before it.
            "modes.1 = 9 -",
            "next = some -",
            "next = 5 ns",
            "taps = 1 element -",
            "taps[0].0 = 1 mV",
            "taps[0].1 = -2 mV",
        ]
    );
}
