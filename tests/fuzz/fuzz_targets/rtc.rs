//! A random script for the clock, with every invariant checked after each step.

#![no_main]

use devstate_models::rtc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<rtc::Step>| rtc::run(&steps));
