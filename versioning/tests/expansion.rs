//! What the macros write into somebody else's module: no name of theirs may be taken for another's, and no lint fires.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]
#![deny(
    missing_docs,
    unused,
    unreachable_pub,
    private_interfaces,
    private_bounds,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic
)]

use devstate_versioning::ReleaseTable;

/// A crate that hands the codec on under another name.
mod product {
    pub(crate) use devstate_versioning as state;
}

/// A module without the prelude, whose own items are called like the prelude's and like primitive types.
#[no_implicit_prelude]
#[allow(non_camel_case_types, dead_code, reason = "that is the point")]
mod shadowed {
    use ::devstate_versioning::{Versioned, buffer};

    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Default;
    pub(crate) struct usize;
    pub(crate) struct Vec;
    pub(crate) const END: ::core::primitive::usize = 3;
    pub(crate) const LEN: ::core::primitive::usize = 2;

    /// Fields with every annotation that takes a path.
    #[derive(Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
    #[versioned(version = 2, layouts(0x0896_cd57_c8b4_ba5a, open))]
    pub(crate) struct r#EdgeSer {
        pub(crate) r#type: u8,
        pub(crate) end: [bool; END],
        pub(crate) nothing: [[u16; 0]; LEN],
        pub(crate) one: (u8,),
        #[versioned(start = 2, default_fn = missing, de_fn = touch, ser_fn = touch)]
        pub(crate) later: u32,
        #[versioned(end = 2)]
        pub(crate) removed: [u8; 40],
        #[versioned(start = 2)]
        pub(crate) table: [[u8; 40]; LEN],
        #[versioned(skip)]
        pub(crate) cache: [u8; 64],
        pub(crate) choice: ChoiceSer,
        pub(crate) only: OnlySer,
        pub(crate) unit: UnitSer,
        pub(super) private: PrivateSer,
    }

    fn missing(_version: u16) -> u32 {
        7
    }

    fn touch(edge: &mut EdgeSer, _version: u16) -> ::core::result::Result<(), ::devstate_versioning::ConversionError> {
        if edge.r#type == 0xff {
            return ::core::result::Result::Err(::devstate_versioning::ConversionError::new("no type has that number"));
        }
        ::core::result::Result::Ok(())
    }

    #[derive(Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq)]
    #[versioned(version = 2, layouts(0x916e_8ba6_acbb_0a98, open))]
    pub(crate) enum ChoiceSer {
        #[default]
        Nothing,
        r#Raw {
            r#fn: u8,
        },
        #[versioned(start = 2, default_fn = stand_in)]
        Later(u8, bool),
    }

    fn stand_in(_version: u16) -> ChoiceSer {
        ChoiceSer::Nothing
    }

    #[derive(Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
    #[versioned(version = 1, layouts(0xdcb9_4543_e030_5202), crate = "super::product::state")]
    pub(crate) enum OnlySer {
        One(u8),
    }

    #[derive(Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq)]
    #[versioned(version = 1, layouts(0x8788_fdaa_1cc2_2d74))]
    pub(crate) struct UnitSer;

    #[derive(Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq)]
    #[versioned(version = 1, layouts(0x2a33_f7a0_35dd_1d1d))]
    pub(super) struct PrivateSer {
        value: u8,
    }

    impl ::core::default::Default for OnlySer {
        fn default() -> Self {
            Self::One(0)
        }
    }

    impl ::core::default::Default for EdgeSer {
        fn default() -> Self {
            Self {
                r#type: 0,
                end: [false; END],
                nothing: [[]; LEN],
                one: (0,),
                later: 0,
                removed: [0; 40],
                table: [[0; 40]; LEN],
                cache: [0; 64],
                choice: ChoiceSer::Nothing,
                only: OnlySer::One(0),
                unit: UnitSer,
                private: PrivateSer { value: 5 },
            }
        }
    }

    pub(crate) fn memory() -> [u8; 400] {
        buffer!(EdgeSer, 400)
    }
}

/// Two tables in one module, one of them private, among items that are called like the prelude's.
#[allow(dead_code, reason = "that is the point")]
mod tables {
    use super::shadowed::{ChoiceSer, EdgeSer, OnlySer, PrivateSer, UnitSer};
    use devstate_versioning::release_table;

    struct Option;
    struct Some;
    struct None;

    release_table! {
        pub(crate) enum Release { V1 = 1 @ 0x287b_938c_a83f_6185, V2 = 2 @ open }
        EdgeSer => [1, 2],
        ChoiceSer => [1, 2],
        OnlySer => [1, 1],
        UnitSer => [1, 1],
        PrivateSer => [1, 1],
    }

    release_table! {
        enum Second { Only = 9 @ open }
        UnitSer => [1],
    }

    pub(crate) fn second() -> u16 {
        Second::Only.number()
    }
}

#[test]
fn a_mirror_in_a_hostile_module_works() {
    use shadowed::EdgeSer;
    use tables::Release;

    let saved = EdgeSer {
        table: [[9; 40]; 2],
        ..EdgeSer::default()
    };
    for release in [Release::V1, Release::V2] {
        let mut memory = shadowed::memory();
        let saved = match release {
            Release::V1 => EdgeSer {
                table: [[0; 40]; 2],
                later: 7,
                ..saved.clone()
            },
            Release::V2 => saved.clone(),
        };
        let snapshot = release
            .downgrade(&saved, &mut saved.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut loaded = EdgeSer {
            cache: [1; 64],
            removed: [1; 40],
            ..EdgeSer::default()
        };
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        assert_eq!(loaded, saved);
    }
    assert_eq!(tables::second(), 9);
}

/// Arrays of more than 32 elements, which have no `Default`, however they are written.
mod long_arrays {
    use devstate_versioning::{Versioned, release_table};

    pub(super) type Block = [u8; 40];

    macro_rules! mirror {
        ($ty:ty) => {
            #[derive(Versioned, Clone, Debug, PartialEq)]
            #[versioned(version = 3, layouts(0xf0f7_1fdc_494a_7452, 0x2686_e9de_1f10_c36a, open))]
            pub(crate) struct BlocksSer {
                pub(crate) id: u8,
                #[versioned(start = 2)]
                pub(crate) plain: [u8; 40],
                #[versioned(start = 2)]
                pub(crate) by_alias: Block,
                #[versioned(start = 2)]
                pub(crate) by_macro: $ty,
                #[versioned(start = 2)]
                pub(crate) in_a_tuple: (Block, u16),
                #[versioned(start = 2)]
                pub(crate) in_an_array: [Block; 2],
                #[versioned(start = 2, end = 3)]
                pub(crate) removed: Block,
                #[versioned(skip)]
                pub(crate) skipped: Block,
            }
        };
    }

    mirror!([u8; 40]);

    release_table! {
        pub(crate) enum Release { V1 = 1 @ 0xf0f7_1fdc_494a_7452, V2 = 2 @ 0x2686_e9de_1f10_c36a, V3 = 3 @ open }
        BlocksSer => [1, 2, 3],
    }
}

#[test]
fn long_arrays_have_a_default_in_every_spelling() {
    use long_arrays::{BlocksSer, Release};

    let new = |byte| BlocksSer {
        id: 3,
        plain: [byte; 40],
        by_alias: [byte; 40],
        by_macro: [byte; 40],
        in_a_tuple: ([byte; 40], byte.into()),
        in_an_array: [[byte; 40]; 2],
        removed: [0; 40],
        skipped: [0; 40],
    };
    for (release, byte) in [(Release::V1, 0), (Release::V2, 9), (Release::V3, 9)] {
        let mut scratch = new(1);
        let mut memory = devstate_versioning::buffer!(BlocksSer);
        let saved = new(byte);
        let snapshot = release
            .downgrade(&saved, &mut scratch)
            .unwrap()
            .save(&mut memory)
            .unwrap();
        let mut loaded = new(5);
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(release));
        assert_eq!(loaded, saved);
    }
}

/// Arrays of more than 32 elements in whatever holds them: containers, variants, and elements that a version does not have.
mod held_arrays {
    use devstate_versioning::{Versioned, release_table};
    use heapless::{Deque, Vec};

    pub(super) type Block = [u8; 40];
    pub(super) type Pairs = [PairSer; 40];

    /// Its default is not zero.
    #[derive(Versioned, Clone, Copy, Debug, PartialEq)]
    #[versioned(version = 1, layouts(0xb989_95a1_2bd1_e5f0))]
    pub(crate) struct PairSer {
        pub(crate) a: u8,
    }

    impl Default for PairSer {
        fn default() -> Self {
            Self { a: 3 }
        }
    }

    #[derive(Versioned, Clone, Debug, PartialEq, Default)]
    #[versioned(version = 2, layouts(0x985b_accc_dd61_43b0, open))]
    pub(crate) enum ChoiceSer {
        #[default]
        None,
        Plain([u8; 40]),
        Alias(Block),
        Tuple((Block, u16)),
        #[versioned(start = 2)]
        Late {
            pairs: Pairs,
            maybe: Option<Block>,
        },
    }

    macro_rules! mirror {
        ($ty:ty) => {
            #[derive(Versioned, Clone, Debug, PartialEq)]
            #[versioned(version = 2, layouts(0x25c1_f0b4_d691_64cb, open))]
            pub(crate) struct HoldersSer {
                pub(crate) id: u8,
                pub(crate) choice: ChoiceSer,
                #[versioned(bound(1 = 2, 2 = 4))]
                pub(crate) grown: [Block; 4],
                #[versioned(bound(1 = 2, 2 = 4))]
                pub(crate) grown_pairs: [PairSer; 4],
                #[versioned(start = 2)]
                pub(crate) maybe: Option<[u8; 40]>,
                #[versioned(start = 2)]
                pub(crate) maybe_by_macro: Option<$ty>,
                #[versioned(start = 2)]
                pub(crate) list: Vec<[u8; 40], 3>,
                #[versioned(start = 2)]
                pub(crate) list_of_tuples: Vec<(u8, Block), 3>,
                #[versioned(start = 2)]
                pub(crate) queue: Deque<Option<Block>, 3>,
                #[versioned(start = 2)]
                pub(crate) pairs: Pairs,
                #[versioned(start = 2)]
                pub(crate) array_in_an_array: [[Option<Block>; 2]; 40],
            }
        };
    }

    mirror!([u8; 40]);

    release_table! {
        pub(crate) enum Release { V1 = 1 @ 0x77a7_3322_dfc4_8e6b, V2 = 2 @ open }
        PairSer => [1, 1],
        ChoiceSer => [1, 2],
        HoldersSer => [1, 2],
    }
}

#[test]
fn long_arrays_stand_in_every_container() {
    use held_arrays::{ChoiceSer, HoldersSer, PairSer, Release};

    let new = |byte: u8, choice| {
        let mut queue = heapless::Deque::new();
        queue.push_back(None).unwrap();
        queue.push_back(Some([byte; 40])).unwrap();
        HoldersSer {
            id: byte,
            choice,
            grown: [[byte; 40]; 4],
            grown_pairs: [PairSer { a: byte }; 4],
            maybe: Some([byte; 40]),
            maybe_by_macro: Some([byte; 40]),
            list: heapless::Vec::from_array([[byte; 40]; 2]),
            list_of_tuples: heapless::Vec::from_array([(1, [byte; 40])]),
            queue,
            pairs: [PairSer { a: byte }; 40],
            array_in_an_array: [[None, Some([byte; 40])]; 40],
        }
    };
    let choices = [
        ChoiceSer::Plain([7; 40]),
        ChoiceSer::Alias([8; 40]),
        ChoiceSer::Tuple(([9; 40], 10)),
        ChoiceSer::Late {
            pairs: [PairSer { a: 1 }; 40],
            maybe: Some([2; 40]),
        },
    ];
    let mut memory = devstate_versioning::buffer!(HoldersSer);
    for choice in choices {
        let saved = new(9, choice.clone());
        let snapshot = Release::save(&saved, &mut memory).unwrap();
        let mut loaded = new(5, ChoiceSer::None);
        assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V2));
        assert_eq!(loaded, saved);
    }

    // What version 1 does not have is the default of each element.
    let pair = PairSer::default();
    let saved = HoldersSer {
        grown: [[9; 40], [9; 40], [0; 40], [0; 40]],
        grown_pairs: [PairSer { a: 9 }, PairSer { a: 9 }, pair, pair],
        maybe: None,
        maybe_by_macro: None,
        list: heapless::Vec::new(),
        list_of_tuples: heapless::Vec::new(),
        queue: heapless::Deque::new(),
        pairs: [pair; 40],
        array_in_an_array: [[None; 2]; 40],
        ..new(9, ChoiceSer::Tuple(([9; 40], 10)))
    };
    let mut scratch = new(1, ChoiceSer::None);
    let older = Release::V1.downgrade(&saved, &mut scratch).unwrap();
    let snapshot = older.save(&mut memory).unwrap();
    let mut loaded = new(5, ChoiceSer::None);
    assert_eq!(Release::load(snapshot, &mut loaded), Ok(Release::V1));
    assert_eq!(loaded, saved);

    let mut more = HoldersSer {
        list: heapless::Vec::from_array([[0; 40]]),
        ..saved
    };
    more.grown[3][7] = 1;
    let mut losses = Vec::new();
    Release::V1
        .losses(&more, &mut scratch, &mut |loss| losses.push(loss.to_string()))
        .unwrap();
    assert_eq!(losses, ["field 2.3.7", "field 6"]);
}

#[test]
fn the_schema_has_names_without_their_escapes() {
    use devstate_versioning::Mirror;
    use devstate_versioning::schema::Shape;

    assert_eq!(shadowed::EdgeSer::SCHEMA.name, "EdgeSer");
    let Shape::Struct(fields) = shadowed::EdgeSer::SCHEMA.shape else {
        panic!("a struct")
    };
    assert_eq!(fields[0].name, "type");
    let Shape::Enum(variants) = shadowed::ChoiceSer::SCHEMA.shape else {
        panic!("an enum")
    };
    assert_eq!((variants[1].name, variants[1].fields[0].name), ("Raw", "fn"));
}

#[test]
fn a_bad_bool_in_an_array_is_named_where_it_stands() {
    let mut payload = [0; 6];
    payload[3] = 4;
    let error = tables::Release::V2
        .decode(&payload, &mut shadowed::EdgeSer::default())
        .unwrap_err();
    assert_eq!(error.offset, Some(3));
}

/// A mirror in a macro by example, which is given the functions.
mod functions_of_a_macro {
    use devstate_versioning::{ConversionError, Versioned, release_table};

    macro_rules! mirrors {
        ($default:path, $up:path, $stand_in:path) => {
            #[derive(Versioned, Clone, Debug, Default, PartialEq)]
            #[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
            pub(crate) struct TimerSer {
                pub(crate) count: u32,
                #[versioned(start = 2, default_fn = $default, de_fn = $up)]
                pub(crate) limit: u32,
            }

            #[derive(Versioned, Clone, Debug, Default, PartialEq)]
            #[versioned(version = 2, layouts(0x7a2a_2a28_506b_c1df, open))]
            pub(crate) enum ModeSer {
                #[default]
                Off,
                #[versioned(start = 2, default_fn = $stand_in)]
                On,
            }
        };
    }

    mirrors!(limit, raise, off);

    fn limit(_version: u16) -> u32 {
        40
    }

    fn raise(timer: &mut TimerSer, version: u16) -> Result<(), ConversionError> {
        let limit = timer.limit.checked_add(u32::from(version));
        timer.limit = limit.ok_or(ConversionError::new("the limit is too high"))?;
        Ok(())
    }

    fn off(_version: u16) -> ModeSer {
        ModeSer::Off
    }

    release_table! {
        pub(crate) enum Release { V1 = 1 @ 0x3940_6466_27fd_019d, V2 = 2 @ open }
        TimerSer => [1, 2],
        ModeSer => [1, 2],
    }
}

#[test]
fn a_macro_by_example_is_given_functions() {
    use functions_of_a_macro::{ModeSer, Release, TimerSer};

    let mut timer = TimerSer::default();
    Release::V1.decode(&[7, 0, 0, 0], &mut timer).unwrap();
    assert_eq!(timer, TimerSer { count: 7, limit: 41 });
    let mut scratch = ModeSer::On;
    let older = Release::V1
        .downgrade_lossy(&ModeSer::On, &mut scratch, &mut |_| true)
        .unwrap();
    assert_eq!(older.encode(&mut [9]).unwrap(), [0]);
}
