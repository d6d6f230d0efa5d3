//! Mirrors through JSON and CBOR, with the feature `serde`.

use crate::{machine, states};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn come_back_equal<M: Serialize + DeserializeOwned + PartialEq + Debug>(mirrors: impl Iterator<Item = M>) {
    for mirror in mirrors {
        let json = serde_json::to_string(&mirror).unwrap();
        assert_eq!(serde_json::from_str::<M>(&json).unwrap(), mirror);
        let mut cbor = Vec::new();
        ciborium::into_writer(&mirror, &mut cbor).unwrap();
        assert_eq!(ciborium::from_reader::<M, _>(&cbor[..]).unwrap(), mirror);
    }
}

#[test]
fn json_and_cbor() {
    come_back_equal(states::rtcs());
    come_back_equal(states::serials());
    come_back_equal(states::i8042s());
    come_back_equal(machine::machines());
}

#[test]
fn json_has_plain_names_and_numbers() {
    let json = serde_json::to_value(states::serials().next().unwrap()).unwrap();
    assert_eq!(json["baud_divisor_low"], 12);
    assert_eq!(json["in_buffer"], serde_json::json!([]));
}
