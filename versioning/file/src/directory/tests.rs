//! Saves that are killed, fail or find something else in their directory.

use std::error::Error;
use std::io::BufRead;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle, sleep};

use rustix::fs::{CWD, FileType, mknodat};

use super::*;

mod room;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const STATE: &str = "machine.snapshot";
const MACHINE: Layout = Layout::new(STATE, "memory-", 64, |state| parse(state).map(|(id, _)| id));
const LEN: usize = 768 << 10;
const CHUNK: usize = 64 << 10;
/// Where the child of a test saves.
const DIRECTORY: &str = "DEVSTATE_FILE_TEST_SAVES_TO";

/// A machine has a number, and its state the ID of its image and the number twice.
fn parse(state: &[u8]) -> Option<(u64, u64)> {
    let (words, rest) = state.as_chunks::<8>();
    let [id, number, again] = *words else { return None };
    let [id, number, again] = [id, number, again].map(u64::from_le_bytes);
    (number == again && rest.is_empty()).then_some((id, number))
}

/// Saves a machine. They differ in state and image, one for each number.
fn save_number(path: &Path, number: u64) -> Result<Saved> {
    save_as(path, unheard_of(), number)
}

fn save_as(path: &Path, id: u64, number: u64) -> Result<Saved> {
    let state = [id, number, number].map(u64::to_le_bytes);
    let chunk = number.to_le_bytes().repeat(CHUNK / 8);
    let write = |out: &mut dyn Write| (0..LEN / CHUNK).try_for_each(|_| out.write_all(&chunk));
    Ok(MACHINE.save(path, state.as_flattened(), write)?)
}

/// An ID for each save of each process.
fn unheard_of() -> u64 {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) << 32 | SAVES.fetch_add(1, Ordering::Relaxed)
}

/// The number of the machine that is there, which must be whole.
fn number(path: &Path) -> Result<u64> {
    let directory = MACHINE.open(path)?;
    let (id, number) = parse(&directory.state()?).ok_or("this is no state")?;
    directory.image(id, |image| {
        let mut bytes = vec![0; LEN];
        image.read_exact(&mut bytes)?;
        let whole = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .all(|word| *word == number.to_le_bytes());
        whole
            .then_some(number)
            .ok_or_else(|| "the image of another machine".into())
    })
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn refusal<T>(outcome: Result<T>) -> String {
    outcome.map(drop).unwrap_err().to_string()
}

/// Not a test of its own: what the next one kills.
#[test]
fn saves_until_it_is_killed() -> Result<()> {
    let Some(path) = std::env::var_os(DIRECTORY) else {
        return Ok(());
    };
    for next in number(path.as_ref())? + 1.. {
        let saved = save_number(path.as_ref(), next)?;
        writeln!(io::stderr(), "{next}")?;
        saved.tidy()?;
    }
    Ok(())
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_machine() -> Result<()> {
    const KILLS: u64 = 100;
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    save_number(path, 0)?.tidy()?;
    let (mut last, mut caught) = (0, 0);
    for kill in 0..KILLS {
        let before = names(path);
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "directory::tests::saves_until_it_is_killed", "--nocapture"])
            .env(DIRECTORY, path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no pipe")?).lines();
        lines.next().ok_or("it saved nothing")??;
        sleep(Duration::from_micros(kill * 7919 % 20_000));
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
        caught += u64::from(names(path).iter().any(unfinished));
    }
    println!("{last} saves, {caught} of {KILLS} kills in the middle of one");
    assert!(caught > KILLS / 10, "only {caught} kills were in the middle of a save");
    save_number(path, last + 1)?.tidy()?;
    assert_eq!(names(path).len(), 2, "{:?}", names(path));
    Ok(())
}

/// Not a test of its own: what the next one watches.
#[test]
fn saves_twice() -> Result<()> {
    let Some(path) = std::env::var_os(WATCHED) else {
        return Ok(());
    };
    for number in 1..=2 {
        save_as(path.as_ref(), number, number)?.tidy()?;
    }
    Ok(())
}

const WATCHED: &str = "DEVSTATE_FILE_TEST_SAVES_TWICE_TO";

/// What a power failure could undo is on the disk before anything that relies on it.
#[test]
fn each_step_of_a_save_is_on_the_disk_before_the_next() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, log) = (folder.path().join("saved"), folder.path().join("log"));
    let calls = "trace=fsync,flock,rename,renameat,renameat2,unlink,unlinkat";
    let watched = Command::new("strace")
        .args(["-f", "-y", "-e", calls, "-o"])
        .arg(&log)
        .arg(std::env::current_exe()?)
        .args(["--exact", "directory::tests::saves_twice"])
        .env(WATCHED, &path)
        .output();
    if !watched.is_ok_and(|watched| watched.status.success()) {
        println!("skipped: strace is missing, or may not watch");
        return Ok(());
    }
    let steps: Vec<String> = fs::read_to_string(log)?.lines().filter_map(step).collect();
    let first = "fsync folder, flock saved, fsync saved, \
         fsync .memory-0000000000000001.*, rename memory-0000000000000001, fsync saved, \
         fsync .machine.snapshot.*, rename machine.snapshot, fsync saved, ";
    let second = first.replace("fsync folder, ", "").replace('1', "2") + "unlink memory-0000000000000001";
    assert_eq!(steps.join(", "), format!("{first}{second}"));
    Ok(())
}

/// A line of strace's as the call and the name of its last file, without random letters.
fn step(line: &str) -> Option<String> {
    let (call, rest) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let call = call.trim_end_matches("at2").trim_end_matches("at");
    let is_name = |c: char| !matches!(c, '<' | '>' | '"');
    let file = rest.split(|c| !is_name(c)).rfind(|part| part.starts_with('/'))?;
    let name = file.rsplit('/').next()?;
    let name = match name.strip_suffix(".tmp") {
        Some(temporary) if temporary.starts_with('.') => format!("{}.*", temporary.rsplit_once('.')?.0),
        _ if name.starts_with(".tmp") => "folder".into(),
        _ => name.into(),
    };
    Some(format!("{call} {name}"))
}

#[test]
fn one_process_at_a_time_saves_to_a_directory() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let saved = save_number(path, 1)?;
    for refused in [
        MACHINE.open(path).map(drop),
        MACHINE.save(path, &[0; 24], |_| Ok(())).map(drop),
    ] {
        assert!(matches!(refused, Err(DirectoryError::InUse { path: used }) if used == path));
    }
    saved.tidy()?;
    let readers = [MACHINE.open(path)?, MACHINE.open(path)?];
    assert!(refusal(save_number(path, 2)).ends_with(": it is in use"));
    drop(readers);
    assert_eq!(number(path)?, 1);
    Ok(())
}

#[test]
fn bytes_behind_the_image_are_no_part_of_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let saved = save_number(directory.path(), 1)?;
    let image = saved.directory.image_path(saved.image_id);
    saved.tidy()?;
    File::options().append(true).open(image)?.write_all(b"?")?;
    let refusal = refusal(number(directory.path()));
    assert!(
        refusal.starts_with("cannot read ") && refusal.ends_with("the image has bytes after the end that was read"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn a_state_that_names_no_image_is_not_saved() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("new");
    let refusal = refusal(MACHINE.save(&path, b"?", |_| Ok(())).map_err(Into::into));
    assert!(
        refusal.ends_with("machine.snapshot: the state names no image"),
        "{refusal}"
    );
    assert!(!path.exists());
    Ok(())
}

/// It could belong to the state that is there.
#[test]
fn a_state_that_is_longer_than_the_layout_says_is_not_saved() -> Result<()> {
    const SHORT: Layout = Layout::new(STATE, "memory-", 8, |state| state.first().map(|id| u64::from(*id)));
    let folder = tempfile::tempdir()?;
    SHORT.save(folder.path(), &[1; 8], |_| Ok(()))?.tidy()?;
    let longer = refusal(SHORT.save(folder.path(), &[2; 9], |_| Ok(())).map_err(Into::into));
    assert!(
        longer.contains("the state has 9 bytes, and the layout allows 8"),
        "{longer}"
    );
    let directory = SHORT.open(folder.path())?;
    assert_eq!(directory.state()?, [1; 8]);
    directory.image(1, |_| Ok::<_, FileError>(()))?;
    Ok(())
}

#[test]
fn a_directory_without_a_state_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = MACHINE.open(folder.path())?.state().unwrap_err();
    assert_eq!(error.io().kind(), ErrorKind::NotFound);
    assert_eq!(error.path(), folder.path().join(STATE));
    Ok(())
}

#[test]
fn an_image_is_never_replaced() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    save_as(path, 7, 1)?.tidy()?;
    let refusal = refusal(save_as(path, 7, 2));
    assert!(refusal.ends_with("there is an image with this ID"), "{refusal}");
    assert_eq!((number(path)?, names(path).len()), (1, 2));
    Ok(())
}

#[test]
fn an_image_that_cannot_be_written_is_removed() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    save_number(path, 1)?.tidy()?;
    let state = [unheard_of(), 2, 2].map(u64::to_le_bytes);
    let stops = |out: &mut dyn Write| {
        out.write_all(&[0; 1024])?;
        Err(io::Error::other("the guest is gone"))
    };
    let error = MACHINE.save(path, state.as_flattened(), stops).unwrap_err();
    assert!(
        matches!(&error, DirectoryError::File(error) if error.to_string().ends_with("the guest is gone")),
        "{error}"
    );
    assert_eq!((number(path)?, names(path).len()), (1, 2));

    // So is the directory, if the save made it.
    let new = path.join("new");
    assert!(MACHINE.save(&new, state.as_flattened(), stops).is_err());
    assert!(!new.exists());
    Ok(())
}

/// The names of the files that are somebody else's are all that is left of them here.
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
    symlink("/", path.join("memory-0000000000000002"))?;
    for number in 1..=3 {
        save_number(path, number)?.tidy()?;
    }
    assert_eq!(number(path)?, 3);
    let names = names(path);
    for other in others {
        assert!(names.iter().any(|name| name == other), "{other} is gone");
    }
    assert_eq!(names.len(), others.len() + 4, "{names:?}");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_deleted_does_not_keep_the_others() -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, chown};
    const NOBODY: u32 = 65534;
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_owned();
    let saved = save_number(&path, 1)?;
    let left: Vec<_> = (0..10).map(|id| path.join(MACHINE.image_name(id))).collect();
    left.iter().try_for_each(|image| fs::write(image, "left"))?;
    let is_root = left
        .iter()
        .step_by(2)
        .all(|image| chown(image, Some(NOBODY), None).is_ok());
    // As in `/tmp`, nobody deletes the files of others. Without root, no file of a directory can be deleted.
    let (mode, every) = if is_root { (0o1777, 2) } else { (0o555, 1) };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    let tidied = thread::spawn(move || {
        if is_root {
            // Of this thread alone.
            let nobody = rustix::process::Uid::from_raw(NOBODY);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        saved.tidy()
    });
    let error = tidied.join().unwrap().unwrap_err();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    let mut kept: Vec<_> = error.errors.iter().map(FileError::path).collect();
    kept.sort();
    let expected: Vec<_> = left
        .iter()
        .skip(every - 1)
        .step_by(every)
        .map(PathBuf::as_path)
        .collect();
    assert_eq!(kept, expected);
    let there: Vec<_> = left.iter().filter(|image| image.exists()).collect();
    assert_eq!(there, expected, "one that could be deleted is left");
    let (said, unnamed) = (error.to_string(), expected.len() - 3);
    assert!(
        said.starts_with("cannot delete ") && said.ends_with(&format!("; and {unnamed} more like this")),
        "{said}"
    );
    assert_eq!(number(&path)?, 1);
    Ok(())
}

/// The state cannot be replaced, after the image has been written.
#[test]
fn a_save_that_fails_removes_what_it_wrote() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let state = path.join(STATE);
    fs::create_dir(&state)?;
    for _ in 0..3 {
        let refusal = refusal(save_number(path, 1));
        assert!(refusal.contains("it is a directory"), "{refusal}");
        assert_eq!(names(path), [STATE]);
    }
    fs::remove_dir(&state)?;
    save_number(path, 2)?.tidy()?;
    assert_eq!((number(path)?, names(path).len()), (2, 2));

    // A directory that a save has made is gone as well, if the save fails.
    let new = path.join(STATE).join("new");
    assert!(save_number(&new, 3).is_err());
    let new = path.join("new");
    fs::create_dir(&new)?;
    let held = MACHINE.open(&new)?;
    assert!(save_number(&new, 3).is_err());
    assert!(new.exists(), "it was there before");
    drop(held);
    Ok(())
}

#[test]
fn a_lock_that_is_given_up_soon_is_waited_for() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let held = MACHINE.open(path)?;
    let holder = thread::spawn(move || {
        sleep(Duration::from_millis(50));
        drop(held);
    });
    save_number(path, 1)?.tidy()?;
    holder.join().unwrap();
    assert_eq!(number(path)?, 1);
    Ok(())
}

/// The image that looks left over may be the one that is being saved.
#[test]
fn a_save_that_waits_deletes_nothing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    save_number(path, 1)?.tidy()?;
    let held = MACHINE.open(path)?;
    let unnamed = path.join(MACHINE.image_name(9));
    fs::write(&unnamed, "being saved")?;
    assert!(refusal(save_number(path, 2)).ends_with("in use"));
    assert!(unnamed.exists());
    drop(held);
    save_number(path, 2)?;
    assert!(!unnamed.exists());
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
    // There is no state, so no image has a name in one.
    let saved = save_number(path, 1)?;
    assert_eq!(names(path).len(), 2);
    saved.tidy()?;

    leave()?;
    let saved = save_number(path, 2)?;
    assert_eq!(names(path).len(), 3, "the new state, the new image and the one before");
    saved.tidy()?;
    assert_eq!((number(path)?, names(path).len()), (2, 2));

    // A state that this build cannot read may name any image.
    let state = path.join(STATE);
    let mut bytes = fs::read(&state)?;
    bytes[10] ^= 1;
    fs::write(&state, bytes)?;
    leave()?;
    let saved = save_number(path, 3)?;
    assert_eq!(names(path).len(), 6);
    saved.tidy()?;
    assert_eq!((number(path)?, names(path).len()), (3, 2));
    Ok(())
}

#[test]
fn only_regular_files_are_read() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let saved = save_number(path, 1)?;
    let (state, image) = (path.join(STATE), saved.directory.image_path(saved.image_id));
    saved.tidy()?;
    for file in [image, state] {
        fs::remove_file(&file)?;
        mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let refusal = refusal(number(path));
        assert!(refusal.contains("it is a named pipe"), "{refusal}");
    }
    let refusal = refusal(number(&path.join(STATE)));
    assert!(refusal.starts_with("cannot open"), "{refusal}");
    Ok(())
}

#[test]
fn a_directory_may_have_a_name_of_any_length() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("x".repeat(255));
    save_number(&path, 1)?.tidy()?;
    assert_eq!(number(&path)?, 1);
    let refusal = refusal(save_number(&directory.path().join("x".repeat(256)), 1));
    assert!(refusal.starts_with("cannot create"), "{refusal}");
    Ok(())
}

/// The lock of a first save that fails, and another save that waits for it.
fn failing_and_waiting(path: &Path) -> Result<(Directory, JoinHandle<Result<(), String>>)> {
    fs::create_dir(path)?;
    let failing = MACHINE.open(path)?;
    let there = path.to_owned();
    let waiting = thread::spawn(move || save_number(&there, 2).map(drop).map_err(|error| error.to_string()));
    sleep(Duration::from_millis(100));
    Ok((failing, waiting))
}

#[test]
fn the_lock_of_a_directory_that_was_removed_is_worth_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("saved");
    let (failing, waiting) = failing_and_waiting(&path)?;
    let next = folder.path().join("next");
    fs::create_dir(&next)?;
    let _reader = MACHINE.open(&next)?;
    // Removes the one that was there, and there is no moment without one.
    fs::rename(&next, &path)?;
    drop(failing);
    let saved = waiting.join().unwrap();
    assert!(
        saved.is_err_and(|error| error.contains("in use")),
        "it saved while somebody reads"
    );
    Ok(())
}

#[test]
fn a_directory_that_was_removed_during_a_wait_is_created_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("saved");
    let (failing, waiting) = failing_and_waiting(&path)?;
    fs::remove_dir(&path)?;
    drop(failing);
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(number(&path)?, 2);
    Ok(())
}

#[test]
fn a_directory_that_was_removed_is_not_the_one_with_its_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, elsewhere) = (folder.path().join("saved"), folder.path().join("elsewhere"));
    fs::create_dir(&path)?;
    let opened = File::open(&path)?;
    assert!(is_at(&opened, &path));
    fs::rename(&path, elsewhere)?;
    assert!(!is_at(&opened, &path));
    fs::create_dir(&path)?;
    assert!(!is_at(&opened, &path));
    Ok(())
}
