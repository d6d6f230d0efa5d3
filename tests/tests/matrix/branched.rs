//! A history as products have them: a stable branch with a backport, bounds that grew, and a forgotten first version.
//!
//! ```text
//! (1) ── 2 ── 3 ── 5 ── 6      main
//!        └─── 4                stable
//! ```

use devstate_tests::matrix::Root;
use devstate_versioning::{ConversionError, Versioned, release_table};

/// The root. Version 1 is forgotten.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 6, oldest = 2, branch(4 = 2, 5 = 3), layouts(0xa1ec_5797_fb03_3bfd, 0x9562_48e7_0714_9721, 0x6990_0222_67e6_c906, 0x561e_c79a_e851_c82a, open))]
pub(crate) struct DiskSer {
    /// In every version.
    pub sectors: u64,
    /// The queue of version 3.
    #[versioned(start = 3, default_fn = queue_before)]
    pub queue: u16,
    /// A backport: version 4 has it on the stable branch, and version 5 on the main branch.
    #[versioned(start = [4, 5])]
    pub quota: Option<u32>,
    /// Gone from the main branch. The stable branch still has it.
    #[versioned(end = 5)]
    pub hint: u8,
    /// Grew on both branches, and once more on the main branch.
    #[versioned(bound(2 = 1, 4 = 3, 5 = 3, 6 = 6))]
    pub pending: heapless::Vec<RequestSer, 6>,
    /// A longer array since version 3.
    #[versioned(bound(2 = 2, 3 = 4))]
    pub levels: [u16; 4],
    /// A longer name since version 6.
    #[versioned(bound(2 = 4, 6 = 9))]
    pub name: heapless::String<9>,
    /// Counts in other units since version 5, on the main branch only.
    #[versioned(at = 5, ser_fn = to_seconds, de_fn = to_milliseconds)]
    pub delay: u32,
    /// The mode.
    pub mode: ModeSer,
}

fn queue_before(_version: u16) -> u16 {
    128
}

#[expect(clippy::unnecessary_wraps, reason = "a semantic function returns a result")]
fn to_seconds(disk: &mut DiskSer, _version: u16) -> Result<(), ConversionError> {
    disk.delay /= 1000;
    Ok(())
}

fn to_milliseconds(disk: &mut DiskSer, _version: u16) -> Result<(), ConversionError> {
    disk.delay = disk
        .delay
        .checked_mul(1000)
        .ok_or(ConversionError::new("the delay does not fit into milliseconds"))?;
    Ok(())
}

/// An element of the root.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 3, branch(3 = 1), layouts(0x9d2f_2317_ba80_be2a, 0xf2fc_6125_e04a_877d, 0x1c2e_2e43_b987_51be))]
pub(crate) struct RequestSer {
    /// In every version.
    pub tag: u8,
    /// Only the main branch has it.
    #[versioned(start = 3)]
    pub priority: bool,
    /// Both branches have it.
    #[versioned(start = [2, 3])]
    pub length: u16,
}

/// An enum whose second variant was forgotten.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 3, oldest = 2, layouts(0xe210_83f5_2f3e_a076, 0x0632_1cff_3501_4c4b))]
pub(crate) enum ModeSer {
    /// In every version.
    #[default]
    Idle,
    /// Behind the forgotten one.
    #[versioned(tag = 2)]
    Busy(u8),
    /// Since version 3.
    #[versioned(start = 3, default_fn = busy)]
    Draining,
}

fn busy(_version: u16) -> ModeSer {
    ModeSer::Busy(0)
}

release_table! {
    /// The releases of both branches.
    pub(crate) enum Branched {
        V2 = 2 @ 0x212b_fea4_e4c2_9a9d,
        V3 = 3 @ 0x14a1_eff3_f0d3_f5c1,
        V2_1 = 4 from V2 @ 0x3e9c_e73d_776f_f0f9,
        V4 = 5 from V3 @ 0x787f_12dd_d6da_6633,
        V5 = 6 @ open,
    }
    DiskSer => [2, 3, 4, 5, 6],
    RequestSer => [1, 1, 2, 3, 3],
    ModeSer => [2, 2, 2, 3, 3],
}

/// The mirrors as roots.
pub(crate) fn roots() -> [Root<Branched>; 3] {
    [Root::of::<DiskSer>(), Root::of::<RequestSer>(), Root::of::<ModeSer>()]
}
