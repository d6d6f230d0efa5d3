//! Corrected.
use devstate_core::NoInterrupt;
use devstate_i8042::{I8042, SystemControl};

#[derive(Default)]
pub struct Machine {
    pub resets: u32,
}

impl SystemControl for Machine {
    fn reset(&mut self) {
        self.resets += 1;
    }
}

pub fn main() {
    let mut machine = Machine::default();
    let _i8042 = I8042::new(NoInterrupt, NoInterrupt, &mut machine);
}
