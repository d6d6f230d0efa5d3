//! A machine without the trait is given to the keyboard controller.
use devstate_core::NoInterrupt;
use devstate_i8042::I8042;

#[derive(Default)]
pub struct Machine {
    pub resets: u32,
}

fn main() {
    let mut machine = Machine::default();
    let _i8042 = I8042::new(NoInterrupt, NoInterrupt, &mut machine);
}
