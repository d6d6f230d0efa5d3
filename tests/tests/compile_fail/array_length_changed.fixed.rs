//! Corrected.
use devstate_versioning::Versioned;

#[derive(Versioned, Clone, Default)]
#[versioned(version = 2, layouts(0x098f_33d4_ff39_400c, open))]
pub struct TimerSer {
    #[versioned(end = 2, ser_fn = take_channels)]
    pub channels: [u16; 4],
    #[versioned(start = 2)]
    pub eight_channels: [u16; 8],
}

/// An older release gets the four that it knows.
fn take_channels(timer: &mut TimerSer, _version: u16) -> Result<(), devstate_versioning::ConversionError> {
    for (old, new) in timer.channels.iter_mut().zip(timer.eight_channels) {
        *old = new;
    }
    Ok(())
}
