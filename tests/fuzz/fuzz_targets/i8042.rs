//! A random script for the keyboard controller, with every invariant checked after each step.

#![no_main]

use devstate_models::i8042;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|steps: Vec<i8042::Step>| i8042::run(&steps));
