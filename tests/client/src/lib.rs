//! A product that uses the family from outside: states of its own, a generic mirror by hand, and a way through
//! `Versionize` for as long as its snapshots are written with that.

pub mod board;
pub mod console;
pub mod generic;
pub mod versionize_carrier;

use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_versioning::release_table;

release_table! {
    /// What this product has shipped.
    pub enum Release { V1 = 1 @ 0x44cb_3f37_9634_e9ef, V2 = 2 @ open }
    RtcStateSer                                    => [1, 2],
    SerialStateSer                                 => [1, 2],
    console::ConsoleSer                            => [1, 1],
    board::BoardSer                                => [1, 2],
    generic::RtcWithEventsSer<generic::CountersSer> => [_, 1],
    generic::CountersSer                           => [_, 1],
}
