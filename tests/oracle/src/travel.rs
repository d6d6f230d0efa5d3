//! Scripts in whose middle the device moves: out of QEMU into ours, out of ours into another QEMU, and around.

use super::campaign::{Player, Seen, Step, script_of};
use super::failure::describe;
use super::qemu::{Machine, Qemu};
use super::rows::Tally;
use super::subject::Subject;
use anyhow::{Result, anyhow, bail, ensure};
use devstate_qemu::{Migration, Notice, QemuDevicesSer};
use devstate_qemu_section::{Layout, Section};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A device that can leave QEMU and enter it.
pub(crate) trait Traveller: Subject + 'static {
    /// The `shift` of the machine's `-icount`.
    const ICOUNT_SHIFT: Option<u8>;
    /// Moments at which a script is broken off.
    const MOMENTS: &'static [Moment<Self>];
    /// Fields of its sections that are others after a way around, and why.
    const AROUND: &'static [(&'static str, &'static str)];
    /// Its sections.
    const SECTIONS: &'static [(&'static str, &'static Layout)];

    /// Steps that lead to a moment which scripts seldom reach.
    fn lead(_moment: &str) -> Vec<Self::Op> {
        Vec::new()
    }

    /// Puts our device's state among the devices of a file.
    fn put(&mut self, devices: &mut QemuDevicesSer);

    /// Goes on from the state among the devices of a file. In a QEMU that was just `started` from it, all that no section has
    /// is gone; otherwise QEMU's device still has it.
    fn take(&mut self, devices: &QemuDevicesSer, started: bool) -> Result<()>;

    /// The lines that are up.
    fn up(&self) -> Vec<u16>;
}

/// The name of a moment, and whether a device is at it.
pub(crate) type Moment<S> = (&'static str, fn(&S) -> bool);

/// How much to try, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Travels {
    /// Scripts for each direction.
    pub scripts: u64,
    /// The same seed makes the same scripts.
    pub seed: u64,
}

/// What was found, where no difference was.
#[derive(Debug, Default)]
pub struct TravelReport {
    /// How often the device moved in, and out.
    pub moves: (u64, u64),
    /// How often it moved at each moment.
    pub moments: BTreeMap<&'static str, u64>,
    /// How often each loss was reported.
    pub losses: BTreeMap<String, u64>,
    /// How often each field was another one after a way around.
    pub around: BTreeMap<&'static str, u64>,
    /// How often each row of the table explained a difference.
    pub rows: Vec<(&'static str, u64)>,
    /// How long it took.
    pub duration: Duration,
}

impl TravelReport {
    /// The moments at which the device never moved.
    pub fn missed(&self) -> impl Iterator<Item = &'static str> {
        self.moments
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| *name)
    }
}

/// Which way the device goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// A move comes after so many steps at the earliest.
const EARLIEST: usize = 20;
/// And after so many at the latest.
const LATEST: usize = 120;

pub(crate) fn run<S: Traveller>(travels: Travels) -> Result<TravelReport> {
    let start = Instant::now();
    let machine = S::machine();
    let mut qemu = Qemu::start(&machine)?;
    let base = base(&machine)?;
    let mut report = TravelReport::default();
    report.moments.extend(S::MOMENTS.iter().map(|(name, _)| (*name, 0)));
    let mut tally = Tally::new(S::ROWS);
    let mut scripts = script_of::<S>(travels.seed);
    for number in 0..travels.scripts {
        let script = scripts()?;
        for direction in [Direction::In, Direction::Out] {
            let seen = travel::<S>(&mut qemu, &machine, &base, &script, number, direction, &mut report);
            let seen =
                seen.map_err(|error| error.context(format!("seed {}, script {number}, {direction:?}", travels.seed)))?;
            tally.add(seen.tally());
        }
    }
    report.rows = S::ROWS.iter().copied().zip(tally.counts().iter().copied()).collect();
    report.duration = start.elapsed();
    Ok(report)
}

/// A file of a machine that has only run for a moment.
fn base(machine: &Machine) -> Result<Vec<u8>> {
    let mut qemu = Qemu::start(machine)?;
    if !machine.runs {
        let mut looks = 0;
        qemu.run_until(|_| {
            looks += 1;
            Ok(looks > 20)
        })?;
    }
    qemu.migrate(machine)
}

fn travel<S: Traveller>(
    qemu: &mut Qemu,
    machine: &Machine,
    base: &[u8],
    script: &[Step<S::Op>],
    number: u64,
    direction: Direction,
    report: &mut TravelReport,
) -> Result<Seen> {
    let mut player = Player::<S>::begin(qemu, number)?;
    let failed = |player: Player<S>, what: &str| anyhow!("{what}: {}", describe::<S>(&player.difference, 0, number));
    let wanted = S::MOMENTS.get(number as usize % (S::MOMENTS.len() + 1));
    let mut steps = script.iter();
    for (index, step) in steps.by_ref().enumerate() {
        let mut taken = vec![step.clone()];
        if let Some((name, _)) = wanted.filter(|_| index == EARLIEST) {
            taken.extend(S::lead(name).into_iter().map(|op| Step { op, save: false }));
        }
        for step in &taken {
            if player.step(qemu, step)? {
                return Err(failed(player, "before it moves"));
            }
        }
        let is_there = wanted.is_none_or(|(_, is_at)| is_at(&player.ours));
        if index >= LATEST || index >= EARLIEST && is_there {
            break;
        }
    }
    if player.confirm(qemu)? {
        return Err(failed(player, "before it moves"));
    }
    for (name, is_at) in S::MOMENTS {
        if is_at(&player.ours) {
            *report.moments.entry(*name).or_default() += 1;
        }
    }
    let mut started = None;
    match direction {
        Direction::In => {
            let file = qemu.migrate(machine)?;
            let devices = import::<S>(&file, report)?;
            around::<S>(&file, &devices, report)?;
            player.ours.take(&devices, false)?;
            report.moves.0 += 1;
        }
        Direction::Out => {
            if let Some((index, sent)) = player.ours.output() {
                let theirs = qemu.output(index, sent.len() + 1)?;
                ensure!(
                    theirs == sent,
                    "before it moves: QEMU sent {theirs:02x?}, ours {sent:02x?}"
                );
            }
            let mut devices = import::<S>(base, report)?;
            player.ours.put(&mut devices);
            let file = export::<S>(base, &devices, report)?;
            let mut other = Qemu::from_migration(machine, &file)?;
            player.ours.take(&import::<S>(&file, report)?, true)?;
            let mut undriven = player.ours.up();
            for edge in other.settle(1)?.edges {
                let known = undriven.len();
                undriven.retain(|line| *line != edge.line);
                if S::lines(number).contains(&edge.line) && (!edge.level || undriven.len() == known) {
                    bail!("on its start QEMU drives line {} to {}", edge.line, edge.level);
                }
            }
            player.change_qemu(undriven);
            started = Some(other);
            report.moves.1 += 1;
        }
    }
    let qemu = started.as_mut().unwrap_or(qemu);
    for step in steps {
        if player.step(qemu, step)? {
            return Err(failed(player, "after it moved"));
        }
    }
    player
        .finish(qemu)?
        .map_err(|difference| anyhow!("after it moved: {}", describe::<S>(&difference, 0, number)))
}

fn import<S: Traveller>(file: &[u8], report: &mut TravelReport) -> Result<QemuDevicesSer> {
    let migration = Migration::parse(file)?;
    Ok(migration.import(S::ICOUNT_SHIFT, &mut |notice| hear(notice, report))?)
}

fn export<S: Traveller>(file: &[u8], devices: &QemuDevicesSer, report: &mut TravelReport) -> Result<Vec<u8>> {
    let migration = Migration::parse(file)?;
    Ok(migration.export(devices, S::ICOUNT_SHIFT, &mut |notice| hear(notice, report))?)
}

fn hear(notice: Notice<'_>, report: &mut TravelReport) -> bool {
    if let Notice::Loss { device, loss } = notice {
        let device = device.split('[').next().unwrap_or(device);
        let seen = if loss.ignorable { " (unseen)" } else { "" };
        *report
            .losses
            .entry(format!("{device}: {}{seen}", loss.field))
            .or_default() += 1;
    }
    true
}

/// QEMU's device into ours and back: each of its sections is the same, but for fields in the table.
fn around<S: Traveller>(file: &[u8], devices: &QemuDevicesSer, report: &mut TravelReport) -> Result<()> {
    let again = export::<S>(file, devices, report)?;
    let imported = import::<S>(&again, report)?;
    ensure!(imported == *devices, "around: {devices:?} has become {imported:?}");
    for (name, layout) in S::SECTIONS {
        let (before, after) = (sections(file, name, layout)?, sections(&again, name, layout)?);
        for (before, after) in before.iter().zip(&after) {
            let names: Vec<&String> = before.keys().chain(after.keys()).collect();
            for field in names {
                if before.get(field) == after.get(field) {
                    continue;
                }
                let Some((row, _)) = S::AROUND.iter().find(|(row, _)| row == field) else {
                    bail!(
                        "around: {field} was {:02x?}, and is {:02x?}; all were {before:02x?}",
                        before.get(field),
                        after.get(field)
                    );
                };
                *report.around.entry(*row).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// The fields of every section of a name, with their bytes.
fn sections(file: &[u8], name: &str, layout: &'static Layout) -> Result<Vec<BTreeMap<String, Vec<u8>>>> {
    let migration = Migration::parse(file)?;
    let found = migration.sections().iter().filter(|section| section.name() == name);
    found
        .map(|section| {
            let mut bytes = &file[section.range()];
            let mut fields = BTreeMap::new();
            flatten(layout, layout.name, &mut bytes, &mut fields);
            if bytes.is_empty() {
                Ok(fields)
            } else {
                Err(anyhow!("{name} has more than is known"))
            }
        })
        .collect()
}

fn flatten(layout: &Layout, path: &str, bytes: &mut &[u8], fields: &mut BTreeMap<String, Vec<u8>>) {
    for field in layout.fields {
        let path = format!("{path}.{}", field.names[0]);
        if let Some(inner) = field.inner {
            flatten(inner, &path, bytes, fields);
        } else {
            let (value, rest) = bytes.split_at(field.size);
            fields.insert(path, value.to_vec());
            *bytes = rest;
        }
    }
    for subsection in layout.subsections {
        let header = [&[5, subsection.name.len() as u8], subsection.name.as_bytes()].concat();
        if let Some(rest) = bytes.strip_prefix(&header[..]) {
            *bytes = &rest[4..];
            flatten(subsection, subsection.name, bytes, fields);
        }
    }
}

/// The layout of a section.
pub(crate) const fn layout<S: Section>() -> &'static Layout {
    S::LAYOUT
}
