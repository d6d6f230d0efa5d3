//! Corrected.
use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{Client, ClientError, Sealed};

pub fn main() {}

fn export_beside(client: &Client, earlier: &Sealed) -> Result<Sealed, ClientError> {
    client.export_within(2 * earlier.len(), Release::LATEST)
}
