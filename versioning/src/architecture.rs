//! Machine architectures, as one byte in the header.

use core::fmt;

/// The architecture that a snapshot belongs to: one byte of its header.
///
/// | code | architecture |
/// |---|---|
/// | 0 | `Any` |
/// | 1 | `X86_64` |
/// | 2 | `Aarch64` |
/// | 3 | `Arm` |
/// | 4 | `Riscv32` |
/// | 5 | `Riscv64` |
/// | 6 | `X86` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Architecture {
    /// Any architecture: state that does not depend on it.
    Any,
    /// x86-64.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// 32-bit Arm.
    Arm,
    /// 32-bit RISC-V.
    Riscv32,
    /// 64-bit RISC-V.
    Riscv64,
    /// 32-bit x86.
    X86,
}

impl Architecture {
    const ALL: [Self; 7] = [
        Self::Any,
        Self::X86_64,
        Self::Aarch64,
        Self::Arm,
        Self::Riscv32,
        Self::Riscv64,
        Self::X86,
    ];

    /// The architecture of this build. `Any` for an architecture that is not in this enum.
    pub const NATIVE: Self = if cfg!(target_arch = "x86_64") {
        Self::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Self::Aarch64
    } else if cfg!(target_arch = "arm") {
        Self::Arm
    } else if cfg!(target_arch = "riscv32") {
        Self::Riscv32
    } else if cfg!(target_arch = "riscv64") {
        Self::Riscv64
    } else if cfg!(target_arch = "x86") {
        Self::X86
    } else {
        Self::Any
    };

    /// Returns the code in the header.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Any => 0,
            Self::X86_64 => 1,
            Self::Aarch64 => 2,
            Self::Arm => 3,
            Self::Riscv32 => 4,
            Self::Riscv64 => 5,
            Self::X86 => 6,
        }
    }

    /// Returns the architecture with that code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.code() == code)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any architecture",
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Arm => "arm",
            Self::Riscv32 => "riscv32",
            Self::Riscv64 => "riscv64",
            Self::X86 => "x86",
        })
    }
}
