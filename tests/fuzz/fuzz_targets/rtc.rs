//! A life of the clock, with everything that must hold of it checked after each step.

#![no_main]

use devstate_tests::invariants::rtc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<rtc::Step>| rtc::live(&steps));
