//! Output that stalls, on its way out of QEMU and into it. Random scripts do not reach it: sockets do not stall when told to.
//! A pipe does that is full.

use super::qemu::{Machine, Qemu};
use super::serial::Sink;
use anyhow::{Context, Result, bail, ensure};
use devstate_core::{ByteQueue, Clock, NoInterrupt};
use devstate_qemu::Migration;
use devstate_serial_16550::{AlwaysReady, Config, NoEvents, Serial, SerialState, spec};
use devstate_serial_16550_ser::SerialStateSer;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than a pipe ever takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// `O_NONBLOCK` of Linux on the architectures that the tests run on.
const NONBLOCKING: i32 = 0o4000;

/// A machine whose UART sends into a pipe, and our end of it.
struct Piped {
    machine: Machine,
    pipe: File,
    _folder: tempfile::TempDir,
}

impl Piped {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |end: &str| folder.path().join(format!("pipe.{end}"));
        let made = Command::new("mkfifo").args([path("in"), path("out")]).status()?;
        ensure!(made.success(), "mkfifo ended with {made}");
        let open = |path: &Path| {
            File::options()
                .read(true)
                .write(true)
                .custom_flags(NONBLOCKING)
                .open(path)
        };
        let (pipe, _input) = (open(&path("out"))?, open(&path("in"))?);
        let path = folder.path().join("pipe");
        let machine = Machine {
            program: "qemu-system-x86_64",
            arguments: format!(
                "-M pc -m 16 -accel tcg -chardev pipe,id=c,path={} -device isa-serial,chardev=c",
                path.display()
            ),
            ..Machine::default()
        };
        Ok(Self {
            machine,
            pipe,
            _folder: folder,
        })
    }

    /// Fills the pipe, so that the UART's output stalls. Gives how many bytes that took.
    fn fill(&mut self) -> Result<usize> {
        let mut len = 0;
        for block in [&[b'.'; 4096][..], b"."] {
            loop {
                match self.pipe.write(block) {
                    Ok(written) => len += written,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(len)
    }

    /// Reads so many bytes, while QEMU has its turns.
    fn read(&mut self, qemu: &mut Qemu, len: usize) -> Result<Vec<u8>> {
        let start = Instant::now();
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let mut block = [0; 4096];
            match self.pipe.read(&mut block) {
                Ok(read) => bytes.extend_from_slice(block.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    qemu.settle(1)?;
                }
                Err(error) => return Err(error.into()),
            }
            ensure!(start.elapsed() < PATIENCE, "{} of {len} bytes came", bytes.len());
        }
        Ok(bytes)
    }
}

const PORT: u16 = 0x3f8;

/// The characters that the guest sends in the modes of the FIFO control register.
const MODES: [(u8, &[u8]); 2] = [(0, b"AB"), (spec::fcr::ENABLE, b"ABCDEFGHIJKLMNOPQ")];

/// Moves UARTs whose output has stalled.
///
/// # Errors
///
/// Characters are lost or out of order, or a state is not what it should be.
pub fn stalled_output() -> Result<()> {
    for (fcr, text) in MODES {
        comes_out_of_qemu(fcr, text).with_context(|| format!("out of QEMU, FCR {fcr:#x}"))?;
        goes_into_qemu(fcr, text).with_context(|| format!("into QEMU, FCR {fcr:#x}"))?;
    }
    comes_round_in_loopback().context("loopback")
}

fn send(qemu: &mut Qemu, fcr: u8, text: &[u8]) -> Result<()> {
    let write = |register: u16, value: u8| format!("outb {:#x} {value:#x}", PORT + register);
    let mut commands = vec![write(spec::FCR, fcr), write(spec::IER, spec::ier::THR_EMPTY)];
    commands.extend(text.iter().map(|character| write(spec::THR, *character)));
    qemu.commands(&commands)?;
    Ok(())
}

fn imported(file: &[u8], losses: &mut Vec<String>) -> Result<SerialState> {
    let devices = Migration::parse(file)?.import(None, &mut |told| {
        losses.extend((!told.is_ignorable()).then(|| told.to_string()));
        true
    })?;
    Ok(SerialState::try_from(devices.serial.first().context("no UART")?)?)
}

/// What the UART sends when the output takes everything again.
fn sent_by(state: &SerialState) -> Result<Vec<u8>> {
    let (sink, now) = (Sink::default(), state.saved_at);
    let output = AlwaysReady(sink.clone());
    let mut uart = Serial::from_state(
        state,
        NoInterrupt,
        output,
        NoEvents,
        Config::WITH_TIMER,
        now,
        Clock::Frozen,
    )?;
    uart.drain_output(now);
    ensure!(uart.output_pending() == 0, "the output has not taken all");
    Ok(sink.sent())
}

fn comes_out_of_qemu(fcr: u8, text: &[u8]) -> Result<()> {
    let mut piped = Piped::new()?;
    piped.fill()?;
    let mut qemu = Qemu::start(&piped.machine)?;
    send(&mut qemu, fcr, text)?;
    let file = qemu.migrate(&piped.machine)?;
    let mut losses = Vec::new();
    let state = imported(&file, &mut losses)?;
    ensure!(losses.is_empty(), "lost: {losses:?}");
    let sent = sent_by(&state)?;
    ensure!(sent == text, "sent {:?}", String::from_utf8_lossy(&sent));
    Ok(())
}

fn goes_into_qemu(fcr: u8, text: &[u8]) -> Result<()> {
    let mut piped = Piped::new()?;
    let base = Qemu::start(&piped.machine)?.migrate(&piped.machine)?;
    let migration = Migration::parse(&base)?;
    let mut devices = migration.import(None, &mut |told| told.is_ignorable())?;
    let (first, waiting) = text.split_first().context("no text")?;
    let state = SerialState {
        fcr,
        tsr: Some(*first),
        tx: ByteQueue::from_slice(waiting).context("too much text")?,
        ..SerialState::RESET
    };
    *devices.serial.first_mut().context("no UART")? = SerialStateSer::new(&state);
    let file = migration.export(&devices, None, &mut |told| told.is_ignorable())?;
    let filled = piped.fill()?;
    let mut qemu = Qemu::from_migration(&piped.machine, &file)?;
    let status = qemu.peek(&format!("inb {:#x}", PORT + spec::LSR))?;
    ensure!(status == 0, "the line status is {status:#x}");
    let read = piped.read(&mut qemu, filled + text.len())?;
    let sent = read.get(filled..).unwrap_or_default();
    ensure!(sent == text, "QEMU sent {:?}", String::from_utf8_lossy(sent));
    let status = qemu.peek(&format!("inb {:#x}", PORT + spec::LSR))?;
    ensure!(
        status == u64::from(spec::lsr::RESET),
        "afterwards, the line status is {status:#x}"
    );
    Ok(())
}

fn comes_round_in_loopback() -> Result<()> {
    let mut piped = Piped::new()?;
    piped.fill()?;
    let mut qemu = Qemu::start(&piped.machine)?;
    send(&mut qemu, spec::fcr::ENABLE, b"abc")?;
    qemu.commands(&[
        format!("outb {:#x} {:#x}", PORT + spec::LCR, 3),
        format!("outb {:#x} {:#x}", PORT + spec::MCR, spec::mcr::LOOP),
    ])?;
    let mut losses = Vec::new();
    let state = imported(&qemu.migrate(&piped.machine)?, &mut losses)?;
    ensure!(state.rx.as_slice() == b"abc" && state.tsr.is_none(), "{state:?}");
    match &losses[..] {
        [loss] if loss.starts_with("serial[0]: tsr is 97: ") => {}
        _ => bail!("lost: {losses:?}"),
    }
    Ok(())
}
