//! `cargo xtask vmm --measure`: what a guest of `minimal-vmm` feels of the devices, on this machine's KVM.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::kernel;
use crate::process::{find, output, program};

/// How often each time is taken.
const TIMES: usize = 11;
/// How many bytes the guest writes at a time.
const TEXT: u32 = 64 << 10;

/// A kernel that writes 64 KiB, and again for each byte that it reads. It writes sixteen bytes at a time with the accesses of
/// Linux's driver in its interrupt, but it asks for the line status instead of taking the interrupt.
const WRITER: &[u8] = &[
    0x66, 0xba, 0xfa, 0x03, 0xb0, 0x07, 0xee, // FIFO control: on, and empty
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x0b, 0xee, // modem control: DTR, RTS, OUT2
    0x66, 0xba, 0xf9, 0x03, 0xb0, 0x07, 0xee, // interrupt enable: receiver, transmitter, errors
    0xeb, 0x0e, // jmp text
    0x66, 0xba, 0xfd, 0x03, // again: mov dx, line status
    0xec, 0xa8, 0x01, 0x74, 0xfb, // until something has come
    0x66, 0xba, 0xf8, 0x03, 0xec, // reads it
    0xb9, 0x00, 0x10, 0x00, 0x00, // text: mov ecx, 4096
    0x66, 0xba, 0xfa, 0x03, 0xec, // next: interrupt identification, which ends the interrupt
    0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb, // until the transmitter is empty
    0x66, 0xba, 0xf8, 0x03, 0xb0, b'a', // mov dx, the data port; mov al, "a"
    0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, // sixteen characters
    0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, //
    0xe2, 0xda, // loop next
    0xeb, 0xc5, // jmp again
];

/// Runs the guest in the VMM at `vmm`, and prints the median of each figure.
pub(crate) fn run(vmm: &Path) -> Result<()> {
    ensure!(cfg!(target_arch = "x86_64"), "the measured guest is a PC's");
    ensure!(Path::new("/dev/kvm").exists(), "this machine has no /dev/kvm");
    let place = tempfile::tempdir()?;
    let [kernel, control, saved, log] = ["kernel", "control", "saved", "log"].map(|name| place.path().join(name));
    std::fs::write(&kernel, kernel::bz_image(WRITER, 0x10_0000))?;
    let start = |how: &str, from: &Path| -> Result<Running> {
        let mut command = Command::new(vmm);
        command.arg(how).arg(from).arg("--control").arg(&control);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", vmm.display()))?;
        Ok(Running(child))
    };
    let ask = |request: &[&str]| output(Command::new(vmm).arg("--control").arg(&control).args(request));

    let mut machine = start("--kernel", &kernel)?;
    machine.read_text()?;
    let (mut seconds, mut used) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let (start, before) = (Instant::now(), machine.processor_seconds()?);
        machine.write_text()?;
        seconds.push(start.elapsed().as_secs_f64());
        used.push(machine.processor_seconds()? - before);
    }
    let micros = median(used)? * 1e6 / f64::from(TEXT);
    println!("console: {:.0} bytes a second", f64::from(TEXT) / median(seconds)?);
    println!("processor time: {micros:.1} microseconds for each byte, guest included");
    count_calls(&mut machine, &log)?;

    let directory = saved.to_str().context("the temporary directory's name is not text")?;
    let save_times: Result<Vec<f64>> = (0..TIMES)
        .map(|_| devices_in(&ask(&["--pause", "--save", directory])?))
        .collect();
    println!("save: {:.0} microseconds for the devices", median(save_times?)?);
    ask(&["--quit"])?;
    machine.0.wait()?;

    let restore_times: Result<Vec<f64>> = (0..TIMES)
        .map(|_| {
            let mut machine = start("--restore", &saved)?;
            let mut report = String::new();
            let said = machine.0.stderr.take().context("no standard error")?;
            BufReader::new(said).read_line(&mut report)?;
            let _ = std::fs::remove_file(&control);
            devices_in(&report)
        })
        .collect();
    println!("restore: {:.0} microseconds for the devices", median(restore_times?)?);
    Ok(())
}

/// Counts the system calls that the VMM makes from the first byte of the text to the last.
fn count_calls(machine: &mut Running, log: &Path) -> Result<()> {
    if find("strace").is_none() {
        println!("calls: not counted, there is no strace");
        return Ok(());
    }
    let mut strace = program("strace");
    strace
        .args(["-f", "-q", "-p", &machine.0.id().to_string(), "-o"])
        .arg(log);
    let mut strace = Running(strace.stderr(Stdio::null()).spawn()?);
    // The guest asks the UART all the time whether something has come.
    while !std::fs::read_to_string(log).is_ok_and(|calls| calls.contains("KVM_RUN")) {
        ensure!(strace.0.try_wait()?.is_none(), "strace cannot attach to the VMM");
    }
    machine.write_text()?;
    output(program("kill").args(["-INT", &strace.0.id().to_string()]))?;
    strace.0.wait()?;
    let calls = std::fs::read_to_string(log)?;
    let write = "\"a\", 1";
    let (first, last) = (calls.find(write), calls.rfind(write));
    let (first, last) = first.zip(last).context("strace saw no byte of the text")?;
    let during = calls.get(first..last).unwrap_or_default();
    for name in ["KVM_RUN", "KVM_IRQ_LINE", "poll(", "write(", "timerfd_settime"] {
        let count = u32::try_from(during.matches(name).count())?;
        println!(
            "{}: {:.3} for each byte",
            name.trim_end_matches('('),
            f64::from(count) / f64::from(TEXT)
        );
    }
    Ok(())
}

/// Returns the microseconds in a report such as `… devices 0.012 ms (0.02 %)`.
fn devices_in(report: &str) -> Result<f64> {
    let devices = report
        .split_once("devices ")
        .and_then(|(_, rest)| rest.split_once(" ms"));
    let (milliseconds, _) = devices.with_context(|| format!("no time of the devices in `{report}`"))?;
    Ok(milliseconds.parse::<f64>()? * 1e3)
}

fn median(mut figures: Vec<f64>) -> Result<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().context("nothing was measured")
}

/// A process that ends with its owner.
#[derive(Debug)]
struct Running(Child);

impl Running {
    /// Has the guest write its text once more.
    fn write_text(&mut self) -> Result<()> {
        self.0.stdin.as_mut().context("no console")?.write_all(b"w")?;
        self.read_text()
    }

    fn read_text(&mut self) -> Result<()> {
        let mut text = vec![0; TEXT as usize];
        let console = self.0.stdout.as_mut().context("no console")?;
        console.read_exact(&mut text).context("the guest's console ended")?;
        ensure!(text.iter().all(|byte| *byte == b'a'), "the guest wrote something else");
        Ok(())
    }

    /// Of the whole process, in steps of 10 ms.
    fn processor_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // Behind the program's name in brackets: user and system time are the 12th and 13th.
        let (_, rest) = stat.rsplit_once(')').context("/proc has no name")?;
        let ticks = rest.split_whitespace().skip(11).take(2);
        Ok(ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
