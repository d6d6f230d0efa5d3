//! The text of a recorded guest, as typed events. The format is described in `traces/README.md`.

use std::fmt;
use std::path::Path;

use devstate_i8042::Key;

/// One recorded guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Where it came from, as errors and mismatches name it.
    pub file: String,
    /// Its events, in order.
    pub steps: Vec<Step>,
}

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line in the file, counted from 1.
    pub line: usize,
    /// What happens.
    pub event: Event,
}

/// Something that the guest did to a device, or the world did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It concerns the UART.
    Serial(SerialEvent),
    /// It concerns the keyboard controller and what is plugged into it.
    I8042(I8042Event),
    /// It concerns the clock.
    Rtc(RtcEvent),
}

/// An event of the UART.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialEvent {
    /// The guest writes a register.
    Write {
        /// Offset, 0 to 7.
        register: u16,
        /// What is written.
        value: u8,
    },
    /// The guest reads a register.
    Read {
        /// Offset, 0 to 7.
        register: u16,
        /// What the guest got.
        value: u8,
    },
    /// A byte arrives on the line.
    Receive(u8),
    /// Four character times pass in which nothing arrives.
    Idle,
}

/// A port of the i8042.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Port 60h.
    Data,
    /// Port 64h: status when read, command when written.
    Command,
}

impl Port {
    /// The device's offset of the port.
    #[must_use]
    pub const fn offset(self) -> u16 {
        match self {
            Self::Data => 0,
            Self::Command => 4,
        }
    }
}

/// An event of the keyboard controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum I8042Event {
    /// The guest writes a port.
    Write {
        /// Which one.
        port: Port,
        /// What is written.
        value: u8,
    },
    /// The guest reads a port.
    Read {
        /// Which one.
        port: Port,
        /// What the guest got.
        value: u8,
    },
    /// A key goes down or up.
    Key {
        /// Which one.
        key: Key,
        /// Down.
        pressed: bool,
        /// What the keyboard queued for it, before translation.
        codes: Vec<u8>,
    },
    /// The mouse assembles one packet.
    Mouse(Packet),
}

/// What the mouse put into one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Movement to the right.
    pub dx: i16,
    /// Movement upward.
    pub dy: i16,
    /// Movement of the wheel.
    pub dz: i8,
    /// 1 left, 2 right, 4 middle, 8 fourth, 16 fifth.
    pub buttons: u8,
    /// Movement of the horizontal wheel.
    pub dw: i8,
}

/// An event of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcEvent {
    /// The guest writes a register.
    Write {
        /// Offset, 0 to fffh.
        register: u16,
        /// What is written.
        value: u32,
    },
    /// The guest reads a register.
    Read {
        /// Offset, 0 to fffh.
        register: u16,
        /// What the guest got.
        value: u32,
    },
    /// The counter's value from here on.
    Epoch(u32),
    /// So many seconds pass.
    Elapse(u32),
    /// The interrupt line's level.
    Interrupt(bool),
}

impl Trace {
    /// Reads and parses a file.
    ///
    /// # Errors
    ///
    /// [`TraceError`] names the file and, where its contents are to blame, the line and what was expected there.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        // A name can have the control sequences of a terminal in it.
        let file = path.to_string_lossy().escape_debug().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Self::parse_bytes(&file, &bytes),
            Err(error) => Err(TraceError {
                file,
                line: None,
                expected: "a file that can be read".to_owned(),
                found: error.to_string(),
            }),
        }
    }

    /// Parses the contents of `file`.
    ///
    /// ```
    /// use devstate_replay::{Event, RtcEvent, Trace};
    ///
    /// let trace = Trace::parse("a.trace", "# the match register\nrtc w 4 69a7bdc2\n")?;
    /// assert_eq!(trace.steps[0].line, 2);
    /// assert_eq!(trace.steps[0].event, Event::Rtc(RtcEvent::Write { register: 4, value: 0x69a7_bdc2 }));
    ///
    /// let error = Trace::parse("a.trace", "rtc w 4\n").unwrap_err();
    /// assert_eq!(error.to_string(), "a.trace:1: expected a value from 0 to ffffffff, found the line's end");
    /// # Ok::<(), devstate_replay::TraceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TraceError`] names the line and what was expected there.
    pub fn parse(file: &str, text: &str) -> Result<Self, TraceError> {
        Self::parse_bytes(file, text.as_bytes())
    }

    fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Self, TraceError> {
        let mut steps = Vec::new();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let event = parse_line(text).map_err(|Unexpected { expected, found }| TraceError {
                file: file.to_owned(),
                line: Some(line),
                expected,
                found,
            })?;
            if let Some(event) = event {
                steps.push(Step { line, event });
            }
        }
        if steps.is_empty() {
            return Err(TraceError {
                file: file.to_owned(),
                line: None,
                expected: "at least one event".to_owned(),
                found: "none".to_owned(),
            });
        }
        Ok(Self {
            file: file.to_owned(),
            steps,
        })
    }

    /// The file's name without folders and ending.
    #[must_use]
    pub fn name(&self) -> &str {
        Path::new(&self.file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or(&self.file)
    }
}

/// A file that is no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The file.
    pub file: String,
    /// The line, counted from 1, where one is to blame.
    pub line: Option<usize>,
    /// What should have been there.
    pub expected: String,
    /// What was.
    pub found: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for TraceError {}

struct Unexpected {
    expected: String,
    found: String,
}

fn parse_line(bytes: &[u8]) -> Result<Option<Event>, Unexpected> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.is_empty() || bytes.starts_with(b"#") {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Unexpected {
        expected: "text".to_owned(),
        found: format!("a byte that is not UTF-8 in column {}", error.valid_up_to() + 1),
    })?;
    let mut words = Words(text.split(' '));
    let event = match words.next("serial, i8042 or rtc")? {
        "serial" => Event::Serial(words.serial()?),
        "i8042" => Event::I8042(words.i8042()?),
        "rtc" => Event::Rtc(words.rtc()?),
        other => return Err(unexpected("serial, i8042 or rtc", other)),
    };
    words.end()?;
    Ok(Some(event))
}

/// What is left of a line.
struct Words<'a>(std::str::Split<'a, char>);

impl<'a> Words<'a> {
    fn serial(&mut self) -> Result<SerialEvent, Unexpected> {
        const EXPECTED: &str = "w, r, rx or idle after serial";
        Ok(match self.next(EXPECTED)? {
            "w" => SerialEvent::Write {
                register: self.hexadecimal(7, "a register from 0 to 7")?,
                value: self.byte()?,
            },
            "r" => SerialEvent::Read {
                register: self.hexadecimal(7, "a register from 0 to 7")?,
                value: self.byte()?,
            },
            "rx" => SerialEvent::Receive(self.byte()?),
            "idle" => SerialEvent::Idle,
            other => return Err(unexpected(EXPECTED, other)),
        })
    }

    fn i8042(&mut self) -> Result<I8042Event, Unexpected> {
        const EXPECTED: &str = "w, r, key or mouse after i8042";
        Ok(match self.next(EXPECTED)? {
            "w" => I8042Event::Write {
                port: self.port()?,
                value: self.byte()?,
            },
            "r" => I8042Event::Read {
                port: self.port()?,
                value: self.byte()?,
            },
            "key" => I8042Event::Key {
                key: self.key()?,
                pressed: self.either("down", "up")?,
                codes: self.codes()?,
            },
            "mouse" => I8042Event::Mouse(self.packet()?),
            other => return Err(unexpected(EXPECTED, other)),
        })
    }

    fn rtc(&mut self) -> Result<RtcEvent, Unexpected> {
        const EXPECTED: &str = "w, r, epoch, elapse or irq after rtc";
        const REGISTER: &str = "a register from 0 to fff";
        const VALUE: &str = "a value from 0 to ffffffff";
        Ok(match self.next(EXPECTED)? {
            "w" => RtcEvent::Write {
                register: self.hexadecimal(0xfff, REGISTER)?,
                value: self.hexadecimal(u32::MAX, VALUE)?,
            },
            "r" => RtcEvent::Read {
                register: self.hexadecimal(0xfff, REGISTER)?,
                value: self.hexadecimal(u32::MAX, VALUE)?,
            },
            "epoch" => RtcEvent::Epoch(self.decimal(0, u32::MAX.into(), "seconds from 0 to 4294967295")?),
            "elapse" => RtcEvent::Elapse(self.decimal(0, u32::MAX.into(), "seconds from 0 to 4294967295")?),
            "irq" => RtcEvent::Interrupt(self.either("1", "0")?),
            other => return Err(unexpected(EXPECTED, other)),
        })
    }

    fn port(&mut self) -> Result<Port, Unexpected> {
        const EXPECTED: &str = "port 60 or 64";
        match self.next(EXPECTED)? {
            "60" => Ok(Port::Data),
            "64" => Ok(Port::Command),
            other => Err(unexpected(EXPECTED, other)),
        }
    }

    fn key(&mut self) -> Result<Key, Unexpected> {
        const EXPECTED: &str = "a key by QEMU's name for it, such as a, ret or ctrl_r";
        let name = self.next(EXPECTED)?;
        name.parse().map_err(|_| unexpected(EXPECTED, name))
    }

    /// The rest of the line.
    fn codes(&mut self) -> Result<Vec<u8>, Unexpected> {
        let codes = self.0.by_ref();
        codes
            .map(|word| hexadecimal(word, 0xff, "a scan code from 0 to ff"))
            .collect()
    }

    fn packet(&mut self) -> Result<Packet, Unexpected> {
        Ok(Packet {
            dx: self.decimal(-256, 255, "a movement from -256 to 255")?,
            dy: self.decimal(-256, 255, "a movement from -256 to 255")?,
            dz: self.decimal(-128, 127, "a movement of the wheel from -128 to 127")?,
            buttons: self.hexadecimal(0x1f, "buttons from 0 to 1f")?,
            dw: self.0.clone().next().map_or(Ok(0), |_| {
                self.decimal(-32, 31, "a movement of the horizontal wheel from -32 to 31")
            })?,
        })
    }

    fn byte(&mut self) -> Result<u8, Unexpected> {
        self.hexadecimal(u8::MAX, "a value from 0 to ff")
    }

    fn hexadecimal<T: TryFrom<u32> + Into<u32>>(&mut self, max: T, expected: &str) -> Result<T, Unexpected> {
        let word = self.next(expected)?;
        hexadecimal(word, max, expected)
    }

    fn decimal<T: TryFrom<i64>>(&mut self, min: i64, max: i64, expected: &str) -> Result<T, Unexpected> {
        let word = self.next(expected)?;
        let digits = word.strip_prefix('-').unwrap_or(word);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        word.parse::<i64>()
            .ok()
            .filter(|value| plain && (min..=max).contains(value))
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| unexpected(expected, word))
    }

    /// Whether the next word is `yes` (it may also be `no`).
    fn either(&mut self, yes: &str, no: &str) -> Result<bool, Unexpected> {
        let expected = format!("{no} or {yes}");
        let word = self.next(&expected)?;
        if word == yes || word == no {
            Ok(word == yes)
        } else {
            Err(unexpected(&expected, word))
        }
    }

    fn next(&mut self, expected: &str) -> Result<&'a str, Unexpected> {
        self.0.next().ok_or_else(|| Unexpected {
            expected: expected.to_owned(),
            found: "the line's end".to_owned(),
        })
    }

    fn end(&mut self) -> Result<(), Unexpected> {
        match self.0.next() {
            None => Ok(()),
            Some(word) => Err(unexpected("the line's end", word)),
        }
    }
}

fn hexadecimal<T: TryFrom<u32> + Into<u32>>(word: &str, max: T, expected: &str) -> Result<T, Unexpected> {
    let plain = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(word, 16)
        .ok()
        .filter(|value| plain && *value <= max.into())
        .and_then(|value| T::try_from(value).ok())
        .ok_or_else(|| unexpected(expected, word))
}

fn unexpected(expected: &str, found: &str) -> Unexpected {
    Unexpected {
        expected: expected.to_owned(),
        found: if found.is_empty() {
            "an empty word (words are separated by one space)".to_owned()
        } else {
            format!("{found:?}")
        },
    }
}
