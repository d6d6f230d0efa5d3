//! A life of the keyboard controller, with everything that must hold of it checked after each step.

#![no_main]

use devstate_tests::invariants::i8042;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<i8042::Step>| i8042::live(&steps));
