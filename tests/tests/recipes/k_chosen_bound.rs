//! After "let a product choose a bound".

use devstate_versioning::Versioned;

// <recipe>
/// In the library. `layouts` has the fingerprints of `KeyboardSer<64>`.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x47da_86b6_a81c_100e, open), instance(64))]
pub struct KeyboardSer<const MACRO_SPACE: usize> {
    pub macros: heapless::Vec<u8, MACRO_SPACE>,
    #[versioned(start = 2)]
    pub brightness: u8,
}

/// A product with little memory.
pub mod small {
    use devstate_versioning::release_table;

    release_table! {
        pub enum Release { V1 = 1 @ 0x69d7_027d_b86c_898b, V2 = 2 @ open }
        super::KeyboardSer<16> => [1, 2],
    }
}
// </recipe>

/// A product with more.
pub mod large {
    use devstate_versioning::release_table;

    release_table! {
        pub enum Release { V1 = 1 @ 0xaee3_4126_0fd7_9935, V2 = 2 @ open }
        super::KeyboardSer<1000> => [1, 2],
    }
}
