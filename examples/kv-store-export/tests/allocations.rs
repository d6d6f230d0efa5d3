//! A store is filled, exported and read without a heap. The only test of its process, so that no other one allocates.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and its allocator counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use devstate_core::Region;
use devstate_kv_store_export::{Exportable, Item, Release, Store, export, export_len};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system's allocator's own doing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn without_allocation<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let before = COUNT.load(Ordering::Relaxed);
    let result = run();
    assert_eq!(COUNT.load(Ordering::Relaxed) - before, 0, "allocations to {what}");
    result
}

const ITEMS: usize = 20_000;

fn fill_export_and_read() {
    let before = COUNT.load(Ordering::Relaxed);
    let mut memory = vec![0; 16 << 20];
    assert_eq!(COUNT.load(Ordering::Relaxed) - before, 1, "allocations are counted");

    let store = without_allocation("write items", || {
        let mut store: Store<ITEMS, { 12 << 20 }> = Store::new();
        let value = [7; 1024];
        for index in 0..ITEMS {
            let mut key: heapless::String<32> = heapless::String::new();
            write!(key, "item.{index:027}").unwrap();
            store.write_item(Item::new(&key, &value[..64 + index % 961])).unwrap();
        }
        store
    });
    for release in [Release::V1, Release::V2] {
        let bytes = without_allocation("export", || {
            let len = export_len(&store, release).unwrap();
            let sealed = export(&store, release, Region::from(&mut memory[..])).unwrap();
            assert_eq!(sealed.len(), len);
            sealed.into_bytes()
        });
        without_allocation("read an export", || {
            let exportable = Exportable::load(bytes).unwrap();
            assert_eq!((exportable.len(), exportable.release()), (ITEMS, release));
            let lies_in = |part: &[u8]| {
                let part = part.as_ptr_range();
                bytes.as_ptr_range().contains(&part.start) && part.end <= bytes.as_ptr_range().end
            };
            let mut expected = store.iter();
            exportable
                .visit(&mut |item| {
                    assert_eq!(Some(item), expected.next());
                    assert!(lies_in(item.key.as_bytes()) && lies_in(item.value), "it was copied");
                })
                .unwrap();
            assert_eq!(expected.next(), None);
        });
    }
}

#[test]
fn a_store_is_filled_exported_and_read_without_a_heap() {
    // The store lives on the stack.
    let thread = std::thread::Builder::new().stack_size(128 << 20);
    thread.spawn(fill_export_and_read).unwrap().join().unwrap();
}
