//! Corrected.
use devstate_versioning::{ConversionError, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    pub count: u32,
    #[versioned(start = 2, de_fn = check)]
    pub prescaler: u16,
}

fn check(timer: &mut TimerSer, _version: u16) -> Result<(), ConversionError> {
    timer.prescaler = 1;
    Ok(())
}

release_table! {
    pub enum Release { V1_0 = 1 @ 0xbf16_3a3d_d791_3fbe, V1_1 = 2 @ open }
    TimerSer => [1, 2],
}
