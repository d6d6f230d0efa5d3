//! Any bytes as a schema, and any as a snapshot of it: an error or a description, in a bounded time. The two are divided by
//! the first line end.

#![no_main]

use devstate_cli::payload::walk;
use devstate_cli::schema::{Folder, Schema, diff, show};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (json, rest) = data.split_at(split);
    let Ok(schema) = Schema::from_json(json) else { return };
    // A snapshot within a snapshot may be of the same schema.
    let schemas = Folder::of(vec![("fuzzed.json".into(), schema.clone())]);
    let payload = rest.get(1..).unwrap_or_default();
    assert_eq!(diff(&schema, &schema), []);
    show(&schema);
    for (position, release) in schema.document().releases.iter().enumerate() {
        schema.release_fingerprint(position);
        schema.roots(release.number, 0);
        for root in &schema.document().mirrors {
            let mut end = 0;
            let walked = walk(&schema, root, position, payload, 0, &schemas, &mut |item| {
                assert_eq!(item.offset, end);
                end += item.len;
                format!("{} {} {}", item.path, item.ty, item.value);
            });
            match walked {
                Ok(()) => assert!(root.releases[position].is_some() && end == payload.len()),
                Err(stopped) => assert!(stopped.offset <= payload.len()),
            }
        }
    }
});
