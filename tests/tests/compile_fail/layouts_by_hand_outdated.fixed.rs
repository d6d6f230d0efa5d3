//! Corrected.
use devstate_versioning::schema::{Field, Presence, Schema, Shape, Type};
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, VersionOf, Wire, Writer, layout};
use devstate_versioning::{Mirror, release_table};

#[derive(Clone, Default)]
pub struct TimerSer {
    pub count: u32,
}

impl Layout for TimerSer {
    const TYPE: &'static Type = &Type::Mirror(Self::SCHEMA);
}

impl Mirror for TimerSer {
    const SCHEMA: &'static Schema = &Schema::new(
        "TimerSer",
        1,
        Shape::Struct(&[Field::new("count", u32::TYPE, Presence::ALWAYS)]),
    );
    const LAYOUTS: &'static [u64] = &[layout(Self::SCHEMA, 1)];
    const OPEN: bool = false;
}

impl<'de, V: VersionOf<Self>> Wire<'de, V> for TimerSer {
    fn encoded_len(&self, _at: V) -> usize {
        4
    }

    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        self.count.encode(at, writer);
    }

    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.count.decode_into(at, reader)
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        differ.field(0, |differ| self.count.differ(&other.count, at, differ));
    }
}

release_table! {
    pub enum Release { V1 = 1 @ open }
    TimerSer => [1],
}
