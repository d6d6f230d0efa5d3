//! Valid snapshots with some bytes changed and the checksum repaired, and payloads that go to every release.

#![no_main]

use devstate_fuzz::choose;
use devstate_tests::generate::{Chosen, payload};
use devstate_tests::matrix::Root;
use devstate_tests::sample::foreign;
use devstate_versioning::checksum::{Checksum, Crc64};
use devstate_versioning::inspect::PayloadSchema;
use devstate_versioning::{Architecture, Header, Options, ReleaseTable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| choose(data, try_one, try_one));

fn try_one<R: ReleaseTable>(root: &Root<R>, release: R, data: &[u8]) {
    // The first byte says how many changes follow; the rest chooses the values.
    let Some((&changes, data)) = data.split_first() else {
        return;
    };
    let (changes, choices) = data.split_at(data.len().min(4 * usize::from(changes % 8)));
    let payload = payload(&(root.payload_schema)(release), &mut Chosen(choices), &foreign);
    root.check(release, &payload);

    let header = Header {
        architecture_code: Architecture::NATIVE.code(),
        release: release.number(),
        payload_len: payload.len() as u32,
        fingerprint: (root.fingerprint)(release),
    };
    let mut snapshot = [&header.to_bytes()[..], &payload].concat();
    for change in changes.chunks_exact(4) {
        if snapshot.is_empty() {
            return;
        }
        let position = usize::from(u16::from_le_bytes([change[0], change[1]])) % snapshot.len();
        match change[3] % 4 {
            0 => snapshot.insert(position, change[2]),
            1 => _ = snapshot.remove(position),
            2 => snapshot.truncate(position.max(1)),
            _ => snapshot[position] = change[2],
        }
    }
    snapshot.extend(Crc64::checksum(&snapshot).to_le_bytes());
    let Ok((header, payload)) = Options::NATIVE.verify(&snapshot) else {
        return;
    };
    assert_eq!(payload.len() + Header::LEN + 8, snapshot.len());
    let Some(schema) = PayloadSchema::identify::<R>(&header) else {
        return;
    };
    let Some(release) = R::from_number(header.release) else {
        return;
    };
    let walked = schema.walk(payload, Header::LEN, &mut |_| ());
    if schema.root() == root.schema
        && let Ok(again) = (root.reencode)(release, payload)
    {
        assert_eq!(again, payload);
        walked.unwrap();
        root.check(release, payload);
    }
}
