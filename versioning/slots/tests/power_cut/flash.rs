//! A NOR flash in memory, whose power fails after a chosen number of steps.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

pub(crate) const SECTOR: usize = 64;
pub(crate) const SECTORS: usize = 8;

/// A flash that loses its power when it has taken `budget` more steps: a byte written, or a sector erased.
#[derive(Clone, Debug)]
pub(crate) struct Flash<const WRITE: usize> {
    pub(crate) memory: Vec<u8>,
    pub(crate) budget: usize,
    pub(crate) steps: usize,
    pub(crate) torn: Torn,
    pub(crate) order: Order,
    /// With ECC: bytes of a torn word, which read as an error until they are erased.
    pub(crate) unreadable: Option<Vec<bool>>,
    /// Accesses until one fails, once, without a change.
    pub(crate) until_transient: Option<usize>,
}

/// The state in which a power cut leaves the interrupted step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Torn {
    /// Nothing of it has happened.
    Clean,
    /// Half of the bits are programmed. Half of the sector is erased; the other half has mixed bits.
    HalfWay(Half),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Half {
    First,
    Second,
}

/// The order in which a flash erases the sectors of a range. It decides when the header's sector is erased.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

pub(crate) const TORN: [Torn; 3] = [Torn::Clean, Torn::HalfWay(Half::First), Torn::HalfWay(Half::Second)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    PowerCut,
    Ecc,
    Transient,
    Misused(NorFlashErrorKind),
}

impl NorFlashError for Failure {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl<const WRITE: usize> Flash<WRITE> {
    pub(crate) fn new(torn: Torn) -> Self {
        Self {
            // Not erased: what the factory left, or a program.
            memory: (0..SECTOR * SECTORS).map(|index| (index * 37) as u8).collect(),
            budget: usize::MAX,
            steps: 0,
            torn,
            order: Order::Ascending,
            unreadable: None,
            until_transient: None,
        }
    }

    /// A flash that reports a torn word as an error.
    pub(crate) fn with_ecc(self) -> Self {
        Self {
            unreadable: Some(vec![false; SECTOR * SECTORS]),
            ..self
        }
    }

    /// Marks bytes as torn, or as erased.
    fn mark(&mut self, range: std::ops::Range<usize>, torn: bool) {
        if let Some(unreadable) = &mut self.unreadable {
            unreadable[range].fill(torn);
        }
    }

    /// Counts an access, which fails if it is the one that fails once.
    fn access(&mut self) -> Result<(), Failure> {
        match self.until_transient {
            Some(0) => {
                self.until_transient = None;
                Err(Failure::Transient)
            }
            Some(more) => {
                self.until_transient = Some(more - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn erasing(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same flash when the power is back, to fail again after `budget` steps.
    pub(crate) fn restarted(&self, budget: usize) -> Self {
        Self {
            budget,
            steps: 0,
            ..self.clone()
        }
    }

    /// Whether the power lasts for one more step.
    fn step(&mut self) -> bool {
        let lasts = self.steps < self.budget;
        self.steps += usize::from(lasts);
        lasts
    }
}

impl<const WRITE: usize> ErrorType for Flash<WRITE> {
    type Error = Failure;
}

impl<const WRITE: usize> ReadNorFlash for Flash<WRITE> {
    const READ_SIZE: usize = WRITE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failure> {
        check_read(self, offset, bytes.len()).map_err(Failure::Misused)?;
        self.access()?;
        let range = offset as usize..offset as usize + bytes.len();
        if let Some(unreadable) = &self.unreadable
            && unreadable[range.clone()].contains(&true)
        {
            return Err(Failure::Ecc);
        }
        bytes.copy_from_slice(&self.memory[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl<const WRITE: usize> NorFlash for Flash<WRITE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Failure> {
        check_erase(self, from, to).map_err(Failure::Misused)?;
        self.access()?;
        let mut sectors: Vec<_> = (from as usize..to as usize).step_by(SECTOR).collect();
        if let Order::Descending = self.order {
            sectors.reverse();
        }
        for start in sectors {
            let lasts = self.step();
            if lasts || !matches!(self.torn, Torn::Clean) {
                self.mark(start..start + SECTOR, !lasts);
            }
            let (first, second) = self.memory[start..start + SECTOR].split_at_mut(SECTOR / 2);
            let (erased, torn) = match (lasts, self.torn) {
                (true, _) => {
                    first.fill(0xff);
                    second.fill(0xff);
                    continue;
                }
                (false, Torn::Clean) => return Err(Failure::PowerCut),
                (false, Torn::HalfWay(Half::First)) => (first, second),
                (false, Torn::HalfWay(Half::Second)) => (second, first),
            };
            erased.fill(0xff);
            for byte in torn {
                *byte |= 0x5a;
            }
            return Err(Failure::PowerCut);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        check_write(self, offset, bytes.len()).map_err(Failure::Misused)?;
        self.access()?;
        for (index, byte) in (offset as usize..).zip(bytes) {
            assert_eq!(self.memory[index], 0xff, "byte {index:#x} was not erased");
            let lasts = self.step();
            match (lasts, self.torn) {
                (true, _) => self.memory[index] &= byte,
                (false, Torn::Clean) => return Err(Failure::PowerCut),
                (false, Torn::HalfWay(_)) => {
                    self.memory[index] &= byte | 0x0f;
                    let word = index / WRITE * WRITE;
                    self.mark(word..word + WRITE, true);
                    return Err(Failure::PowerCut);
                }
            }
        }
        Ok(())
    }
}
