//! Saves that are killed, fail or find something else in their directory.

use std::io::{BufRead, Write};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use vm_memory::{Bytes, GuestAddress};

use super::*;
use crate::arch::KvmStateSer;
use crate::devices::DevicesState;

const LEN: u64 = 16 << 20;
/// Where the child of a test saves.
const DIRECTORY: &str = "MINIMAL_VMM_TEST_SAVES_TO";

/// Saves a machine. They differ in every chunk and in their devices, one for each number.
fn save_number(path: &Path, number: u64) -> Result<Saved> {
    let memory = Memory::new(MEMORY_START, LEN)?;
    for offset in (0..LEN).step_by(4 << 20) {
        memory.map().write_obj(number, GuestAddress(MEMORY_START + offset))?;
    }
    let mut devices = DevicesState::powered_on();
    devices.typed = number.to_le_bytes().into();
    let state = MachineState {
        memory_id: snapshot::random()?,
        memory_len: LEN,
        kvm: KvmStateSer::default(),
        devices,
    };
    let snapshot = snapshot::encode(&state, Target::default())?;
    Ok(Saved {
        report: String::new(),
        directory: store(path, &snapshot.bytes, state.memory_id, &memory)?,
        memory_id: state.memory_id,
    })
}

/// The number of the machine that is there, which must be whole.
fn number(path: &Path) -> Result<u64> {
    let directory = Directory::lock(path, File::try_lock_shared)?;
    let (_, state) = directory.state(Release::LATEST)?;
    let memory = directory.memory(&state)?;
    let number = u64::from_le_bytes(state.devices.typed.as_slice().try_into()?);
    for offset in (0..LEN).step_by(4 << 20) {
        let found: u64 = memory.map().read_obj(GuestAddress(MEMORY_START + offset))?;
        ensure!(found == number, "memory of {found} at {offset:#x}, state of {number}");
    }
    Ok(number)
}

fn names(path: &Path) -> Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = fs::read_dir(path)?.map(name).collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn why(path: &Path) -> String {
    number(path).map_or_else(|error| format!("{error:#}"), |number| format!("machine {number}"))
}

/// Not a test of its own: what the next one kills.
#[test]
fn saves_until_it_is_killed() -> Result<()> {
    let Some(path) = std::env::var_os(DIRECTORY) else {
        return Ok(());
    };
    for next in number(path.as_ref())? + 1.. {
        let saved = save_number(path.as_ref(), next)?;
        writeln!(std::io::stderr(), "{next}")?;
        saved.tidy()?;
    }
    Ok(())
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_machine() -> Result<()> {
    const KILLS: u32 = 100;
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    save_number(path, 0)?.tidy()?;
    let (mut last, mut caught) = (0, 0);
    for _ in 0..KILLS {
        let before = names(path)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "directory::tests::saves_until_it_is_killed", "--nocapture"])
            .env(DIRECTORY, path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = std::io::BufReader::new(child.stderr.take().context("no pipe")?).lines();
        lines.next().context("it saved nothing")??;
        sleep(Duration::from_micros(snapshot::random()? % 60_000));
        child.kill()?;
        child.wait()?;
        let told = lines.last().transpose()?.map_or(Ok(last), |line| line.parse())?;

        let found = number(path)?;
        assert!(
            found > last && (told..=told.max(last + 1) + 1).contains(&found),
            "{last} {told} {found}"
        );
        last = found;
        let unfinished = |name: &String| name.starts_with('.') && !before.contains(name);
        caught += u32::from(names(path)?.iter().any(unfinished));
    }
    println!("{last} saves, {caught} of {KILLS} kills in the middle of one");
    assert!(caught > KILLS / 10, "only {caught} kills were in the middle of a save");
    save_number(path, last + 1)?.tidy()?;
    assert_eq!(names(path)?.len(), 2, "{:?}", names(path)?);
    Ok(())
}

#[test]
fn one_vmm_at_a_time_uses_a_directory() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let saved = save_number(directory.path(), 1)?;
    for refused in [
        save_number(directory.path(), 2).map(drop),
        number(directory.path()).map(drop),
    ] {
        let refusal = refused.unwrap_err().to_string();
        assert!(refusal.contains("another VMM"), "{refusal}");
    }
    saved.tidy()?;
    assert_eq!(number(directory.path())?, 1);
    Ok(())
}

#[test]
fn bytes_behind_the_memory_are_no_part_of_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let saved = save_number(directory.path(), 1)?;
    let image = saved.directory.memory_path(saved.memory_id);
    saved.tidy()?;
    File::options().append(true).open(image)?.write_all(b"?")?;
    let refusal = format!("{:#}", number(directory.path()).unwrap_err());
    assert!(refusal.contains("goes on behind its end"), "{refusal}");
    Ok(())
}

/// The names of the files that are not the VMM's are all that is left of them here.
#[test]
fn files_of_others_stay() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let others = [
        ".memory-draft.tmp",
        "memory-0123456789ABCDEF",
        "memory-leak-notes.txt",
        "memory-x",
    ];
    for other in others {
        fs::write(path.join(other), "precious")?;
    }
    // Not regular files, under names that a save could give.
    fs::create_dir(path.join("memory-0000000000000001"))?;
    std::os::unix::fs::symlink("/", path.join("memory-0000000000000002"))?;
    for number in 1..=3 {
        save_number(path, number)?.tidy()?;
    }
    assert_eq!(number(path)?, 3);
    let names = names(path)?;
    for other in others {
        assert!(names.iter().any(|name| name == other), "{other} is gone");
    }
    assert_eq!(names.len(), others.len() + 4, "{names:?}");
    Ok(())
}

/// The state cannot be replaced, after the memory has been written.
#[test]
fn a_save_that_fails_removes_what_it_wrote() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let state = path.join(STATE);
    fs::create_dir(&state)?;
    for _ in 0..3 {
        let refusal = format!("{:#}", save_number(path, 1).map(drop).unwrap_err());
        assert!(refusal.contains("it is a directory"), "{refusal}");
        assert_eq!(names(path)?, [STATE]);
    }
    fs::remove_dir(&state)?;
    save_number(path, 2)?.tidy()?;
    assert_eq!((number(path)?, names(path)?.len()), (2, 2));

    // A directory that a save has made is gone as well, if the save fails.
    let new = path.join(STATE).join("new");
    assert!(save_number(&new, 3).is_err());
    let new = path.join("new");
    fs::create_dir(&new)?;
    let held = Directory::lock(&new, File::try_lock)?;
    assert!(save_number(&new, 3).is_err());
    assert!(new.exists(), "it was there before");
    drop(held);
    Ok(())
}

#[test]
fn a_lock_that_is_given_up_soon_is_waited_for() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let held = Directory::lock(path, File::try_lock)?;
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(held);
    });
    save_number(path, 1)?.tidy()?;
    holder.join().unwrap();
    assert_eq!(number(path)?, 1);
    Ok(())
}

#[test]
fn what_killed_saves_left_makes_room_for_the_next_one() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let left = [
        ".machine.snapshot.aaaaaa.tmp",
        ".memory-0000000000000001.bbbbbb.tmp",
        "memory-0000000000000002",
    ];
    let leave = || left.iter().try_for_each(|name| fs::write(path.join(name), "left"));
    leave()?;
    // There is no state, so no memory has a name in one.
    let saved = save_number(path, 1)?;
    assert_eq!(names(path)?.len(), 2);
    saved.tidy()?;

    leave()?;
    let saved = save_number(path, 2)?;
    assert_eq!(
        names(path)?.len(),
        3,
        "the new state, the new memory and the one before"
    );
    saved.tidy()?;
    assert_eq!((number(path)?, names(path)?.len()), (2, 2));

    // A state that this build cannot read may name any memory.
    let state = path.join(STATE);
    let mut bytes = fs::read(&state)?;
    bytes[100] ^= 1;
    fs::write(&state, bytes)?;
    leave()?;
    let saved = save_number(path, 3)?;
    assert_eq!(names(path)?.len(), 6);
    saved.tidy()?;
    assert_eq!((number(path)?, names(path)?.len()), (3, 2));
    Ok(())
}

#[test]
fn a_save_without_room_says_how_much_it_needs() -> Result<()> {
    const ROOM: u64 = 640 << 10;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("small");
    fs::create_dir(&path)?;
    let size = format!("size={ROOM}");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &size, "small"])
        .arg(&path)
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: this machine lets nobody mount a small file system");
        return Ok(());
    }
    let outcome = fills_up(&path);
    Command::new("umount").arg(&path).status()?;
    outcome
}

fn fills_up(path: &Path) -> Result<()> {
    save_number(path, 1)?.tidy()?;
    let before = names(path)?;
    let mut ballast = File::create(path.join("ballast"))?;
    ballast.write_all(&vec![1; 200 << 10])?;
    for _ in 0..10 {
        let refusal = format!("{:#}", save_number(path, 2).map(drop).unwrap_err());
        assert!(
            refusal.starts_with("a save needs 1 MiB beside what is there, and 0 MiB are free: cannot "),
            "{refusal}"
        );
        assert_eq!((number(path)?, names(path)?.len()), (1, before.len() + 1));
    }
    drop(ballast);
    fs::remove_file(path.join("ballast"))?;
    for number in 2..10 {
        save_number(path, number)?.tidy()?;
    }
    assert_eq!((number(path)?, names(path)?.len()), (9, 2));
    Ok(())
}

/// Nobody waits for a writer that never comes, with the directory locked.
#[test]
fn only_regular_files_are_read() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let saved = save_number(path, 1)?;
    let (state, image) = (path.join(STATE), saved.directory.memory_path(saved.memory_id));
    saved.tidy()?;
    for file in [image, state] {
        fs::remove_file(&file)?;
        fifo(&file)?;
        let refusal = why(path);
        assert!(refusal.contains("it is a named pipe"), "{refusal}");
    }
    let refusal = why(&path.join(STATE));
    assert!(refusal.starts_with("cannot open"), "{refusal}");
    Ok(())
}

fn fifo(path: &Path) -> Result<()> {
    use rustix::fs::{CWD, FileType, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

#[test]
fn a_directory_may_have_a_name_of_any_length() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("x".repeat(255));
    save_number(&path, 1)?.tidy()?;
    assert_eq!(number(&path)?, 1);
    let refusal = format!(
        "{:#}",
        save_number(&path.join("x".repeat(256)), 1).map(drop).unwrap_err()
    );
    assert!(refusal.starts_with("cannot create"), "{refusal}");
    Ok(())
}
