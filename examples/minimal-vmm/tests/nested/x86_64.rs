//! A PC with a keyboard and a mouse: a key that is held while the machine is on its way is not stuck afterwards.

use anyhow::Result;

use super::guest::{Guest, SAVED};
use super::host::Machine;
use super::journey::Journey;
use super::moves::survives_failed_moves;
use super::scenario::{ends, heading, loses_no_input, names_all, refuses_an_old_release};
use super::snapshots::{refuses_what_is_wrong, survives_a_kill_in_a_save};
use super::terminal::{self, has_a_terminal};

/// A machine that is not one.
const FOREIGN: (u8, &str) = (2, "aarch64");
/// What release 1 does not know of this one, as long as it stands as Linux leaves it.
const LOSSES: [&str; 4] = [
    "serial.fifo_control",
    "platform.i8042.last_read",
    "platform.i8042.keyboard.typematic",
    "platform.i8042.mouse.sample_rate",
];
/// Keys as Linux counts them.
const A: u16 = 30;
const SHIFT: u16 = 42;

pub(crate) fn run(machine: &mut Machine) -> Result<()> {
    heading("Linux boots, in QEMU and in minimal-vmm");
    machine.wait_until_up()?;
    terminal::prepare(machine)?;
    let mut guest = Guest::boot(machine, "console=ttyS0 loglevel=1 reboot=k panic=-1")?;
    has_a_keyboard(&mut guest)?;
    has_a_mouse(&mut guest)?;
    has_a_terminal(&mut guest)?;
    for journey in [Journey::SAVED, Journey::MOVED] {
        releases_a_held_key(&mut guest, journey)?;
        loses_no_input(&mut guest, journey)?;
    }
    survives_a_kill_in_a_save(&mut guest)?;
    refuses_what_is_wrong(&mut guest, FOREIGN)?;
    survives_failed_moves(&mut guest, &LOSSES)?;
    refuses_an_old_release(&mut guest, &LOSSES)?;
    for journey in [Journey::MOVED_AT_RELEASE_1, Journey::SAVED_AT_RELEASE_1] {
        releases_a_held_key_at_release_1(&mut guest, journey)?;
    }
    ends(&mut guest)?;
    guest.goes_back(SAVED)?;
    guest.types("\x01k")?;
    println!("   typed: Ctrl-A k");
    guest.ended("the guest reset the machine")?;
    guest.shares().check()
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
    sees_a(guest)?;
    guest.ask("--type aA")?;
    for (key, value) in [(A, 1), (A, 0), (SHIFT, 1), (A, 1), (A, 0), (SHIFT, 0)] {
        guest.sees_key(key, value)?;
    }
    Ok(())
}

fn sees_a(guest: &mut Guest<'_>) -> Result<()> {
    guest.sees_key(A, 1)?;
    guest.sees_key(A, 0)
}

/// Linux finds it. This kernel has no driver for it but the one that hands its bytes on.
fn has_a_mouse(guest: &mut Guest<'_>) -> Result<()> {
    heading("the mouse, as Linux sees it");
    guest.run(
        "echo port $(cat /sys/bus/serio/devices/serio1/description)",
        "port i8042 AUX port",
    )?;
    guest.run(
        "insmod /modules/serio_raw.ko; echo -n serio_raw >/sys/bus/serio/devices/serio1/drvctl; exec 5<>/dev/serio_raw0; echo opened",
        "opened",
    )?;
    mouse_answers(guest, "identify", "\\362", "fa 00 ")?;
    mouse_answers(guest, "40 samples a second", "\\363\\050", "fa fa ")?;
    mouse_still_has_its_rate(guest)
}

fn mouse_still_has_its_rate(guest: &mut Guest<'_>) -> Result<()> {
    mouse_answers(guest, "status", "\\351", "fa 00 02 28 ")
}

fn mouse_answers(guest: &mut Guest<'_>, what: &str, question: &str, answer: &str) -> Result<()> {
    let len = answer.len() / 3;
    guest.run(
        &format!(
            "printf '{question}' >&5; echo '{what}:' $(dd bs=1 count={len} <&5 2>/dev/null | hexdump -v -e '1/1 \"%02x \"')"
        ),
        &format!("{what}: {}", answer.trim_end()),
    )?;
    Ok(())
}

/// A key that goes down before the journey comes up after it.
fn releases_a_held_key(guest: &mut Guest<'_>, journey: Journey) -> Result<()> {
    heading(&format!("a key is held while it is {journey}"));
    guest.ask("--key shift:down")?;
    guest.sees_key(SHIFT, 1)?;
    // This one is still in the controller when the machine leaves.
    guest.goes(journey, "--key a:down", "")?;
    guest.sees_key(A, 1)?;
    guest.ask("--key a:up --key shift:up")?;
    guest.sees_key(A, 0)?;
    guest.sees_key(SHIFT, 0)?;
    guest.ask("--key a")?;
    sees_a(guest)?;
    mouse_still_has_its_rate(guest)
}

/// Release 1 knows no keyboard: what has not been read is lost, and said to be. What is held can be released.
fn releases_a_held_key_at_release_1(guest: &mut Guest<'_>, journey: Journey) -> Result<()> {
    heading(&format!("a key is held while it is {journey}"));
    guest.ask("--key shift:down")?;
    guest.sees_key(SHIFT, 1)?;
    let losses = guest.goes(journey, "--key a:down", "")?;
    names_all(
        &losses,
        &["platform.i8042.keyboard.codes", "platform.i8042.keyboard.held"],
    )?;
    guest.ask("--key shift:up")?;
    guest.sees_key(SHIFT, 0)?;
    guest.ask("--key a")?;
    sees_a(guest)?;
    guest.hears("hello from the past")
}
