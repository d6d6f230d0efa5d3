//! A byte field that each encoder copies in one go.

use std::io::{Read, Write};

use devstate_versioning::schema::Type;
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, Versions, Wire, Writer};
use heapless::Vec;
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write as CborWrite};
use minicbor::{Decode, Encode};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use versionize::{VersionMap, Versionize, VersionizeError, VersionizeResult};

/// At most sixteen bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bytes(pub Vec<u8, 16>);

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Vec::from_slice(bytes).unwrap_or_default())
    }
}

impl Layout for Bytes {
    const TYPE: &'static Type = Vec::<u8, 16>::TYPE;
}

/// As the vector within.
impl<'de, V: Versions> Wire<'de, V> for Bytes {
    #[inline]
    fn encoded_len(&self, at: V) -> usize {
        self.0.encoded_len(at)
    }

    #[inline]
    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        self.0.encode(at, writer);
    }

    #[inline]
    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.0.decode_into(at, reader)
    }

    #[inline]
    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        self.0.differ(&other.0, at, differ);
    }
}

/// As `serde_bytes` does it.
impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("at most sixteen bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                let bytes = Vec::from_slice(bytes);
                bytes.map(Bytes).map_err(|_| E::invalid_length(17, &self))
            }

            // JSON has no bytes.
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte).map_err(|_| A::Error::invalid_length(17, &self))?;
                }
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_bytes(Visit)
    }
}

impl<C> Encode<C> for Bytes {
    fn encode<W: CborWrite>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Bytes {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let bytes = Vec::from_slice(decoder.bytes()?);
        bytes
            .map(Self)
            .map_err(|_| DecodeError::message("more than sixteen bytes"))
    }
}

/// A length of one byte and the bytes: less than versionize does for a `Vec<u8>`, which it takes apart.
impl Versionize for Bytes {
    fn serialize<W: Write>(&self, writer: &mut W, _: &VersionMap, _: u16) -> VersionizeResult<()> {
        let io = |error: std::io::Error| VersionizeError::Io(error.raw_os_error().unwrap_or(0));
        writer.write_all(&[self.0.len() as u8]).map_err(io)?;
        writer.write_all(&self.0).map_err(io)
    }

    fn deserialize<R: Read>(reader: &mut R, _: &VersionMap, _: u16) -> VersionizeResult<Self> {
        let io = |error: std::io::Error| VersionizeError::Io(error.raw_os_error().unwrap_or(0));
        let (mut length, mut bytes) = ([0], Vec::new());
        reader.read_exact(&mut length).map_err(io)?;
        let length = usize::from(length[0]);
        bytes
            .resize_default(length)
            .map_err(|_| VersionizeError::VecLength(length))?;
        reader.read_exact(&mut bytes).map_err(io)?;
        Ok(Self(bytes))
    }

    fn version() -> u16 {
        1
    }
}
