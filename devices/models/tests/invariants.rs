//! Random scripts of the devices, with what always holds checked after every step: the same as the fuzz targets `rtc`, `serial`
//! and `i8042`.

use devstate_models::{i8042, rtc, scripts, serial};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn of_the_clock(steps in scripts(80)) {
        rtc::run(&steps);
    }

    #[test]
    fn of_the_uart(steps in scripts(120)) {
        serial::run(&steps);
    }

    #[test]
    fn of_the_keyboard_controller(steps in scripts(120)) {
        i8042::run(&steps);
    }
}
