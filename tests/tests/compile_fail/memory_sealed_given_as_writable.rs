//! Shared memory that came back sealed is offered to be written over.
use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{Client, Refused, Sealed};

fn main() {}

fn export_over(client: &Client, earlier: Sealed) -> Result<Sealed, Refused> {
    client.export(earlier, Release::LATEST)
}
