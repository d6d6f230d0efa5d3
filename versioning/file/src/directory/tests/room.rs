//! Saves to a disk that may be full.

use super::*;

#[test]
fn a_save_without_room_says_how_much_it_needs() -> Result<()> {
    const ROOM: usize = 2 * LEN + (100 << 10);
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
    let before = names(path);
    let mut ballast = File::create(path.join("ballast"))?;
    ballast.write_all(&vec![1; 200 << 10])?;
    for _ in 0..10 {
        let refusal = refusal(save_number(path, 2));
        assert!(
            refusal.starts_with("a save needs 1 MiB beside what is there, and 0 MiB are free: cannot "),
            "{refusal}"
        );
        assert_eq!((number(path)?, names(path).len()), (1, before.len() + 1));
    }
    drop(ballast);
    fs::remove_file(path.join("ballast"))?;
    for number in 2..10 {
        save_number(path, number)?.tidy()?;
    }
    assert_eq!((number(path)?, names(path).len()), (9, 2));
    Ok(())
}

/// Nobody waits for a writer that never comes, with the directory locked.
#[test]
fn room_is_not_blamed_where_there_is_enough() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tries = std::cell::Cell::new(0);
    let fails_once = |_: &mut dyn Write| match tries.replace(tries.get() + 1) {
        0 => Err(io::Error::other("the guest is gone")),
        _ => Ok(()),
    };
    let error = MACHINE.save(
        folder.path(),
        [7_u64, 2, 2].map(u64::to_le_bytes).as_flattened(),
        fails_once,
    );
    let error = error.unwrap_err();
    assert!(matches!(error, DirectoryError::File(_)), "{error}");
    assert_eq!(tries.get(), 2, "the bytes were not counted");
    Ok(())
}

#[test]
fn room_is_not_blamed_for_an_image_that_exists() -> Result<()> {
    let folder = tempfile::tempdir()?;
    save_as(folder.path(), 7, 1)?.tidy()?;
    let state = [7_u64, 2, 2].map(u64::to_le_bytes);
    let huge = |out: &mut dyn Write| (0..60_000).try_for_each(|_| out.write_all(&[0; 16 << 10].repeat(1 << 10)));
    let error = MACHINE.save(folder.path(), state.as_flattened(), huge).unwrap_err();
    assert!(matches!(error, DirectoryError::File(_)), "{error}");
    Ok(())
}
