// Mirrors with every annotation, a table and a buffer, without the prelude: included into modules whose own items have
// the names that the expansions use. Identifiers of this file begin with `my` where they have a choice.

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 3, layouts(0x9697_b71a_ce17_dcc1, 0xc6de_162a_58ac_c824, open))]
pub(super) struct MyStructSer {
    my_count: u32,
    my_flags: [bool; 2],
    #[versioned(start = 2, default_fn = my_default, ser_fn = my_down, de_fn = my_up)]
    my_late: u32,
    #[versioned(start = 2)]
    my_late_array: [u8; 3],
    #[versioned(end = 3, default_fn = my_default)]
    my_removed: u32,
    #[versioned(start = 2, end = 3)]
    my_short_lived: ::core::option::Option<bool>,
    #[versioned(skip)]
    my_cache: u32,
    #[versioned(start = 3, ignorable, name = "renamed", unit = "%")]
    #[versioned(at = 2, de_fn = my_up)]
    my_ignorable: ::heapless::Vec<u8, 4>,
    #[versioned(serde, max = 8, layout = "my/1")]
    my_foreign: (bool, u32),
    my_enum: MyEnumSer,
    my_tuple: MyTupleSer,
    my_unit: MyUnitSer,
}

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 3, layouts(0x8cc2_2e9c_a37e_9d2a, 0x856f_2feb_02b6_8419, open))]
pub(super) enum MyEnumSer {
    #[default]
    MyUnit,
    MyTuple(bool, ::core::option::Option<u32>),
    #[versioned(start = 2, default_fn = my_stand_in)]
    MyLate { my_value: u32, my_values: [u8; 2] },
    #[versioned(end = 3)]
    MyRemoved(MyUnitSer),
    #[versioned(start = 3)]
    MyConversionError,
}

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 1, layouts(0x051f_42fb_fa4c_fc91))]
pub(super) struct MyTupleSer(u8, ::heapless::String<4>);

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 1, layouts(0x27d6_e448_06ce_8306))]
pub(super) struct MyUnitSer;

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 1, layouts(0x5bda_3efb_af53_7f26))]
pub(super) struct MyBorrowedSer<'my> {
    my_text: ::devstate_versioning::Str<'my, 8>,
    my_bytes: ::devstate_versioning::Bytes<'my, 8>,
    my_number: u8,
}

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 6, oldest = 2, branch(5 = 3, 6 = 2), layouts(0x065f_8815_f986_5d8d, 0x0317_4294_3cd2_3d88, _, 0x8cd3_14e5_d33a_3f76, open), instance(4))]
pub(super) struct MyTreeSer<const MY_SPACE: usize> {
    #[versioned(bound(2 = 2, 5 = MY_SPACE, 6 = MY_SPACE))]
    my_bytes: ::heapless::Vec<u8, MY_SPACE>,
    #[versioned(start = [5, 6], de_fn = my_tree_up)]
    my_number: u32,
    #[versioned(start = 3)]
    my_gap: bool,
    #[versioned(bound(2 = 1, 3 = 2, 6 = 2))]
    my_array: [u16; 2],
}

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 2, oldest = 2, layouts(0xdb24_2a05_d023_6441))]
pub(super) enum MyLeftSer {
    #[default]
    MyFirst,
    #[versioned(tag = 2)]
    MyThird(#[versioned(bound(1 = 2, 2 = 3))] ::heapless::String<3>),
}

#[derive(
    ::devstate_versioning::Versioned, ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
)]
#[versioned(version = 1, layouts(0x2d4a_e208_051f_447e), parts(0xb5f3_8942_ccb9_d897))]
pub(super) struct MyOuterSer {
    #[versioned(inner = [4])]
    my_inner: ::devstate_versioning::Inner<MyTreeRelease, MyTreeSer<8>, 80>,
}

::devstate_versioning::release_table! {
    pub(super) enum MyOuterRelease { MyV1 = 1 @ 0x2d4a_e208_051f_447e }
    MyOuterSer => [1],
}

fn my_tree_up<const MY_SPACE: usize>(_my_mirror: &mut MyTreeSer<MY_SPACE>, _my_version: u16) -> ::core::result::Result<(), ::devstate_versioning::ConversionError> {
    ::core::result::Result::Ok(())
}

::devstate_versioning::release_table! {
    pub(super) enum MyTreeRelease { MyV1 = 1 @ 0xe183_b21b_c9a9_c1ce, MyV2 = 2 @ 0xe183_b21b_c9a9_c1ce, MyV3 = 3 @ 0x6e7d_46dd_ff40_b20b, MyV4 = 4 from MyV2 @ open }
    MyTreeSer<8> => [2, 2, 5, 6],
    MyLeftSer => [2, 2, 2, 2],
}

fn my_default(_my_version: u16) -> u32 {
    7
}

fn my_stand_in(_my_version: u16) -> MyEnumSer {
    MyEnumSer::MyUnit
}

fn my_up(_my_mirror: &mut MyStructSer, _my_version: u16) -> ::core::result::Result<(), ::devstate_versioning::ConversionError> {
    ::core::result::Result::Ok(())
}

fn my_down(my_mirror: &mut MyStructSer, _my_version: u16) -> ::core::result::Result<(), ::devstate_versioning::ConversionError> {
    match my_mirror.my_count {
        0 => ::core::result::Result::Err(::devstate_versioning::ConversionError::new("it must not be zero")),
        _ => ::core::result::Result::Ok(()),
    }
}

::devstate_versioning::release_table! {
    pub(super) enum MyRelease { MyV1 = 1 @ 0x5050_0cfb_72b1_f982, MyV2 = 2 @ 0xd51d_ac55_0bd2_4afa, MyV3 = 3 @ open }
    MyStructSer => [1, 2, 3],
    MyEnumSer => [1, 2, 3],
    MyTupleSer => [1, 1, 1],
    MyUnitSer => [1, 1, 1],
    MyBorrowedSer<'_> => [_, 1, 1],
}

fn my_value() -> MyStructSer {
    MyStructSer {
        my_count: 3,
        my_flags: [true, false],
        my_late: 7,
        my_late_array: [0; 3],
        my_removed: 0,
        my_short_lived: ::core::option::Option::None,
        my_cache: 0,
        my_ignorable: ::heapless::Vec::new(),
        my_foreign: (true, 9),
        my_enum: MyEnumSer::MyTuple(true, ::core::option::Option::Some(5)),
        my_tuple: MyTupleSer(4, ::core::convert::TryFrom::try_from("text").unwrap()),
        my_unit: MyUnitSer,
    }
}

/// Saves and loads at every release: what comes back must be what was saved.
pub(super) fn my_check() {
    let mut my_scratch = my_value();
    let mut my_memory = ::devstate_versioning::buffer!(MyStructSer, 300);
    for my_release in [MyRelease::MyV1, MyRelease::MyV2, MyRelease::MyV3] {
        let my_older = ::devstate_versioning::ReleaseTable::downgrade(my_release, &my_value(), &mut my_scratch).unwrap();
        let my_snapshot = my_older.save(&mut my_memory).unwrap();
        let mut my_loaded = <MyStructSer as ::core::default::Default>::default();
        ::core::assert_eq!(
            <MyRelease as ::devstate_versioning::ReleaseTable>::load(my_snapshot, &mut my_loaded),
            ::core::result::Result::Ok(my_release),
        );
        ::core::assert_eq!(my_loaded, my_value());
    }
    let my_saved = MyStructSer {
        my_late: 8,
        my_late_array: [1, 2, 3],
        my_enum: MyEnumSer::MyLate {
            my_value: 1,
            my_values: [2, 3],
        },
        ..my_value()
    };
    let mut my_memory = ::devstate_versioning::buffer!(MyStructSer);
    let my_snapshot = <MyRelease as ::devstate_versioning::ReleaseTable>::save(&my_saved, &mut my_memory).unwrap();
    let mut my_loaded = <MyStructSer as ::core::default::Default>::default();
    <MyRelease as ::devstate_versioning::ReleaseTable>::load(my_snapshot, &mut my_loaded).unwrap();
    ::core::assert_eq!(my_loaded, my_saved);
    let my_zero = MyStructSer {
        my_count: 0,
        ..my_value()
    };
    let my_result = ::devstate_versioning::ReleaseTable::downgrade(MyRelease::MyV1, &my_zero, &mut my_scratch);
    ::core::assert!(my_result.is_err());
    ::core::assert_eq!(MyRelease::from_number(2), ::core::option::Option::Some(MyRelease::MyV2));
}
