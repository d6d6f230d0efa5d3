//! A mirror by hand has a part, and no version of it for one of its own versions.
use devstate_versioning::schema::{Field, Presence, Schema, Shape, Type};
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, VersionOf, Wire, Writer, layout};
use devstate_versioning::{Mirror, Versioned, release_table};

#[derive(Versioned, Clone, Default)]
#[versioned(version = 1, layouts(open))]
pub struct BulbSer {
    pub level: u8,
}

#[derive(Clone, Default)]
pub struct LampSer {
    pub bulb: BulbSer,
}

impl Layout for LampSer {
    const TYPE: &'static Type = &Type::Mirror(Self::SCHEMA);
}

impl Mirror for LampSer {
    const SCHEMA: &'static Schema = &Schema::new(
        "LampSer",
        2,
        Shape::Struct(&[Field {
            parts: &[1],
            ..Field::new("bulb", BulbSer::TYPE, Presence::ALWAYS)
        }]),
    );
    const LAYOUTS: &'static [u64] = &[layout(Self::SCHEMA, 1), layout(Self::SCHEMA, 2)];
    const OPEN: bool = true;
}

impl<'de, V> Wire<'de, V> for LampSer
where
    V: VersionOf<Self>,
    V::Part: VersionOf<BulbSer>,
{
    fn encoded_len(&self, at: V) -> usize {
        self.bulb.encoded_len(at.part(1))
    }

    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        self.bulb.encode(at.part(1), writer);
    }

    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.bulb.decode_into(at.part(1), reader)
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        differ.field(0, |differ| self.bulb.differ(&other.bulb, at.part(1), differ));
    }
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    LampSer => [2],
}

fn main() {}
