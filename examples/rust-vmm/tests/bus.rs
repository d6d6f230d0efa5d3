//! A scripted guest on the buses: the accesses of a recorded Linux, typed input, output that stalls, saves and restores.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use devstate_i8042::{Key, MouseButtons, MouseInput};
use devstate_replay::{Event, I8042Event, Port, SerialEvent, shipped_traces};
use devstate_rust_vmm::access;
use devstate_rust_vmm_example::{COM1, MachineSer, RTC, Release, Vmm};
use devstate_versioning::{Mirror, ReleaseTable, SaveError, buffer};
use vm_device::bus::{MmioAddress, PioAddress};
use vm_device::device_manager::{IoManager, MmioManager, PioManager};

/// A machine whose terminal is two pipes.
struct Machine {
    vmm: Arc<Vmm>,
    bus: IoManager,
    keyboard: PipeWriter,
    screen: PipeReader,
    main_loop: JoinHandle<()>,
}

impl Machine {
    fn start() -> Self {
        let ((input, keyboard), (screen, output)) = (pipe().unwrap(), pipe().unwrap());
        let vmm = Vmm::new(File::from(OwnedFd::from(input)), File::from(OwnedFd::from(output))).unwrap();
        let vmm = Arc::new(vmm);
        let bus = vmm.bus().unwrap();
        let served = Arc::clone(&vmm);
        let main_loop = thread::spawn(move || served.run().unwrap());
        Self {
            vmm,
            bus,
            keyboard,
            screen,
            main_loop,
        }
    }

    fn read(&self, port: u16) -> u8 {
        let mut value = [0xa5];
        self.bus.pio_read(PioAddress(port), &mut value).unwrap();
        value[0]
    }

    fn write(&self, port: u16, value: u8) {
        self.bus.pio_write(PioAddress(port), &[value]).unwrap();
    }

    fn rtc_read(&self, register: u64) -> u32 {
        let mut value = [0; 4];
        self.bus.mmio_read(MmioAddress(RTC + register), &mut value).unwrap();
        u32::from_le_bytes(value)
    }

    fn rtc_write(&self, register: u64, value: u32) {
        let address = MmioAddress(RTC + register);
        self.bus.mmio_write(address, &value.to_le_bytes()).unwrap();
    }

    /// The port is open, as a driver leaves it.
    fn open_port(&self) {
        self.write(COM1 + 2, 0x07);
        self.write(COM1 + 4, 0x0b);
    }

    fn mirror(&self) -> MachineSer {
        self.vmm.mirror()
    }

    fn save(&self) -> Vec<u8> {
        let mut memory = buffer!(MachineSer);
        self.vmm.save(&mut memory).unwrap().to_vec()
    }

    fn restore(&self, snapshot: &[u8]) -> anyhow::Result<Release> {
        self.vmm.restore(snapshot)
    }

    /// A new process with the state of this one.
    fn moved(self) -> Self {
        let next = Self::start();
        assert_eq!(next.restore(&self.save()).unwrap(), Release::V2);
        self.stop();
        next
    }

    /// The guest resets the machine, which ends the main loop.
    fn stop(self) {
        self.write(0x64, 0xfe);
        self.main_loop.join().unwrap();
    }
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_true() {
        assert!(Instant::now() < end, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_recorded_linux_reads_on_the_bus_what_it_read_then() {
    let traces = shipped_traces().unwrap();
    let (mut vmm, mut printed, mut reads, mut differences) = (Machine::start(), Vec::new(), 0, Vec::new());
    for (index, step) in traces[0].steps.iter().enumerate() {
        match &step.event {
            Event::Serial(SerialEvent::Write { register, value }) => {
                vmm.write(COM1 + register, *value);
            }
            Event::Serial(SerialEvent::Read { register, value }) => {
                reads += 1;
                let found = vmm.read(COM1 + register);
                if found != *value {
                    differences.push((step.line, *value, found));
                }
            }
            Event::Serial(SerialEvent::Receive(byte)) => {
                let received = || usize::from(vmm.mirror().serial.in_buffer.len() as u8);
                let before = received();
                (&vmm.keyboard).write_all(&[*byte]).unwrap();
                wait_until("the UART takes what is typed", || received() > before);
            }
            // Four characters at 9,600 baud last 4.2 ms. The main loop's timer reports the time-out.
            Event::Serial(SerialEvent::Idle) => sleep(Duration::from_millis(20)),
            Event::I8042(I8042Event::Write { port, value }) => {
                // The guest reboots at the end, which would stop the main loop.
                if (*port, *value) != (Port::Command, 0xfe) {
                    vmm.write(0x60 + port.offset(), *value);
                }
            }
            Event::I8042(I8042Event::Read { port, value }) => {
                reads += 1;
                let found = vmm.read(0x60 + port.offset());
                // The known differences from QEMU are in two bits of the status, see `devices/i8042/DIFFERENCES.md`.
                let known = if *port == Port::Command { 0x0c } else { 0 };
                if (found ^ value) & !known != 0 {
                    differences.push((step.line, *value, found));
                }
            }
            Event::I8042(I8042Event::Key { key, pressed, .. }) => {
                assert!(access(&vmm.vmm.i8042, |i8042, _| i8042.key(*key, *pressed)));
            }
            Event::I8042(I8042Event::Mouse(packet)) => {
                let packet = MouseInput {
                    dx: packet.dx,
                    dy: packet.dy,
                    dz: packet.dz.into(),
                    dw: packet.dw.into(),
                    buttons: MouseButtons(packet.buttons),
                };
                assert!(access(&vmm.vmm.i8042, |i8042, _| i8042.mouse_packet(&packet)));
            }
            Event::Rtc(_) => {}
        }
        // Ten moves to another process on the way.
        if index % 5_000 == 4_999 {
            printed.extend(drained(&vmm));
            vmm = vmm.moved();
        }
    }
    printed.extend(drained(&vmm));
    assert_eq!(differences, [], "of {reads} reads");
    assert!(String::from_utf8_lossy(&printed).contains("Linux version 6.1"));
    vmm.stop();
}

/// What the screen shows so far.
fn drained(vmm: &Machine) -> Vec<u8> {
    let mut shown = Vec::new();
    let mut buffer = [0; 8192];
    rustix::io::ioctl_fionbio(&vmm.screen, true).unwrap();
    while let Ok(len @ 1..) = (&vmm.screen).read(&mut buffer) {
        shown.extend_from_slice(&buffer[..len]);
    }
    rustix::io::ioctl_fionbio(&vmm.screen, false).unwrap();
    shown
}

#[test]
fn input_before_the_port_is_open_is_not_lost() {
    let vmm = Machine::start();
    let typed: Vec<u8> = (0..200).collect();
    (&vmm.keyboard).write_all(&typed).unwrap();
    wait_until("the main loop reads the input", || vmm.mirror().typed.is_full());
    let read_all = |vmm: &Machine, len: usize| {
        let mut read = Vec::new();
        while read.len() < len {
            if vmm.read(COM1 + 5) & 0x01 != 0 {
                read.push(vmm.read(COM1));
            }
        }
        read
    };
    // Linux clears the FIFO when it opens the port.
    vmm.open_port();
    assert_eq!(read_all(&vmm, 200), typed);
    vmm.stop();
}

#[test]
fn output_that_stalls_waits_and_is_restored() {
    let vmm = Machine::start();
    vmm.open_port();
    let mut sent = 0;
    // Nobody reads: a pipe takes 64 KiB, then the transmitter fills.
    while sent < 70_000 && vmm.read(COM1 + 5) & 0x20 != 0 {
        vmm.write(COM1, b'a' + (sent % 26) as u8);
        sent += 1;
    }
    assert!((50_000..70_000).contains(&sent), "{sent}");
    let snapshot = vmm.save();
    let shown = drained(&vmm);
    let next = Machine::start();
    next.restore(&snapshot).unwrap();
    let mut rest = vec![0; sent - shown.len()];
    (&next.screen).read_exact(&mut rest).unwrap();
    let expected: Vec<u8> = (0..sent).map(|index| b'a' + (index % 26) as u8).collect();
    assert!([shown, rest].concat() == expected, "characters were lost or exchanged");
    wait_until("the transmitter is empty", || next.read(COM1 + 5) & 0x20 != 0);
    next.stop();
    // The timer of the first machine sends the same characters: here it is the copy.
    vmm.stop();
}

#[test]
fn an_alarm_that_falls_due_while_the_machine_is_saved_signals_once() {
    let vmm = Machine::start();
    let now = vmm.rtc_read(0);
    vmm.rtc_write(0x10, 1);
    vmm.rtc_write(0x04, now + 1);
    let snapshot = vmm.save();
    vmm.stop();
    sleep(Duration::from_millis(1_100));
    let next = Machine::start();
    next.restore(&snapshot).unwrap();
    assert!(next.rtc_read(0) > now);
    let alarm = access(&next.vmm.rtc, |rtc, _| rtc.interrupt().trigger().event_fd().read());
    assert_eq!(alarm.unwrap(), 1);
    next.stop();
}

#[test]
fn the_older_release_has_no_keyboard_controller() {
    let vmm = Machine::start();
    let mirror = vmm.mirror();
    let mut scratch = MachineSer::default();
    let mut memory = buffer!(MachineSer);
    let older = Release::V1
        .downgrade(&mirror, &mut scratch)
        .unwrap()
        .save(&mut memory)
        .unwrap();
    assert_eq!(vmm.restore(older).unwrap(), Release::V1);

    assert!(access(&vmm.vmm.i8042, |i8042, _| i8042.key(Key::A, true)));
    let error = Release::V1.downgrade(&vmm.mirror(), &mut scratch).unwrap_err();
    let SaveError::Lossy { field, release: 1 } = error else {
        panic!("{error}");
    };
    assert!(field.display(MachineSer::SCHEMA).to_string().starts_with("i8042."));
    vmm.stop();
}

#[test]
fn a_damaged_snapshot_changes_nothing() {
    let vmm = Machine::start();
    vmm.open_port();
    let mut snapshot = vmm.save();
    vmm.write(COM1 + 7, 0x5a);
    snapshot[60] ^= 1;
    let error = vmm.restore(&snapshot).unwrap_err().to_string();
    assert!(error.starts_with("checksum mismatch"), "{error}");
    assert_eq!(vmm.read(COM1 + 7), 0x5a);
    vmm.stop();
}

#[test]
fn port_61h_belongs_to_nobody() {
    let vmm = Machine::start();
    assert!(vmm.bus.pio_read(PioAddress(0x61), &mut [0]).is_err());
    vmm.stop();
}
