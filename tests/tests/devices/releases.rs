//! Every release to every release.

use crate::{Release, machine, states};
use devstate_i8042_ser::{I8042StateSer, KeyboardStateSer, MouseStateSer};
use devstate_replay::MachineStateSer;
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_tests::generate::{Chosen, Seeded, no_foreign, payload};
use devstate_tests::matrix::{Outcome, Root, check};
use devstate_versioning::{Mirror, ReleaseTable, VersionOf, Wire, payload as bytes};
use std::fmt::Debug;

/// Takes what devices were saved as to every release.
fn lived<M>(mirrors: impl Iterator<Item = M>) -> Outcome
where
    Release: VersionOf<M>,
    M: for<'de> Wire<'de, Release> + Mirror + Default + Clone + PartialEq + Debug,
{
    mirrors.fold(Outcome::default(), |outcome, mirror| {
        let mut memory = vec![0; M::MAX_ENCODED_LEN];
        let len = bytes::encode(&mirror, Release::LATEST, &mut memory).unwrap();
        let went = check::<Release, M>(Release::LATEST, &memory[..len]);
        assert!(!went.refused_to_raise && went.lossless >= 1, "{mirror:?}");
        outcome.and(went)
    })
}

#[test]
fn devices_that_have_lived_go_to_every_release() {
    let rtcs = lived(states::rtcs());
    assert!(rtcs.lossy > 50, "{rtcs:?}");
    let serials = lived(states::serials());
    assert!(
        serials.lossy + serials.refused > 50 && serials.lossless > 50,
        "{serials:?}"
    );
    let machines = lived(machine::machines());
    assert!(machines.lossy + machines.refused > 50, "{machines:?}");
    // It has one version so far.
    let i8042s = lived(states::i8042s());
    assert_eq!((i8042s.lossless, i8042s.lossy), (states::STATES as usize, 0));
}

#[test]
fn whatever_was_written_goes_to_every_release_or_is_refused() {
    let roots = [
        Root::<Release>::of::<RtcStateSer>(),
        Root::of::<SerialStateSer>(),
        Root::of::<KeyboardStateSer>(),
        Root::of::<MouseStateSer>(),
        Root::of::<I8042StateSer>(),
        Root::of::<MachineStateSer>(),
    ];
    let mut random = Seeded(1);
    for root in &roots {
        let mut outcome = Outcome::default();
        for _ in 0..2_000 {
            for &release in Release::ALL.iter().filter(|release| (root.version)(**release) != 0) {
                let choices = random.bytes(60);
                let payload = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &no_foreign);
                outcome = outcome.and((root.check)(release, &payload));
            }
        }
        let versions = root.schema.version;
        assert!(
            outcome.lossless > 100 && (outcome.lossy > 100 || versions == 1),
            "{root:?}: {outcome:?}"
        );
    }
}
