//! Runs a small guest on the devices, with the terminal as its console. Ctrl-D ends it.

mod guest;

use std::fs::File;
use std::io::{stdin, stdout};
use std::os::fd::AsFd;
use std::thread;

use anyhow::Result;
use devstate_rust_vmm_example::Vmm;
use vmm_sys_util::terminal::Terminal;

fn main() -> Result<()> {
    let input = File::from(stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(stdout().as_fd().try_clone_to_owned()?);
    let vmm = Vmm::new(input, output)?;
    let bus = vmm.bus()?;
    // Without a terminal there is no mode to set.
    let is_terminal = stdin().lock().set_raw_mode().is_ok();
    thread::spawn(move || guest::run(&bus));
    let result = vmm.run();
    if is_terminal {
        stdin().lock().set_canon_mode()?;
    }
    result
}
