//! Every release to every release.

use crate::{Release, machine, states};
use devstate_tests::generate::{Chosen, no_foreign, payload};
use devstate_tests::matrix::Outcome;
use devstate_tests::published::roots;
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::schema::{Shape, Type};
use devstate_versioning::{MirrorOf, ReleaseTable};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::fmt::Debug;

/// Takes what devices were saved as to every release.
fn outcome_of<M>(mirrors: impl Iterator<Item = M>) -> Outcome
where
    M: for<'de> MirrorOf<'de, Release> + Debug,
{
    let root = roots().into_iter().find(|root| root.schema.name == M::SCHEMA.name);
    let root = root.unwrap();
    mirrors.fold(Outcome::default(), |outcome, mirror| {
        let mut memory = vec![0; M::MAX_ENCODED_LEN];
        let payload = Release::latest(&mirror).encode(&mut memory).unwrap();
        let went = root.check(Release::LATEST, payload);
        assert!(!went.refused_to_upgrade && went.lossless >= 1, "{mirror:?}");
        only_loses_what_is_not_there(&mirror);
        outcome.and(went)
    })
}

/// Version 1 of the UART, vm-superio's, has no changes of the modem's lines. This is all that a device's own state loses of
/// what both versions have.
const LOST: &[&str] = &["SerialStateSer.modem_status"];

/// A field that is lost on the way to a release is one that the release does not have.
fn only_loses_what_is_not_there<M>(mirror: &M)
where
    M: for<'de> MirrorOf<'de, Release> + Debug,
{
    for &release in Release::ALL.iter().filter(|release| M::version(**release) != 0) {
        let there = PayloadSchema::of::<Release, M>(release);
        // What a release refuses, it does not lose.
        let _ = release.losses(mirror, &mut mirror.clone(), &mut |loss| {
            let mut schema = M::SCHEMA;
            let mut is_there = true;
            for step in loss.field.steps() {
                let Shape::Struct(fields) = schema.shape else { break };
                let field = &fields[usize::from(*step)];
                is_there &= field.versions.contain(there.version_of(schema));
                is_there &= !LOST.contains(&format!("{}.{}", schema.name, field.name).as_str());
                let Type::Mirror(inner) = field.ty else { break };
                schema = inner;
            }
            let field = loss.field.display(M::SCHEMA);
            assert!(
                !is_there,
                "{field} does not survive {release:?}, which has it: {mirror:?}"
            );
        });
    }
}

#[test]
fn used_devices_go_to_every_release() {
    let rtcs = outcome_of(states::rtcs());
    assert!(rtcs.lossy > 50, "{rtcs:?}");
    let serials = outcome_of(states::serials());
    assert!(
        serials.lossy + serials.refused > 50 && serials.lossless > 50,
        "{serials:?}"
    );
    let machines = outcome_of(machine::machines());
    assert!(machines.lossy + machines.refused > 50, "{machines:?}");
    let i8042s = outcome_of(states::i8042s());
    assert_eq!(i8042s.lossless + i8042s.lossy, 2 * states::STATES as usize);
    assert!(i8042s.lossy > 50, "{i8042s:?}");
}

#[test]
fn every_snapshot_can_be_written_at_every_release_or_is_refused() {
    for root in roots() {
        let outcome = Cell::new(Outcome::default());
        let mut runner = TestRunner::new(Config {
            cases: 1_000,
            source_file: Some(file!()),
            ..Config::default()
        });
        let tried = runner.run(&vec(any::<u8>(), 0..300), |choices| {
            for &release in Release::ALL.iter().filter(|release| (root.version)(**release) != 0) {
                let payload = payload(&(root.payload_schema)(release), &mut Chosen(&choices), &no_foreign);
                outcome.set(outcome.get().and(root.check(release, &payload)));
            }
            Ok(())
        });
        tried.unwrap_or_else(|error| panic!("{root:?}: {error}"));
        let (outcome, versions) = (outcome.get(), root.schema.version);
        assert!(
            outcome.lossless > 100 && (outcome.lossy > 100 || versions == 1),
            "{root:?}: {outcome:?}"
        );
    }
}
