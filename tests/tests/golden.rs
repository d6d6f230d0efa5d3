//! Snapshots of every published release are read, and written again byte for byte, for ever.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_tests::golden;
use devstate_tests::matrix::Root;
use devstate_versioning::release_table;
use std::path::Path;

release_table! {
    /// The devices' own versions.
    pub enum Device { V1 = 1 @ 0xb91d_30db_ca67_e80a, V2 = 2 @ open }
    RtcStateSer    => [1, 2],
    SerialStateSer => [1, 2],
}

#[test]
fn every_published_version_of_the_devices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/devices");
    golden::check(
        &folder,
        &[Root::<Device>::of::<RtcStateSer>(), Root::of::<SerialStateSer>()],
    );
}
