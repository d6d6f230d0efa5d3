//! The crate `uart_16550`, a driver that guests in Rust use, on our UART in place of its ports.

#![expect(
    unsafe_code,
    reason = "the driver's backend declares its accesses unsafe; ours reach no memory"
)]

use crate::board::Board;
use devstate_core::Instant;
use devstate_serial_16550::{CharacterErrors, Parity, StopBits};
use uart_16550::backend::Backend;
use uart_16550::spec::registers::{FifoTriggerLevel, IER, LSR};
use uart_16550::{BaudRate, ByteSendError, Config, Uart16550};

struct Ports(Board);

impl Backend for Ports {
    unsafe fn read(&mut self, register_offset: u8) -> u8 {
        self.0.read(register_offset.into())
    }

    unsafe fn write(&mut self, register_offset: u8, value: u8) {
        self.0.write(register_offset.into(), value);
    }
}

type Driver = Uart16550<Ports>;

fn drivers(config: &Config) -> impl Iterator<Item = Driver> {
    Board::both().into_iter().map(|board| {
        // SAFETY: the backend accepts any offset.
        let mut driver = unsafe { Uart16550::new_with_backend(Ports(board)) };
        driver.init(config.clone()).unwrap();
        driver
    })
}

fn board(driver: &mut Driver) -> &mut Board {
    &mut driver.backend_mut().0
}

#[test]
fn it_finds_configures_and_tests_the_chip() {
    let config = Config {
        baud_rate: BaudRate::Baud115200,
        ..Config::default()
    };
    for mut driver in drivers(&config) {
        assert_eq!(driver.test_loopback(), Ok(()));
        assert_eq!(driver.check_connected(), Ok(()));
        assert_eq!(driver.lsr(), LSR::THR_EMPTY | LSR::TRANSMITTER_EMPTY);
        let line = board(&mut driver).uart().line_parameters();
        assert_eq!((line.baud_rate(), line.data_bits), (115_200, 8));
        assert_eq!((line.parity, line.stop_bits), (Parity::None, StopBits::One));
        assert_eq!(board(&mut driver).cable().sent, b"", "loopback stays inside");
        assert!(!board(&mut driver).irq());
        board(&mut driver).unplug();
        assert!(driver.check_connected().is_err());
    }
}

#[test]
fn it_sends_and_receives_with_fifos_and_without() {
    for fifo_trigger_level in [Some(FifoTriggerLevel::Fourteen), Some(FifoTriggerLevel::One), None] {
        let config = Config {
            fifo_trigger_level,
            ..Config::default()
        };
        for mut driver in drivers(&config) {
            assert_eq!(driver.fifo_enabled(), fifo_trigger_level.is_some());
            assert_eq!(driver.test_loopback(), Ok(()));
            driver.send_bytes_exact(b"a guest in Rust says hello");
            assert_eq!(board(&mut driver).cable().sent, b"a guest in Rust says hello");

            let mut unsent = b"a host that sends more than fits at once".as_slice();
            let mut received = Vec::new();
            while !unsent.is_empty() {
                let taken = board(&mut driver).receive(unsent);
                unsent = &unsent[taken..];
                let mut buffer = [0; 20];
                let count = driver.receive_bytes(&mut buffer);
                assert_eq!(count, taken);
                received.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(received, b"a host that sends more than fits at once");
        }
    }
}

#[test]
fn it_learns_of_a_full_transmitter_and_of_damaged_characters() {
    for mut driver in drivers(&Config::default()) {
        board(&mut driver).cable().is_full = true;
        // One character reaches the shift register, a FIFO full of them waits.
        while driver.try_send_byte(b'x').is_ok() {}
        assert_eq!(driver.try_send_byte(b'y'), Err(ByteSendError::NoCapacity));
        let waiting = board(&mut driver).uart().output_pending();
        assert!((2..=17).contains(&waiting), "{waiting}");
        board(&mut driver).cable().is_full = false;
        board(&mut driver).drain();
        assert_eq!(board(&mut driver).cable().sent, vec![b'x'; waiting]);
        assert_eq!(driver.try_send_byte(b'y'), Ok(()));

        board(&mut driver)
            .uart()
            .receive_character(b'?', CharacterErrors::PARITY, Instant::EPOCH);
        let errors = driver.lsr();
        assert!(errors.contains(LSR::PARITY_ERROR | LSR::DATA_READY), "{errors:?}");
        assert_eq!(driver.try_receive_byte(), Ok(b'?'));
    }
}

#[test]
fn it_is_interrupted_at_its_trigger_level_and_by_the_timeout() {
    for mut driver in drivers(&Config::default()) {
        driver.enable_interrupts(IER::DATA_READY);
        assert_eq!(board(&mut driver).receive(&[1; 13]), 13);
        assert!(!board(&mut driver).irq());
        // Four characters at the driver's 9,600 baud.
        board(&mut driver).wait(5_000_000);
        assert!(board(&mut driver).irq());
        assert_eq!(driver.isr().bits() & 0x3f, 0x0c);
        assert_eq!(driver.receive_bytes(&mut [0; 16]), 13);
        assert!(!board(&mut driver).irq());
        assert_eq!(board(&mut driver).receive(&[2; 14]), 14);
        assert!(board(&mut driver).irq());
        assert_eq!(driver.isr().bits() & 0x3f, 0x04);
        driver.disable_interrupts(IER::DATA_READY);
        assert!(!board(&mut driver).irq());
    }
}
