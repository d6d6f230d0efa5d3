//! A firmware update that is rolled back (A/B): the older firmware finds its settings.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use devstate_slots::{Loaded, RamFlash, SlotContent, Slots};
use devstate_versioning::{ReleaseTable, buffer};

type Flash = RamFlash<'static>;

/// The firmware before the update.
mod v1 {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 1, layouts(0xfbf7_783d_667f_48fb))]
    pub struct SettingsSer {
        pub brightness: u8,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xfbf7_783d_667f_48fb }
        SettingsSer => [1],
    }
}

/// The update, which has one more setting.
mod v2 {
    use devstate_versioning::{Versioned, release_table};

    #[derive(Versioned, Clone, Debug, Default, PartialEq)]
    #[versioned(version = 2, layouts(0xfbf7_783d_667f_48fb, open))]
    pub struct SettingsSer {
        pub brightness: u8,
        /// Degrees. 0 is off.
        #[versioned(start = 2)]
        pub night_shift: u16,
    }

    release_table! {
        pub enum Release { V1 = 1 @ 0xfbf7_783d_667f_48fb, V2 = 2 @ open }
        SettingsSer => [1, 2],
    }
}

fn save_v1(slots: &mut Slots<Flash>, settings: &v1::SettingsSer) {
    let mut memory = buffer!(v1::SettingsSer);
    slots.save(v1::Release::save(settings, &mut memory).unwrap()).unwrap();
}

/// What the older firmware finds, and whether each slot was refused.
fn load_v1(flash: Flash) -> (Option<v1::SettingsSer>, [bool; 2]) {
    let (mut slots, mut memory) = (Slots::<_>::new(flash).unwrap(), buffer!(v2::SettingsSer));
    let mut settings = v1::SettingsSer::default();
    let Loaded { snapshot, slots } = slots
        .load(&mut memory, |snapshot| {
            v1::Release::load(snapshot, &mut settings).is_ok()
        })
        .unwrap();
    let refused = slots.map(|content| content == SlotContent::Refused);
    (snapshot.is_some().then_some(settings), refused)
}

/// The update saves twice, so that both slots are its own. `save` translates.
fn update_runs_a_while(
    mut slots: Slots<Flash>,
    settings: &v2::SettingsSer,
    save: impl Fn(&mut Slots<Flash>, &v2::SettingsSer),
) -> Flash {
    for brightness in [60, 70] {
        save(
            &mut slots,
            &v2::SettingsSer {
                brightness,
                ..settings.clone()
            },
        );
    }
    slots.into_flash()
}

fn started() -> Slots<Flash> {
    let mut slots = Slots::<_>::new(RamFlash::new(vec![0xff; 8_192].leak())).unwrap();
    save_v1(&mut slots, &v1::SettingsSer { brightness: 50 });
    slots
}

#[test]
fn saves_at_the_latest_release_take_the_settings_from_the_older_firmware() {
    let save = |slots: &mut Slots<Flash>, settings: &v2::SettingsSer| {
        let mut memory = buffer!(v2::SettingsSer);
        slots.save(v2::Release::save(settings, &mut memory).unwrap()).unwrap();
    };
    let flash = update_runs_a_while(started(), &v2::SettingsSer::default(), save);
    assert_eq!(load_v1(flash), (None, [true, true]));
}

fn save_compatible(slots: &mut Slots<Flash>, settings: &v2::SettingsSer) {
    let (mut scratch, mut memory) = (v2::SettingsSer::default(), buffer!(v2::SettingsSer));
    let oldest = v2::Release::V1;
    let older = v2::Release::downgrade_compatible(settings, oldest, &mut scratch).unwrap();
    slots.save(older.save(&mut memory).unwrap()).unwrap();
}

#[test]
fn compatible_saves_leave_the_settings_to_the_older_firmware() {
    let flash = update_runs_a_while(started(), &v2::SettingsSer::default(), save_compatible);
    let found = Some(v1::SettingsSer { brightness: 70 });
    assert_eq!(load_v1(flash), (found, [false, false]));
}

#[test]
fn a_compatible_save_with_a_new_setting_in_use_is_not_for_the_older_firmware() {
    let in_use = v2::SettingsSer {
        night_shift: 3_000,
        ..v2::SettingsSer::default()
    };
    let flash = update_runs_a_while(started(), &in_use, save_compatible);
    assert_eq!(load_v1(flash), (None, [true, true]));
}

#[test]
fn until_the_update_is_confirmed_its_losses_are_accepted() {
    let in_use = v2::SettingsSer {
        night_shift: 3_000,
        ..v2::SettingsSer::default()
    };
    let save = |slots: &mut Slots<Flash>, settings: &v2::SettingsSer| {
        let (mut scratch, mut memory) = (v2::SettingsSer::default(), buffer!(v2::SettingsSer));
        let older = v2::Release::V1
            .downgrade_lossy(settings, &mut scratch, &mut |_| true)
            .unwrap();
        slots.save(older.save(&mut memory).unwrap()).unwrap();
    };
    let flash = update_runs_a_while(started(), &in_use, save);
    let found = Some(v1::SettingsSer { brightness: 70 });
    assert_eq!(load_v1(flash), (found, [false, false]));
}
