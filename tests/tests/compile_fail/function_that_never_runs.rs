//! A semantic function belongs to no version.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0xbf16_3a3d_d791_3fbe, open))]
pub struct TimerSer {
    #[versioned(de_fn = to_micros)]
    pub count: u32,
    #[versioned(start = 2)]
    pub prescaler: u8,
}

fn to_micros(timer: &mut TimerSer, _version: u16) -> Result<(), devstate_versioning::ConversionError> {
    timer.count = timer.count.saturating_mul(10);
    Ok(())
}

fn main() {}
