//! A generic mirror. The derive refuses type parameters, since each parameter makes another layout; by hand it is some
//! thirty lines: which fields, in which order, is said once for the schema and once for each direction.

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_versioning::schema::{Field, Schema, Shape, Type, Versions};
use devstate_versioning::wire::{Differ, Layout, Malformed, Reader, VersionOf, Wire, Writer, layout};
use devstate_versioning::{ConversionError, Mirror, Versioned, check_layouts};

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
        Shape::Struct(&[field("rtc", RtcStateSer::TYPE), field("events", E::TYPE)]),
    );
    const LAYOUTS: &'static [u64] = &[layout(Self::SCHEMA, 1)];
    const OPEN: bool = false;
}

const fn field(name: &'static str, ty: &'static Type) -> Field {
    Field {
        name,
        ty,
        versions: Versions::ALWAYS,
        ignorable: false,
    }
}

// What the derive writes for a mirror of its own: a published layout that changes does not compile.
const _: () = check_layouts(
    RtcWithEventsSer::<CountersSer>::SCHEMA,
    RtcWithEventsSer::<CountersSer>::LAYOUTS,
    &[Some(0x2485_7d57_506a_ecff)],
);

impl<'de, R, E> Wire<'de, R> for RtcWithEventsSer<E>
where
    R: VersionOf<Self> + VersionOf<RtcStateSer>,
    E: Wire<'de, R>,
{
    fn encoded_len(&self, release: R) -> usize {
        self.rtc.encoded_len(release) + self.events.encoded_len(release)
    }

    fn encode<W: Writer>(&self, release: R, writer: &mut W) {
        self.rtc.encode(release, writer);
        self.events.encode(release, writer);
    }

    fn decode_into(&mut self, release: R, reader: &mut Reader<'de>) -> Result<(), Malformed> {
        self.rtc.decode_into(release, reader)?;
        self.events.decode_into(release, reader)
    }

    fn lower(&mut self, release: R) -> Result<(), ConversionError> {
        self.rtc.lower(release)?;
        self.events.lower(release)
    }

    fn raise(&mut self, release: R) -> Result<(), ConversionError> {
        self.rtc.raise(release)?;
        self.events.raise(release)
    }

    fn differ(&self, other: &Self, differ: &mut Differ<'_>) {
        differ.field(0, |differ| Wire::<R>::differ(&self.rtc, &other.rtc, differ));
        differ.field(1, |differ| self.events.differ(&other.events, differ));
    }
}
