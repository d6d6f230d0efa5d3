//! How FreeBSD's ns8250 driver measures the FIFOs: in loopback it sends until an overrun shows.

use crate::board::Board;

const DATA: u16 = 0;
const IER: u16 = 1;
const IIR: u16 = 2;
const FCR: u16 = 2;
const LCR: u16 = 3;
const MCR: u16 = 4;
const LSR: u16 = 5;
const MSR: u16 = 6;

const OVERRUN: u8 = 0x02;
const IDLE: u8 = 0x40;

/// Bits that are always 0 tell that there is a UART at all.
fn is_there(board: &mut Board) -> bool {
    board.read(IIR) & 0x30 == 0 && board.read(MCR) & 0xe0 == 0
}

/// Reads whatever clears what is pending, for as long as something is.
fn clear_interrupts(board: &mut Board) {
    for _ in 0..64 {
        match board.read(IIR) & 0x0f {
            0x06 => board.read(LSR),
            0x04 | 0x0c => board.read(DATA),
            0x00 => board.read(MSR),
            id if id & 1 != 0 => return,
            _ => continue,
        };
    }
    panic!("interrupts that do not end");
}

/// Characters that the receive FIFO holds; `None` without FIFOs.
fn fifo_size(board: &mut Board) -> Option<u32> {
    let mcr = board.read(MCR);
    board.write(MCR, 0x18);
    board.write(FCR, 0x01);
    let has_fifos = board.read(IIR) & 0xc0 != 0;
    let mut count = 0;
    if has_fifos {
        board.write(FCR, 0x07);
        loop {
            board.write(DATA, 0);
            count += 1;
            let status = (0..30)
                .map(|_| board.read(LSR))
                .find(|status| status & (OVERRUN | IDLE) != 0);
            let status = status.expect("the transmitter does not run empty");
            if status & OVERRUN != 0 || count == 260 {
                break;
            }
            board.wait(100_000);
        }
        count -= 1;
    }
    board.write(MCR, mcr);
    board.write(FCR, 0x07);
    clear_interrupts(board);
    has_fifos.then_some(count)
}

#[test]
fn it_counts_sixteen_characters_until_the_overrun() {
    for mut board in Board::both() {
        assert!(is_there(&mut board));
        assert_eq!(fifo_size(&mut board), Some(16));
        assert_eq!(board.cable().sent, b"");
        assert_eq!(board.read(LSR), 0x60, "flushed");
    }
}

/// The driver's interrupt setup, in the order in which it attaches: flush, line, interrupts, then the first character.
#[test]
fn it_attaches_and_receives() {
    for mut board in Board::both() {
        fifo_size(&mut board);
        board.write(IER, 0);
        board.write(LCR, 0x83);
        board.write(0, 1);
        board.write(1, 0);
        board.write(LCR, 0x03);
        board.write(FCR, 0x81 | 0x06);
        clear_interrupts(&mut board);
        board.write(MCR, 0x0b);
        board.write(IER, 0x0d);
        clear_interrupts(&mut board);
        assert!(!board.irq());
        assert_eq!(board.receive(b"root"), 4);
        // Below the trigger level: the time-out tells, after four characters of 10 bits at 115,200 baud.
        assert!(!board.irq());
        board.wait(347_223);
        assert!(board.irq());
        let mut line = Vec::new();
        while board.read(IIR) & 0x0f == 0x0c {
            while board.read(LSR) & 0x01 != 0 {
                line.push(board.read(DATA));
            }
        }
        assert_eq!(line, b"root");
        assert!(!board.irq());
    }
}
