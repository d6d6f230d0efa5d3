//! A history with a branch, as its two branches have it.

/// The main branch: version 4 was a backport of the quota on version 2.
pub mod main {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(
        version = 5,
        branch(4 = 2, 5 = 3),
        layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, 0xc1b0_34f6_4b59_7ff5, 0x8aa9_7df5_ac93_3cc6, open)
    )]
    pub struct DiskSer {
        pub sectors: u64,
        #[versioned(start = 2)]
        pub read_only: bool,
        #[versioned(start = 3)]
        pub queue: u16,
        #[versioned(start = [4, 5])]
        pub quota: u64,
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x8381_62e7_83d7_a611,
            V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
            V3 = 3 @ 0xc1b0_34f6_4b59_7ff5,
            V2_1 = 4 from V2 @ 0x8aa9_7df5_ac93_3cc6,
            V4 = 5 from V3 @ open,
        }
        DiskSer => [1, 2, 3, 4, 5],
    }
}

/// The stable branch, whose source never saw version 3.
pub mod stable {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 4, branch(4 = 2), layouts(0x8381_62e7_83d7_a611, 0x56d3_0a21_29fb_d6dd, _, 0x8aa9_7df5_ac93_3cc6))]
    pub struct DiskSer {
        pub sectors: u64,
        #[versioned(start = 2)]
        pub read_only: bool,
        #[versioned(start = 4)]
        pub quota: u64,
    }

    release_table! {
        pub enum Release {
            V1 = 1 @ 0x8381_62e7_83d7_a611,
            V2 = 2 @ 0x56d3_0a21_29fb_d6dd,
            V2_1 = 4 @ 0x8aa9_7df5_ac93_3cc6,
        }
        DiskSer => [1, 2, 4],
    }
}
