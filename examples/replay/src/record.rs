//! `replay record`: makes a trace of a guest of one's own.

mod halfway;
mod lines;
mod serial;

use anyhow::{Context, Result, ensure};
use devstate_replay::Trace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Records what a guest under QEMU does to its UART, keyboard controller and PL031, as a trace for `replay`.
///
/// QEMU runs with the given arguments and with its trace events switched on. When it ends, they become a trace. Type, move
/// the mouse, let the guest power off.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The trace to write
    trace: PathBuf,

    /// Take this log of QEMU's trace events and run nothing
    #[arg(long, conflicts_with = "qemu", required_unless_present = "qemu")]
    log: Option<PathBuf>,

    /// Stop the guest once, write its devices to this file, and let it go on; the trace has a comment where that was
    ///
    /// The file is trimmed, as by `devstate qemu trim`. `devstate qemu import` makes a snapshot of it, and
    /// `replay --at N --from SNAPSHOT` goes on with the rest of the trace.
    #[arg(long, value_name = "FILE", requires = "qemu")]
    halfway: Option<PathBuf>,

    /// When that is: after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, requires = "halfway")]
    after: f64,

    /// The command that starts QEMU, after `--`
    #[arg(last = true)]
    qemu: Vec<String>,
}

/// Writes the trace, and returns what there is to say.
pub(crate) fn run(args: &Args) -> Result<String> {
    let log = match &args.log {
        Some(log) => fs::read(log).with_context(|| log.display().to_string())?,
        None => record(args)?,
    };
    let text = convert(&String::from_utf8_lossy(&log))?;
    let trace = Trace::parse(&args.trace.display().to_string(), &text)?;
    fs::write(&args.trace, &text).with_context(|| args.trace.display().to_string())?;
    let counted = format!("{}: {} events\n", args.trace.display(), trace.steps.len());
    if args.halfway.is_none() {
        return Ok(counted);
    }
    let before = halfway::events_before(&text)?;
    Ok(format!("{counted}the devices were saved after event {before}\n"))
}

/// The trace events that are needed, as QEMU's `-trace events=` takes them.
const EVENTS: &str = "serial_read\nserial_write\npckbd_*\nps2_*\npl031_*\n";

/// Runs QEMU to its end and gives its log.
fn record(args: &Args) -> Result<Vec<u8>> {
    let trace: &Path = &args.trace;
    let (qemu, arguments) = args.qemu.split_first().context("no command to run")?;
    let (events, log) = (trace.with_extension("events"), trace.with_extension("log"));
    fs::write(&events, EVENTS).with_context(|| events.display().to_string())?;
    let mut command = Command::new(qemu);
    command.args(arguments);
    command.arg("-trace").arg(format!("events={}", events.display()));
    command.arg("-D").arg(&log);
    let (status, bytes) = match &args.halfway {
        None => {
            let status = command.status().with_context(|| qemu.clone())?;
            (status, fs::read(&log).with_context(|| log.display().to_string())?)
        }
        Some(file) => halfway::run(&mut command, &log, file, args.after)?,
    };
    fs::remove_file(&events)?;
    ensure!(
        status.success(),
        "{qemu} ended with {status}; its log is {}",
        log.display()
    );
    fs::remove_file(&log)?;
    Ok(bytes)
}

/// The trace that a log tells of.
fn convert(log: &str) -> Result<String> {
    let mut text = lines::events(log)?.join("\n");
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_where_the_guest_can_see_them_and_no_earlier() {
        let log = "\
            serial_write write addr 0x02 val 0x01\n\
            serial_read read addr 0x02 val 0xc1\n\
            serial_read read addr 0x02 val 0xcc\n\
            serial_read read addr 0x05 val 0x61\n\
            serial_read read addr 0x00 val 0x68\n\
            serial_read read addr 0x05 val 0x61\n\
            serial_read read addr 0x00 val 0x69\n\
            serial_read read addr 0x05 val 0x60\n";
        let expected = "serial w 2 01\nserial r 2 c1\nserial rx 68\nserial idle\nserial r 2 cc\nserial r 5 61\n\
            serial r 0 68\nserial rx 69\nserial r 5 61\nserial r 0 69\nserial r 5 60\n";
        assert_eq!(convert(log).unwrap(), expected);
    }

    #[test]
    fn a_trigger_level_takes_as_many_bytes() {
        let log = "\
            serial_write write addr 0x02 val 0x41\n\
            serial_read read addr 0x02 val 0xc4\n\
            serial_read read addr 0x00 val 0x61\n\
            serial_read read addr 0x00 val 0x62\n\
            serial_read read addr 0x00 val 0x63\n\
            serial_read read addr 0x00 val 0x64\n";
        let arrivals = "serial w 2 41\nserial rx 61\nserial rx 62\nserial rx 63\nserial rx 64\nserial r 2 c4\n";
        assert!(convert(log).unwrap().starts_with(arrivals));
    }

    #[test]
    fn keys_have_their_codes_and_packets_the_buttons_that_were_read() {
        let log = "\
            ps2_keyboard_event 0x5 qcode 35 down 1 modifier 0x0 modifiers 0x0 set 2 xlate 1\n\
            ps2_put_keycode 0x5 keycode 0xf0\n\
            ps2_put_keycode 0x5 keycode 0x1c\n\
            ps2_mouse_send_packet 0x5 x 3 y -1 z 0 bs 0x10\n\
            pckbd_kbd_read_status 0x3d\n\
            pckbd_kbd_read_data 0x29\n\
            pckbd_kbd_read_status 0x3d\n\
            pckbd_kbd_read_data 0x03\n\
            pckbd_kbd_read_status 0x3d\n\
            pckbd_kbd_read_data 0xff\n\
            pckbd_kbd_read_status 0x3d\n\
            pckbd_kbd_read_data 0x10\n";
        let text = convert(log).unwrap();
        assert!(
            text.starts_with("i8042 key ret down f0 1c\ni8042 mouse 3 -1 0 9\ni8042 r 64 3d\n"),
            "{text}"
        );
    }

    #[test]
    fn the_clock_says_what_time_it_was_and_how_much_passed() {
        let log = "\
            pl031_read addr 0x00000000 value 0x00000010\n\
            pl031_write addr 0x00000004 value 0x00000012\n\
            pl031_set_alarm alarm set for 2 ticks\n\
            pl031_alarm_raised alarm raised\n\
            pl031_irq_state irq state 1\n\
            pl031_read addr 0x00000000 value 0x00000013\n";
        let expected = "rtc epoch 16\nrtc r 0 10\nrtc w 4 12\nrtc elapse 2\nrtc irq 1\nrtc elapse 1\nrtc r 0 13\n";
        assert_eq!(convert(log).unwrap(), expected);
    }
}
