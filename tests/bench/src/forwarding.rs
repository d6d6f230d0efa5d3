//! An export from a server through its client to storage: memory that the client lends, against messages.
//!
//! All write the same bytes with the same checksum into the same file, one thread for each side, and each side's
//! processor time is its thread's. The messages are implemented only here. The items travel in the same encoding as in an
//! export, so that no design suffers from another's encoder.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use anyhow::{Context, Result, anyhow};
use devstate_core::Region;
use devstate_kv_store_export::linux::{Crc64Simd, Memory, fill};
use devstate_kv_store_export::{ExportableSer, Item, ItemSer, Release, Store, export_len, export_with, options};
use devstate_versioning::{ReleaseTable, Sequence};

use crate::measure::thread_time;

type Goods = RwLock<Store<100_000, 64_000_000>>;

/// What one design costs.
pub struct Cost {
    pub design: &'static str,
    /// Items of the export.
    pub items: usize,
    /// Its bytes.
    pub bytes: usize,
    /// Nanoseconds of processor time, the medians of several rounds.
    pub server: u64,
    pub client: u64,
    /// How often each byte of the export is copied on its way to the file.
    pub copies: &'static str,
}

/// Items of the exports.
const SIZES: [usize; 3] = [10, 1_000, 100_000];

/// Processor time of the server and of the client, in nanoseconds.
type Times = (u64, u64);

/// What is to be exported, the export's length, and the file that it is to reach.
type Design = fn(&Goods, usize, &mut File) -> Result<Times>;

const DESIGNS: [(&str, &str, Design); 3] = [
    (
        "memory lent by the client, sealed (devstate)",
        "2: into the memory; in the kernel to the file",
        by_memory,
    ),
    (
        "the finished export in a message, not decoded",
        "4: into the message; into the socket; out of it; to the file",
        by_message,
    ),
    (
        "a vector of items in a message, decoded and encoded again",
        "6: into the message; into the socket; out of it; into items; into the export; to the file",
        by_items,
    ),
];

/// Runs all designs in turn, at each size.
pub fn measure() -> Result<Vec<Cost>> {
    let store: Box<Goods> = Box::new(RwLock::new(Store::new()));
    let mut costs = Vec::new();
    for items in SIZES {
        let mut growing = store.write().unwrap_or_else(PoisonError::into_inner);
        for index in growing.len()..items {
            let key = format!("item.{index:027}");
            let value = vec![index as u8; 64 + index.wrapping_mul(0x9e37_79b9) % 961];
            growing
                .write_item(Item::new(&key, &value))
                .map_err(|error| anyhow!("{error}"))?;
        }
        drop(growing);
        let bytes = export_len(&read(&store), Release::LATEST).map_err(|error| anyhow!("{error}"))?;
        let mut times = DESIGNS.map(|_| Vec::new());
        for _ in 0..if items > 10_000 { 11 } else { 101 } {
            for ((_, _, design), times) in DESIGNS.iter().zip(&mut times) {
                let mut file = tempfile::tempfile()?;
                times.push(design(&store, bytes, &mut file)?);
                check(&mut file, bytes)?;
            }
        }
        costs.extend(DESIGNS.iter().zip(times).map(|((design, copies, _), times)| Cost {
            design,
            items,
            bytes,
            server: median(times.iter().map(|(server, _)| *server)),
            client: median(times.iter().map(|(_, client)| *client)),
            copies,
        }));
    }
    Ok(costs)
}

fn read(store: &Goods) -> RwLockReadGuard<'_, Store<100_000, 64_000_000>> {
    store.read().unwrap_or_else(PoisonError::into_inner)
}

fn by_memory(store: &Goods, bytes: usize, file: &mut File) -> Result<Times> {
    let start = thread_time();
    let memory = Memory::allocated(bytes as u64)?;
    let lent = memory.as_fd().try_clone_to_owned()?;
    let before = thread_time() - start;
    let (sealed, server) = thread::scope(|scope| {
        let server = scope.spawn(|| {
            let start = thread_time();
            let mark = read(store).mark();
            (fill(store, &mark, Release::LATEST, &lent), thread_time() - start)
        });
        server.join().map_err(|_| anyhow!("the server panicked"))
    })?;
    let sealed = sealed.map_err(|failure| anyhow!("{failure:?}"))?;
    let start = thread_time();
    sealed.copy_to(file, &mut |_| ())?;
    Ok((server, before + thread_time() - start))
}

fn by_message(store: &Goods, bytes: usize, file: &mut File) -> Result<Times> {
    let make = || {
        let mut message = vec![0; bytes];
        export_with::<Crc64Simd, _, _>(&read(store), Release::LATEST, Region::from(&mut message[..]))
            .map_err(|refusal| anyhow!("{}", refusal.error))?;
        Ok(message)
    };
    exchange(make, |message| Ok(file.write_all(&message)?))
}

/// An item of a client that takes its messages apart.
struct OwnedItem {
    key: String,
    value: Vec<u8>,
    sensitive: bool,
    written: u64,
}

fn by_items(store: &Goods, bytes: usize, file: &mut File) -> Result<Times> {
    let make = || {
        let store = read(store);
        let items = store.iter().map(ItemSer::from);
        let vector = ExportableSer {
            items: Sequence::from_source(&items),
        };
        let mut message = vec![0; bytes];
        let len = Release::latest(&vector)
            .encode(&mut message)
            .map_err(|error| anyhow!("{error}"))?
            .len();
        message.truncate(len);
        Ok(message)
    };
    exchange(make, |message| {
        let mut vector = ExportableSer::default();
        Release::decode_latest(&message, &mut vector).map_err(|error| anyhow!("{error}"))?;
        let mut owned = Vec::with_capacity(vector.items.len());
        let visited = vector.items.visit(&mut |item| {
            owned.push(OwnedItem {
                key: item.key.get().to_owned(),
                value: item.value.get().to_owned(),
                sensitive: item.sensitive,
                written: item.written,
            });
        });
        visited.map_err(|error| anyhow!("{error}"))?;
        // What a client is given that knows its protocol's types.
        drop(message);
        let items = owned.iter().map(|item| {
            ItemSer::from(Item {
                key: &item.key,
                value: &item.value,
                sensitive: item.sensitive,
                written: item.written,
            })
        });
        let mut export = vec![0; bytes];
        let again = ExportableSer {
            items: Sequence::from_source(&items),
        };
        Release::latest(&again)
            .with_options(options::<Crc64Simd>())
            .save(&mut export)
            .map_err(|error| anyhow!("{error}"))?;
        Ok(file.write_all(&export)?)
    })
}

/// Sends what the server makes to the client, which takes it from there.
fn exchange(make: impl FnOnce() -> Result<Vec<u8>> + Send, take: impl FnOnce(Vec<u8>) -> Result<()>) -> Result<Times> {
    let (mut near, mut far) = UnixStream::pair()?;
    thread::scope(|scope| {
        let server = scope.spawn(move || -> Result<u64> {
            let start = thread_time();
            let message = make()?;
            far.write_all(&(message.len() as u64).to_le_bytes())?;
            far.write_all(&message)?;
            drop(message);
            Ok(thread_time() - start)
        });
        let start = thread_time();
        let mut len = [0; 8];
        near.read_exact(&mut len)?;
        let mut message = vec![0; u64::from_le_bytes(len) as usize];
        near.read_exact(&mut message)?;
        take(message)?;
        let client = thread_time() - start;
        let server = server.join().map_err(|_| anyhow!("the server panicked"))??;
        Ok((server, client))
    })
}

/// Each has to have stored a whole export.
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
