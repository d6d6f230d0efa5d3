//! A random script for the UART, with every invariant checked after each step.

#![no_main]

use devstate_models::serial;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<serial::Step>| serial::run(&steps));
