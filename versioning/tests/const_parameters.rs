//! Mirrors whose bounds a product chooses: const parameters.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test")]

use devstate_versioning::{
    LoadErrorKind, Mirror, ReleaseTable, Str, Versioned, buffer, max_snapshot_len, release_table,
};
use heapless::Vec;

/// A keyboard of a library. Each product chooses the space for macros.
#[derive(Versioned, Clone, Debug, PartialEq)]
#[versioned(version = 2, layouts(0x7ec1_4ee5_21a1_dcca, 0x4dc4_0cf2_150c_f1c7), instance(64, 4))]
pub struct KeyboardSer<const MACRO_SPACE: usize, const LAYERS: usize> {
    pub macros: Vec<u8, MACRO_SPACE>,
    pub layers: [u16; LAYERS],
    pub flags: [bool; 3],
    #[versioned(start = 2)]
    pub brightness: u8,
    #[versioned(start = 2)]
    pub colors: [u8; LAYERS],
}

impl<const MACRO_SPACE: usize, const LAYERS: usize> Default for KeyboardSer<MACRO_SPACE, LAYERS> {
    fn default() -> Self {
        Self {
            macros: Vec::new(),
            layers: [0; LAYERS],
            flags: [false; 3],
            brightness: 0,
            colors: [0; LAYERS],
        }
    }
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x9898_5a4a_1039_07e8), instance(8))]
pub struct LabelSer<'a, const N: usize> {
    pub text: Str<'a, N>,
}

mod small {
    use super::*;
    release_table! {
        pub enum Release { V1 = 1 @ 0x7cb1_aced_9455_0ae9, V2 = 2 @ 0xff4c_b58d_feeb_d1da }
        KeyboardSer<16, 2> => [1, 2],
        LabelSer<'_, 4> => [1, 1],
    }
}

mod large {
    use super::*;
    release_table! {
        pub enum Release { V1 = 1 @ 0xc776_e027_fd1b_24cb, V2 = 2 @ 0xc660_e401_a5bf_e5ac }
        KeyboardSer<1000, 2> => [1, 2],
    }
}

#[test]
fn each_instance_has_its_own_fingerprints() {
    assert_ne!(KeyboardSer::<16, 2>::LAYOUTS, KeyboardSer::<1000, 2>::LAYOUTS);
    assert_eq!(max_snapshot_len::<KeyboardSer<16, 2>>(), 32 + 17 + 4 + 3 + 1 + 2);
}

#[test]
fn an_instance_is_saved_at_each_release_and_loaded_again() {
    let keyboard = KeyboardSer::<16, 2> {
        macros: Vec::from_slice(&[1, 2, 3]).unwrap(),
        layers: [7, 8],
        flags: [true, false, true],
        ..KeyboardSer::default()
    };
    let mut memory = buffer!(KeyboardSer<16, 2>);
    for release in small::Release::ALL {
        let mut scratch = KeyboardSer::default();
        let snapshot = release
            .downgrade(&keyboard, &mut scratch)
            .unwrap()
            .save(&mut memory)
            .unwrap();
        let mut read = KeyboardSer::default();
        assert_eq!(small::Release::load(snapshot, &mut read), Ok(*release));
        assert_eq!(read, keyboard);
    }
    let label = LabelSer {
        text: Str::new("four").unwrap(),
    };
    let mut memory = buffer!(LabelSer<'_, 4>);
    let snapshot = small::Release::save(&label, &mut memory).unwrap();
    let mut read = LabelSer::<4>::default();
    small::Release::load(snapshot, &mut read).unwrap();
    assert_eq!(read, label);
}

#[test]
fn a_product_with_another_bound_refuses_the_snapshot() {
    let mut memory = buffer!(KeyboardSer<16, 2>);
    let snapshot = small::Release::save(&KeyboardSer::<16, 2>::default(), &mut memory).unwrap();
    let error = large::Release::load(snapshot, &mut KeyboardSer::<1000, 2>::default()).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Fingerprint { .. }), "{error}");
}

/// A mirror with a `where`, which stands on each of its implementations.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0xca11_dd0f_250a_0897, open), instance(4))]
pub struct TableSer<const N: usize = 8>
where
    [u8; N]: Default,
{
    pub cells: [u8; N],
    #[versioned(start = 2)]
    pub colors: [u8; N],
    #[versioned(bound(1 = 2, 2 = N))]
    pub names: Vec<u8, N>,
}

release_table! {
    pub enum Tables { V1 = 1 @ 0xca11_dd0f_250a_0897, V2 = 2 @ open }
    TableSer<4> => [1, 2],
}

#[test]
fn a_mirror_may_have_a_where_and_a_bound_that_is_its_parameter() {
    let mut table = TableSer::<4> {
        cells: [1, 2, 3, 4],
        ..TableSer::default()
    };
    table.names.extend([5, 6]);
    let mut scratch = TableSer::default();
    let mut memory = buffer!(TableSer<4>);
    let old = Tables::V1
        .downgrade(&table, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    let mut read = TableSer::default();
    assert_eq!(Tables::load(old, &mut read), Ok(Tables::V1));
    assert_eq!(read, table);
    table.names.extend([7]);
    assert!(Tables::V1.downgrade(&table, &mut scratch).is_err());
}

/// Lengths that are constants of the mirror itself.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x362c_0a59_cc36_0855, open))]
pub struct PanelSer {
    pub lamps: u8,
    pub levels: [u16; Self::LAMPS],
    pub colors: [ColorSer; PanelSer::LAMPS],
    #[versioned(start = 2)]
    pub names: Vec<u8, { Self::LAMPS }>,
    pub end: u32,
}

impl PanelSer {
    const LAMPS: usize = 3;
}

#[derive(Versioned, Clone, Copy, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x5081_1a04_62ec_8063))]
pub struct ColorSer {
    pub red: u8,
}

mod panel {
    use super::*;
    release_table! {
        pub enum Release { V1 = 1 @ 0x86ad_245e_2f22_88b8, V2 = 2 @ open }
        PanelSer => [1, 2],
        ColorSer => [1, 1],
    }
}

#[test]
fn a_length_can_be_a_constant_of_the_mirror_itself() {
    let panel = PanelSer {
        lamps: 3,
        levels: [1, 2, 3],
        colors: [ColorSer { red: 4 }; 3],
        names: Vec::from_slice(&[5]).unwrap(),
        end: 6,
    };
    let mut memory = [0; 32];
    let payload = panel::Release::latest(&panel).encode(&mut memory).unwrap();
    assert_eq!(payload, [3, 1, 0, 2, 0, 3, 0, 4, 4, 4, 1, 5, 6, 0, 0, 0]);
    let mut loaded = PanelSer::default();
    panel::Release::decode_latest(payload, &mut loaded).unwrap();
    assert_eq!(loaded, panel);
}
