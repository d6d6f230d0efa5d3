//! How Linux's 8250 driver finds out which chip there is: the order of its accesses and what it takes from the answers.

use crate::board::Board;

const DATA: u16 = 0;
const DIVISOR_LOW: u16 = 0;
const DIVISOR_HIGH: u16 = 1;
const IER: u16 = 1;
const IIR: u16 = 2;
const FCR: u16 = 2;
/// On later chips, behind certain values of LCR.
const EXTENDED: u16 = 2;
const LCR: u16 = 3;
const MCR: u16 = 4;
const LSR: u16 = 5;
const MSR: u16 = 6;
const SCRATCH: u16 = 7;

#[derive(Debug, PartialEq, Eq)]
enum Chip {
    None,
    I8250,
    N16450,
    N16550,
    N16550A,
    Later(&'static str),
}

/// What the driver concludes. It leaves the chip as it found it, but for cleared FIFOs.
fn find(board: &mut Board) -> Chip {
    // Are there an interrupt enable register's four bits, and no more?
    let ier = board.read(IER);
    board.write(IER, 0x00);
    let none = board.read(IER) & 0x0f;
    board.write(IER, 0x0f);
    let all = board.read(IER) & 0x0f;
    board.write(IER, ier);
    if (none, all) != (0x00, 0x0f) {
        return Chip::None;
    }
    // Does loopback bring RTS and OUT2 round to CTS and DCD?
    let (mcr, lcr) = (board.read(MCR), board.read(LCR));
    board.write(MCR, 0x1a);
    let inputs = board.read(MSR) & 0xf0;
    board.write(MCR, mcr);
    if inputs != 0x90 {
        return Chip::None;
    }
    // A value of LCR that opens other registers on later chips; here FCR is written 0.
    board.write(LCR, 0xbf);
    board.write(EXTENDED, 0);
    board.write(LCR, 0);
    board.write(FCR, 0x01);
    let chip = match board.read(IIR) & 0xc0 {
        0x00 if has_scratch(board) => Chip::N16450,
        0x00 => Chip::I8250,
        0x80 => Chip::N16550,
        0xc0 => which_16550a(board),
        _ => Chip::Later("unknown"),
    };
    board.write(LCR, lcr);
    board.write(MCR, mcr);
    board.write(FCR, 0x01);
    board.write(FCR, 0x07);
    board.write(FCR, 0x00);
    board.read(DATA);
    board.write(IER, 0);
    chip
}

fn has_scratch(board: &mut Board) -> bool {
    let before = board.read(SCRATCH);
    let keeps = [0xa5, 0x5a].map(|value| {
        board.write(SCRATCH, value);
        board.read(SCRATCH) == value
    });
    board.write(SCRATCH, before);
    keeps == [true; 2]
}

/// Rules out each chip that came after.
fn which_16550a(board: &mut Board) -> Chip {
    for (lcr, name) in [(0x80, "16C650"), (0xbf, "16C650V2")] {
        board.write(LCR, lcr);
        if board.read(EXTENDED) == 0 {
            return Chip::Later(name);
        }
    }
    // National's SuperIO shows MCR's loopback bit elsewhere, too.
    board.write(LCR, 0x00);
    let mcr = board.read(MCR);
    board.write(LCR, 0xe0);
    if (board.read(EXTENDED) ^ mcr) & 0x10 == 0 {
        board.write(LCR, 0x00);
        board.write(MCR, mcr ^ 0x10);
        board.write(LCR, 0xe0);
        let shown = board.read(EXTENDED);
        board.write(LCR, 0x00);
        board.write(MCR, mcr);
        if (shown ^ mcr) & 0x10 != 0 {
            return Chip::Later("NS16550A of a SuperIO");
        }
    }
    // A 16750 has another FIFO bit, behind DLAB only.
    let [without, with] = [0x00, 0x80].map(|lcr| {
        board.write(LCR, lcr);
        board.write(FCR, 0x21);
        let id = board.read(IIR) >> 5;
        board.write(FCR, 0x01);
        board.write(LCR, 0x00);
        id
    });
    if (without, with) == (6, 7) {
        return Chip::Later("16750");
    }
    // An XScale has a bit that enables the unit.
    let ier = board.read(IER);
    board.write(IER, ier & !0x40);
    if board.read(IER) & 0x40 == 0 {
        board.write(IER, ier | 0x40);
        if board.read(IER) & 0x40 != 0 {
            return Chip::Later("XScale");
        }
    }
    board.write(IER, ier);
    Chip::N16550A
}

/// Fills the FIFOs in loopback and counts what comes back.
fn fifo_size(board: &mut Board) -> usize {
    board.write(LCR, 0);
    let (fcr, mcr) = (board.read(IIR), board.read(MCR));
    board.write(FCR, 0x07);
    board.write(MCR, 0x10);
    board.write(LCR, 0x80);
    let divisor = [board.read(DIVISOR_LOW), board.read(DIVISOR_HIGH)];
    board.write(DIVISOR_LOW, 1);
    board.write(DIVISOR_HIGH, 0);
    board.write(LCR, 0x03);
    for count in 0..=255 {
        board.write(DATA, count);
    }
    board.wait(20_000_000);
    let mut count = 0;
    while count < 256 && board.read(LSR) & 0x01 != 0 {
        assert_eq!(usize::from(board.read(DATA)), count);
        count += 1;
    }
    board.write(FCR, fcr);
    board.write(MCR, mcr);
    board.write(LCR, 0x80);
    board.write(DIVISOR_LOW, divisor[0]);
    board.write(DIVISOR_HIGH, divisor[1]);
    board.write(LCR, 0x03);
    count
}

#[test]
fn it_finds_a_16550a_and_leaves_no_trace() {
    for mut board in Board::both() {
        board.write(SCRATCH, 0x77);
        board.write(LCR, 0x1b);
        board.write(MCR, 0x0b);
        board.read(MSR);
        let before = [IER, LCR, MCR, LSR, MSR, SCRATCH].map(|register| board.read(register));
        assert_eq!(find(&mut board), Chip::N16550A);
        // The loopback tests moved the modem's inputs.
        board.read(MSR);
        let after = [IER, LCR, MCR, LSR, MSR, SCRATCH].map(|register| board.read(register));
        assert_eq!(after, before);
        assert_eq!(board.read(IIR), 0x01);
        assert!(!board.irq());
        assert_eq!(board.cable().sent, b"");
    }
}

#[test]
fn it_measures_sixteen_places() {
    for mut board in Board::both() {
        assert_eq!(fifo_size(&mut board), 16);
        assert_eq!(board.cable().sent, b"");
        board.write(LCR, 0x80);
        assert_eq!([board.read(DIVISOR_LOW), board.read(DIVISOR_HIGH)], [12, 0]);
    }
}

/// Opening the port: FIFOs cleared, interrupts cleared, and then the two bugs that the driver works around are looked for.
#[test]
fn it_opens_the_port_and_finds_neither_of_two_bugs() {
    for mut board in Board::both() {
        find(&mut board);
        for fcr in [0x01, 0x07, 0x00] {
            board.write(FCR, fcr);
        }
        for register in [LSR, DATA, IIR, MSR] {
            board.read(register);
        }
        assert_ne!(board.read(LSR), 0xff, "nothing there");
        // The transmitter's interrupt comes again when it is enabled again.
        let ids = [(); 2].map(|()| {
            board.write(IER, 0x02);
            assert!(board.irq());
            let id = board.read(IIR);
            board.write(IER, 0x00);
            id
        });
        assert_eq!(ids, [0x02; 2]);
        // And it comes while the transmitter is idle.
        board.write(LCR, 0x03);
        board.write(MCR, 0x0b);
        board.write(IER, 0x02);
        let (status, id) = (board.read(LSR), board.read(IIR));
        board.write(IER, 0x00);
        assert_eq!((status & 0x40, id & 0x01), (0x40, 0x00));
        board.write(FCR, 0x81);
        board.write(IER, 0x05);
        assert_eq!(board.read(IIR), 0xc1);
    }
}

/// The interrupt handler: as long as an interrupt is pending, read what there is, then send what there is room for.
#[test]
fn its_interrupt_handler_serves_everything() {
    for mut board in Board::both() {
        board.write(FCR, 0x81);
        board.write(MCR, 0x0b);
        board.write(IER, 0x0f);
        let mut to_send = (b'a'..=b'z').cycle().take(100).collect::<Vec<_>>();
        let (expected, mut received, mut offered) = (to_send.clone(), Vec::new(), 0_usize);
        for _ in 0..200 {
            if offered < 100 {
                offered += board.receive(&[0x55; 11][..11.min(100 - offered)]);
            }
            board.wait(5_000_000);
            let mut turns = 0;
            while board.irq() {
                assert_eq!(board.read(IIR) & 0x01, 0);
                let mut status = board.read(LSR);
                while status & 0x1f != 0 {
                    received.push(board.read(DATA));
                    status = board.read(LSR);
                }
                board.read(MSR);
                if status & 0x20 != 0 {
                    for byte in to_send.drain(..16.min(to_send.len())) {
                        board.write(DATA, byte);
                    }
                    if to_send.is_empty() {
                        board.write(IER, 0x0d);
                    }
                }
                turns += 1;
                assert!(turns < 20, "an interrupt that nothing serves");
            }
        }
        assert_eq!(received, vec![0x55; 100]);
        assert_eq!(board.cable().sent, expected);
    }
}
