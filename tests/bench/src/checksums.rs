//! A snapshot of the devices with each implementation of the checksum.

use std::hint::black_box;

use crc::{CRC_64_XZ, Crc, Digest, Table};
use devstate_versioning::checksum::{Checksum, Crc64, Crc64NoTable, Crc64Slice16};
use devstate_versioning::{Architecture, Options, ReleaseTable};

use crate::case::{Case, pair};
use crate::work::Work;
use crate::work::nested::{NestedWork, Release};
use devstate_kv_store_export::linux::Crc64Simd;

/// The first version's.
#[derive(Clone, Copy)]
struct OneTable;

static ONE_TABLE: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_XZ);

impl Checksum for OneTable {
    type Digest = Digest<'static, u64, Table<1>>;

    fn start() -> Self::Digest {
        ONE_TABLE.digest()
    }

    fn update(digest: &mut Self::Digest, bytes: &[u8]) {
        digest.update(bytes);
    }

    fn finish(digest: Self::Digest) -> u64 {
        digest.finalize()
    }
}

pub fn cases(cases: &mut Vec<Case>) {
    checksum::<Crc64NoTable>(cases, "devstate, no table");
    checksum::<OneTable>(cases, "devstate, one table of 2 KiB");
    checksum::<Crc64>(cases, "devstate, the default");
    checksum::<Crc64Slice16>(cases, "devstate, sixteen tables of 32 KiB");
    checksum::<Crc64Simd>(cases, "devstate, crc-fast (SIMD)");
}

fn checksum<C: Checksum + 'static>(cases: &mut Vec<Case>, row: &'static str) {
    assert_eq!(
        C::checksum(b"123456789"),
        0x995d_c9bb_df19_39fa,
        "{row} is another checksum"
    );
    let options: Options<C> = Options::new(Architecture::Any);
    let saved = NestedWork::sample();
    let save = move |memory: &mut [u8]| {
        let latest = Release::latest(black_box(&saved)).with_options(options);
        latest.save(memory).map_or(0, <[u8]>::len)
    };
    let mut loaded = NestedWork::default();
    pair(cases, "checksums", row, ["save", "load"], save, move |snapshot| {
        let _ = black_box(Release::load_with(options, snapshot, &mut loaded));
    });
}
