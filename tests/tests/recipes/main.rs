//! CONTRIBUTING.md's recipes, followed: each file here is the source after one recipe, with the part that the page shows, and
//! the builds that it stands for read each other's snapshots.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "a test"
)]

mod a_published;
mod b_field_added;
mod c_field_removed;
mod d_meaning_changed;
mod e_released;
mod f_device_added;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod g_targets;
mod h_bound_grown;
mod i_forgotten;
mod j_inner;
mod k_chosen_bound;

use devstate_golden::Golden;
use devstate_versioning::schema::TableData;
use devstate_versioning::{LoadErrorKind, Mirror, ReleaseTable, SaveError, buffer};
use std::fs;

const PAGE: &str = include_str!("../../../CONTRIBUTING.md");

/// What of a file the page shows.
fn shown(source: &str) -> &str {
    source
        .split("// <recipe>\n")
        .nth(1)
        .unwrap()
        .split("// </recipe>")
        .next()
        .unwrap()
}

#[test]
fn the_page_shows_what_is_followed_here() {
    for source in [
        include_str!("a_published.rs"),
        include_str!("b_field_added.rs"),
        include_str!("c_field_removed.rs"),
        include_str!("d_meaning_changed.rs"),
        include_str!("e_released.rs"),
        include_str!("f_device_added.rs"),
        include_str!("g_targets.rs"),
        include_str!("../../branches/stable/src/lib.rs"),
        include_str!("../../branches/main/src/lib.rs"),
        include_str!("h_bound_grown.rs"),
        include_str!("i_forgotten.rs"),
        include_str!("j_inner.rs"),
        include_str!("k_chosen_bound.rs"),
    ] {
        let block = format!("```rust\n{}```\n", shown(source));
        assert!(PAGE.contains(&block), "CONTRIBUTING.md lacks\n{block}");
    }
}

/// What the first build wrote.
fn first_snapshot() -> Vec<u8> {
    use a_published::{FanSer, Release};
    let mut memory = buffer!(FanSer);
    Release::save(&FanSer { speed: 1200, hint: 3 }, &mut memory)
        .unwrap()
        .to_vec()
}

#[test]
fn a_field_is_added() {
    use b_field_added::{FanSer, Release};
    let mut fan = FanSer::default();
    assert_eq!(Release::load(&first_snapshot(), &mut fan), Ok(Release::V1));
    assert_eq!(
        fan,
        FanSer {
            speed: 1200,
            hint: 3,
            enabled: true
        }
    );

    // The older build reads what the newer one saves for it. Where that would lose something, the newer build refuses.
    let mut memory = buffer!(FanSer);
    let snapshot = Release::V1
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut old = a_published::FanSer::default();
    a_published::Release::load(snapshot, &mut old).unwrap();
    assert_eq!((old.speed, old.hint), (1200, 3));
    fan.enabled = false;
    let error = Release::V1
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap_err();
    assert!(matches!(error, SaveError::Lossy { release: 1, .. }), "{error}");
    // And what is saved for nobody in particular it refuses by its number.
    let snapshot = Release::save(&fan, &mut memory).unwrap();
    let error = a_published::Release::load(snapshot, &mut old).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::NewerRelease { found: 2, newest: 1 });
}

#[test]
fn a_field_is_removed() {
    use c_field_removed::{FanSer, Release};
    let mut fan = FanSer::default();
    assert_eq!(Release::load(&first_snapshot(), &mut fan), Ok(Release::V1));
    assert_eq!(
        fan,
        FanSer {
            speed: 1200,
            hint: 0,
            enabled: true
        }
    );
    let mut memory = buffer!(FanSer);
    let snapshot = Release::V2
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut old = b_field_added::FanSer::default();
    b_field_added::Release::load(snapshot, &mut old).unwrap();
    assert_eq!(old.hint, 1, "what an older build finds there");
}

#[test]
fn a_meaning_is_changed() {
    use d_meaning_changed::{FanSer, Release};
    let mut fan = FanSer::default();
    assert_eq!(Release::load(&first_snapshot(), &mut fan), Ok(Release::V1));
    assert_eq!(fan.speed, 20, "1200 a minute are 20 a second");
    let mut memory = buffer!(FanSer);
    let snapshot = Release::V1
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut old = a_published::FanSer::default();
    a_published::Release::load(snapshot, &mut old).unwrap();
    assert_eq!(old.speed, 1200);
    fan.speed = 2000;
    let refused = Release::V1
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap_err();
    assert!(refused.to_string().contains("too fast"), "{refused}");
}

#[test]
fn a_release_is_published() {
    use e_released::{FanSer, Release};
    assert_eq!(Release::LATEST, Release::V4);
    // Step 1: it was open, and nothing but that has changed.
    assert_eq!(<d_meaning_changed::Release as TableData>::PINNED[3], None);
    assert_eq!(
        <Release as TableData>::PINNED[..3],
        <d_meaning_changed::Release as TableData>::PINNED[..3]
    );
    assert!(<Release as TableData>::PINNED[3].is_some());
    assert_eq!(
        Release::V4.fingerprint::<FanSer>(),
        d_meaning_changed::Release::V4.fingerprint::<d_meaning_changed::FanSer>()
    );
    let mut fan = FanSer::default();
    assert_eq!(Release::load(&first_snapshot(), &mut fan), Ok(Release::V1));
    assert_eq!(fan.speed, 20);
}

/// Step 2. (Steps 3 and 4 are followed in `tests/schema_diff.rs`.)
#[test]
fn the_bytes_of_a_release_are_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let before = |add| Golden::<d_meaning_changed::Release>::new(folder.path()).adding(add);
    let after = |add| Golden::<e_released::Release>::new(folder.path()).adding(add);
    let file = |release: &str| folder.path().join(release).join("FanSer.hex");

    // While it is open it has none.
    assert_eq!(before(true).check::<d_meaning_changed::FanSer>(), Ok(3 * 15));
    assert!(["V1", "V2", "V3"].iter().all(|release| file(release).exists()) && !file("V4").exists());
    let frozen = fs::read(file("V3")).unwrap();
    // Once it is published it has to have one, and only that one is new.
    let error = after(false).check::<e_released::FanSer>().unwrap_err();
    assert_eq!(error.file, file("V4"));
    assert!(error.what.contains("DEVSTATE_GOLDEN=add"), "{error}");
    assert_eq!(after(true).check::<e_released::FanSer>(), Ok(4 * 15));
    assert_eq!(after(false).check::<e_released::FanSer>(), Ok(4 * 15));
    assert_eq!(fs::read(file("V3")).unwrap(), frozen);
    // Nothing ever changes them, not even the command that writes those that are missing.
    let text = fs::read_to_string(file("V4")).unwrap();
    let refused = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed);
        fs::write(file("V4"), &changed).unwrap();
        let error = after(true).check::<e_released::FanSer>().unwrap_err();
        assert_eq!(fs::read_to_string(file("V4")).unwrap(), changed);
        error.to_string()
    };
    for (from, to, sentence) in [
        (
            "== maximum",
            "== highest",
            "has the snapshot `highest` at the place of `maximum`",
        ),
        ("# speed: u16 =", "# speed: i16 =", "the comment is no longer true"),
        ("44 45 56", "44 45 57", "default: not a snapshot"),
        ("04 00    ", "03 00    ", "default: checksum mismatch"),
        ("44 45 56", "44 45 xx", "`xx` is no byte of a snapshot"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn a_device_is_added() {
    use f_device_added::{Led, LedState, LedStateSer, MachineSer, Release};
    let mut led = Led::new();
    led.write(0, 0x81);
    let machine = MachineSer {
        led: LedStateSer::new(&led.state()),
        ..MachineSer::default()
    };
    let mut memory = buffer!(MachineSer);
    let snapshot = Release::save(&machine, &mut memory).unwrap();
    let mut loaded = MachineSer::default();
    Release::load(snapshot, &mut loaded).unwrap();
    let restored = Led::from_state(&LedState::try_from(&loaded.led).unwrap()).unwrap();
    assert_eq!(restored.read(0), 0x81);

    // An older build has no such device; a snapshot of it brings one that has just been reset.
    let mut lost = Vec::new();
    Release::V1
        .losses(&machine, &mut machine.clone(), &mut |loss| {
            lost.push(loss.field.display(MachineSer::SCHEMA).to_string());
        })
        .unwrap();
    assert_eq!(lost, ["led.brightness", "led.on"]);
    let snapshot = Release::V1
        .downgrade_lossy(&machine, &mut machine.clone(), &mut |_| true)
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    Release::load(snapshot, &mut loaded).unwrap();
    assert_eq!(LedState::try_from(&loaded.led), Ok(LedState::RESET));
    loaded.led.brightness = 0x80;
    assert_eq!(LedState::try_from(&loaded.led).unwrap_err().field, "brightness");
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn two_targets_read_each_other_where_they_have_the_same_mirrors() {
    use devstate_serial_16550_ser::SerialStateSer;

    let (mut memory, mut mirror) = (buffer!(SerialStateSer), SerialStateSer::default());
    mirror.scratch = 7;
    let here = g_targets::Release::save(&mirror, &mut memory).unwrap();
    let mut read = SerialStateSer::default();
    let release = g_targets::other_target::Release::load(here, &mut read).unwrap();
    assert_eq!((release.number(), read), (2, mirror));
    let mirrors =
        |rows: &[devstate_versioning::schema::Row]| rows.iter().map(|row| row.schema.name).collect::<Vec<_>>();
    assert_ne!(
        mirrors(g_targets::Release::ROWS),
        mirrors(g_targets::other_target::Release::ROWS)
    );
}

/// The names of what a downgrade of a fan of the main branch loses.
fn main_losses(fan: &devstate_branch_main::FanSer, release: devstate_branch_main::Release) -> Vec<String> {
    use devstate_branch_main::FanSer;
    let mut lost = Vec::new();
    release
        .losses(fan, &mut fan.clone(), &mut |loss| {
            lost.push(loss.field.display(FanSer::SCHEMA).to_string());
        })
        .unwrap();
    lost
}

#[test]
fn a_field_is_backported() {
    use devstate_branch_main::{FanSer, Release};
    use devstate_branch_stable as stable;

    // Main writes what stable reads, and loses nothing that stable has.
    let fan = FanSer {
        speed: 1200,
        hint: 0,
        enabled: false,
        limit: 3000,
    };
    assert_eq!(main_losses(&fan, Release::V1), ["enabled", "limit"]);
    assert_eq!(main_losses(&fan, Release::V2), ["limit"]);
    assert_eq!(main_losses(&fan, Release::V3), ["limit"]);
    assert_eq!(main_losses(&fan, Release::V2_1), [""; 0]);
    let mut memory = buffer!(FanSer);
    let snapshot = Release::V2_1
        .downgrade(&fan, &mut fan.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut on_stable = stable::FanSer::default();
    assert_eq!(
        stable::Release::load(snapshot, &mut on_stable),
        Ok(stable::Release::V2_1)
    );
    assert_eq!((on_stable.hint, on_stable.limit), (1, 3000));

    // Stable writes what main reads.
    on_stable.limit = 2000;
    let mut memory = buffer!(stable::FanSer);
    let snapshot = stable::Release::save(&on_stable, &mut memory).unwrap();
    let mut on_main = FanSer::default();
    assert_eq!(Release::load(snapshot, &mut on_main), Ok(Release::V2_1));
    assert_eq!(
        on_main,
        FanSer {
            limit: 2000,
            ..fan.clone()
        }
    );

    // A release of the main branch alone is refused by its number, and so is a newer one.
    for (release, kind) in [
        (Release::V3, LoadErrorKind::UnknownRelease { found: 3 }),
        (Release::V4, LoadErrorKind::NewerRelease { found: 5, newest: 4 }),
    ] {
        let mut memory = buffer!(FanSer);
        let snapshot = release
            .downgrade_lossy(&fan, &mut fan.clone(), &mut |_| true)
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let error = stable::Release::load(snapshot, &mut stable::FanSer::default()).unwrap_err();
        assert_eq!(error.kind, kind);
    }
}

#[test]
fn a_bound_is_changed() {
    use h_bound_grown::{Release, SensorSer, before};
    let mut sensor = SensorSer::default();
    sensor.samples.extend(0..8);
    let mut memory = buffer!(SensorSer);
    let snapshot = Release::V1
        .downgrade(&sensor, &mut sensor.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut old = before::SensorSer::default();
    before::Release::load(snapshot, &mut old).unwrap();
    assert_eq!(old.samples, sensor.samples);
    let mut memory = buffer!(before::SensorSer);
    let mut read = SensorSer::default();
    assert_eq!(
        Release::load(before::Release::save(&old, &mut memory).unwrap(), &mut read),
        Ok(Release::V1)
    );
    assert_eq!(read, sensor);
    sensor.samples.push(8).unwrap();
    let refused = Release::V1
        .downgrade(&sensor, &mut sensor.clone())
        .map(drop)
        .unwrap_err();
    let SaveError::Lossy { field, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(field.display(SensorSer::SCHEMA).to_string(), "samples");
}

#[test]
fn old_versions_are_forgotten() {
    use i_forgotten::{FanSer, Release};
    let error = Release::load(&first_snapshot(), &mut FanSer::default()).unwrap_err();
    assert_eq!(error.kind, LoadErrorKind::ForgottenRelease { found: 1, oldest: 3 });
    let fan = e_released::FanSer {
        speed: 20,
        enabled: true,
        ..e_released::FanSer::default()
    };
    let mut memory = buffer!(e_released::FanSer);
    for release in [e_released::Release::V3, e_released::Release::V4] {
        let snapshot = release
            .downgrade(&fan, &mut fan.clone())
            .and_then(|older| older.save(&mut memory))
            .unwrap();
        let mut read = FanSer::default();
        assert_eq!(
            Release::load(snapshot, &mut read).map(Release::number),
            Ok(release.number())
        );
        assert_eq!((read.speed, read.enabled), (20, true));
    }
}

#[test]
fn the_state_of_a_plug_in_is_carried() {
    use devstate_versioning::Inner;
    use j_inner::{RackSer, Release, opaque};
    let fan = e_released::FanSer {
        speed: 20,
        enabled: false,
        ..e_released::FanSer::default()
    };
    let rack = RackSer {
        height: 3,
        fan: Inner::new(fan),
    };
    let mut memory = buffer!(RackSer);
    let mut scratch = RackSer::default();
    let snapshot = Release::V1
        .downgrade(&rack, &mut scratch)
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut read = RackSer::default();
    assert_eq!(Release::load(snapshot, &mut read), Ok(Release::V1));
    assert_eq!(read, rack);
    let mut carried = opaque::RackSer::default();
    opaque::Release::load(snapshot, &mut carried).unwrap();
    let mut again = buffer!(opaque::RackSer);
    let mut scratch = opaque::RackSer::default();
    let written = opaque::Release::V1
        .downgrade(&carried, &mut scratch)
        .and_then(|older| older.save(&mut again))
        .unwrap();
    assert_eq!(written, snapshot);
}

#[test]
fn a_product_chooses_a_bound() {
    use k_chosen_bound::{KeyboardSer, large, small};
    let keyboard = KeyboardSer::<16> {
        macros: heapless::Vec::from_slice(&[1, 2]).unwrap(),
        brightness: 0,
    };
    let mut memory = buffer!(KeyboardSer<16>);
    let snapshot = small::Release::V1
        .downgrade(&keyboard, &mut keyboard.clone())
        .and_then(|older| older.save(&mut memory))
        .unwrap();
    let mut read = KeyboardSer::default();
    assert_eq!(small::Release::load(snapshot, &mut read), Ok(small::Release::V1));
    assert_eq!(read, keyboard);
    let error = large::Release::load(snapshot, &mut KeyboardSer::<1000>::default()).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Fingerprint { .. }), "{error}");
}

/// The number of a release is in no fingerprint. The frozen bytes have it.
#[test]
fn a_published_release_with_another_number_is_not_the_frozen_one() {
    mod renumbered {
        use super::e_released::FanSer;
        use devstate_versioning::release_table;

        release_table! {
            pub enum Release { V3 = 3 @ 0x193f_45b7_cd91_229b, V4 = 5 @ 0x2a2e_cded_1693_f5ca }
            FanSer => [3, 4],
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let frozen = Golden::<e_released::Release>::new(folder.path());
    frozen.adding(true).check::<e_released::FanSer>().unwrap();
    let renumbered = Golden::<renumbered::Release>::new(folder.path());
    let error = renumbered.check::<e_released::FanSer>().unwrap_err();
    assert!(error.file.ends_with("V4/FanSer.hex"), "{error}");
    assert!(
        error.what.contains("it has release 4") && error.what.contains("has 5"),
        "{error}"
    );
}
