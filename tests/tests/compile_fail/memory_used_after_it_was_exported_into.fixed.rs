//! Corrected.
use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{Client, Memory, Refused, Sealed};

pub fn main() {}

fn export_twice(client: &Client, memories: [Memory; 2]) -> Result<[Sealed; 2], Refused> {
    let [one, other] = memories;
    let first = client.export(one, Release::LATEST)?;
    let second = client.export(other, Release::LATEST)?;
    Ok([first, second])
}
