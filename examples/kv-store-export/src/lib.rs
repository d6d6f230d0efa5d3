//! A key-value store that exports itself into its client's memory.
//!
//! The client owns the memory and pays for it; the server fills it in place, as one versioned snapshot, and gives it
//! back read-only; the client forwards it to storage without decoding it. What a region of memory may still be used for
//! is part of its type ([`devstate_core::Region`]), and on Linux of the memory itself: the seals of a `memfd`, which no
//! process can break.
//!
//! The store and its export need neither `std` nor a heap:
//!
//! ```
//! use devstate_core::Region;
//! use devstate_kv_store_export::{Exportable, Item, Release, Store, export};
//!
//! let mut store: Store<16, 1024> = Store::new();
//! store.write_item(Item::new("lamp", b"on"))?;
//!
//! let mut memory = [0; 256];
//! let sealed = export(&store, Release::LATEST, Region::from(&mut memory[..])).map_err(|refused| refused.error)?;
//!
//! let mut keys = Vec::new();
//! Exportable::load(&sealed)?.visit(&mut |item| keys.push(item.key))?;
//! assert_eq!(keys, ["lamp"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `linux`, on by default, come the shared memory, the server and the client.

#![no_std]

#[cfg(feature = "linux")]
extern crate std;

mod export;
mod exportable;
#[cfg(feature = "linux")]
pub mod linux;
mod store;

pub use export::{ExportError, Refusal, export, export_into, export_len, export_len_at, export_with, options};
pub use exportable::{Exportable, ExportableError, ExportableSer, ItemSer, MAX_ITEMS, Release};
pub use store::{Item, KEY_LEN, Mark, Store, VALUE_LEN, WriteError};
