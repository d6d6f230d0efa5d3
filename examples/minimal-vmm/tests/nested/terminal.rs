//! The terminal that a VMM runs in: its window, the keys that are not for the guest, and how it is left.

use anyhow::Result;

use super::guest::Guest;
use super::host::Machine;
use super::scenario::heading;

const LINES: u32 = 33;
const COLUMNS: u32 = 99;

/// A terminal as a person has it: with a window, and so that keys are seen and can be taken back.
pub(crate) fn prepare(machine: &mut Machine) -> Result<()> {
    machine.run(&format!("stty -F $terminal sane rows {LINES} cols {COLUMNS}"))?;
    machine
        .run("before=$(stty -F $terminal -g); echo terminal $before")
        .map(drop)
}

/// The guest knows the window; Ctrl-A s saves it, Ctrl-A x ends the VMM, and the terminal is as it was.
pub(crate) fn has_a_terminal(guest: &mut Guest<'_>) -> Result<()> {
    heading("the VMM's terminal: its window, Ctrl-A s, Ctrl-A x");
    guest.run(
        "echo window: $LINES lines, $COLUMNS columns",
        &format!("window: {LINES} lines, {COLUMNS} columns"),
    )?;
    guest.host().run("[ \"$(stty -F $terminal -g)\" != \"$before\" ]")?;
    guest.run("state='as it was saved'; echo noted", "noted")?;
    guest.types("\x01s")?;
    println!("   typed: Ctrl-A s");
    let report = "until grep 'saved at release' $log; do usleep 100000; done";
    let report = guest.host().run(report)?;
    guest.note_saves(&report)?;
    guest.run("state='as it went on'; echo noted", "noted")?;
    // Both keys were for the VMM alone, or this would not be the line that the guest hears.
    guest.hears("what else is typed")?;
    guest.types("\x01x")?;
    println!("   typed: Ctrl-A x");
    guest.ended("ended")?;
    guest.host().run("[ \"$(stty -F $terminal -g)\" = \"$before\" ]")?;
    // Later on, what is typed while no VMM runs must wait as it is.
    guest.host().run("stty -F $terminal raw -echo")?;
    guest.goes_back("minimal-vmm.saved")?;
    guest.run("echo $state", "as it was saved")?;
    guest.host().run("rm -r minimal-vmm.saved").map(drop)
}
