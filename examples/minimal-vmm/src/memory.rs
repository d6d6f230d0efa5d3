//! The guest's memory, and its image in a file or on a socket.

use anyhow::{Context, Result, ensure};
use crc::{CRC_64_XZ, Crc, Table};
use embedded_io::{Read, Write};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// One stretch of RAM. The machine's devices lie elsewhere, so it has no holes.
#[derive(Debug)]
pub struct Memory {
    map: GuestMemoryMmap,
    start: u64,
    len: u64,
}

impl Memory {
    /// `len` bytes of zeros at guest address `start`.
    pub fn new(start: u64, len: u64) -> Result<Self> {
        ensure!(
            (16 << 20..=3 << 30).contains(&len) && len.is_multiple_of(CHUNK as u64),
            "{len:#x} bytes of memory: this machine has from 16 MiB to 3 GiB, in steps of 64 KiB"
        );
        let map = GuestMemoryMmap::from_ranges(&[(GuestAddress(start), usize::try_from(len)?)])
            .context("cannot map the guest's memory")?;
        Ok(Self { map, start, len })
    }

    pub fn map(&self) -> &GuestMemoryMmap {
        &self.map
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Gives the memory to the guest.
    pub fn attach(&self, vm: &VmFd) -> Result<()> {
        for (slot, region) in (0..).zip(self.map.iter()) {
            let region = kvm_userspace_memory_region {
                slot,
                guest_phys_addr: region.start_addr().0,
                memory_size: region.len(),
                userspace_addr: region.as_ptr() as u64,
                flags: 0,
            };
            // SAFETY: the mapping is as long as the region says, and nothing else uses its guest addresses. It outlives
            // the guest: `Machine` stops the processor's thread before it drops anything, and drops the memory last.
            #[expect(unsafe_code, reason = "passes the address of the guest's memory to KVM")]
            unsafe { vm.set_user_memory_region(region) }.context("KVM does not take the guest's memory")?;
        }
        Ok(())
    }

    /// Writes the image of a guest that stands still: a header that ties it to its machine state by `id`, the chunks
    /// that are not all zeros, each after its offset, and a checksum.
    pub fn write_image<W: Write>(&self, id: u64, out: &mut W) -> Result<()>
    where
        W::Error: Send + Sync + 'static,
    {
        let mut sum = CHECKSUM.digest();
        let mut put = |bytes: &[u8]| {
            sum.update(bytes);
            out.write_all(bytes)
        };
        put([*MAGIC, id.to_le_bytes(), self.len.to_le_bytes()].as_flattened())?;
        let mut chunk = vec![0; CHUNK];
        for offset in (0..self.len).step_by(CHUNK) {
            self.map.read_slice(&mut chunk, GuestAddress(self.start + offset))?;
            if chunk.iter().any(|byte| *byte != 0) {
                put(&offset.to_le_bytes())?;
                put(&chunk)?;
            }
        }
        put(&END.to_le_bytes())?;
        let sum = sum.finalize();
        out.write_all(&sum.to_le_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Fills fresh memory from the image that belongs to the machine state `id`. However much comes, no more is taken
    /// than there is memory.
    pub fn read_image<R: Read>(&self, id: u64, input: &mut R) -> Result<()>
    where
        R::Error: Send + Sync + 'static,
    {
        let mut sum = CHECKSUM.digest();
        let mut take = |bytes: &mut [u8]| -> Result<()> {
            input.read_exact(bytes).context("the memory image is truncated")?;
            sum.update(bytes);
            Ok(())
        };
        let mut header = [[0; 8]; 3];
        take(header.as_flattened_mut())?;
        let [magic, machine, len] = header;
        ensure!(&magic == MAGIC, "this is no memory image");
        ensure!(
            machine == id.to_le_bytes(),
            "the memory image belongs to another machine state"
        );
        let len = u64::from_le_bytes(len);
        ensure!(
            len == self.len,
            "the memory image has {len} bytes, the machine {}",
            self.len
        );
        let (mut word, mut chunk) = ([0; 8], vec![0; CHUNK]);
        let mut next = 0;
        loop {
            take(&mut word)?;
            let offset = u64::from_le_bytes(word);
            if offset == END {
                break;
            }
            ensure!(
                (next..self.len).contains(&offset) && offset.is_multiple_of(CHUNK as u64),
                "the memory image has a chunk at {offset:#x}, where the guest has no memory or its memory was before"
            );
            next = offset + CHUNK as u64;
            take(&mut chunk)?;
            self.map.write_slice(&chunk, GuestAddress(self.start + offset))?;
        }
        let expected = sum.finalize();
        input.read_exact(&mut word).context("the memory image is truncated")?;
        let found = u64::from_le_bytes(word);
        ensure!(
            found == expected,
            "the memory image is damaged: checksum {found:#018x}, computed {expected:#018x}"
        );
        Ok(())
    }
}

/// Large enough for few calls, small enough to leave out most of what was never touched.
const CHUNK: usize = 64 << 10;
const MAGIC: &[u8; 8] = b"DVMMRAM1";
const END: u64 = u64::MAX;
static CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u64 = 16 << 20;
    const START: u64 = 0x8000_0000;

    fn image() -> Result<Vec<u8>> {
        let memory = Memory::new(START, LEN)?;
        memory.map().write_slice(b"first", GuestAddress(START))?;
        memory.map().write_slice(b"last", GuestAddress(START + LEN - 4))?;
        let mut image = Vec::new();
        memory.write_image(7, &mut image)?;
        Ok(image)
    }

    fn read(image: &[u8], id: u64, len: u64) -> Result<Memory> {
        let memory = Memory::new(START, len)?;
        memory.read_image(id, &mut &*image)?;
        Ok(memory)
    }

    #[test]
    fn an_image_has_what_was_touched_and_brings_it_back() -> Result<()> {
        let image = image()?;
        assert_eq!(image.len(), 24 + 2 * (8 + CHUNK) + 16);
        let memory = read(&image, 7, LEN)?;
        let mut found = [0; 5];
        memory.map().read_slice(&mut found, GuestAddress(START))?;
        assert_eq!(&found, b"first");
        memory.map().read_slice(&mut found, GuestAddress(START + LEN - 5))?;
        assert_eq!(&found, b"\0last");
        Ok(())
    }

    #[test]
    fn an_image_that_is_not_right_is_refused_and_says_why() -> Result<()> {
        let image = image()?;
        let why =
            |image: &[u8], id, len| read(image, id, len).map_or_else(|error| format!("{error:#}"), |_| "taken".into());
        assert!(why(&image, 8, LEN).contains("another machine state"));
        assert!(why(&image, 7, 2 * LEN).contains("16777216 bytes, the machine 33554432"));
        for len in [0, 7, 23, 31, 24 + 8 + CHUNK, image.len() - 9, image.len() - 1] {
            assert!(why(&image[..len], 7, LEN).contains("truncated"), "{len}");
        }
        for (at, part) in [
            (0, "no memory image"),
            (30, "no memory"),
            (40, "damaged"),
            (image.len() - 1, "damaged"),
        ] {
            let mut damaged = image.clone();
            damaged[at] ^= 0x80;
            assert!(why(&damaged, 7, LEN).contains(part), "{at}: {}", why(&damaged, 7, LEN));
        }
        assert!(Memory::new(0, 1 << 40).is_err());
        Ok(())
    }

    #[test]
    fn no_chunk_comes_twice_or_out_of_order() -> Result<()> {
        let image = image()?;
        let (header, chunks) = image.split_at(24);
        let (first, rest) = chunks.split_at(8 + CHUNK);
        let (last, end) = rest.split_at(8 + CHUNK);
        for parts in [[header, first, first, end], [header, last, first, end]] {
            let why = read(&parts.concat(), 7, LEN).map(drop).unwrap_err().to_string();
            assert!(why.contains("a chunk at 0x0"), "{why}");
        }
        Ok(())
    }
}
