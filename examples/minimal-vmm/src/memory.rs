//! The guest's memory.

use anyhow::{Context, Result, ensure};
use devstate_host::image::{CHUNK_LEN, GuestMemory};
use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryError, GuestMemoryMmap, GuestMemoryRegion};

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
            (16 << 20..=3 << 30).contains(&len) && len.is_multiple_of(CHUNK_LEN as u64),
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
}

impl GuestMemory for Memory {
    type Error = GuestMemoryError;

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), GuestMemoryError> {
        self.map.read_slice(bytes, GuestAddress(self.start + offset))
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), GuestMemoryError> {
        self.map.write_slice(bytes, GuestAddress(self.start + offset))
    }
}

#[cfg(test)]
mod tests {
    use devstate_host::image;

    use super::*;

    const LEN: u64 = 16 << 20;
    const START: u64 = 0x8000_0000;

    #[test]
    fn an_image_brings_back_the_memory_at_the_guests_addresses() -> Result<()> {
        let memory = Memory::new(START, LEN)?;
        memory.map().write_slice(b"first", GuestAddress(START))?;
        memory.map().write_slice(b"last", GuestAddress(START + LEN - 4))?;
        let mut bytes = Vec::new();
        image::write(&memory, 7, &mut bytes)?;
        let loaded = Memory::new(START, LEN)?;
        image::read(&loaded, 7, &mut bytes.as_slice())?;
        let mut found = [0; 5];
        loaded.map().read_slice(&mut found, GuestAddress(START))?;
        assert_eq!(&found, b"first");
        loaded.map().read_slice(&mut found, GuestAddress(START + LEN - 5))?;
        assert_eq!(&found, b"\0last");
        assert!(Memory::new(0, 1 << 40).is_err());
        Ok(())
    }
}
