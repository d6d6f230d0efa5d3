//! Random lives of the devices, with what always holds checked after every step: the same as the fuzz targets `rtc`, `serial`
//! and `i8042`.

use devstate_tests::invariants::{i8042, lives, rtc, serial};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn of_the_clock(steps in lives(80)) {
        rtc::live(&steps);
    }

    #[test]
    fn of_the_uart(steps in lives(120)) {
        serial::live(&steps);
    }

    #[test]
    fn of_the_keyboard_controller(steps in lives(120)) {
        i8042::live(&steps);
    }
}
