//! After "change a meaning".

use devstate_versioning::{ConversionError, Versioned, release_table};

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(
    version = 4,
    layouts(0xe11a_6419_ddfb_66c8, 0xd1e7_d9cb_8233_a01c, 0x193f_45b7_cd91_229b, open)
)]
pub struct FanSer {
    /// Turns a second; a minute before version 4.
    #[versioned(at = 4, ser_fn = to_minutes, de_fn = to_seconds)]
    pub speed: u16,
    #[versioned(end = 3, default_fn = no_hint)]
    pub hint: u8,
    #[versioned(start = 2, default_fn = always_on)]
    pub enabled: bool,
}

// <recipe>
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
// </recipe>

fn no_hint(_version: u16) -> u8 {
    1
}

fn always_on(_version: u16) -> bool {
    true
}

release_table! {
    pub enum Release { V1 = 1 @ 0xe11a_6419_ddfb_66c8, V2 = 2 @ 0xd1e7_d9cb_8233_a01c, V3 = 3 @ 0x193f_45b7_cd91_229b, V4 = 4 @ open }
    FanSer => [1, 2, 3, 4],
}
