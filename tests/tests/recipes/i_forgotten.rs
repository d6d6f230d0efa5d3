//! After "forget old versions".

use devstate_versioning::{ConversionError, Versioned, release_table};

// <recipe>
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 4, oldest = 3, layouts(0x193f_45b7_cd91_229b, 0x2a2e_cded_1693_f5ca))]
pub struct FanSer {
    /// Turns a second. Before version 4 it was turns a minute.
    #[versioned(at = 4, ser_fn = to_minutes, de_fn = to_seconds)]
    pub speed: u16,
    pub enabled: bool,
}

release_table! {
    pub enum Release { V3 = 3 @ 0x193f_45b7_cd91_229b, V4 = 4 @ 0x2a2e_cded_1693_f5ca }
    FanSer => [3, 4],
}
// </recipe>

fn to_seconds(fan: &mut FanSer, _version: u16) -> Result<(), ConversionError> {
    fan.speed /= 60;
    Ok(())
}

fn to_minutes(fan: &mut FanSer, _version: u16) -> Result<(), ConversionError> {
    fan.speed = fan
        .speed
        .checked_mul(60)
        .ok_or(ConversionError::new("too fast for turns a minute"))?;
    Ok(())
}
