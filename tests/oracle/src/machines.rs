//! Every machine type that the installed QEMU has with one of the devices: its file is read, written and loaded again.

use super::qemu::{Machine, Qemu};
use anyhow::{Context, Result, ensure};
use devstate_qemu::Migration;
use std::process::Command;

/// A family of machine types.
struct Family {
    program: &'static str,
    /// The types' names are one of these, alone or with a version behind it.
    types: &'static [&'static str],
    arguments: &'static str,
    /// How many of our devices such a machine has.
    devices: usize,
}

const FAMILIES: &[Family] = &[
    Family {
        program: "qemu-system-x86_64",
        types: &["pc", "pc-i440fx", "q35", "pc-q35", "isapc"],
        arguments: "-chardev null,id=c -device isa-serial,chardev=c",
        devices: 2,
    },
    Family {
        program: "qemu-system-x86_64",
        types: &["microvm"],
        arguments: "-device i8042 -chardev null,id=c -serial chardev:c",
        devices: 2,
    },
    Family {
        program: "qemu-system-aarch64",
        types: &["virt"],
        arguments: "-cpu cortex-a53",
        devices: 1,
    },
    // Its UARTs are in memory.
    Family {
        program: "qemu-system-aarch64",
        types: &["orangepi-pc"],
        arguments: "-m 1G -serial null -serial null -serial null -serial null",
        devices: 4,
    },
];

/// The oldest version that has to work. What is older is tried as far as it describes its files.
const OLDEST: (u32, u32) = (2, 12);

/// Takes the devices out of a file of each machine type, puts them back in, and starts QEMU from the result. Gives the names of
/// the machine types.
///
/// # Errors
///
/// The first machine type with which that does not work.
pub fn machine_types() -> Result<Vec<String>> {
    let mut done = Vec::new();
    for family in FAMILIES {
        for name in family.installed()? {
            family.go_around(&name).with_context(|| name.clone())?;
            done.push(name);
        }
    }
    Ok(done)
}

impl Family {
    fn installed(&self) -> Result<Vec<String>> {
        let help = Command::new(self.program).args(["-M", "help"]).output()?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let names = help.lines().filter_map(|line| line.split_whitespace().next());
        let names = names.filter(|name| self.types.iter().any(|family| is_of(name, family)));
        Ok(names.map(str::to_owned).collect())
    }

    fn go_around(&self, name: &str) -> Result<()> {
        let machine = Machine {
            program: self.program,
            arguments: format!("-M {name} -m 16 -accel tcg {}", self.arguments),
            ..Machine::default()
        };
        let file = Qemu::start(&machine)?.migrate(&machine)?;
        let migration = Migration::parse(&file)?;
        let devices = migration.import(None, &mut |told| told.is_ignorable())?;
        let found = devices.serial.len() + usize::from(devices.i8042.is_some()) + usize::from(devices.rtc.is_some());
        ensure!(
            found == self.devices,
            "{found} devices, and {} are expected",
            self.devices
        );
        let again = migration.export(&devices, None, &mut |told| told.is_ignorable())?;
        let loaded = Qemu::from_migration(&machine, &again)?.migrate(&machine)?;
        let mut loaded = Migration::parse(&loaded)?.import(None, &mut |told| told.is_ignorable())?;
        // QEMU's clock follows the host's seconds here, and the file has those of the virtual time.
        if let (Some(clock), Some(before)) = (&mut loaded.rtc, &devices.rtc)
            && clock.counter.abs_diff(before.counter) <= 1
        {
            clock.counter = before.counter;
        }
        ensure!(loaded == devices, "{devices:?} has become {loaded:?}");
        Ok(())
    }
}

/// A type of the family, alone or with a version that is not too old.
fn is_of(name: &str, family: &str) -> bool {
    let Some(version) = name.strip_prefix(family) else {
        return false;
    };
    if version.is_empty() {
        return true;
    }
    let mut numbers = version
        .strip_prefix('-')
        .unwrap_or("x")
        .split('.')
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}
