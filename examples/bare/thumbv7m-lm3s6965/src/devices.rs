//! The devices that this microcontroller emulates, and someone who uses them.

use bare_machine::MachineSer;
use core::convert::Infallible;
use core::time::Duration;
use devstate_core::{Clock, Instant, InvalidState, NoInterrupt};
use devstate_i8042::{I8042, I8042State, Key, NoControl};
use devstate_i8042_ser::I8042StateSer;
use devstate_rtc_pl031::{Rtc, RtcState, spec as rtc};
use devstate_rtc_pl031_ser::RtcStateSer;
use devstate_serial_16550::{AlwaysReady, Serial, SerialState, spec as serial};
use devstate_serial_16550_ser::SerialStateSer;
use embedded_io::{ErrorType, Write};

/// The three of them. Nothing is connected: this is about what is in them.
pub struct Devices {
    rtc: Rtc<NoInterrupt>,
    serial: Serial<NoInterrupt, AlwaysReady<Nowhere>>,
    i8042: I8042<NoInterrupt, NoInterrupt, NoControl>,
}

impl Devices {
    pub const fn new() -> Self {
        Self {
            rtc: Rtc::new(NoInterrupt),
            serial: Serial::new(NoInterrupt, AlwaysReady(Nowhere)),
            i8042: I8042::new(NoInterrupt, NoInterrupt, NoControl),
        }
    }

    /// An alarm in five seconds, three characters that nobody has read, a key that nobody has seen.
    pub fn use_them(&mut self, now: Instant) {
        self.rtc.write(rtc::RTCCR, rtc::RTCCR_START, now);
        self.rtc.write(rtc::RTCLR, 1_000, now);
        self.rtc.write(rtc::RTCMR, 1_005, now);
        self.rtc.write(rtc::RTCIMSC, rtc::INTERRUPT, now);
        self.serial.write(serial::FCR, 0x81, now);
        self.serial.write(serial::IER, 0x01, now);
        let taken = self.serial.receive(b"abc", now);
        self.i8042.key(Key::A, true);
        defmt::info!("in use: alarm at 1005, {} characters, one key", taken as u32);
    }

    pub fn mirror(&self, now: Instant) -> MachineSer {
        MachineSer {
            rtc: RtcStateSer::new(&self.rtc.state(now)),
            serial: SerialStateSer::new(&self.serial.state(now)),
            i8042: I8042StateSer::new(&self.i8042.state()),
        }
    }

    /// All or nothing: each state is checked before a device is touched.
    pub fn restore(&mut self, mirror: &MachineSer, now: Instant, clock: Clock) -> Result<(), InvalidState> {
        let rtc = RtcState::try_from(&mirror.rtc)?;
        let serial = SerialState::try_from(&mirror.serial)?;
        let i8042 = I8042State::try_from(&mirror.i8042)?;
        self.rtc.restore(&rtc, now, clock)?;
        self.serial.restore(&serial, now, clock)?;
        self.i8042.restore(&i8042)
    }

    /// Reads what it left behind.
    pub fn look_at_them(&mut self, now: Instant) {
        let alarms = (0..20).filter(|second| {
            let now = now.saturating_add(Duration::from_secs(*second));
            let due = self.rtc.read(rtc::RTCMIS, now) & rtc::INTERRUPT != 0;
            if due {
                defmt::info!("  alarm at {}", self.rtc.read(rtc::RTCDR, now));
                self.rtc.write(rtc::RTCICR, rtc::INTERRUPT, now);
            }
            due
        });
        let alarms = alarms.count();
        defmt::info!("  {} alarm in 20 s", alarms as u32);
        while self.serial.read(serial::LSR, now) & serial::lsr::DATA_READY != 0 {
            defmt::info!("  character {}", char::from(self.serial.read(serial::RBR, now)));
        }
        while self.i8042.read(4) & 1 != 0 {
            defmt::info!("  scan code {=u8:02x}", self.i8042.read(0));
        }
    }
}

/// What the UART sends is not what this is about.
struct Nowhere;

impl ErrorType for Nowhere {
    type Error = Infallible;
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
