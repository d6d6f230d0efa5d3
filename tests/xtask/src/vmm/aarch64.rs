//! An Arm machine with a clock: an alarm that is set before the save goes off after the restore, once.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::host::Machine;
use super::scenario::{
    Guest, SAVED, heading, loses_no_input, refuses_what_is_wrong, survives_a_kill, survives_a_move,
    survives_a_move_back_in_time, survives_an_old_release,
};

/// x86-64, for a machine that is not.
const FOREIGN: u8 = 1;

pub(crate) fn run(machine: &mut Machine) -> Result<()> {
    heading("Linux boots, in QEMU and in minimal-vmm");
    machine.wait_until_up()?;
    let mut guest = Guest::boot(machine, "console=ttyS0 loglevel=1 panic=-1")?;
    keeps_time(&mut guest)?;
    survives_a_kill(&mut guest)?;
    wakes_once(&mut guest, "that falls due after the restore", 10, 0)?;
    wakes_once(&mut guest, "that falls due while the machine lies in a file", 4, 6)?;
    loses_no_input(&mut guest)?;
    refuses_what_is_wrong(&mut guest, FOREIGN)?;
    survives_a_move(&mut guest)?;
    survives_an_old_release(&mut guest, "serial.")?;
    survives_a_move_back_in_time(&mut guest)?;
    heading("switched off");
    guest.types("run poweroff -f\n")?;
    guest.ended("the guest switched off")
}

/// Linux's driver binds; the clock shows the host's time and takes another.
fn keeps_time(guest: &mut Guest<'_>) -> Result<()> {
    heading("the clock, as Linux sees it");
    guest.run("echo driver $(cat /sys/class/rtc/rtc0/name)", "driver rtc-pl031")?;
    let here = seconds(&guest.run("echo shows $(cat /sys/class/rtc/rtc0/since_epoch)", "shows ")?)?;
    let there = seconds(&format!("shows {}", guest.host().run("date +%s")?))?;
    ensure!(
        here.abs_diff(there) <= 30,
        "the guest's clock shows {here}, the host's {there}"
    );
    guest.run(
        "date -s @1000000000 >/dev/null; hwclock -u -w; echo set to $(cat /sys/class/rtc/rtc0/since_epoch)",
        "set to 10000000",
    )?;
    Ok(())
}

/// An alarm is set, the machine saved, killed, left alone for `asleep` seconds and restored.
fn wakes_once(guest: &mut Guest<'_>, which: &str, due: u32, asleep: u64) -> Result<()> {
    heading(&format!("an alarm {which}"));
    let alarms = "$(grep rtc-pl031 /proc/interrupts | awk '{ print $2 }')";
    let before = seconds(&guest.run(&format!("echo alarms {alarms}"), "alarms ")?)?;
    guest.run(
        &format!("echo +{due} >/sys/class/rtc/rtc0/wakealarm; echo set for $(cat /sys/class/rtc/rtc0/wakealarm)"),
        "set for ",
    )?;
    guest.ask(&format!("--pause --save {SAVED}"))?;
    guest.kill()?;
    sleep(Duration::from_secs(asleep));
    guest.restore(SAVED)?;
    // Longer than the alarm could take, and long enough for a second one that must not come.
    guest.run(
        &format!("while [ -n \"$(cat /sys/class/rtc/rtc0/wakealarm)\" ]; do usleep 100000; done; sleep 2; echo alarms {alarms}"),
        &format!("alarms {}", before + 1),
    )?;
    // Once more from another process, where it must stay away.
    guest.save_kill_restore("")?;
    guest.run(&format!("echo alarms {alarms}"), &format!("alarms {}", before + 1))?;
    Ok(())
}

fn seconds(line: &str) -> Result<u64> {
    let word = line.split_whitespace().last().context("an empty line")?;
    word.parse().with_context(|| format!("`{line}` ends with no number"))
}
