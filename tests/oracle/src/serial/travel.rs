//! The UART on its way out of QEMU and into it.

use super::{BLUR, MAX_TIMEOUT, PORTS, Subject, Theirs};
use crate::script::serial::Op;
use crate::travel::{Moment, Traveller, layout};
use anyhow::{Context, Result, ensure};
use devstate_core::Instant;
use devstate_qemu::QemuDevicesSer;
use devstate_qemu_section::Layout;
use devstate_serial_16550::SerialState;
use devstate_serial_16550_ser::SerialStateSer;
use devstate_serial_16550_ser::qemu::UartSection;

const TIMED_OUT: &str = "a time-out has fallen due";
const FULL: &str = "the receive FIFO is full";

impl Traveller for Subject {
    const ICOUNT_SHIFT: Option<u8> = Some(5);
    const MOMENTS: &'static [Moment<Self>] = &[
        (FULL, |subject| subject.state().rx.len == 16),
        ("characters wait", |subject| subject.state().rx.len > 1),
        ("a time-out runs", |subject| subject.state().timeout_remaining != 0),
        (TIMED_OUT, |subject| subject.theirs.timed_out),
        ("the interrupt line is up", |subject| subject.device.interrupt_level()),
        ("loopback", |subject| subject.state().mcr & 0x10 != 0),
    ];
    const AROUND: &'static [(&'static str, &'static str)] = &[
        ("serial.state.fcr_vmstate", "kept only while the FIFOs are on"),
        ("serial.state.iir", "a reset of QEMU's hides that the FIFOs are on"),
        (
            "serial/thr_ipending.thr_ipending",
            "not while its interrupt is disabled",
        ),
        (
            "serial/recv_fifo.recv_fifo.data",
            "characters that were read are not kept, and the FIFO begins at its first place",
        ),
        ("serial/recv_fifo.recv_fifo.head", "the FIFO begins at its first place"),
        ("serial/recv_fifo.recv_fifo.num", "nothing is in it in 16450 mode"),
        (
            "serial/fifo_timeout_timer.fifo_timeout_timer",
            "it runs exactly while characters are in the receive FIFO",
        ),
    ];
    const SECTIONS: &'static [(&'static str, &'static Layout)] = &[("serial", layout::<UartSection>())];

    fn lead(moment: &str) -> Vec<Op> {
        // 115,200 baud, no loopback.
        let mut ops = vec![
            Op::Write(3, 0x83),
            Op::Write(0, 1),
            Op::Write(1, 0),
            Op::Write(3, 0x03),
            Op::Write(4, 0x0b),
        ];
        match moment {
            TIMED_OUT => ops.extend([Op::Write(2, 0xc1), Op::Receive(vec![0x55; 3]), Op::Elapse(2_000_000)]),
            FULL => ops.extend([Op::Write(2, 0xc1), Op::Receive(vec![0x55; 14]), Op::Break, Op::Break]),
            _ => ops.clear(),
        }
        ops
    }

    fn put(&mut self, devices: &mut QemuDevicesSer) {
        devices.serial[self.port] = SerialStateSer::new(&self.state());
    }

    fn take(&mut self, devices: &QemuDevicesSer, started: bool) -> Result<()> {
        let mirror = devices.serial.get(self.port).context("no such UART")?;
        let state = SerialState {
            saved_at: Instant::from_nanos(self.now),
            ..SerialState::try_from(mirror)?
        };
        let before = self.state();
        let same_time = state.timeout_remaining.abs_diff(before.timeout_remaining) < BLUR;
        let in_register = state.fcr == 0 && state.rx.len != 0;
        let without_time = SerialState {
            timeout_remaining: state.timeout_remaining,
            // The character that is there will be the last one.
            rbr: if in_register { state.rbr } else { before.rbr },
            ..before
        };
        ensure!(same_time && without_time == state, "{before:?} has become {state:?}");
        self.correct(|here| *here = state);
        if started {
            let runs = state.fcr != 0 && state.rx.len != 0;
            self.theirs = Theirs {
                timer_at: (runs && state.timeout_remaining != 0).then(|| self.now + state.timeout_remaining),
                timed_out: runs && state.timeout_remaining == 0,
                iir_shows_fifo: state.fcr != 0,
                hidden_breaks: 0,
                default_line: false,
            };
        }
        let _ = MAX_TIMEOUT;
        Ok(())
    }

    fn up(&self) -> Vec<u16> {
        let is_up = self.device.interrupt_level();
        is_up.then_some(PORTS[self.port].1).into_iter().collect()
    }
}
