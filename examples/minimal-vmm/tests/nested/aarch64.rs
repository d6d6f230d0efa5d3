//! An Arm machine with a clock: an alarm that is set before the save goes off after the restore, once.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::guest::{Guest, SAVED};
use super::host::Machine;
use super::journey::Journey;
use super::moves::survives_failed_moves;
use super::scenario::{ends, heading, loses_no_input, refuses_an_old_release, survives};
use super::snapshots::{refuses_what_is_wrong, survives_a_kill_in_a_save};
use super::terminal::{self, has_a_terminal};

/// A machine that is not one.
const FOREIGN: (u8, &str) = (1, "x86_64");
/// What release 1 does not know of this one.
const LOSSES: [&str; 2] = ["serial.fifo_control", "platform.rtc.host_offset"];
/// When people had counted that many seconds.
const BILLENNIUM: u64 = 1_000_000_000;

pub(crate) fn run(machine: &mut Machine) -> Result<()> {
    heading("Linux boots, in QEMU and in minimal-vmm");
    machine.wait_until_up()?;
    terminal::prepare(machine)?;
    let mut guest = Guest::boot(machine, "console=ttyS0 loglevel=1 panic=-1")?;
    keeps_time(&mut guest)?;
    has_a_terminal(&mut guest)?;
    let wakings = alarms(&mut guest)?;
    wakes_after_the_restore(&mut guest)?;
    wakes_at_the_restore(&mut guest)?;
    for journey in [Journey::SAVED, Journey::MOVED] {
        loses_no_input(&mut guest, journey)?;
    }
    survives_a_kill_in_a_save(&mut guest)?;
    refuses_what_is_wrong(&mut guest, FOREIGN)?;
    survives_failed_moves(&mut guest, &LOSSES)?;
    refuses_an_old_release(&mut guest, &LOSSES)?;
    for journey in [Journey::MOVED_AT_RELEASE_1, Journey::SAVED_AT_RELEASE_1] {
        survives(&mut guest, journey)?;
    }
    heading("the alarms, after all of this");
    let wakings = alarms(&mut guest)? - wakings;
    ensure!(wakings == 2, "two alarms were set, and {wakings} went off");
    ends(&mut guest)?;
    guest.shares().check()
}

/// Linux's driver binds; the clock shows the host's time and takes another.
fn keeps_time(guest: &mut Guest<'_>) -> Result<()> {
    heading("the clock, as Linux sees it");
    guest.run("echo driver $(cat /sys/class/rtc/rtc0/name)", "driver rtc-pl031")?;
    let before = host_time(guest)?;
    let shown = hardware_clock(guest)?;
    let after = host_time(guest)?;
    ensure!(
        (before..=after).contains(&shown),
        "the guest's clock shows {shown}, and the host's {before} before and {after} after"
    );
    let start = Instant::now();
    guest.run(
        &format!("date -s @{BILLENNIUM} >/dev/null; hwclock -u -w && echo set"),
        "set",
    )?;
    let shown = hardware_clock(guest)?;
    let latest = BILLENNIUM + start.elapsed().as_secs() + 1;
    ensure!(
        (BILLENNIUM..=latest).contains(&shown),
        "the guest's clock was set to {BILLENNIUM} and shows {shown}"
    );
    Ok(())
}

/// What `hwclock` reads, in seconds since 1970.
fn hardware_clock(guest: &mut Guest<'_>) -> Result<u64> {
    let shown = guest.run("echo hwclock: $(hwclock -r -u)", "hwclock: ")?;
    // As in `Sun Sep  9 01:46:40 2001  0.000000 seconds`.
    let words: Vec<&str> = shown.split_whitespace().collect();
    let [_, _, month, day, time, year, ..] = words.as_slice() else {
        bail!("hwclock shows no time");
    };
    let command = format!("date -u -D '%b %d %T %Y' -d '{month} {day} {time} {year}' +%s");
    guest.host().run(&command)?.parse().context("not a number of seconds")
}

fn host_time(guest: &mut Guest<'_>) -> Result<u64> {
    guest.host().run("date +%s")?.parse().context("not a number of seconds")
}

/// An alarm that is still to come when the machine has been restored. It comes in time although the host's clock is set
/// forward and back meanwhile: a machine that runs counts by a clock that is never set.
fn wakes_after_the_restore(guest: &mut Guest<'_>) -> Result<()> {
    heading("an alarm that falls due after the restore");
    let before = alarms(guest)?;
    let due = set_alarm(guest, 60)?;
    guest.goes(Journey::SAVED, "", "")?;
    guest.run(
        &format!("alarm=$(cat {WAKEALARM}); echo ${{alarm:+still to come}}, {ALARMS} so far"),
        &format!("still to come, {before} so far"),
    )?;
    let start = since_epoch(guest)?;
    guest.host().run("date -s @$(($(date +%s) + 3600))")?;
    let forward = since_epoch(guest)?;
    guest.host().run("date -s @$(($(date +%s) - 7200))")?;
    let back = since_epoch(guest)?;
    ensure!(
        start <= forward && forward <= back && back < start + 60,
        "the guest's clock showed {start}, {forward} and {back} while the host's was set"
    );
    wakes_once(guest, due, before)?;
    let late = since_epoch(guest)?.saturating_sub(due);
    guest.host().run("date -s @$(($(date +%s) + 3600))")?;
    ensure!(late < 60, "the alarm came {late} s late");
    Ok(())
}

/// An alarm in an hour, while the machine lies in a file for two.
fn wakes_at_the_restore(guest: &mut Guest<'_>) -> Result<()> {
    heading("an alarm that falls due while the machine lies in a file");
    let before = alarms(guest)?;
    let due = set_alarm(guest, 3600)?;
    guest.ask(&format!("--pause --save {SAVED}"))?;
    guest.kill()?;
    guest.host().run("date -s @$(($(date +%s) + 7200))")?;
    guest.restore(SAVED)?;
    wakes_once(guest, due + 3600, before)
}

/// The alarm that is set goes off, when the clock shows `earliest` or more, and no other does.
fn wakes_once(guest: &mut Guest<'_>, earliest: u64, before: u64) -> Result<()> {
    let woke = guest.run(
        &format!("while [ -n \"$(cat {WAKEALARM})\" ]; do usleep 100000; done; echo woke at $(cat {SINCE_EPOCH})"),
        "woke at ",
    )?;
    let woke = number_at_the_end(&woke)?;
    ensure!(woke >= earliest, "woken at {woke}, which is not yet {earliest}");
    guest.run(
        &format!("sleep 2; echo alarms {ALARMS}"),
        &format!("alarms {}", before + 1),
    )?;
    Ok(())
}

const ALARMS: &str = "$(grep rtc-pl031 /proc/interrupts | awk '{ print $2 }')";
const WAKEALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
const SINCE_EPOCH: &str = "/sys/class/rtc/rtc0/since_epoch";

/// How many have gone off.
fn alarms(guest: &mut Guest<'_>) -> Result<u64> {
    number_at_the_end(&guest.run(&format!("echo alarms {ALARMS}"), "alarms ")?)
}

/// Returns the time for which it is set, as the guest's clock counts.
fn set_alarm(guest: &mut Guest<'_>, seconds: u64) -> Result<u64> {
    let set = guest.run(
        &format!("echo +{seconds} >{WAKEALARM}; echo set for $(cat {WAKEALARM})"),
        "set for ",
    )?;
    number_at_the_end(&set)
}

fn since_epoch(guest: &mut Guest<'_>) -> Result<u64> {
    number_at_the_end(&guest.run(&format!("echo now $(cat {SINCE_EPOCH})"), "now ")?)
}

fn number_at_the_end(line: &str) -> Result<u64> {
    let word = line.split_whitespace().last().context("an empty line")?;
    word.parse().with_context(|| format!("`{line}` ends with no number"))
}
