//! Any bytes as a payload: decoding fails, or gives a value that encodes to the same bytes and goes to every release.

#![no_main]

use devstate_fuzz::choose;
use devstate_tests::matrix::Root;
use devstate_versioning::{Expected, LoadErrorKind, ReleaseTable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| choose(data, try_one, try_one));

fn try_one<R: ReleaseTable>(root: &Root<R>, release: R, bytes: &[u8]) {
    let schema = (root.payload_schema)(release);
    let walked = schema.walk(bytes, 0, &mut |item| {
        let _ = format!("{} {} {}", item.path, item.ty, item.value);
    });
    match (root.reencode)(release, bytes) {
        Ok(again) => {
            assert_eq!(again, bytes);
            walked.unwrap();
            root.check(release, bytes);
        }
        Err(error) => {
            assert!(error.offset <= Some(bytes.len()));
            let _ = schema.locate(bytes, 0, &error).map(|path| path.to_string());
            // A walk refuses what decoding refuses, but does not look into foreign values.
            let foreign = matches!(
                error.kind,
                LoadErrorKind::Value {
                    expected: Expected::Foreign,
                    ..
                }
            );
            assert!(walked.is_err() || foreign, "{error}");
        }
    }
}
