//! The reference machine, with used devices.

use crate::states;
use devstate_replay::{MachineState, MachineStateSer};

pub(crate) fn machines() -> impl Iterator<Item = MachineStateSer> {
    let devices = states::rtcs().zip(states::serials()).zip(states::i8042s());
    devices
        .enumerate()
        .map(|(events, ((rtc, serial), i8042))| MachineStateSer {
            rtc,
            serial,
            i8042,
            events: events as u64,
        })
}

#[test]
fn each_is_one_that_can_be_restored() {
    for mirror in machines() {
        let state = MachineState::try_from(&mirror).unwrap();
        assert_eq!(MachineStateSer::new(&state), mirror);
    }
}
