//! A generic mirror. The derive refuses type parameters, since each parameter makes another layout; by hand it is some
//! thirty lines: which fields, in which order, is said once for the schema and once for each direction.

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_versioning::schema::{Field, Presence, Schema, Shape, Type};
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, VersionOf, Wire, Writer, check_layouts, layout};
use devstate_versioning::{ConversionError, Mirror, Versioned};

/// The clock together with whatever counts its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RtcWithEventsSer<E> {
    pub rtc: RtcStateSer,
    pub events: E,
}

/// One thing that counts events.
#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x0a98_f015_ebe5_f2ee))]
pub struct CountersSer {
    pub invalid_reads: u64,
    pub invalid_writes: u64,
}

impl<E: Layout> Layout for RtcWithEventsSer<E> {
    const TYPE: &'static Type = &Type::Mirror(Self::SCHEMA);
}

impl<E: Layout> Mirror for RtcWithEventsSer<E> {
    const SCHEMA: &'static Schema = &Schema::new(
        "RtcWithEventsSer",
        1,
        Shape::Struct(&[
            Field::new("rtc", RtcStateSer::TYPE, Presence::ALWAYS),
            Field::new("events", E::TYPE, Presence::ALWAYS),
        ]),
    );
    const LAYOUTS: &'static [u64] = &[layout(Self::SCHEMA, 1)];
    const OPEN: bool = false;
}

// What the derive writes for a mirror of its own: a published layout that changes does not compile.
const _: () = check_layouts(
    RtcWithEventsSer::<CountersSer>::SCHEMA,
    RtcWithEventsSer::<CountersSer>::LAYOUTS,
    &[Some(0x2485_7d57_506a_ecff)],
);

impl<'de, V, E> Wire<'de, V> for RtcWithEventsSer<E>
where
    V: VersionOf<Self> + VersionOf<RtcStateSer>,
    E: Wire<'de, V>,
{
    fn encoded_len(&self, at: V) -> usize {
        self.rtc.encoded_len(at) + self.events.encoded_len(at)
    }

    fn encode<W: Writer>(&self, at: V, writer: &mut W) {
        self.rtc.encode(at, writer);
        self.events.encode(at, writer);
    }

    fn decode_into(&mut self, at: V, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.rtc.decode_into(at, reader)?;
        self.events.decode_into(at, reader)
    }

    fn downgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.rtc.downgrade(at)?;
        self.events.downgrade(at)
    }

    fn upgrade(&mut self, at: V) -> Result<(), ConversionError> {
        self.rtc.upgrade(at)?;
        self.events.upgrade(at)
    }

    fn differ(&self, other: &Self, at: V, differ: &mut Differ<'_>) {
        differ.field(0, |differ| self.rtc.differ(&other.rtc, at, differ));
        differ.field(1, |differ| self.events.differ(&other.events, at, differ));
    }
}
