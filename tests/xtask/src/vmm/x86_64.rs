//! A PC with a keyboard: a key that is held while the machine is saved is not stuck afterwards.

use anyhow::Result;

use super::host::Machine;
use super::scenario::{
    Guest, SAVED, heading, loses_no_input, refuses_what_is_wrong, survives_a_kill, survives_a_move,
    survives_a_move_back_in_time, survives_an_old_release,
};

/// Arm, for a machine that is not.
const FOREIGN: u8 = 2;
/// Keys as Linux counts them.
const A: u16 = 30;
const SHIFT: u16 = 42;
const CMDLINE: &str = "console=ttyS0 loglevel=1 reboot=k panic=-1";

pub(crate) fn run(machine: &mut Machine) -> Result<()> {
    heading("Linux boots, in QEMU and in minimal-vmm");
    machine.wait_until_up()?;
    let mut guest = Guest::boot(machine, CMDLINE)?;
    has_a_keyboard(&mut guest)?;
    survives_a_kill(&mut guest)?;
    releases_a_held_key(&mut guest)?;
    loses_no_input(&mut guest)?;
    refuses_what_is_wrong(&mut guest, FOREIGN)?;
    survives_a_move(&mut guest)?;
    survives_an_old_release(&mut guest, "serial.")?;
    survives_a_move_back_in_time(&mut guest)?;
    heading("switched off, and reset with Ctrl-Alt-Del");
    guest.types("run poweroff -f\n")?;
    guest.ended("the guest switched off")?;
    let mut guest = Guest::boot(machine, CMDLINE)?;
    guest.types("\x01k")?;
    guest.ended("the guest reset the machine")
}

/// Linux's drivers bind, and see what is pressed.
fn has_a_keyboard(guest: &mut Guest<'_>) -> Result<()> {
    heading("the keyboard, as Linux sees it");
    guest.run(
        "echo driver $(cat /sys/bus/serio/devices/serio0/description)",
        "driver i8042 KBD port",
    )?;
    guest.run("echo name $(cat /sys/class/input/event0/device/name)", "name AT ")?;
    guest.ask("--key a")?;
    guest.sees_key(A, 1)?;
    guest.sees_key(A, 0)?;
    guest.ask("--type aA")?;
    for (key, value) in [(A, 1), (A, 0), (SHIFT, 1), (A, 1), (A, 0), (SHIFT, 0)] {
        guest.sees_key(key, value)?;
    }
    Ok(())
}

/// A key that goes down before the save comes up after the restore.
fn releases_a_held_key(guest: &mut Guest<'_>) -> Result<()> {
    heading("a key is held while the machine is saved, killed and restored");
    guest.ask("--key shift:down")?;
    guest.sees_key(SHIFT, 1)?;
    // This one is still in the controller when the machine is saved.
    guest.ask(&format!("--pause --key a:down --save {SAVED}"))?;
    guest.kill()?;
    guest.restore(SAVED)?;
    guest.sees_key(A, 1)?;
    guest.ask("--key a:up --key shift:up")?;
    guest.sees_key(A, 0)?;
    guest.sees_key(SHIFT, 0)?;
    guest.ask("--key a")?;
    guest.sees_key(A, 1)?;
    guest.sees_key(A, 0)
}
