//! Shared memory is exported into, and then once more.
use devstate_kv_store_export::Release;
use devstate_kv_store_export::linux::{Client, Memory, Refused, Sealed};

fn main() {}

fn export_twice(client: &Client, memory: Memory) -> Result<[Sealed; 2], Refused> {
    let first = client.export(memory, Release::LATEST)?;
    let second = client.export(memory, Release::LATEST)?;
    Ok([first, second])
}
