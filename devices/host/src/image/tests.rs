//! Images of a memory that is a vector.

use std::cell::RefCell;

use super::*;

const LEN: usize = 1 << 20;

struct Ram(RefCell<Vec<u8>>);

#[derive(Debug)]
struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such memory")
    }
}

impl error::Error for OutOfMemory {}

impl Ram {
    fn new(len: usize) -> Self {
        Self(RefCell::new(vec![0; len]))
    }
}

impl GuestMemory for Ram {
    type Error = OutOfMemory;

    fn len(&self) -> u64 {
        self.0.borrow().len() as u64
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), OutOfMemory> {
        let end = offset as usize + bytes.len();
        bytes.copy_from_slice(self.0.borrow().get(offset as usize..end).ok_or(OutOfMemory)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let end = offset as usize + bytes.len();
        let mut all = self.0.borrow_mut();
        all.get_mut(offset as usize..end)
            .ok_or(OutOfMemory)?
            .copy_from_slice(bytes);
        Ok(())
    }
}

fn image() -> Vec<u8> {
    let memory = Ram::new(LEN);
    memory.write(0, b"first").unwrap();
    memory.write(LEN as u64 - 4, b"last").unwrap();
    let mut image = Vec::new();
    write(&memory, 7, &mut image).unwrap();
    image
}

fn loaded(image: &[u8], id: u64, len: usize) -> Result<Ram, ImageError<OutOfMemory>> {
    let memory = Ram::new(len);
    read(&memory, id, &mut &*image)?;
    Ok(memory)
}

#[test]
fn an_image_has_what_was_touched_and_brings_it_back() {
    let image = image();
    assert_eq!(image.len(), 24 + 2 * (8 + CHUNK_LEN) + 16);
    let memory = loaded(&image, 7, LEN).unwrap().0.into_inner();
    assert!(memory.starts_with(b"first\0") && memory.ends_with(b"\0last"));
    assert_eq!(memory.iter().filter(|byte| **byte != 0).count(), 9);
}

/// Builds of every age read each other's images.
#[test]
fn the_bytes_of_an_image_are_those_of_every_release() {
    let memory = Ram::new(2 * CHUNK_LEN);
    memory.write(CHUNK_LEN as u64, &vec![0xa5; CHUNK_LEN]).unwrap();
    let mut image = Vec::new();
    write(&memory, 0x0123_4567_89ab_cdef, &mut image).unwrap();
    let mut expected = b"DVMMRAM1\xef\xcd\xab\x89\x67\x45\x23\x01\0\0\x02\0\0\0\0\0".to_vec();
    expected.extend(b"\0\0\x01\0\0\0\0\0");
    expected.resize(expected.len() + CHUNK_LEN, 0xa5);
    expected.extend([0xff; 8]);
    let (bytes, sum) = image.split_at(image.len() - 8);
    assert!(bytes == expected, "an image is something else than it always was");
    // CRC-64/XZ, a bit at a time.
    let computed = bytes.iter().fold(u64::MAX, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xc96c_5795_d787_0f42 & (sum & 1).wrapping_neg())
        })
    });
    assert_eq!(sum, (!computed).to_le_bytes());
}

#[test]
fn an_image_that_is_not_right_is_refused_and_says_why() {
    let image = image();
    let why = |image: &[u8], id, len| loaded(image, id, len).map(drop).unwrap_err();
    assert!(matches!(
        why(&image, 8, LEN),
        ImageError::OtherMachine { found: 7, expected: 8 }
    ));
    assert!(matches!(
        why(&image, 7, 2 * LEN),
        ImageError::Length {
            found: 0x10_0000,
            expected: 0x20_0000
        }
    ));
    for len in [0, 7, 23, 31, 24 + 8 + CHUNK_LEN, image.len() - 9, image.len() - 1] {
        assert!(matches!(why(&image[..len], 7, LEN), ImageError::Truncated), "{len}");
    }
    for (at, part) in [
        (0, "no memory image"),
        (30, "out of range"),
        (40, "damaged"),
        (image.len() - 1, "damaged"),
    ] {
        let mut damaged = image.clone();
        damaged[at] ^= 0x80;
        let why = why(&damaged, 7, LEN).to_string();
        assert!(why.contains(part), "{at}: {why}");
    }
}

#[test]
fn no_chunk_comes_twice_or_out_of_order() {
    let image = image();
    let (header, chunks) = image.split_at(24);
    let (first, rest) = chunks.split_at(8 + CHUNK_LEN);
    let (last, end) = rest.split_at(8 + CHUNK_LEN);
    for parts in [[header, first, first, end], [header, last, first, end]] {
        let refused = loaded(&parts.concat(), 7, LEN).map(drop);
        assert!(matches!(refused, Err(ImageError::Chunk { offset: 0 })));
    }
}

#[test]
fn what_fails_is_named() {
    let mut small = [0; 100];
    write(&Ram::new(CHUNK_LEN), 7, &mut small.as_mut_slice()).unwrap();
    let busy = Ram::new(CHUNK_LEN);
    busy.write(0, b"x").unwrap();
    let error = write(&busy, 7, &mut small.as_mut_slice()).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), ErrorKind::WriteZero);
    let odd = write(&Ram::new(CHUNK_LEN + 1), 7, &mut Vec::new()).unwrap_err();
    assert!(matches!(odd, ImageError::PartOfAChunk { len: 65_537 }), "{odd}");
    assert!(io::Error::from(odd).to_string().contains("65537 bytes"));
}
