//! A published array has another length.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(0x098f_33d4_ff39_400c))]
pub struct TimerSer {
    pub channels: [u16; 8],
}

fn main() {}
