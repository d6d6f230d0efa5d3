//! An export from a server through its client to storage: memory that the client lends, against a message.
//!
//! Both write the same bytes with the same checksum into the same file, one thread for each side, and each side's
//! processor time is its thread's. The message is implemented only here.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::{Context, Result, anyhow};
use devstate_core::Region;
use devstate_kv_store_export::linux::{Crc64Simd, Memory, fill};
use devstate_kv_store_export::{Item, Release, Store, export_len, export_with};

use crate::measure::thread_time;

type Goods = Store<20_000, 16_000_000>;

/// What one design costs.
pub struct Cost {
    pub design: &'static str,
    /// Bytes of the export.
    pub bytes: usize,
    /// Nanoseconds of processor time, the medians of several rounds.
    pub server: u64,
    pub client: u64,
    /// How often each byte of the export is copied on its way to the file.
    pub copies: &'static str,
}

const ROUNDS: usize = 11;

/// Runs both designs in turn.
pub fn measure(items: usize) -> Result<Vec<Cost>> {
    let mut store: Box<Goods> = Box::new(Store::new());
    for index in 0..items {
        let key = format!("item.{index:027}");
        let value = vec![index as u8; 64 + index.wrapping_mul(0x9e37_79b9) % 961];
        store
            .write_item(Item::new(&key, &value))
            .map_err(|error| anyhow!("{error}"))?;
    }
    let bytes = export_len(&store, Release::LATEST).map_err(|error| anyhow!("{error}"))?;
    let mut lent = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..ROUNDS {
        lent.push(by_memory(&store, bytes)?);
        sent.push(by_message(&store, bytes)?);
    }
    let cost = |design, copies, rounds: &[(u64, u64)]| Cost {
        design,
        bytes,
        server: median(rounds.iter().map(|(server, _)| *server)),
        client: median(rounds.iter().map(|(_, client)| *client)),
        copies,
    };
    Ok(vec![
        cost(
            "memory lent by the client, sealed (devstate)",
            "1 into the memory, 1 in the kernel to the file",
            &lent,
        ),
        cost(
            "a vector in a message",
            "1 into the vector, 1 into the socket, 1 out of it, 1 to the file",
            &sent,
        ),
    ])
}

fn by_memory(store: &Goods, bytes: usize) -> Result<(u64, u64)> {
    let mut file = tempfile::tempfile()?;
    let start = thread_time();
    let memory = Memory::allocated(bytes as u64)?;
    let lent = memory.as_fd().try_clone_to_owned()?;
    let before = thread_time() - start;
    let (sealed, server) = thread::scope(|scope| {
        let server = scope.spawn(|| {
            let start = thread_time();
            (fill(store, Release::LATEST, &lent), thread_time() - start)
        });
        server.join().map_err(|_| anyhow!("the server panicked"))
    })?;
    let sealed = sealed.map_err(|failure| anyhow!("{failure:?}"))?;
    let start = thread_time();
    sealed.forward(&file, &mut |_| ())?;
    let client = before + thread_time() - start;
    check(&mut file, bytes)?;
    Ok((server, client))
}

fn by_message(store: &Goods, bytes: usize) -> Result<(u64, u64)> {
    let mut file = tempfile::tempfile()?;
    let (mut near, mut far) = UnixStream::pair()?;
    let (client, server) = thread::scope(|scope| {
        let server = scope.spawn(move || -> Result<u64> {
            let start = thread_time();
            let mut message = vec![0; bytes];
            export_with::<Crc64Simd, _, _>(store, Release::LATEST, Region::from(&mut message[..]))
                .map_err(|refusal| anyhow!("{}", refusal.error))?;
            far.write_all(&(bytes as u64).to_le_bytes())?;
            far.write_all(&message)?;
            Ok(thread_time() - start)
        });
        let start = thread_time();
        let mut len = [0; 8];
        near.read_exact(&mut len)?;
        let mut message = vec![0; u64::from_le_bytes(len) as usize];
        near.read_exact(&mut message)?;
        file.write_all(&message)?;
        let client = thread_time() - start;
        let server = server.join().map_err(|_| anyhow!("the server panicked"))??;
        anyhow::Ok((client, server))
    })?;
    check(&mut file, bytes)?;
    Ok((server, client))
}

/// Both have to have stored a whole export.
fn check(file: &mut File, bytes: usize) -> Result<()> {
    file.rewind()?;
    let mut stored = Vec::new();
    file.read_to_end(&mut stored)?;
    let export = devstate_kv_store_export::Exportable::load(&stored).map_err(|error| anyhow!("{error}"))?;
    anyhow::ensure!(stored.len() == bytes && !export.is_empty(), "half an export was stored");
    Ok(())
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// The processor's name, for the report.
pub fn processor() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let line = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .context("no model name")?;
    Ok(line.split_once(':').map_or(line, |(_, name)| name).trim().to_owned())
}
