//! A life of the UART, with everything that must hold of it checked after each step.

#![no_main]

use devstate_tests::invariants::serial;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<serial::Step>| serial::live(&steps));
